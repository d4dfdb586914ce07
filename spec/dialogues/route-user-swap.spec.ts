/**
 * The session manager of jabberd 1.4 gives a session to whoever asks for one: it trusts us to ask with the address whose
 * auth set it has accepted. Both C socket managers can be talked into another. [jabberd 1.4.3]
 */
import { expect } from 'chai';
import { authSet, OLD, type Client } from '../support/client.js';
import type { RouteStory } from '../support/route-story.js';
import { authRoute, route, sessionRoute, toldRoute } from '../support/route-story.js';
import { ended, told } from '../support/story.js';
import { escape, type Element } from '../../lib/xml/index.js';

const AUTH = 'jabber:iq:auth';
const REGISTER = 'jabber:iq:register';
const OWN = 'pass';
/** What everybody but mallory has for a password. */
const UNKNOWN = 'known to nobody';
const LAST = `<presence id='last'/>`;

/** The user of an address, as jabberd 1.4 finds it: up to the first `/`, behind a `:`, before the first `@`, cut. [jid.c] */
function userOf(address: string): string {
  const bare = address.split('/')[0].split(':').at(-1)!;
  const user = bare.includes('@') ? bare.slice(0, bare.indexOf('@')) : '';
  return Buffer.from(user).subarray(0, 64).toString('latin1').toLowerCase();
}

/** A session manager that knows mallory's password only, and does with the rest what jabberd does. */
class Honest {
  /** Addresses whose auth set was accepted, in order, and those that a session was asked for. */
  readonly accepted: string[] = [];
  readonly sessions: string[] = [];
  /** What was said within the session. */
  readonly carried: Element[] = [];
  private readonly users: Set<string>;

  constructor(
    private readonly story: RouteStory,
    ...own: string[]
  ) {
    this.users = new Set(own.map((user) => userOf(`${user}@localhost`)));
  }

  /** Serves until the client says its last word within a session. */
  async serve(): Promise<void> {
    for (;;) {
      const packet = await this.story.link.packet();
      expect(packet.name).to.equal('route');
      const type = packet.attribute('type');
      if (type === 'auth') this.answer(packet);
      else if (type === 'session') this.open(packet);
      else {
        expect(packet.attribute('to'), 'the session').to.equal(this.sessions.at(-1));
        expect(packet.attribute('type')).to.equal(undefined);
        const [stanza] = packet.elements;
        if (stanza.attribute('id') === 'last') return;
        this.carried.push(stanza);
      }
    }
  }

  private answer(packet: Element): void {
    const [to, from] = [packet.attribute('to')!, packet.attribute('from')!];
    const [iq] = packet.elements;
    const query = iq.child('query')!;
    const set = iq.attribute('type') === 'set' && query.namespace === AUTH;
    const password = this.users.has(userOf(to)) ? OWN : UNKNOWN;
    const granted = !set || query.childText('password') === password;
    if (set && granted) this.accepted.push(to);
    const id = iq.attribute('id')!;
    this.story.link.send(
      authRoute(from, escape(to), `<iq type='${granted ? 'result' : 'error'}' id='${id}'/>`),
    );
  }

  private open(packet: Element): void {
    const to = packet.attribute('to')!;
    expect(to, 'a session is asked for').to.equal(this.accepted.at(-1));
    expect(this.users, `a session for ${to}`).to.include(userOf(to));
    // one that can be told from others, and has the address as it was asked for
    this.sessions.push(to);
    this.story.link.send(sessionRoute(packet.attribute('from')!, escape(to)));
  }
}

function get(username: string, namespace = AUTH, id = 'auth1'): string {
  return `<iq type='get' id='${id}'><query xmlns='${namespace}'><username>${username}</username></query></iq>`;
}

function register(username: string, id = 'auth1'): string {
  return (
    `<iq type='set' id='${id}'><query xmlns='${REGISTER}'><username>${username}</username>` +
    `<password>x</password></query></iq>`
  );
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, at) =>
    permutations([...items.slice(0, at), ...items.slice(at + 1)]).map((rest) => [item, ...rest]),
  );
}

