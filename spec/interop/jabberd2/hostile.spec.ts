import { expect } from 'chai';
import { Random } from '../../fuzz/random.js';
import { parse, type Element } from '../../../lib/xml/index.js';
import { JABBERD2 } from '../support/jabberd2.js';
import { Jabberd2Story } from '../support/jabberd2-story.js';
import { describeWith } from '../support/needs.js';
import type { User } from '../support/user.js';

const SESSION = 'http://jabberd.jabberstudio.org/ns/session/1.0';
const COMPONENT = 'http://jabberd.jabberstudio.org/ns/component/1.0';
const XML = 'http://www.w3.org/XML/1998/namespace';

/** Ids of the session of another user, as they stand on the link. */
interface Ids {
  readonly c2s: string;
  readonly sm: string;
}

/** A message to the witness: attributes of its opening tag, and what it holds. */
type Message = readonly [title: string, attributes: (victim: Ids) => string, content?: string];

/** What must arrive, as nothing but a message of the one who sent it. */
const CLAIMS: readonly Message[] = [
  ['ids of another session', ({ c2s, sm }) => `sm='${sm}' c2s='${c2s}'`],
  [
    'ids of another session, in a namespace of its own',
    ({ c2s, sm }) => `xmlns:x='urn:x' x:sm='${sm}' x:c2s='${c2s}'`,
  ],
  [
    'ids of another session, in the namespace of sessions',
    ({ c2s, sm }) => `xmlns:q='${SESSION}' q:sm='${sm}' q:c2s='${c2s}'`,
  ],
  ['the mark of what is given back', () => `failed='1'`],
  ['the mark of what is given back, in the namespace of sessions', () => `xmlns:q='${SESSION}' q:failed='1'`],
  ['the prefix of the sm, declared', () => `xmlns:sm='urn:foo'`],
  ['the prefix of the sm, used', () => `xmlns:sm='urn:foo' sm:x='1'`],
  ['the prefix of c2s, declared', () => `xmlns:sc='urn:foo'`],
  ['the prefix of c2s, used', () => `xmlns:sc='urn:foo' sc:x='1'`],
  ['addresses in a namespace', () => `xmlns:x='urn:x' x:to='nobody@localhost' x:from='x' x:type='error'`],
  ['an address of another', () => `from='victim@localhost/desk'`],
  ['the mark of a route that failed', () => `xmlns:x='${COMPONENT}' x:error='404'`, ''],
  ['a route inside', () => '', `<route xmlns='${COMPONENT}' to='sm' from='c2s' error='400'/>`],
  ['an end of a session inside', () => '', `<s:session xmlns:s='${SESSION}' action='end' s:sm='1'/>`],
  ['a session inside something', () => '', `<x xmlns='urn:k'><sc:x xmlns:sc='${SESSION}' sc:sm='3'/></x>`],
  [
    'both prefixes on children',
    () => '',
    `<sm:x xmlns:sm='urn:a' sm:a='1'/><sc:x xmlns:sc='urn:b' sc:b='1'/>`,
  ],
];

/** What means the same however it is spelt, and must arrive so. */
const SPELLINGS: readonly string[] = [
  `<x xmlns='urn:k' xmlns:a='urn:k' a:b='1' b='2'/>`,
  `<x xmlns='urn:z' xmlns:p='urn:k'/><y xmlns:p='urn:k' xmlns='urn:w'/>`,
  `<p:x xmlns:p='urn:l'><q:x xmlns:q='urn:l' xmlns='urn:k'/></p:x>`,
  `<x xmlns='urn:l'/><p:y xmlns:p='urn:l' p:b='v' b='w'/>`,
  `<a:x xmlns:a='urn:k'><a:x xmlns:a='urn:l' a:b='1'><a:c/></a:x><a:d/></a:x>`,
  `<x xmlns='urn:k' xmlns:xml='${XML}' xml:lang='en'/>`,
  `<x xmlns='urn:k' xmlns:a='urn:l' a:b='&#xE9;&#x20AC;&#x1F600;'>&#xE9;&#x1F600;</x>`,
  `<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='a@b'><body>c</body></message></forwarded>`,
];

