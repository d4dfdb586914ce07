import type { Config } from '../config/config.js';
import { ask } from '../control/client.js';
import { ControlServer, type ControlCommands } from '../control/server.js';
import type { Log } from '../observe/log.js';
import type { DirectoryLock } from '../store/lock.js';
import { Failure } from './command.js';
import { tryToLock } from './embedded.js';
import { version } from './version.js';

/** What an instance says of itself. */
export interface Instance {
  readonly pid: number;
  readonly version: string;
  /** Is the session manager of that data directory in it? */
  readonly embedded: boolean;
  /** What it serves, folded; absent with older versions. */
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
   * Without a control socket everything else works.
   *
   * @throws Failure where another sm-component, of before there were locks, has the same store open
   */
  async open(): Promise<void> {
    const { data, sm } = this.config;
    const opened = await this.server.open();
    if (opened === 'open') return;
    if (opened !== 'occupied') return this.log.warn(opened.warning);
    const other = await occupant(data);
    if (sm === undefined && other?.embedded !== false) throw taken(data, other?.pid);
    this.log.info('no control socket: another sm-component has that of the data directory', {
      data,
      pid: other?.pid,
    });
  }

  close(): void {
    this.server.close();
  }
}

/**
 * One store has one session manager: two that share accounts would know nothing of each other's sessions, and each give
 * out the same messages.
 *
 * @throws Failure where another sm-component has the store, or the directory can not be used
 */
export async function lockStore(data: string): Promise<DirectoryLock> {
  const lock = tryToLock(data, LOCK_WAIT_MS);
  if (lock) return lock;
  const other = await occupant(data);
  throw taken(data, other?.embedded ? other.pid : undefined);
}

/** How long `run` waits for a `users` that is just at work. */
const LOCK_WAIT_MS = 1000;

/** Who has the control socket; undefined for one that does not say, which must be taken for the worst. */
export async function occupant(data: string): Promise<Instance | undefined> {
  try {
    return ((await ask(data, { command: 'instance' })) as Instance[])[0];
  } catch {
    return undefined;
  }
}

function taken(data: string, pid: number | undefined): Failure {
  const which = pid === undefined ? '' : ` (process ${pid})`;
  return new Failure(
    `another sm-component${which} runs on ${data}: stop it, or choose another directory with --data`,
  );
}
