import { expect } from 'chai';
import type { SessionManagerOptions } from '../../lib/embedded/context.js';
import { silent, type Log } from '../../lib/observe/log.js';
import { sha1 } from './support/peer.js';
import { World } from './support/world.js';

const SOCKET = '12@foo-sockets/8A0001';
const RESULT = `<iq type='result' id='a' sfrom='juliet@localhost/Balcony' sto='${SOCKET}'/>`;

const iq = (type: string, query: string, sto = 'localhost'): string =>
  `<iq type='${type}' id='a' sfrom='${SOCKET}' sto='${sto}'>${query}</iq>`;
const auth = (content: string): string => iq('set', `<query xmlns='jabber:iq:auth'>${content}</query>`);
const register = (content: string): string =>
  iq('set', `<query xmlns='jabber:iq:register'>${content}</query>`);

describe('embedded: before login', () => {
  let world: World;
  async function create(options: Partial<SessionManagerOptions> = {}): Promise<void> {
    world = await World.create(options);
    world.store.accounts.add('juliet@localhost', 'pass');
  }
  async function say(text: string): Promise<string> {
    return (await world.peer.exchange(text)).join('');
  }
  const digest = (sid: string, password = 'pass'): string =>
    `<username>juliet</username><digest sid='${sid}'>${sha1(sid + password)}</digest><resource>Balcony</resource>`;
  beforeEach(() => create());
  afterEach(() => world.end());

  describe('jabber:iq:auth [XEP-0078]', () => {
    it('a get is answered with the fields, zero-knowledge not among them', async () => {
      expect(
        await say(iq('get', `<query xmlns='jabber:iq:auth'><username>juliet</username></query>`)),
      ).to.equal(
        `<iq type='result' id='a' sfrom='localhost' sto='${SOCKET}'><query xmlns='jabber:iq:auth'>` +
          `<username>juliet</username><password/><digest/><resource/></query></iq>`,
      );
    });

    it('a get never logs in, nor does it give away who exists', async () => {
      const fields = `<username>juliet</username><password>pass</password><resource>Balcony</resource>`;
      expect(await say(iq('get', `<query xmlns='jabber:iq:auth'>${fields}</query>`))).to.contain('<digest/>');
      expect([...world.manager.sessions]).to.deep.equal([]);
      expect(
        await say(iq('get', `<query xmlns='jabber:iq:auth'><username>nobody</username></query>`)),
      ).to.contain('<digest/>');
    });

    it('a password logs in', async () => {
      expect(
        await say(auth(`<username>Juliet</username><password>pass</password><resource>Balcony</resource>`)),
      ).to.equal(RESULT);
      expect([...world.manager.sessions].map(({ fullJid }) => fullJid)).to.deep.equal([
        'juliet@localhost/Balcony',
      ]);
    });

    it('a digest logs in, of the stream id that the socket manager has put there, in any case', async () => {
      expect(await say(auth(digest('3A0C1F22')))).to.equal(RESULT);
      const upper = digest('3A0C1F22').replace(
        />([0-9a-f]{40})</,
        (_all, hex: string) => `>${hex.toUpperCase()}<`,
      );
      expect(await say(auth(upper))).to.equal(RESULT);
    });

    it('a digest of another stream does not', async () => {
      const other = digest('3A0C1F22').replace(`sid='3A0C1F22'`, `sid='3A0C1F23'`);
      expect(await say(auth(other))).to.contain(`<error code='401'>Unauthorized</error>`);
    });

    it('a digest counts where there is a password too', async () => {
      const both = `${digest('3A', 'wrong')}<password>pass</password>`;
      expect(await say(auth(both))).to.contain(`<error code='401'>Unauthorized</error>`);
    });

    it('an empty password is not that of an account that is not there', async () => {
      const nobody = `<username>nobody</username><password/><resource>x</resource>`;
      expect(await say(auth(nobody))).to.contain(`<error code='401'>Unauthorized</error>`);
      const digestOfNothing = `<username>nobody</username><digest sid='a'>${sha1('a')}</digest><resource>x</resource>`;
      expect(await say(auth(digestOfNothing))).to.contain(`<error code='401'>Unauthorized</error>`);
    });

    for (const [what, content, code] of [
      [
        'a wrong password',
        '<username>juliet</username><password>wrong</password><resource>x</resource>',
        '401',
      ],
      ['no resource', '<username>juliet</username><password>pass</password>', '401'],
      ['no user name', '<password>pass</password><resource>x</resource>', '406'],
      [
        'a user name that is none',
        '<username>a b</username><password>pass</password><resource>x</resource>',
        '406',
      ],
      [
        'a resource that is none',
        '<username>juliet</username><password>pass</password><resource>&#9;</resource>',
        '406',
      ],
      ['no password at all', '<username>juliet</username><resource>x</resource>', '500'],
      ['a digest without sid', '<username>juliet</username><digest>00</digest><resource>x</resource>', '500'],
    ]) {
      it(`${what} is answered with ${code}`, async () => {
        expect(await say(auth(content))).to.contain(`<error code='${code}'>`);
        expect([...world.manager.sessions]).to.deep.equal([]);
      });
    }

    it('an error gives no password back', async () => {
      const answer = await say(
        auth('<username>juliet</username><password>hunter2</password><resource>x</resource>'),
      );
      expect(answer).to.contain('<username>juliet</username><password/>').and.not.contain('hunter2');
      expect(
        await say(
          iq('set', `<query xmlns='jabber:iq:auth'><password>hunter2</password></query>`, 'otherhost'),
        ),
      ).to.not.contain('hunter2');
    });

    it('no password is in the log', async () => {
      await world.end();
      const lines: string[] = [];
      const note: Log['info'] = (message, details) => void lines.push(message + JSON.stringify(details));
      await create({ log: { error: note, warn: note, info: note, debug: note } });
      await say(auth('<username>juliet</username><password>hunter2</password><resource>x</resource>'));
      await say(register('<username>romeo</username><password>hunter2</password>'));
      expect(lines.length).to.be.greaterThan(2);
      expect(lines.join('\n')).to.not.contain('hunter2');
    });

    it('the second login of a socket is a second session, or the same again', async () => {
      const content = (resource: string): string =>
        auth(`<username>juliet</username><password>pass</password><resource>${resource}</resource>`);
      await say(content('Balcony'));
      expect(await say(content('Balcony'))).to.equal(RESULT);
      await say(content('Chamber'));
      expect([...world.manager.sessions]).to.have.length(2);
    });
  });

  describe('jabber:iq:register [XEP-0077]', () => {
    it('says what an account is made of', async () => {
      expect(await say(iq('get', `<query xmlns='jabber:iq:register'/>`))).to.match(
        /<instructions>[^<]+<\/instructions><username\/><password\/><\/query><\/iq>$/,
      );
    });

    it('makes an account that can log in', async () => {
      expect(await say(register('<username>Romeo</username><password>x</password>'))).to.equal(
        `<iq type='result' id='a' sfrom='localhost' sto='${SOCKET}'/>`,
      );
      const login = auth('<username>romeo</username><password>x</password><resource>y</resource>');
      expect(await say(login)).to.contain(`type='result'`);
    });

    for (const [what, content, error] of [
      [
        'a name that is taken',
        '<username>JULIET</username><password>x</password>',
        '409|Username Not Available',
      ],
      ['no name', '<password>x</password>', '406|Not Acceptable'],
      ['a name that is none', '<username>a@b</username><password>x</password>', '406|Not Acceptable'],
      ['no password', '<username>romeo</username>', '406|Not Acceptable'],
    ]) {
      it(`refuses ${what}`, async () => {
        const [code, text] = error.split('|');
        expect(await say(register(content))).to.contain(`<error code='${code}'>${text}</error>`);
      });
    }

    it('is not allowed where it is turned off, neither to ask nor to do', async () => {
      await world.end();
      await create({ registration: false });
      const refused = `<error code='405'>Not Allowed</error>`;
      expect(await say(iq('get', `<query xmlns='jabber:iq:register'/>`))).to.contain(refused);
      expect(await say(register('<username>romeo</username><password>x</password>'))).to.contain(refused);
      expect(world.store.accounts.exists('romeo@localhost')).to.equal(false);
    });
  });

  it('anything else is refused, or given back', async () => {
    expect(await say(iq('get', `<query xmlns='jabber:iq:roster'/>`))).to.contain(`<error code='406'>`);
    expect(await say(iq('set', ''))).to.contain(`<error code='406'>`);
    expect(await say(`<message sfrom='${SOCKET}' sto='localhost'/>`)).to.contain(
      `<error code='510' type='normal'>`,
    );
  });

  it('what was sent to a host that is not served is given back in a 510', async () => {
    expect(await say(iq('set', `<query xmlns='jabber:iq:auth'/>`, 'otherhost'))).to.equal(
      `<iq type='error' id='a' sfrom='otherhost' sto='${SOCKET}'><query xmlns='jabber:iq:auth'/>` +
        `<error code='510' type='set'>Server Configuration Error</error></iq>`,
    );
  });

  it('serves the same user name on each of its hosts as another account', async () => {
    await world.end();
    await create({ domains: ['localhost', 'Foo.com'] });
    const login = '<username>juliet</username><password>pass</password><resource>x</resource>';
    const query = `<query xmlns='jabber:iq:auth'>${login}</query>`;
    expect(await say(iq('set', query, 'foo.com'))).to.contain(`<error code='401'>`);
    world.store.accounts.add('juliet@foo.com', 'pass');
    expect(await say(iq('set', query, 'FOO.com'))).to.contain(`sfrom='juliet@foo.com/x'`);
  });

  it('a socket address of another component is a mistake in somebody’s configuration, said once', async () => {
    await world.end();
    const warnings: string[] = [];
    await create({ log: { ...silent, warn: (message) => void warnings.push(message) } });
    const foreign = iq('get', `<query xmlns='jabber:iq:auth'/>`).replace(SOCKET, '12@bar-sockets/1');
    expect(await say(foreign + foreign)).to.contain('Server Configuration Error');
    expect(warnings).to.have.length(1);
  });
});
