/**
 * The real sm, and what clients write a little wrong: it must live, and another client must be served. It is one process
 * for everybody of its domains, and does not check what it reads.
 *
 * MUTANTS_SEED repeats a run, MUTANTS_COUNT makes it longer. What is the end of the sm and can be told from the stanza
 * alone belongs into lib/upstream/jabberd2/hazards.ts; what cannot be told belongs into docs/jabberd2.md.
 */
import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { Random } from '../../fuzz/random.js';
import type { Element } from '../../../lib/xml/index.js';
import { JABBERD2 } from '../support/jabberd2.js';
import { Jabberd2Story } from '../support/jabberd2-story.js';
import { Mutants, type Cast } from '../support/mutants.js';
import { describeWith } from '../support/needs.js';
import { expectError, type User } from '../support/user.js';

const COUNT = Number(process.env.MUTANTS_COUNT ?? 4000);
const SEED = Number(process.env.MUTANTS_SEED ?? randomInt(1_000_000_000));

/** What a session says in one go, before it waits until all of it has been looked at. */
const MUTANTS_A_GO = 10;
/** After so many, other accounts go on: what is kept for an account grows, and makes everything slow. */
const GOES_A_PAIR = 80;

const SESSION = `<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>`;
const AMP = 'http://jabber.org/protocol/amp';
const BLOCKING = 'urn:xmpp:blocking';
const PRIVACY = 'jabber:iq:privacy';

/** What stringprep makes 990 bytes of. */
const LONG = '\ufdfa'.repeat(30);

/** Addresses of the two that a script is about. */
interface Pair {
  readonly attacker: string;
  readonly victim: string;
}

/** What the attacker says: each of these was the end of the sm. */
type Script = (pair: Pair) => readonly string[];

const bare = (address: string): string => address.split('/')[0];
const block = (jid: string): string =>
  `<iq type='set'><block xmlns='${BLOCKING}'><item jid='${jid}'/></block></iq>`;
const unblock = (jid: string): string =>
  `<iq type='set'><unblock xmlns='${BLOCKING}'><item jid='${jid}'/></unblock></iq>`;
const privacy = (content: string, type = 'set'): string =>
  `<iq type='${type}'><query xmlns='${PRIVACY}'>${content}</query></iq>`;
const rule = (attributes: string, namespace: string): string =>
  `<amp xmlns='${namespace}'><rule ${attributes}/></amp>`;
const denies = (jid: string): string => `<item type='jid' value='${jid}' action='deny' order='1'/>`;

const FATAL: Readonly<Record<string, Script>> = {
  'a rule without a namespace, which the sm takes for one of XEP-0079': ({ victim }) => [
    `<message to='${victim}'><amp xmlns='${AMP}'><rule xmlns=''/></amp></message>`,
  ],
  'a rule of no namespace at all': ({ victim }) => [`<message to='${victim}'><amp><rule/></amp></message>`],
  'a rule of some other namespace': ({ victim }) => [
    `<message to='${victim}'>${rule('', 'urn:k')}</message>`,
    `<message to='${victim}'><p:amp xmlns:p='urn:k'><q:rule xmlns:q='urn:l'/></p:amp></message>`,
  ],
  'a rule without an action, a condition or a value': ({ victim }) =>
    ['', `action='drop'`, `action='alert' condition='deliver'`, `action='alert' value='x'`].map(
      (attributes) => `<message to='${victim}'>${rule(attributes, AMP)}</message>`,
    ),
  'addresses that come to nothing': () =>
    ['&#xAD;', 'a@&#xAD;', '&#xAD;/x', '&#x200B;', '&#xFEFF;', 'a@&#x2060;/b'].flatMap((address) => [
      `<message to='${address}'/>`,
      `<presence to='${address}'/>`,
      `<message from='${address}'/>`,
      `<iq type='get' to='${address}'><query xmlns='jabber:iq:version'/></iq>`,
      block(address),
      privacy(`<list name='p'>${denies(address)}</list>`),
      `<iq type='set'><query xmlns='jabber:iq:roster'><item jid='${address}'/></query></iq>`,
    ]),
  'an address that grows beyond what the sm has room for': ({ victim }) => [
    block(`${bare(victim)}/${LONG}`),
    `<iq type='set'><unblock xmlns='${BLOCKING}'/></iq>`,
  ],
  'a blocked address with parentheses': () => [block('x)(@localhost'), unblock('x)(@localhost')],
  'a privacy list without a name': () => [privacy('<list/>', 'get')],
  'a privacy list about a group without a name': () => [
    privacy(`<list name='p'><item type='group' value='' action='deny' order='1'/></list>`),
  ],
  'somebody blocked, no default list, somebody blocked again': ({ victim }) =>
    Array.from({ length: 10 }, () => [
      block(bare(victim)),
      privacy('<default/>'),
      unblock(bare(victim)),
      privacy(''),
      privacy('', 'get'),
    ]).flat(),
  'the list of the blocked, by the way of privacy lists': ({ victim }) =>
    Array.from({ length: 10 }, () => [
      privacy(`<list name='${BLOCKING}'>${denies(victim)}</list>`),
      block(bare(victim)),
      privacy('', 'get'),
    ]).flat(),
  'an error to somebody who is blocked': ({ victim }) => [
    block(victim),
    `<message to='${victim}' type='error'><body>b</body></message>`,
  ],
  'an alert to somebody whom one list lets in, and another not out': ({ attacker, victim }) => [
    privacy(`<list name='d'>${denies(victim)}</list>`),
    privacy(`<list name='e'><item action='allow' order='1'/></list>`),
    privacy(`<active name='e'/>`),
    privacy(`<default name='d'/>`),
    block(victim),
    privacy(`<active name='e'/>`),
    // The victim does what it is told, in the spec below.
    `<message to='${victim}'>${rule(`action='notify' condition='deliver' value='direct'`, AMP)}</message>`,
    `<message to='${bare(attacker)}'>${rule(`action='notify' condition='deliver' value='direct'`, AMP)}</message>`,
  ],
};