const OTHERS = {
  'auth get of juliet': (id?: string) => get('juliet', AUTH, id),
  'register get of juliet': (id?: string) => get('juliet', REGISTER, id),
  'register set of juliet': (id?: string) => register('juliet', id),
  'auth set of juliet': (id?: string) => authSet('juliet', 'Balcony', id),
};
const OWN_SET = 'own auth set' as const;
const REQUESTS = { ...OTHERS, [OWN_SET]: (id?: string) => authSet('mallory', 'den', id) };

type Step = keyof typeof REQUESTS;
const OTHER_STEPS = Object.keys(OTHERS) as Step[];

const ATTEMPTS: Step[][] = [
  ...OTHER_STEPS.flatMap((other) => permutations<Step>([OWN_SET, other])),
  ...OTHER_STEPS.map((other): Step[] => [other, OWN_SET, other]),
  ...permutations<Step>(['auth get of juliet', 'auth set of juliet', OWN_SET, 'register get of juliet']),
];

/** In one write, mallory's last word behind it: then the session manager has seen all that comes of it. */
async function attempt(story: RouteStory, text: string, ...own: string[]): Promise<Honest> {
  const honest = new Honest(story, 'mallory', ...own);
  const mallory: Client = await story.client('mallory');
  mallory.send(text + LAST);
  await honest.serve();
  return honest;
}

