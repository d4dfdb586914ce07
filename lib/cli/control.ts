import type { Config } from '../config/config.js';
import { ask } from '../control/client.js';
import { ControlServer, type Commands } from '../control/server.js';
import type { Log } from '../observe/log.js';
import { Failure } from './command.js';
import { version } from './version.js';

/** What an instance says of itself. */
export interface Instance {
  readonly pid: number;
  readonly version: string;
  /** Is the session manager of that data directory in it? */
  readonly embedded: boolean;
}

/** The control socket of a service, in its data directory. */
export class Control {
  private readonly server: ControlServer;

  constructor(
    private readonly config: Config,
    private readonly log: Log,
    commands: Commands,
  ) {
    const instance: Instance = { pid: process.pid, version: version(), embedded: config.sm === undefined };
    this.server = new ControlServer(config.data, { ...commands, instance: () => [instance] }, log);
  }

  /**
   * Without a control socket everything else works. But one store has one session manager: two that share accounts
   * would know nothing of each other's sessions, and each give out the same messages.
   *
   * @throws Failure where another sm-component has the same store open
   */
  async open(): Promise<void> {
    const { data, sm } = this.config;
    const opened = await this.server.open();
    if (opened === 'open') return;
    if (opened !== 'occupied') return this.log.warn(opened.warning);
    const other = await this.occupant();
    if (sm === undefined && other?.embedded !== false) throw new Failure(taken(data, other?.pid));
    this.log.info('no control socket: another sm-component has that of the data directory', {
      data,
      pid: other?.pid,
    });
  }

  close(): void {
    this.server.close();
  }

  /** Who has the socket; undefined for one that does not say, which must be taken for the worst. */
  private async occupant(): Promise<Instance | undefined> {
    try {
      return ((await ask(this.config.data, { command: 'instance' })) as Instance[])[0];
    } catch (error) {
      this.log.debug('the other sm-component does not say what it is', { error: String(error) });
      return undefined;
    }
  }
}

function taken(data: string, pid: number | undefined): string {
  const which = pid === undefined ? '' : ` (process ${pid})`;
  return `another sm-component${which} runs on ${data}: stop it, or choose another directory with --data`;
}
