import { expect } from 'chai';
import { Peer } from '../support/peer.js';
import { World, type Client } from '../support/world.js';

const ROSTER_GET = `<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`;

describe('embedded: sessions and the 510 [README.SM]', () => {
  let world: World;
  let juliet: Client;
  let romeo: Client;
  beforeEach(async () => {
    world = await World.create();
    juliet = await world.login('juliet', 'Balcony');
    romeo = await world.login('romeo', 'Orchard');
  });
  afterEach(() => world.end());
  const names = (): string[] =>
    [...world.manager.sessions].map(({ fullJid, socket }) => `${fullJid} ${socket}`);
  const bounce = (client: Client, message: string, sto = client.bare): string =>
    message.replace('<message', `<message sto='${sto}' sfrom='${client.socket}'`);

  it('has the shape of Prosody’s session document: connected, available, interested [RFC6121 2.2]', async () => {
    const session = [...world.manager.sessions].find(({ username }) => username === 'juliet')!;
    expect(session).to.include({
      type: 'c2s',
      host: 'localhost',
      resource: 'Balcony',
      fullJid: 'juliet@localhost/Balcony',
      priority: 0,
      presence: undefined,
      available: false,
      interested: false,
    });
    expect(session.conn.state).to.equal('open');
    expect(session.roster.list()).to.deep.equal([]);
    await juliet.send(ROSTER_GET);
    expect(session.interested).to.equal(true);
    await juliet.send(`<presence><show>away</show><priority>-5</priority></presence>`);
    expect(session).to.include({ available: true, priority: -5, show: 'away' });
    await juliet.send(`<presence to='${romeo.full}'/>\n<presence to='${romeo.full}' type='unavailable'/>`);
    expect(session).to.include({ available: true, show: 'away' }); // what is directed changes nothing
    await juliet.send(`<presence type='subscribe' to='${romeo.bare}'/>`);
    expect(session.roster.list().map(({ jid }) => jid)).to.deep.equal([romeo.bare]);
    await juliet.send(`<presence type='unavailable'/>`);
    expect(session).to.include({ available: false, priority: 0, presence: undefined, interested: true });
  });

  it('a 510 ends the session, the socket is told so once, and it may come twice [jabberd 1.1.2 jsm]', async () => {
    await juliet.send('<presence/>');
    const told = await juliet.leave();
    expect(told(juliet)).to.deep.equal([
      `<message type='error'><error code='510'>Disconnected</error></message>`,
    ]);
    expect(names()).to.deep.equal([`${romeo.full} ${romeo.socket}`]);
    expect((await juliet.leave())(juliet)).to.deep.equal([]);
  });

  for (const name of ['message', 'iq', 'presence', 'foo']) {
    it(`a 510 in the shape of ${name} ends the session`, async () => {
      await juliet.send(`<${name} type='error'><x/><error code='510'>whatever</error></${name}>`);
      expect(names()).to.have.length(1);
    });
  }

  it('a 510 that a client echoes, its own error behind it, ends nothing and goes on', async () => {
    const echo =
      `<iq type='error' id='q' to='${romeo.full}'><query xmlns='urn:nobody:knows'/>` +
      `<error code='510'>Disconnected</error><error code='501' type='cancel'/></iq>`;
    expect((await juliet.send(echo))(romeo)).to.deep.equal([
      echo.replace('><query', ` from='${juliet.full}'><query`),
    ]);
    expect(names()).to.have.length(2);
  });

  it('an error of another code, or a 510 that is no error, is a message', async () => {
    await juliet.send(`<message type='error' to='${romeo.full}'><error code='511'/></message>`);
    await juliet.send(`<message to='${romeo.full}'><error code='510'/></message>`);
    expect(names()).to.have.length(2);
  });

  it('a replaced session hears of it after the new one has its result, by the name they share', async () => {
    const again = await world.login('nurse', 'x');
    const socket = '99@foo-sockets/NEW';
    const said = await world.peer.exchange(
      `<iq type='set' id='a' sfrom='${socket}' sto='localhost'><query xmlns='jabber:iq:auth'><username>juliet</username>` +
        `<password>pass</password><resource>Balcony</resource></query></iq>`,
    );
    expect(said.map(String)).to.deep.equal([
      `<iq type='result' id='a' sfrom='juliet@localhost/Balcony' sto='${socket}'/>`,
      `<message type='error' sto='${juliet.socket}' sfrom='juliet@localhost/Balcony'><error code='510'>Disconnected</error></message>`,
    ]);
    expect(again.full).to.equal('nurse@localhost/x');
  });

  it('a replaced socket can neither speak for the new session nor end it', async () => {
    const now = await world.login('juliet', 'Balcony');
    expect((await juliet.send(`<message to='${romeo.full}'><body>x</body></message>`))(romeo)).to.deep.equal(
      [],
    );
    await juliet.leave();
    expect((await now.send(ROSTER_GET))(now)).to.have.length(1);
  });

  it('a packet for a session that is not there is given back whole, its type kept', async () => {
    await juliet.leave();
    const said = await world.peer.exchange(
      juliet.stamped(`<message type='chat' to='${romeo.full}' from='x@y' id='m'><body>x</body></message>`),
    );
    expect(said.map(String)).to.deep.equal([
      `<message sfrom='${juliet.full}' sto='${juliet.socket}' type='error' to='${romeo.full}' from='x@y' id='m'>` +
        `<body>x</body><error code='510' type='chat'>Disconnected</error></message>`,
    ]);
  });

  it('one without a type is given back as normal, and with to and from as they were: not there', async () => {
    await juliet.leave();
    const [said] = await world.peer.exchange(juliet.stamped('<presence/>'));
    expect(said.child('error')?.attribute('type')).to.equal('normal');
    expect([...said.attributes.keys()]).to.deep.equal(['sfrom', 'sto', 'type']);
  });

  it('a packet for a user without a resource is for no session', async () => {
    const [said] = await world.peer.exchange(`<presence sto='${juliet.bare}' sfrom='${juliet.socket}'/>`);
    expect(said.child('error')?.attribute('code')).to.equal('510');
  });

  it('a 510 for nobody is answered with nothing', async () => {
    const said = await world.peer.exchange(
      `<message type='error' sto='nobody@localhost/x' sfrom='${juliet.socket}'><error code='510'/></message>` +
        `<message type='error' sto='otherhost' sfrom='${juliet.socket}'><error code='510'/></message>`,
    );
    expect(said).to.deep.equal([]);
  });

  it('a message that comes back to a dead socket goes on to another session, its type restored', async () => {
    const chamber = await world.login('juliet', 'Chamber');
    await chamber.send('<presence/>');
    await juliet.leave();
    const message = `<message to='${juliet.full}' type='error' id='m' from='${romeo.full}'><body>x</body><error code='510' type='chat'>Disconnected</error></message>`;
    const told = await world.exchange(bounce(juliet, message));
    expect(told(chamber)).to.deep.equal([
      `<message to='${juliet.full}' type='chat' id='m' from='${romeo.full}'><body>x</body></message>`,
    ]);
  });

  for (const type of ['', ` type='normal'`]) {
    it(`one whose error has the type "${type}" had none, and is kept without`, async () => {
      await juliet.leave();
      const error = `<error code='510'${type}>Disconnected</error>`;
      const message = `<message to='${juliet.full}' type='error' from='${romeo.full}'><body>x</body>${error}</message>`;
      await world.exchange(bounce(juliet, message));
      const [stored] = world.store.offline.list('juliet@localhost');
      expect(stored.stanza).to.equal(
        `<message to='${juliet.full}' from='${romeo.full}'><body>x</body></message>`,
      );
    });
  }

  it('only messages with to and from find another way', async () => {
    await juliet.leave();
    const error = `<error code='510' type='chat'>Disconnected</error>`;
    const lost = [
      `<message type='error' from='${romeo.full}'><body>x</body>${error}</message>`,
      `<message type='error' to='${juliet.full}'><body>x</body>${error}</message>`,
    ];
    for (const message of lost) await world.exchange(bounce(juliet, message));
    const iq = `<iq type='error' sto='${juliet.bare}' sfrom='${juliet.socket}' to='${juliet.full}' from='${romeo.full}'><error code='510' type='get'/></iq>`;
    expect((await world.exchange(iq))(romeo)).to.deep.equal([]);
    expect(world.store.offline.list('juliet@localhost')).to.deep.equal([]);
  });

  it('a bounce from a socket that we took for alive ends its session, so that nothing goes round', async () => {
    await juliet.send('<presence/>');
    const told = await romeo.send(`<message to='${juliet.bare}' type='chat'><body>x</body></message>`);
    expect(told(juliet)).to.have.length(1);
    const message = `<message to='${juliet.bare}' type='error' from='${romeo.full}'><body>x</body><error code='510' type='chat'/></message>`;
    const again = await world.exchange(bounce(juliet, message));
    expect(again(juliet)).to.deep.equal([]);
    expect(names()).to.deep.equal([`${romeo.full} ${romeo.socket}`]);
    expect(world.store.offline.list('juliet@localhost')).to.have.length(1);
  });

  it('a client that plants a bounce cannot write to others in another’s name', async () => {
    const planted = `<message type='error' to='${romeo.full}' from='nurse@localhost/x'><body>x</body><error code='510' type='chat'/></message>`;
    expect((await juliet.send(planted))(romeo)).to.deep.equal([]);
    expect(world.store.offline.list('romeo@localhost')).to.deep.equal([]);
  });

  it('packets without usable addresses are dropped', async () => {
    const said = await world.peer.exchange(
      [
        `<message/>`,
        `<message sto=''/>`,
        `<message sto='@localhost' sfrom='x'/>`,
        `<iq type='get' sto='localhost'/>`,
      ].join(''),
    );
    expect(said).to.deep.equal([]);
  });

  it('stopping tells the sockets, closes the streams, and leaves the store open', async () => {
    const other = await Peer.connected(world.manager);
    await world.manager.stop();
    const end = (client: Client): string =>
      `<message type='error' sto='${client.socket}' sfrom='${client.full}'><error code='510'>Disconnected</error></message>`;
    expect(world.peer.received.endsWith(`${end(juliet)}${end(romeo)}</stream:stream>`)).to.equal(true);
    expect(other.received.endsWith('</stream:stream>')).to.equal(true);
    expect(world.store.accounts.exists('juliet@localhost')).to.equal(true);
    expect(names()).to.deep.equal([]);
  });

  it('counts the stanzas of each', async () => {
    await juliet.send(`<message to='${romeo.full}'/>`);
    const [one, other] = [...world.manager.sessions];
    expect([one.received, one.sent, other.received, other.sent]).to.deep.equal([1, 0, 0, 1]);
  });
});
