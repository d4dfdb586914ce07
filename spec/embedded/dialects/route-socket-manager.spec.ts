import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { ComponentDialect } from '../../../lib/config/config.js';
import { SessionManager } from '../../../lib/embedded/session-manager.js';
import { Store } from '../../../lib/embedded/store/store.js';
import { silent } from '../../../lib/observe/log.js';
import { SocketManager } from '../../../lib/server.js';
import { authSet, Client } from '../../support/client.js';
import { config } from '../../support/config.js';
import { RecordedLog } from '../../support/log.js';
import { SECRET } from '../../support/scripted-session-manager.js';

const RESULT = `<iq type='result' id='auth1'/>`;

/** Both ends are ours: the socket manager, and behind it the embedded session manager. */
class Town {
  readonly store = Store.memory();
  readonly log = new RecordedLog();
  readonly clients: Client[] = [];
  /** The session manager's ends of the links. */
  readonly links: Socket[] = [];
  readonly manager: SessionManager;
  front!: SocketManager;
  private back: Server | undefined;

  constructor(readonly dialect: ComponentDialect) {
    for (const user of ['juliet', 'romeo']) this.store.accounts.add(`${user}@localhost`, 'pass');
    this.manager = new SessionManager({
      domains: ['localhost'],
      name: 'foo-sockets',
      secret: SECRET,
      store: this.store,
      registration: true,
      log: silent,
      dialect,
    });
  }

  async startOverTcp(dialect: ComponentDialect | 'auto' = this.dialect): Promise<void> {
    this.back = createServer((socket) => {
      this.links.push(socket);
      this.manager.accept(socket);
    }).listen(0, '127.0.0.1');
    await once(this.back, 'listening');
    this.front = new SocketManager(config((this.back.address() as AddressInfo).port, { dialect }), this.log);
    await this.front.start();
  }

  async startInside(): Promise<void> {
    this.front = new SocketManager(
      config(0, { sm: undefined, dialect: this.dialect }),
      this.log,
      this.manager,
    );
    await this.front.start();
  }

  async end(): Promise<void> {
    for (const client of this.clients) client.socket.destroy();
    await this.front.stop();
    await this.manager.stop();
    this.back?.close();
    this.store.close();
  }

  async client(): Promise<Client> {
    const client = await Client.connect(this.front.addresses()[0].port);
    this.clients.push(client);
    await client.open();
    return client;
  }

  async user(name: string, resource: string): Promise<Client> {
    const client = await this.client();
    client.send(authSet(name, resource));
    await client.expect(RESULT);
    return client;
  }

  async sessions(count: number): Promise<void> {
    while ([...this.manager.sessions].length !== count) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What both dialects do alike, as clients see it. */
function stories(town: () => Town): void {
  it('two clients log in and chat', async () => {
    const [juliet, romeo] = [await town().user('juliet', 'Balcony'), await town().user('romeo', 'Orchard')];
    juliet.send(`<message to='romeo@localhost/Orchard' type='chat'><body>O Romeo</body></message>`);
    await romeo.expect(
      `<message to='romeo@localhost/Orchard' type='chat' from='juliet@localhost/Balcony'><body>O Romeo</body></message>`,
    );
    romeo.send(`<message to='juliet@localhost/Balcony' type='chat'><body>I take thee</body></message>`);
    await juliet.expect(
      `<message to='juliet@localhost/Balcony' type='chat' from='romeo@localhost/Orchard'><body>I take thee</body></message>`,
    );
  });

  it('a wrong password is refused, and a right one behind it is not', async () => {
    const juliet = await town().client();
    juliet.send(authSet('juliet').replace('pass<', 'wrong<'));
    expect((await juliet.stanza()).child('error')?.attribute('code')).to.equal('401');
    juliet.send(authSet('juliet'));
    await juliet.expect(RESULT);
  });

  it('what a client sends behind its login arrives', async () => {
    const juliet = await town().client();
    juliet.send(`${authSet('juliet')}<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>`);
    await juliet.expect(RESULT);
    expect((await juliet.stanza()).attribute('id')).to.equal('p');
  });

  it('an account is made before login, and removed after it', async () => {
    const nurse = await town().client();
    nurse.send(
      `<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>nurse</username><password>pass</password></query></iq>`,
    );
    await nurse.expect(`<iq type='result' id='r'/>`);
    nurse.send(authSet('nurse'));
    await nurse.expect(RESULT);
    nurse.send(`<iq type='set' id='x'><query xmlns='jabber:iq:register'><remove/></query></iq>`);
    expect((await nurse.stanza()).attribute('type')).to.equal('result');
    await nurse.expectError('not-authorized');
    expect(town().store.accounts.exists('nurse@localhost')).to.equal(false);
  });

  it('a second login of the same resource replaces the first', async () => {
    const first = await town().user('juliet', 'Balcony');
    const second = await town().user('juliet', 'Balcony');
    await first.expectError('conflict');
    second.send(`<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>`);
    expect((await second.stanza()).attribute('type')).to.equal('result');
    await town().sessions(1);
  });

  it('a message to who is away comes at the next login', async () => {
    const juliet = await town().user('juliet', 'Balcony');
    juliet.send(
      `<message to='romeo@localhost' type='chat'><body>Good night</body></message></stream:stream>`,
    );
    await juliet.expectClosed();
    await town().sessions(0);
    const romeo = await town().user('romeo', 'Orchard');
    romeo.send('<presence/>');
    let message = await romeo.stanza();
    if (message.name === 'presence') message = await romeo.stanza();
    expect(message.childText('body')).to.equal('Good night');
    expect(message.child('x', 'jabber:x:delay')?.text).to.equal('Offline Storage');
  });

  it('a client that is gone is gone for the session manager too', async () => {
    const juliet = await town().user('juliet', 'Balcony');
    juliet.socket.destroy();
    await town().sessions(0);
  });
}

for (const dialect of ['sto-sfrom', 'route'] as const) {
  describe(`embedded: behind our own socket manager, in ${dialect}`, () => {
    let town: Town;
    beforeEach(() => (town = new Town(dialect)));
    afterEach(() => town.end());

    describe('over TCP', () => {
      beforeEach(() => town.startOverTcp());
      stories(() => town);

      it('sessions survive the loss of the link', async () => {
        const [juliet, romeo] = [await town.user('juliet', 'Balcony'), await town.user('romeo', 'Orchard')];
        town.links[0].destroy();
        await town.log.line(/^lost link/);
        juliet.send(`<message to='romeo@localhost/Orchard'><body>still there?</body></message>`);
        expect((await romeo.stanza()).childText('body')).to.equal('still there?');
        expect(town.links).to.have.length(2);
      });
    });

    describe('in one process', () => {
      beforeEach(() => town.startInside());
      stories(() => town);
    });

    it('is told by --dialect auto', async () => {
      await town.startOverTcp('auto');
      expect(town.front.finding?.dialect).to.equal(dialect);
      await town.user('juliet', 'Balcony');
    });
  });
}
