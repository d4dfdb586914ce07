import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Store } from '../../../lib/embedded/store/store.js';
import { Program, type Surroundings } from '../../cli/program.js';
import { PING, register, result, User } from './user.js';

/** The real program on a store of its own: Juliet and her nurse are there, Romeo has an account and is away. */
export class RealServer {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
  readonly program: Program;
  juliet!: User;
  nurse!: User;
  private readonly sockets: Socket[] = [];

  private constructor(surroundings: Surroundings) {
    this.program = new Program(['--listen', '0', '--data', this.directory], surroundings);
  }

  static async begin(surroundings: Surroundings = {}): Promise<RealServer> {
    const server = new RealServer(surroundings);
    const juliet = await server.connected();
    const nurse = await server.connected();
    for (const name of ['romeo', 'juliet', 'nurse']) await juliet.say(register(name), result('reg'));
    await juliet.login('juliet');
    await nurse.login('nurse');
    for (const user of [juliet, nurse]) await user.say(`<presence/>${PING}`, result('ping'));
    return Object.assign(server, { juliet, nurse });
  }

  async connected(): Promise<User> {
    const user = await User.connect(this.program);
    this.sockets.push(user.socket);
    return user;
  }

  /** Looks at what is stored, as another program does. */
  inStore<Found>(look: (store: Store) => Found): Found {
    const store = Store.open(this.directory, 'shared');
    try {
      return look(store);
    } finally {
      store.close();
    }
  }

  /** The ids of the messages that wait for Romeo. */
  waiting(): string[] {
    const messages = this.inStore(({ offline }) => offline.list('romeo@localhost'));
    return messages.map(({ stanza }) => / id='(\w+)'/.exec(stanza)![1]);
  }

  async end(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await this.program.discard();
    rmSync(this.directory, { recursive: true });
  }
}
