import { expect } from 'chai';
import { SessionManager } from '../../lib/embedded/session-manager.js';
import { Store } from '../../lib/embedded/store/store.js';
import { silent, type Log } from '../../lib/observe/log.js';
import type { EmbeddedLimits } from '../../lib/embedded/limits.js';
import { HEADER, NAME, Peer, SECRET, sha1 } from './support/peer.js';

const OLD_HEADER = `<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabberd:sockets'>`;
const AUTH_GET = `<iq type='get' id='g' sfrom='1@${NAME}/x' sto='localhost'><query xmlns='jabber:iq:auth'/></iq>`;

describe('embedded: a component’s stream [XEP-0114] [jabberd 1.1.2]', () => {
  let manager: SessionManager;
  let store: Store;
  let lines: string[];
  function create(limits: Partial<EmbeddedLimits> = {}): void {
    lines = [];
    store = Store.memory();
    const info: Log['info'] = (message, details) =>
      void lines.push(`${message} ${JSON.stringify(details ?? {})}`);
    const log = { ...silent, info, warn: info };
    const options = { domains: ['localhost'], name: NAME, secret: SECRET, store, registration: true };
    manager = new SessionManager({ ...options, log, limits });
  }
  beforeEach(() => create());
  afterEach(async () => {
    await manager.stop();
    store.close();
  });

  it('answers a header of XEP-0114 in its namespace and names itself', async () => {
    const peer = new Peer(manager);
    await peer.open(HEADER);
    expect(peer.received).to.match(
      /^<\?xml version='1.0'\?><stream:stream xmlns:stream='http:\/\/etherx.jabber.org\/streams' id='[0-9a-f]{32}' xmlns='jabber:component:accept' from='foo-sockets'>$/,
    );
  });

  for (const header of [OLD_HEADER, '<root>', `<?xml version="1.0"?>${OLD_HEADER}`]) {
    it(`answers ${header} as 1.1.2 does`, async () => {
      const peer = new Peer(manager);
      await peer.open(header);
      expect(peer.received).to.match(/ id='[0-9a-f]{32}' xmlns='jabberd:sockets'>$/);
    });
  }

  it('gives every stream an id of its own', async () => {
    const [one, other] = [new Peer(manager), new Peer(manager)];
    await Promise.all([one.open(), other.open()]);
    expect(one.id).to.not.equal(other.id);
  });

  it('takes the handshake, and packets in the same write, whatever the bytes are cut into', async () => {
    const peer = new Peer(manager);
    await peer.open();
    const text = `<handshake>${sha1(peer.id + SECRET)}</handshake>\n${AUTH_GET}`;
    for (const byte of Buffer.from(text)) peer.stream.write(Buffer.of(byte));
    expect((await peer.next()).toString()).to.equal('<handshake/>');
    expect((await peer.next()).attribute('id')).to.equal('g');
  });

  for (const [what, text] of [
    ['a wrong digest', sha1('something')],
    ['the secret in clear', SECRET],
    ['nothing', ''],
  ]) {
    it(`refuses ${what}`, async () => {
      const peer = new Peer(manager);
      await peer.open();
      peer.write(`<handshake>${text}</handshake>${AUTH_GET}`);
      await peer.ended;
      expect(peer.received).to.match(/>(<stream:error>Invalid Handshake<\/stream:error><\/stream:stream>)$/);
      expect(lines).to.deep.equal(['socket manager disconnected {"reason":"wrong secret"}']);
    });
  }

  it('wants the handshake first, and stays open without', async () => {
    const peer = new Peer(manager);
    await peer.open();
    peer.write(AUTH_GET);
    expect((await peer.next()).toString()).to.equal('<stream:error>Must send handshake first</stream:error>');
    await peer.shakeHands();
    expect(await peer.exchange('')).to.deep.equal([]);
  });

  it('waits so long for a handshake, and says that it does no more', async () => {
    create({ handshakeTimeout: 0.01 });
    const peer = new Peer(manager);
    await peer.open();
    await peer.ended;
    expect(peer.received).to.match(/<stream:error>Timed Out<\/stream:error><\/stream:stream>$/);
  });

  it('has no clock running once the handshake is there', async () => {
    create({ handshakeTimeout: 0.01 });
    const peer = await Peer.connected(manager);
    await new Peer(manager).ended; // its time ran out later
    expect(await peer.exchange('')).to.deep.equal([]);
  });

  it('waits so long for a header, too', async () => {
    create({ handshakeTimeout: 0.01 });
    const peer = new Peer(manager);
    await peer.ended;
    expect(peer.received).to.equal('');
  });

  for (const [what, text] of [
    ['malformed XML', '<message><body></message>'],
    ['a DTD', '<!DOCTYPE x>'],
  ]) {
    it(`ends at ${what}, and takes nothing that comes behind`, async () => {
      const peer = await Peer.connected(manager);
      peer.write(`${text}${AUTH_GET}`);
      await peer.ended;
      expect(peer.received).to.match(/<stream:error>[^<]*<\/stream:error><\/stream:stream>$/);
      expect(lines.at(-1)).to.contain('malformed XML');
    });
  }

  for (const [what, text] of [
    ['too deep', `${'<a>'.repeat(101)}${'</a>'.repeat(101)}`],
    ['too long', `<a>${'x'.repeat(1_000_001)}</a>`],
  ]) {
    it(`leaves out a packet that is ${what}, and takes what comes behind: others are on the link, too`, async () => {
      const peer = await Peer.connected(manager);
      expect(await peer.exchange(`${text}${AUTH_GET}`)).to.have.length(1);
      expect(lines.at(-1)).to.match(/^dropped a packet that exceeds a limit \{"bytes":\d+\}$/);
    });
  }

  it('ends with the stream of the peer', async () => {
    const peer = await Peer.connected(manager);
    peer.write('</stream:stream>');
    await peer.ended;
    expect(lines.at(-1)).to.contain('closed by peer');
  });

  it('ends with a connection that breaks', async () => {
    const peer = await Peer.connected(manager);
    peer.there.destroy(new Error('broken'));
    await peer.dropped;
    expect(lines.at(-1)).to.contain('connection failed');
    expect(await (await Peer.connected(manager)).exchange('')).to.deep.equal([]);
  });

  it('writes once a turn and not once an answer, however much there is to say', async () => {
    const peer = await Peer.connected(manager);
    const before = peer.writes;
    await peer.exchange(AUTH_GET.repeat(200));
    // On a slow machine what came in one read is taken in several turns.
    expect(peer.writes - before).to.be.below(50);
  });

  it('drops a peer that does not read', async () => {
    create({ linkQueue: 100_000 });
    const peer = await Peer.connected(manager);
    peer.stream.pause();
    peer.write(AUTH_GET.repeat(2000));
    await peer.dropped;
    expect(lines.at(-1)).to.contain('does not read');
  });

  it('counts only what has not been read', async () => {
    create({ linkQueue: 2000 });
    const peer = await Peer.connected(manager);
    for (let round = 0; round < 20; round += 1) expect(await peer.exchange(AUTH_GET)).to.have.length(1);
  });

  it('serves several components at once, each with its own answers', async () => {
    const [one, other] = [await Peer.connected(manager), await Peer.connected(manager)];
    const said = await Promise.all([
      one.exchange(AUTH_GET.replace(`'g'`, `'one'`)),
      other.exchange(AUTH_GET),
    ]);
    expect(said.map((elements) => elements.map((element) => element.attribute('id')))).to.deep.equal([
      ['one'],
      ['g'],
    ]);
  });

  it('is refused once the session manager has stopped', async () => {
    await manager.stop();
    const peer = new Peer(manager);
    await peer.ended;
    expect(peer.received).to.equal('');
  });
});
