import type { Config } from '../config/config.js';
import { ask } from '../control/client.js';
import { ControlServer, type ControlCommands } from '../control/server.js';
import type { Log } from '../observe/log.js';
import type { DirectoryLock } from '../store/lock.js';
import { Failure } from './command.js';
import { tryToLock } from './embedded.js';
import { version } from './version.js';

/** What a running instance answers to the request `instance`. */
export interface Instance {
  readonly pid: number;
  readonly version: string;
  /** Does it run the embedded session manager on that data directory? */
  readonly embedded: boolean;
  /** The domains that it serves, in lower case; absent in older versions. */
  readonly domains?: readonly string[];
}

/** The control socket of a service, in its data directory. */
export class Control {
  private readonly server: ControlServer;

  constructor(
    private readonly config: Config,
    private readonly log: Log,
    commands: ControlCommands,
  ) {
    const { sm, domains } = config;
    const instance: Instance = { pid: process.pid, version: version(), embedded: sm === undefined, domains };
    this.server = new ControlServer(config.data, { ...commands, instance: () => [instance] }, log);
  }

  /**
   * Opens the socket; where that fails, a warning is logged.
   *
   * @throws {Failure} where another sm-component, of a version without locks, has the same store open
   */
  async open(): Promise<void> {
    const { data, sm } = this.config;
    const opened = await this.server.open();
    if (opened === 'open') return;
    if (opened !== 'occupied') return this.log.warn(opened.warning);
    const other = await runningInstance(data);
    if (sm === undefined && other?.embedded !== false) throw directoryInUse(data, other?.pid);
    this.log.info('no control socket: another sm-component has the control socket of this data directory', {
      data,
      pid: other?.pid,
    });
  }

  close(): void {
    this.server.close();
  }
}

/**
 * Takes the lock of the data directory. A store has one session manager: two of them would not know each other's
 * sessions, and would deliver stored messages twice.
 *
 * @throws {Failure} where another sm-component has the lock, or the directory cannot be used
 */
export async function lockStore(data: string): Promise<DirectoryLock> {
  const lock = tryToLock(data, LOCK_TIMEOUT_MS);
  if (lock) return lock;
  const other = await runningInstance(data);
  throw directoryInUse(data, other?.embedded ? other.pid : undefined);
}

/** How long `run` waits for a `users` command that has the lock. */
const LOCK_TIMEOUT_MS = 1000;

/** The instance that has the control socket; undefined where it does not answer. Callers must then assume the worst. */
export async function runningInstance(data: string): Promise<Instance | undefined> {
  try {
    return ((await ask(data, { command: 'instance' })) as Instance[])[0];
  } catch {
    return undefined;
  }
}

function directoryInUse(data: string, pid: number | undefined): Failure {
  const which = pid === undefined ? '' : ` (process ${pid})`;
  return new Failure(
    `another sm-component${which} runs on ${data}: stop it, or choose another directory with --data`,
  );
}