describeWith('jabberd2', JABBERD2, 'interop: stanzas that are the end of an sm of jabberd2', () => {
  const held = Jabberd2Story.around();
  let witness: User;
  let accounts = 0;
  let questions = 0;

  before(async () => void (witness = await held.story.member('witness')));

  for (const [title, script] of Object.entries(FATAL)) {
    it(`are refused, and the sm lives: ${title}`, async () => {
      const [attacker, victim] = await pair();
      for (const user of [attacker, victim]) {
        const names = { attacker: attacker.full, victim: (user === attacker ? victim : attacker).full };
        for (const stanza of script(names)) user.send(stanza);
        await looked(user);
      }
      await served();
    });
  }

  it('are not made of what an sm pushed to a client that is gone', async () => {
    const [one, other] = await pair();
    one.send(block(bare(other.full)));
    one.send(`<iq type='get'><query xmlns='jabber:iq:roster'/></iq>`);
    await looked(one);
    for (let at = 0; at < 50; at += 1) {
      one.send(`<iq type='set'><query xmlns='jabber:iq:roster'><item jid='u${at}@localhost'/></query></iq>`);
    }
    one.socket.resetAndDestroy();
    await other.roundTrip();
    await served();
  });

  for (const [username, resource] of [
    ['resource', '\u00ad'],
    ['\u200b', 'desk'],
  ]) {
    it(`are none by a login with a name that comes to nothing: ${JSON.stringify([username, resource])}`, async () => {
      await held.story.account('resource');
      const user = await held.story.user(username, { resource });
      expectError(await user.login(), '406');
      await served();
    });
  }

  it(`are not among ${COUNT} that are a little wrong (MUTANTS_SEED=${SEED})`, async function () {
    this.timeout(0);
    const random = new Random(SEED);
    for (let said = 0; said < COUNT; said += GOES_A_PAIR * MUTANTS_A_GO) {
      await mutated(random, Math.ceil(Math.min(COUNT - said, GOES_A_PAIR * MUTANTS_A_GO) / MUTANTS_A_GO));
    }
  });

  /** Two new users; others than those of before. */
  async function pair(): Promise<[User, User]> {
    accounts += 1;
    return [await held.story.member(`one${accounts}`), await held.story.member(`two${accounts}`)];
  }

  async function mutated(random: Random, goes: number): Promise<void> {
    const users = await pair();
    const absent = `absent${accounts}`;
    await held.story.account(absent);
    const [one, other] = users.map(({ full }) => full);
    const casts: Cast[] = [
      { self: one, other, absent: `${absent}@localhost`, domain: 'localhost' },
      { self: other, other: one, absent: `${absent}@localhost`, domain: 'localhost' },
    ];
    const mutants = casts.map((cast) => new Mutants(random, cast));
    for (let go = 0; go < goes; go += 1) {
      const at = go % 2;
      const stanzas = Array.from({ length: MUTANTS_A_GO }, (_none, place) =>
        mutants[at].next(`${go}-${place}`),
      );
      users[at].send(stanzas.join(''));
      await looked(users[at], stanzas);
      if (!random.once(12)) continue;
      users[at].socket.destroy();
      users[at] = await held.story.login(users[at].identity.username);
    }
    await served();
    for (const user of users) user.socket.destroy();
  }

  /** All that it has said so far has been looked at: the sm has answered what came behind it. */
  async function looked(user: User, stanzas: readonly string[] = []): Promise<void> {
    const id = `looked-${(questions += 1)}`;
    user.send(`<iq type='set' id='${id}'>${SESSION}</iq>`);
    const isIt = ({ attributes }: Element): boolean => attributes.get('id') === id;
    const died = held.story.jabberd.sm.running.exit;
    const found = await Promise.race([user.find('the answer of the sm', isIt), died]);
    if (typeof found === 'object') return;
    throw new Error(
      `the sm is dead (${found}), MUTANTS_SEED=${SEED}, of what was said last:\n${stanzas.join('\n')}`,
    );
  }
  /** The sm lives, and the other client is served. */
  async function served(): Promise<void> {
    await witness.roundTrip();
    expect(held.story.jabberd.sm.running.over).to.equal(false);
    expect(held.story.front.complaints()).to.deep.equal([]);
  }
});
