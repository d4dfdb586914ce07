import type { Element } from '../../../lib/xml/index.js';
import type { SessionManagerOptions } from '../../../lib/embedded/context.js';
import { SessionManager } from '../../../lib/embedded/session-manager.js';
import { Store } from '../../../lib/embedded/store/store.js';
import { silent } from '../../../lib/observe/log.js';
import { NAME, Peer, SECRET } from './peer.js';

/** What a client was told: its stanzas as text, without session addresses, times and random ids blanked. */
export type Told = (client: Client) => string[];

/** Stamps, ids of pushes and roster versions are different every time. */
export function blanked(text: string): string {
  return text
    .replace(/stamp='[^']*'/g, `stamp='T'`)
    .replace(/id='push-[^']*'/g, `id='P'`)
    .replace(/ ver='\d+'/g, '');
}

function toldOf(packets: readonly Element[]): Told {
  return (client) => {
    const own = packets.filter((packet) => packet.attribute('sto') === client.socket);
    return own.map((packet) =>
      blanked(packet.clone().set('sto', undefined).set('sfrom', undefined).toString()),
    );
  };
}

/** A session manager on a store of its own, with one component that has the clients. */
export class World {
  readonly store: Store;
  readonly manager: SessionManager;
  peer!: Peer;
  private clients = 0;

  private constructor(options: Partial<SessionManagerOptions>) {
    this.store = options.store ?? Store.memory();
    this.manager = new SessionManager({
      domains: ['localhost'],
      name: NAME,
      secret: SECRET,
      store: this.store,
      registration: true,
      log: silent,
      ...options,
    });
  }

  static async create(options: Partial<SessionManagerOptions> = {}): Promise<World> {
    const world = new World(options);
    world.peer = await Peer.connected(world.manager);
    return world;
  }

  async end(): Promise<void> {
    await this.manager.stop();
    this.store.close();
  }

  /** A client that is logged in; the account, whose password is `pass`, is made where it is missing. */
  async login(user: string, resource: string, peer = this.peer): Promise<Client> {
    this.clients += 1;
    const client = new Client(
      this,
      peer,
      `${user}@localhost`,
      resource,
      `${11 + this.clients}@${NAME}/8A${this.clients}`,
    );
    if (!this.store.accounts.exists(client.bare)) this.store.accounts.add(client.bare, 'pass');
    await client.login();
    return client;
  }

  async exchange(text: string, peer = this.peer): Promise<Told> {
    return toldOf(await peer.exchange(text));
  }
}

/** A client as the session manager knows it: a socket address and a session address. */
export class Client {
  readonly full: string;

  constructor(
    private readonly world: World,
    public peer: Peer,
    readonly bare: string,
    resource: string,
    readonly socket: string,
  ) {
    this.full = `${bare}/${resource}`;
  }

  /** @returns all that was said, by the login and by what the login caused */
  async login(): Promise<Element[]> {
    const [user, resource] = [this.bare.split('@')[0], this.full.slice(this.bare.length + 1)];
    const said = await this.peer.exchange(
      `<iq type='set' id='login' sfrom='${this.socket}' sto='localhost'><query xmlns='jabber:iq:auth'>` +
        `<username>${user}</username><password>pass</password><resource>${resource}</resource></query></iq>`,
    );
    const result = said.find((packet) => packet.attribute('sto') === this.socket);
    if (result?.attribute('type') !== 'result') throw new Error('the login has failed');
    return said;
  }

  /** The text with the session's addresses on each of its stanzas, which stand one a line or alone. */
  stamped(stanza: string): string {
    return stanza.replace(/^<([\w:]+)/gm, `<$1 sfrom='${this.socket}' sto='${this.full}'`);
  }

  /** Sends stanzas (one a line) and tells what came of it. */
  send(stanzas: string): Promise<Told> {
    return this.world.exchange(this.stamped(stanzas), this.peer);
  }

  /** Sends an iq and answers what it came to, on the whole. */
  async ask(type: 'get' | 'set', payload: string, to?: string): Promise<string> {
    const address = to === undefined ? '' : ` to='${to}'`;
    const told = await this.send(`<iq type='${type}' id='q'${address}>${payload}</iq>`);
    return told(this)[0];
  }

  /** The socket is gone. */
  leave(): Promise<Told> {
    return this.send(`<message type='error'><error code='510'>Disconnected</error></message>`);
  }
}