/** What the router or the sm would write wrongly: nobody but its sender may suffer. */
const UNWRITABLE: readonly (readonly [title: string, content: string])[] = [
  ['an apostrophe in the name of a namespace', `<x xmlns="urn:'"/>`],
  ['an ampersand in the name of a namespace', `<x xmlns='http://example.org/?a=1&amp;b=2'/>`],
  ['a < in the name of a namespace', `<x xmlns='urn:&lt;'/>`],
  ['a | in the name of a namespace', `<x xmlns='urn:a|b'/>`],
  ['a name of a namespace that is too long', `<x xmlns='urn:${'a'.repeat(1100)}'/>`],
  [
    'a prefixed name of a namespace that is too long',
    `<x xmlns='urn:k' xmlns:p='urn:${'a'.repeat(1100)}' p:a='1'/>`,
  ],
  ['names of attributes that differ at their ends', `<x ${'a'.repeat(1100)}1='1' ${'a'.repeat(1100)}2='2'/>`],
  ['an attribute that is longer than the router reads at a time', `<x a='${'v'.repeat(3000)}'/>`],
  ['elements inside each other', `${'<a>'.repeat(60)}${'</a>'.repeat(60)}`],
];

describeWith(
  'jabberd2',
  JABBERD2,
  'interop: what a client writes, through sm-component to a real jabberd2',
  () => {
    const held = Jabberd2Story.around();
    let hostile: User;
    let witness: User;
    let victim: User;
    let ids: Ids;
    let count = 0;

    beforeEach(async () => {
      const { story } = held;
      [hostile, witness, victim] = await Promise.all(
        ['hostile', 'witness', 'victim'].map((name) => story.member(name, { resource: `r${(count += 1)}` })),
      );
      ids = idsOf(story.line.passed, victim.full);
    });

    afterEach(async () => {
      for (const user of [hostile, witness, victim]) user.socket.destroy();
      const { story } = held;
      expect(story.jabberd.router.running.lines.filter((line) => line.includes('offline'))).to.deep.equal([]);
      expect(story.front.complaints()).to.deep.equal([]);
    });

    for (const [title, attributes, content = ''] of CLAIMS) {
      it(`it claims what is not its own, and is heard as itself: ${title}`, async () => {
        hostile.send(message(witness, attributes(ids), `<body>hear me</body>${content}`));
        const heard = await witness.hears('hear me');
        expect(heard.attribute('from')).to.equal(hostile.full);
        expect(heard.attribute('to')).to.equal(witness.full);
        expect(heard.attribute('type')).to.equal('chat');
        for (const name of ['sm', 'c2s', 'failed']) expect(heard.attribute(name), name).to.equal(undefined);
        await everybodyWorks();
      });
    }

    it('what it spells in unusual ways arrives with its meaning, spelt so that nobody falls', async () => {
      for (const [at, content] of SPELLINGS.entries()) {
        const source = message(witness, '', `<body>${at}</body>${content}`);
        hostile.send(source);
        const heard = await witness.hears(String(at));
        expectSameContent(heard, source);
      }
      await everybodyWorks();
    });

    it('however namespaces and prefixes are mixed, nobody falls, and everything arrives', async () => {
      const random = new Random(4711);
      for (let at = 0; at < 300; at += 1) {
        const source = message(witness, '', `<body>mixed ${at}</body>${mixed(random, 3, new Map())}`);
        hostile.send(source);
        const heard = await witness.hears(`mixed ${at}`);
        expectSameContent(heard, source);
      }
      await everybodyWorks();
    });

    for (const [title, content] of UNWRITABLE) {
      it(`it is carried or refused, and nobody else knows: ${title}`, async () => {
        hostile.send(message(witness, `id='odd'`, content));
        const fate = await hostile.fate();
        if (fate !== 'works') expect(fate.closed).to.equal(true);
        else if (hostile.waiting(isErrorOf('odd')).length === 0) await witness.find('it', isIt('odd'));
        for (const user of [witness, victim]) await user.roundTrip();
      });
    }

    it('what is no stanza for others is for nobody', async () => {
      const route = `<session xmlns='${SESSION}' action='start' target='victim@localhost/evil'/>`;
      hostile.send(`<route xmlns='${COMPONENT}' to='sm' from='our-c2s'>${route}</route>`);
      hostile.send(`<message xmlns='urn:foo' to='${witness.full}'><body>not for you</body></message>`);
      const fate = await hostile.fate();
      if (fate !== 'works') expect(fate.error).to.be.a('string');
      for (const user of [witness, victim]) await user.roundTrip();
      expect(witness.waiting(({ name }) => name === 'message')).to.deep.equal([]);
      expect(held.story.jabberd.sm.running.lines.filter((line) => line.includes('evil'))).to.deep.equal([]);
    });

    async function everybodyWorks(): Promise<void> {
      for (const user of [hostile, witness, victim]) await user.roundTrip();
    }
  },
);