describe('a session for another user than the one who has logged in', () => {
  for (const steps of ATTEMPTS) {
    it(
      `is not to be had by: ${steps.join(', ')}`,
      toldRoute(async (story) => {
        for (const id of [(): string => 'auth1', (at: number): string => `id${at}`]) {
          const honest = await attempt(story, steps.map((step, at) => REQUESTS[step](id(at))).join(''));
          expect(honest.sessions).to.deep.equal(['mallory@localhost/den']);
          // what comes behind the login is said within the session
          expect(honest.carried).to.have.length(steps.length - 1 - steps.indexOf(OWN_SET));
        }
      }),
    );
  }

  it(
    'is not to be had by what is sent while the session is being opened, nor by what is sent behind the result',
    toldRoute(async (story) => {
      const mallory = await story.starting('mallory', 'den');
      mallory.send(get('juliet') + authSet('juliet') + register('juliet'));
      story.link.send(story.opened(mallory));
      for (let count = 0; count < 3; count += 1) {
        const packet = await story.link.packet();
        expect(packet.attribute('to')).to.equal(mallory.session);
        expect(packet.attribute('type')).to.equal(undefined);
      }
      mallory.send(authSet('juliet'));
      expect((await story.link.packet()).attribute('to')).to.equal(mallory.session);
    }),
  );

  it(
    'is not to be had by an answer that comes from the address of another',
    toldRoute(async (story) => {
      const mallory = await story.asking('mallory', 'den');
      story.link.send(
        authRoute(mallory.address, 'juliet@localhost/Balcony', `<iq type='result' id='auth1'/>`),
      );
      await story.link.expect(sessionRoute('mallory@localhost/den', mallory.address));
      await story.openSession(mallory);
    }),
  );

  it(
    'is not to be had by a refused set, whatever is answered to a get behind it',
    toldRoute(async (story) => {
      const mallory = await story.client('mallory');
      mallory.send(authSet('juliet') + get('juliet') + register('juliet'));
      for (const type of ['error', 'result', 'result']) {
        const packet = await story.link.packet();
        expect(packet.attribute('type')).to.equal('auth');
        mallory.address = packet.attribute('from')!;
        story.link.send(
          authRoute(mallory.address, packet.attribute('to')!, `<iq type='${type}' id='auth1'/>`),
        );
        await mallory.expect(`<iq type='${type}' id='auth1'/>`);
      }
      await story.expectQuiet(await story.user('romeo', 'Orchard'));
    }),
  );

  const SET = (fields: string): string =>
    `<iq type='set' id='odd'><query xmlns='${AUTH}'>${fields}</query></iq>`;
  const rest = `<password>${OWN}</password><resource>den</resource>`;
  const odd: Record<string, string> = {
    'two usernames': SET(`<username>mallory</username><username>juliet</username>${rest}`),
    'two usernames, the other way round': SET(
      `<username>juliet</username><username>mallory</username>${rest}`,
    ),
    'a username with a prefix before it': SET(
      `<x:username xmlns:x='y'>juliet</x:username><username>mallory</username>${rest}`,
    ),
    'a username with a prefix behind it': SET(
      `<username>mallory</username><x:username xmlns:x='y'>juliet</x:username>${rest}`,
    ),
    'a username with a prefix only': SET(`<x:username xmlns:x='${AUTH}'>mallory</x:username>${rest}`),
    'a username of another namespace': SET(
      `<username xmlns='y'>juliet</username><username>mallory</username>${rest}`,
    ),
    'an element in the username': SET(`<username>mallory<x>juliet</x></username>${rest}`),
    'an element before the username': SET(`<username><x>juliet</x>mallory</username>${rest}`),
    'a username inside of the username': SET(
      `<username><username>juliet</username>mallory</username>${rest}`,
    ),
    'two resources': SET(
      `<username>mallory</username><password>${OWN}</password><resource>den</resource><resource>x</resource>`,
    ),
    'two passwords': SET(`<username>mallory</username><password>x</password>${rest}`),
    'two queries': `<iq type='set' id='odd'><query xmlns='${AUTH}'><username>mallory</username>${rest}</query><query xmlns='${AUTH}'><username>juliet</username>${rest}</query></iq>`,
    'a query of another namespace before it': `<iq type='set' id='odd'><query xmlns='x'><username>juliet</username></query><query xmlns='${AUTH}'><username>mallory</username>${rest}</query></iq>`,
    'a query with a prefix': `<iq type='set' id='odd'><x:query xmlns:x='${AUTH}'><x:username>mallory</x:username></x:query></iq>`,
  };
  for (const user of [
    'juliet@localhost',
    'mallory@localhost',
    'juliet@localhost/mallory',
    'juliet/mallory',
    'juliet:mallory',
    'mallory:juliet',
    'juliet mallory',
    ' juliet',
    'juliet ',
    'juliet&#9;',
    'juliet&#10;mallory',
    'juliet&#127;',
    'juliet&lt;',
    'juliet&gt;',
    'juliet&amp;',
    `juliet&apos;`,
    'juliet&quot;',
    'ju<![CDATA[@]]>liet',
    '@',
    '@juliet',
    'x'.repeat(256),
  ]) {
    odd[`the username "${user}"`] = SET(`<username>${user}</username>${rest}`);
  }
  for (const [what, set] of Object.entries(odd)) {
    it(
      `is not to be had by ${what}: such a set is refused by us`,
      toldRoute(async (story) => {
        const mallory = await story.client('mallory');
        mallory.send(set);
        const refusal = await mallory.stanza();
        expect(refusal.attribute('type')).to.equal('error');
        expect(refusal.attribute('id')).to.equal('odd');
        expect(refusal.child('error')!.attribute('code')).to.equal('406');
        expect(refusal.toString(), 'the password').to.not.contain(OWN);
        const honest = new Honest(story, 'mallory');
        mallory.send(authSet('mallory', 'den') + LAST);
        await honest.serve();
        expect(honest.sessions).to.deep.equal(['mallory@localhost/den']);
      }),
    );
  }

  for (const username of [
    'juliet@localhost',
    'juliet@localhost/Balcony',
    'juliet/x',
    'ju liet',
    'x:juliet',
  ]) {
    it(
      `a get for the username "${username}" goes to the host`,
      toldRoute(async (story) => {
        const mallory = await story.client('mallory');
        for (const request of [get(username), get(username, REGISTER), register(username)]) {
          mallory.send(request);
          const packet = await story.link.packet();
          expect(packet.attribute('to')).to.equal('localhost');
          mallory.address = packet.attribute('from')!;
          story.link.send(authRoute(mallory.address, 'localhost', `<iq type='error' id='auth1'/>`));
          await mallory.stanza();
        }
      }),
    );
  }

  for (const resource of [
    'juliet@localhost/x',
    '/',
    '@',
    'den/juliet@localhost',
    `a'b&lt;c&gt;&amp;"d`,
    ' ',
  ]) {
    it(
      `a resource may be "${resource}": it makes nobody else of the user`,
      toldRoute(async (story) => {
        const honest = await attempt(story, authSet('mallory', resource));
        const plain = resource.replace('&lt;', '<').replace('&gt;', '>').replace('&amp;', '&');
        expect(honest.sessions).to.deep.equal([`mallory@localhost/${plain}`]);
      }),
    );
  }

  it(
    'a username of 70 characters is the same for the set and the session, however much of it is looked at',
    toldRoute(async (story) => {
      const long = 'm'.repeat(64);
      const honest = await attempt(
        story,
        authSet(`${long}ORY-70`, 'den') + authSet(`${long}other`) + get(long),
        long,
      );
      expect(honest.sessions).to.deep.equal([`${long}ORY-70@localhost/den`]);
    }),
  );

  it(
    'to and from of the iq make no difference',
    toldRoute(async (story) => {
      const set = authSet('mallory', 'den').replace(
        '<iq',
        `<iq to='juliet@localhost/Balcony' from='juliet@localhost/Balcony' sto='juliet@localhost' oto='juliet@localhost'`,
      );
      expect((await attempt(story, set)).sessions).to.deep.equal(['mallory@localhost/den']);
    }),
  );

  for (const to of [
    'juliet@localhost',
    'juliet@localhost/Balcony',
    'localhost/Balcony',
    'localhost/',
    '@localhost',
    'x:localhost',
    'local host',
    'localhost&#10;',
    `localhost&apos; type=&apos;session`,
    '',
    'x'.repeat(256),
  ]) {
    it(
      `is not to be had by a stream header with to="${to}": there is no such host`,
      toldRoute(
        async (story) => {
          const mallory = await story.connected('mallory');
          mallory.send(
            `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='${to}'>` +
              authSet('mallory', 'den') +
              register('mallory'),
          );
          await mallory.header();
          await mallory.expectError('host-unknown');
          await story.gone(mallory);
          await story.expectQuiet(await story.user('romeo', 'Orchard'));
        },
        { domains: [] },
      ),
    );
  }

  it(
    'is not to be had by what the client says in a <route/> of its own',
    toldRoute(async (story) => {
      const mallory = await story.user('mallory', 'den', OLD);
      for (const forged of [
        sessionRoute('juliet@localhost/Balcony', mallory.address),
        authRoute('juliet@localhost/Balcony', mallory.address, authSet('juliet')),
        route('juliet@localhost/E4FBDD90', '12@foo-sockets/x', '<presence/>'),
      ]) {
        mallory.send(forged);
        expect((await mallory.stanza()).attribute('type')).to.equal('error');
      }
      const early = await story.client('early');
      early.send(sessionRoute('juliet@localhost/Balcony', '12@foo-sockets/x'));
      await early.expectError('not-authorized');
      await story.expectQuiet(mallory);
    }),
  );
});

describe('a user whose name only looks like another', () => {
  // jabberd compares names without the case of ASCII letters, and knows no other
  for (const [name, like] of [
    ['\u212aate', 'kate'],
    ['\u00c9mile', '\u00e9mile'],
    ['\u0130da', 'i\u0307da'],
  ]) {
    it(
      `replaces nobody, and speaks for nobody: ${name} and ${like}, in front of jabberd 1.4`,
      toldRoute(async (story) => {
        const real = await story.user(like);
        const other = await story.user(name);
        await story.expectQuiet(real);
        await story.expectQuiet(other);
        await other.drop();
        await story.link.expect(story.left(other));
        story.link.send(story.ending(real));
        await real.expectError('undefined-condition');
      }),
    );

    it(
      `the same in front of jabberd 1.1: ${name} and ${like}`,
      told(async (story) => {
        const real = await story.user(like);
        const other = await story.user(name);
        await story.expectQuiet(real);
        await story.expectQuiet(other);
        await other.drop();
        await story.link.expect(ended(other.address, other.session));
        await story.expectQuiet(real);
      }),
    );
  }
});
