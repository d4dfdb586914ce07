import { expect } from 'chai';
import type { SessionManagerOptions } from '../../../lib/embedded/context.js';
import { SessionManager } from '../../../lib/embedded/session-manager.js';
import { Store } from '../../../lib/embedded/store/store.js';
import { silent } from '../../../lib/observe/log.js';
import type { Element } from '../../../lib/xml/index.js';
import { HEADER, NAME, Peer, SECRET, sha1 } from '../support/peer.js';

const A = `12@${NAME}/A1`;
const B = `13@${NAME}/B1`;
const JULIET = 'juliet@localhost/Balcony';
const ROMEO = 'romeo@localhost/Orchard';
const ROSTER = `<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`;

const routed = (to: string, from: string, type: string, content = ''): string =>
  `<route to='${to}' from='${from}'${type === '' ? '' : ` type='${type}'`}>${content}</route>`;

const login = (user: string, resource: string, password = 'pass'): string =>
  `<iq type='set' id='a'><query xmlns='jabber:iq:auth'><username>${user}</username>` +
  `<password>${password}</password><resource>${resource}</resource></query></iq>`;

/** The auth set of an address. */
function authSet(address: string, socket: string, password?: string): string {
  const [, user, resource] = /^([^@]+)@[^/]+\/(.+)$/.exec(address)!;
  return routed(address, socket, 'auth', login(user, resource, password));
}