const CLIENT = new Map([['', 'jabber:client']]);

/** Its addresses are another matter. */
function expectSameContent(heard: Element, source: string): void {
  expect(meaning(heard).slice(1), source).to.deep.equal(meaning(parse(source, CLIENT)).slice(1));
}

function message(to: User, attributes: string, content: string): string {
  return `<message ${attributes} to='${to.full}' type='chat'>${content}</message>`;
}

function isIt(id: string): (stanza: Element) => boolean {
  return ({ attributes }) => attributes.get('id') === id;
}

function isErrorOf(id: string): (stanza: Element) => boolean {
  return ({ attributes }) => attributes.get('id') === id && attributes.get('type') === 'error';
}

/** Both ids of a session, from the answer that started it. */
function idsOf(passed: string, jid: string): Ids {
  const tags = passed
    .match(/<[^>]*action='started'[^>]*>/g)!
    .filter((tag) => tag.includes(`target='${jid}'`));
  const value = (name: string): string => new RegExp(`:${name}='([^']*)'`).exec(tags.at(-1)!)![1];
  return { c2s: value('c2s'), sm: value('sm') };
}

/**
 * What XML says, however it is spelt: names with their namespaces, in document order, and text. Attributes of the
 * namespace of stanzas, which mean nothing, do not count.
 */
function meaning(element: Element, around: ReadonlyMap<string, string> = CLIENT): unknown[] {
  const scope = new Map(around);
  for (const [name, value] of element.attributes) {
    if (name === 'xmlns' || name.startsWith('xmlns:')) scope.set(name.slice(6), value);
  }
  const spelt = (name: string, isAttribute: boolean): string => {
    const [local, prefix = ''] = name.split(':').reverse();
    if (prefix === 'xml') return `{${XML}}${local}`;
    return isAttribute && prefix === '' ? local : `{${scope.get(prefix) ?? ''}}${local}`;
  };
  const attributes = [...element.attributes]
    .filter(([name]) => name !== 'xmlns' && !name.startsWith('xmlns:'))
    .map(([name, value]) => `${spelt(name, true)}=${value}`)
    .filter((attribute) => !attribute.startsWith('{jabber:client}'))
    .sort();
  const children = element.children.map((child) =>
    typeof child === 'string' ? child : meaning(child, scope),
  );
  return [attributes, spelt(element.name, false), ...children];
}

const NAMESPACES = ['urn:k', 'urn:l', 'jabber:client'];

/** Elements with namespaces and prefixes in every relation that XML allows. */
function mixed(random: Random, depth: number, around: ReadonlyMap<string, string>): string {
  const scope = new Map(around);
  const declared = new Map<string, string>();
  if (random.once(2)) declared.set('', random.pick(NAMESPACES));
  for (const prefix of ['p', 'q']) if (random.once(3)) declared.set(prefix, random.pick(NAMESPACES));
  for (const [prefix, namespace] of declared) scope.set(prefix, namespace);
  const prefixes = [...scope.keys()].filter((prefix) => prefix !== '');
  const parts = [...declared].map(([prefix, namespace]) => `xmlns${prefix && ':'}${prefix}='${namespace}'`);
  const taken = new Set<string>();
  for (const name of ['a', 'b', 'a']) {
    const prefix = prefixes.length > 0 && random.once(2) ? random.pick(prefixes) : '';
    const expanded = `${prefix && scope.get(prefix)} ${name}`;
    if (random.once(2) || taken.has(expanded)) continue;
    taken.add(expanded);
    parts.push(`${prefix}${prefix && ':'}${name}='v'`);
  }
  const prefix = prefixes.length > 0 && random.once(2) ? `${random.pick(prefixes)}:` : '';
  const name = `${prefix}${random.pick(['x', 'y'])}`;
  const order = random.once(2) ? parts : parts.reverse();
  const content = depth > 0 ? random.some(2, () => mixed(random, depth - 1, scope)) : '';
  return `<${[name, ...order].join(' ')}>${content}</${name}>`;
}