describe('embedded: the route dialect', () => {
  let store: Store;
  let manager: SessionManager;
  let peer: Peer;
  let errors: string[];
  async function create(options: Partial<SessionManagerOptions> = {}): Promise<void> {
    errors = [];
    store = Store.memory();
    for (const user of ['juliet', 'romeo']) store.accounts.add(`${user}@localhost`, 'pass');
    const log = { ...silent, error: (message: string) => void errors.push(message) };
    const fixed = { domains: ['localhost'], name: NAME, secret: SECRET, store, registration: true, log };
    manager = new SessionManager({ ...fixed, dialect: 'route', ...options });
    peer = await Peer.connected(manager, 'route');
  }
  beforeEach(() => create());
  afterEach(async () => {
    await manager.stop();
    store.close();
    expect(errors).to.deep.equal([]);
  });
  const say = async (text: string, by = peer): Promise<string[]> => (await by.exchange(text)).map(String);
  const names = (): string[] => [...manager.sessions].map(({ fullJid, socket }) => `${fullJid} ${socket}`);
  const failed = (address: string, socket = A): string =>
    `<route to='${socket}' from='${address}' type='error' error='Session Failed'/>`;

  /** Logs in and answers the address of the session. */
  async function enter(address: string, socket: string, by = peer): Promise<string> {
    const said = await by.exchange(authSet(address, socket) + routed(address, socket, 'session'));
    const opened = said.find((packet) => packet.attribute('type') === 'session');
    if (!opened) throw new Error(`no session: ${said.map(String).join('')}`);
    return opened.attribute('from')!;
  }

  const stanzasTo = (socket: string, packets: readonly Element[]): string[] =>
    packets
      .filter((packet) => packet.attribute('to') === socket)
      .flatMap(({ elements }) => elements.map(String));

  describe('the stream [jabberd 1.4.3]', () => {
    for (const namespace of ['jabber:client', 'jabberd:sockets', 'jabber:component:connect']) {
      it(`is not opened in ${namespace}: a bare error, and the end`, async () => {
        const other = new Peer(manager, 'route');
        other.write(HEADER.replace('jabber:component:accept', namespace));
        await other.ended;
        expect(other.received).to.equal('<stream:error>Invalid namespace specified.</stream:error>');
      });
    }

    it('ends at a wrong secret, in any case of the right one too, and the good link does not notice', async () => {
      for (const digest of [
        (id: string) => sha1(`${id}x`),
        (id: string) => sha1(id + SECRET).toUpperCase(),
      ]) {
        const other = new Peer(manager, 'route');
        await other.open();
        other.write(`<handshake>${digest(other.id)}</handshake>${routed('localhost', A, 'auth', ROSTER)}`);
        await other.ended;
        expect(other.received).to.match(/'foo-sockets'><stream:error>Invalid handshake<\/stream:error>$/);
      }
      expect(await say('')).to.deep.equal([]);
    });

    it('ends at a packet before the handshake', async () => {
      const other = new Peer(manager, 'route');
      await other.open();
      other.write(authSet(JULIET, A) + `<handshake>${sha1(other.id + SECRET)}</handshake>`);
      await other.ended;
      expect(other.received).to.match(/<stream:error>Must send handshake first.<\/stream:error>$/);
    });

    it('is taken over by the next one, with all sessions', async () => {
      const juliet = await enter(JULIET, A);
      const next = await Peer.connected(manager, 'route');
      await peer.ended;
      expect(peer.received).to.match(/<stream:error>Socket override by another connection.<\/stream:error>$/);
      const [result] = await next.exchange(routed(juliet, A, '', ROSTER));
      expect(result.attribute('from')).to.equal(juliet);
    });

    it('ends at malformed XML', async () => {
      peer.write('<route to="x"><a></route>');
      await peer.ended;
      expect(peer.received).to.match(/<stream:error>Invalid XML<\/stream:error>$/);
    });

    it('leaves out a route that is too long or too deep', async () => {
      const long = routed(JULIET, A, '', `<a>${'x'.repeat(1_000_001)}</a>`);
      const deep = routed(JULIET, A, '', `${'<a>'.repeat(101)}${'</a>'.repeat(101)}`);
      expect(await say(long + deep)).to.deep.equal([]);
    });
  });

  describe('before login [jabberd 1.4.3]', () => {
    it('the answer comes from the address that was asked, in its own spelling', async () => {
      expect(await say(authSet('JULIET@localhost/Balcony', A, 'wrong'))).to.deep.equal([
        `<route from='JULIET@localhost/Balcony' to='${A}' type='auth'><iq type='error' id='a'><query xmlns='jabber:iq:auth'>` +
          `<username>JULIET</username><password/><resource>Balcony</resource></query>` +
          `<error code='401'>Unauthorized</error></iq></route>`,
      ]);
    });

    it('a digest is made with the sid that the socket manager has put there', async () => {
      const digest = (sid: string): string =>
        routed(
          JULIET,
          A,
          'auth',
          `<iq type='set'><query xmlns='jabber:iq:auth'><username>juliet</username>` +
            `<digest${sid}>${sha1('3F2Apass')}</digest><resource>Balcony</resource></query></iq>`,
        );
      expect((await say(digest(` sid='3F2A'`)))[0]).to.contain(`<iq type='result'/>`);
      expect((await say(digest('')))[0]).to.contain(`<error code='501'>Not Implemented</error>`);
    });

    it('who logs in is who the route names, or nobody', async () => {
      for (const to of [ROMEO, 'romeo@localhost/Balcony', 'juliet@localhost/Orchard', 'juliet@localhost']) {
        const [answer] = await say(routed(to, A, 'auth', login('juliet', 'Balcony')));
        expect(answer, to).to.contain(`<error code='406'>Not Acceptable</error>`);
        expect(await say(routed(to, A, 'session'))).to.deep.equal([failed(to)]);
      }
    });

    it('an iq result or error is not answered', async () => {
      const query = `<query xmlns='jabber:iq:auth'/>`;
      for (const type of ['result', 'error']) {
        expect(await say(routed(JULIET, A, 'auth', `<iq type='${type}'>${query}</iq>`))).to.deep.equal([]);
      }
    });

    it('a host that is not served, and a name that is not ours for the peer, are told', async () => {
      const [one] = await say(routed('juliet@elsewhere/x', A, 'auth', login('juliet', 'x')));
      expect(one).to.contain(`type='error' error='Unable to deliver, destination unknown'`);
      expect(one).to.contain('<password/>');
      const [other] = await say(routed(JULIET, '1@other-sockets/x', 'auth', login('juliet', 'Balcony')));
      expect(other).to.contain(`type='error' error='Server Configuration Error'`);
    });
  });

  describe('a session [jabberd 1.4.3]', () => {
    it('has an address of its own, never the same twice, and not before it was asked for', async () => {
      await say(authSet(JULIET, A));
      expect(names()).to.deep.equal([]);
      const given = new Set<string>();
      for (let count = 0; count < 20; count += 1) given.add(await enter(JULIET, A));
      expect(given.size).to.equal(20);
      for (const address of given) expect(address).to.match(/^juliet@localhost\/[0-9A-F]{13,}$/);
      expect(names()).to.deep.equal([`${JULIET} ${A}`]);
    });

    it('is given with what was in the request: jadc2s keeps the result for its client there', async () => {
      const result = `<iq id='a' type='result'/>`;
      await say(authSet(JULIET, A));
      const [opened] = await peer.exchange(routed(JULIET, A, 'session', result));
      expect(opened.attribute('type')).to.equal('session');
      expect(opened.elements.map(String)).to.deep.equal([result]);
    });

    it('is not given without a login', async () => {
      expect(await say(routed(JULIET, A, 'session'))).to.deep.equal([failed(JULIET)]);
    });

    it('is not given for another address than the one that has logged in', async () => {
      for (const address of [ROMEO, 'juliet@localhost/Other', 'juliet@localhost', 'localhost/Balcony']) {
        await say(authSet(JULIET, A));
        expect(await say(routed(address, A, 'session'))).to.deep.equal([failed(address)]);
      }
    });

    it('is not given to another socket', async () => {
      await say(authSet(JULIET, A));
      expect(await say(routed(JULIET, B, 'session'))).to.deep.equal([failed(JULIET, B)]);
      expect((await say(routed(JULIET, A, 'session')))[0]).to.contain(`type='session'`);
    });

    it('is not given on another link', async () => {
      await say(authSet(JULIET, A));
      const next = await Peer.connected(manager, 'route');
      expect(await say(routed(JULIET, A, 'session'), next)).to.deep.equal([failed(JULIET)]);
    });

    it('is given once for each login', async () => {
      await enter(JULIET, A);
      expect(await say(routed(JULIET, A, 'session'))).to.deep.equal([failed(JULIET)]);
    });

    it('is not given after an auth get, nor after a set that was refused', async () => {
      await say(routed('juliet@localhost', A, 'auth', login('juliet', 'Balcony').replace(`'set'`, `'get'`)));
      expect(await say(routed(JULIET, A, 'session'))).to.deep.equal([failed(JULIET)]);
      await say(authSet(JULIET, A) + authSet(JULIET, A, 'wrong'));
      expect(await say(routed(JULIET, A, 'session'))).to.deep.equal([failed(JULIET)]);
    });

    it('is not changed by an auth get for somebody else in the same write: the user swap', async () => {
      const get = `<iq type='get'><query xmlns='jabber:iq:auth'><username>romeo</username></query></iq>`;
      const swap = authSet(JULIET, A) + routed('romeo@localhost', A, 'auth', get);
      const said = await say(swap + routed(ROMEO, A, 'session'));
      expect(said.at(-1)).to.equal(failed(ROMEO));
      expect(names()).to.deep.equal([]);
    });

    it('is not given where the client has left meanwhile, or the account', async () => {
      await say(authSet(JULIET, A) + routed('juliet@localhost', A, 'error'));
      expect(await say(routed(JULIET, A, 'session'))).to.deep.equal([failed(JULIET)]);
      await say(authSet(JULIET, A));
      store.accounts.remove('juliet@localhost');
      expect(await say(routed(JULIET, A, 'session'))).to.deep.equal([failed(JULIET)]);
    });

    it('is not given where the user has enough of them', async () => {
      await manager.stop();
      await create({ limits: { sessions: 1 } });
      await say(authSet(JULIET, A) + authSet('juliet@localhost/x', B) + routed(JULIET, A, 'session'));
      expect(await say(routed('juliet@localhost/x', B, 'session'))).to.deep.equal([
        failed('juliet@localhost/x', B),
      ]);
    });

    it('logins that nobody follows up do not pile up', async () => {
      await manager.stop();
      await create({ limits: { loginTickets: 2 } });
      const sockets = [1, 2, 3].map((descriptor) => `${descriptor}@${NAME}/x`);
      for (const socket of sockets) await say(authSet(JULIET, socket));
      expect(await say(routed(JULIET, sockets[0], 'session'))).to.deep.equal([failed(JULIET, sockets[0])]);
      expect((await say(routed(JULIET, sockets[2], 'session')))[0]).to.contain(`type='session'`);
    });

    it('that replaces another is told before the other is ended', async () => {
      const old = await enter(JULIET, A);
      const said = await say(authSet(JULIET, B) + routed(JULIET, B, 'session'));
      expect(said.slice(1).map((text) => text.replace(/[0-9A-F]{13,}/, 'HEX'))).to.deep.equal([
        `<route to='${B}' from='juliet@localhost/HEX' type='session'/>`,
        `<route type='error' error='Disconnected' from='juliet@localhost/HEX' to='${A}'/>`,
      ]);
      expect(said[2]).to.contain(old);
      expect(await say(routed(old, A, '', ROSTER))).to.deep.equal([
        `<route to='${A}' from='${old}' type='error' error='Invalid Session'>${ROSTER}</route>`,
      ]);
    });
  });

  describe('carrying [jabberd 1.4.3]', () => {
    let juliet: string;
    let romeo: string;
    beforeEach(async () => {
      juliet = await enter(JULIET, A);
      romeo = await enter(ROMEO, B);
    });

    it('goes without a type both ways, and the stanza is left as it is', async () => {
      const message = `<message to='${ROMEO}'><u:x>1</u:x><body xml:lang='en'>it&apos;s</body></message>`;
      expect(await say(routed(juliet, A, '', message))).to.deep.equal([
        `<route from='${romeo}' to='${B}'>${message.replace(`'>`, `' from='${JULIET}'>`)}</route>`,
      ]);
    });

    it('a prefix that is declared on the route is declared on the stanza', async () => {
      const packet = `<route xmlns:p='urn:p' to='${juliet}' from='${A}'><message to='${ROMEO}'><p:x/></message></route>`;
      expect((await say(packet))[0]).to.contain(` xmlns:p='urn:p'`);
    });

    it('another socket cannot speak for a session, nor end it', async () => {
      expect(await say(routed(juliet, B, '', `<message to='${ROMEO}'/>`))).to.deep.equal([
        `<route to='${B}' from='${juliet}' type='error' error='Invalid Session'><message to='${ROMEO}'/></route>`,
      ]);
      await say(routed(juliet, B, 'error'));
      expect(names()).to.have.length(2);
    });

    it('the full address is no session address', async () => {
      expect((await say(routed(JULIET, A, '', ROSTER)))[0]).to.contain(`error='Invalid Session'`);
    });

    it('types that nobody knows are none; what is not a route is not for us', async () => {
      for (const type of ['whatever', 'ERROR', '__proto__', 'result']) {
        const [answer] = stanzasTo(A, await peer.exchange(routed(juliet, A, type, ROSTER)));
        expect(answer, type).to.contain(`type='result'`);
      }
      const plain = [
        `<message to='${ROMEO}' from='x@${NAME}'/>`,
        `<xdb to='${juliet}' from='${A}'/>`,
        '<route/>',
      ];
      expect(await say(plain.join(''))).to.deep.equal([]);
      expect(
        await say(`<handshake/>${routed(juliet, '', '', ROSTER)}${routed('@', A, '', ROSTER)}`),
      ).to.deep.equal([]);
    });

    it('a route that a client has put into its route is an element that nobody knows', async () => {
      for (const nested of [
        routed(romeo, B, 'error'),
        routed(romeo, B, '', `<message to='${JULIET}'/>`),
        routed(ROMEO, A, 'session'),
        routed(ROMEO, A, 'auth', login('romeo', 'Orchard')),
      ]) {
        const [answer, ...others] = stanzasTo(A, await peer.exchange(routed(juliet, A, '', nested)));
        expect(answer).to.match(
          /^<route [^>]*type='error'.*<error code='400'>Bad Request<\/error><\/route>$/,
        );
        expect(others).to.deep.equal([]);
      }
      expect(names()).to.have.length(2);
    });

    it('an empty route says nothing, also to nobody', async () => {
      expect(await say(routed(juliet, A, '') + routed('juliet@localhost/DEAD', A, ''))).to.deep.equal([]);
    });

    it('a message that grows too long on its way does not travel', async () => {
      const grows = `x="${`'`.repeat(200_000)}"`; // six bytes each when written by us
      const long = `<message to='${ROMEO}' ${grows}><body/></message>`;
      const said = await peer.exchange(routed(juliet, A, '', long));
      expect(stanzasTo(B, said)).to.deep.equal([]);
      expect(stanzasTo(A, said)[0]).to.contain('<not-acceptable ');
    });

    it('what is too long to be given back tells the socket that the session is gone', async () => {
      const long = `<message><body>${`'`.repeat(300_000)}</body></message>`;
      expect(await say(routed('juliet@localhost/DEAD', A, '', long))).to.deep.equal([
        `<route type='error' error='Disconnected' from='juliet@localhost/DEAD' to='${A}'/>`,
      ]);
    });
  });

  describe('an end [jabberd 1.4.3]', () => {
    const message = `<message to='${JULIET}' type='chat' from='${ROMEO}'><body>x</body></message>`;

    it('is not answered, and may come twice', async () => {
      const juliet = await enter(JULIET, A);
      expect(await say(routed(juliet, A, 'error').repeat(2))).to.deep.equal([]);
      expect(names()).to.deep.equal([]);
    });

    it('is never answered, whatever it is for and holds', async () => {
      for (const to of ['nobody@localhost/x', 'juliet@localhost', 'localhost', 'a@elsewhere/x', JULIET]) {
        for (const content of ['', message, ROSTER, login('juliet', 'x'), '<bogus/>']) {
          expect(await say(routed(to, A, 'error', content)), to).to.deep.equal([]);
        }
      }
    });

    it('with a message in it has that delivered to another session', async () => {
      const juliet = await enter(JULIET, A);
      const chamber = await enter('juliet@localhost/Chamber', B);
      await say(routed(chamber, B, '', '<presence/>'));
      expect(await say(routed(juliet, A, 'error', message))).to.deep.equal([
        `<route from='${chamber}' to='${B}'>${message}</route>`,
      ]);
      expect(names()).to.deep.equal([`juliet@localhost/Chamber ${B}`]);
    });

    it('with a message in it has that kept where nobody is there', async () => {
      const juliet = await enter(JULIET, A);
      await say(routed(juliet, A, 'error', message));
      expect(store.offline.list('juliet@localhost').map(({ stanza }) => stanza)).to.deep.equal([message]);
    });

    it('cannot be used to write to others in another’s name', async () => {
      const juliet = await enter(JULIET, A);
      await say(routed(juliet, A, 'error', `<message to='${ROMEO}' from='nurse@localhost'/>`));
      expect(store.offline.list('romeo@localhost')).to.deep.equal([]);
    });

    it('for a user ends the sessions of that socket, and no others', async () => {
      await enter(JULIET, A);
      await enter('juliet@localhost/Chamber', B);
      expect(await say(routed('juliet@localhost', `14@${NAME}/C1`, 'error'))).to.deep.equal([]);
      expect(names()).to.have.length(2);
      await say(routed('juliet@localhost', B, 'error'));
      expect(names()).to.deep.equal([`${JULIET} ${A}`]);
    });

    it('stopping tells each socket', async () => {
      const juliet = await enter(JULIET, A);
      await manager.stop();
      const words = `<route type='error' error='Disconnected' from='${juliet}' to='${A}'/></stream:stream>`;
      expect(peer.received.endsWith(words), peer.received).to.equal(true);
    });
  });

  describe('a link that is lost [jabberd 1.4.3]', () => {
    it('leaves what was not read to the next one, in order, and the sessions under the same addresses', async () => {
      const juliet = await enter(JULIET, A);
      const ping = (id: string): string =>
        routed(juliet, A, '', `<iq type='get' id='${id}'><ping xmlns='urn:xmpp:ping'/></iq>`);
      peer.stream.end(ping('one') + ping('two') + ping('three'));
      await peer.dropped;
      const next = await Peer.connected(manager, 'route');
      const said = await next.exchange(ping('four'));
      expect(said.map(({ elements: [iq] }) => iq.attribute('id'))).to.deep.equal([
        'one',
        'two',
        'three',
        'four',
      ]);
      expect(said.every((packet) => packet.attribute('from') === juliet)).to.equal(true);
    });

    it('takes its sessions with it where nobody comes, and messages are kept', async () => {
      await manager.stop();
      await create({ limits: { linkAwayTimeout: 0.01 } });
      const juliet = await enter(JULIET, A);
      peer.stream.end(routed(juliet, A, '', `<message to='${JULIET}'><body>note</body></message>`));
      await peer.dropped;
      const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
      while (names().length > 0 || store.offline.list('juliet@localhost').length === 0) await turn();
      expect(store.offline.list('juliet@localhost').map(({ stanza }) => stanza)).to.deep.equal([
        `<message to='${JULIET}' from='${JULIET}'><body>note</body></message>`,
      ]);
    });
  });

  it('random routes never end the link', async () => {
    let seed = 20021106;
    const pick = <Value>(values: readonly Value[]): Value =>
      values[(seed = (seed * 48271) % 2147483647) % values.length];
    const juliet = await enter(JULIET, A);
    const addresses = [
      '',
      '@',
      'localhost',
      'juliet@localhost',
      juliet,
      JULIET,
      ROMEO,
      'a@elsewhere/x',
      'foo-sockets',
    ];
    const types = ['', 'auth', 'session', 'error', 'x', 'get', 'set', 'result'];
    const child = (): string =>
      pick([
        '',
        ' ',
        '<presence/>',
        login('juliet', 'Balcony'),
        routed(pick(addresses), A, pick(types)),
        `<iq type='${pick(types)}' to='${pick(addresses)}'><query xmlns='jabber:iq:${pick(['auth', 'register', 'roster'])}'/></iq>`,
        `<message to='${pick(addresses)}' from='${pick(addresses)}' type='${pick(types)}'><body>x</body></message>`,
      ]);
    let text = '';
    for (let count = 0; count < 3000; count += 1) {
      text += routed(pick(addresses), pick([A, B, '', 'x']), pick(types), child() + child());
    }
    await say(text);
    expect(await say('')).to.deep.equal([]);
  });
});
