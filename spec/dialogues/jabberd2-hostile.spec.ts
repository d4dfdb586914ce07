/**
 * What hostile clients write on their stanzas in front of jabberd2. Its session manager takes the first attributes named
 * `sm` and `c2s` in whatever namespace, and writes prefixes of its own without looking whether they are taken: one stanza
 * could go out as another user, or take the session manager off the router. [jabberd2 2.7.0 sm]
 */
import { expect } from 'chai';
import { authSet, header, type Client } from '../support/client.js';
import {
  CLIENT,
  CLIENT_STREAM,
  COMP,
  isDeclaration,
  Node,
  readXml,
  SESS,
  type Attribute,
} from '../support/namespaced.js';
import { toldRouter, unstamped, type Guest, type RouterStory } from '../support/router-story.js';

/** What the namespace of sessions becomes where a client writes inside of a stanza: the old reader takes it for its own. */
const HARMLESS = `${SESS}#client`;

/** What a client writes, and what of it must arrive. */
const OPENINGS: Record<string, [said: (other: Guest) => string, arrives: string]> = {
  'ids of another, before anything': [
    ({ c2s, sm }) => `<message c2s='${c2s}' sm='${sm}' to='a@b'><body>x</body></message>`,
    `<message to='a@b'><body>x</body></message>`,
  ],
  'ids of another, behind everything': [
    ({ c2s, sm }) => `<message to='a@b' sm='${sm}' c2s='${c2s}'/>`,
    `<message to='a@b'/>`,
  ],
  'ids on lines of their own': [
    ({ c2s, sm }) => `<message\n\tsm\n=\n"${sm}"\n\tto='a@b'\nc2s = '${c2s}'\n/>`,
    `<message to='a@b'/>`,
  ],
  'ids as references': [() => `<message c2s='&#49;' sm='&lt;&quot;&apos;' to='a@b'/>`, `<message to='a@b'/>`],
  'ids beyond ASCII': [() => `<message c2s='ä' sm='\u{1f600}' to='ü@b'/>`, `<message to='ü@b'/>`],
  'empty ids': [() => `<presence c2s='' sm=''/>`, `<presence/>`],
  'the word that it has failed': [() => `<message failed='1' to='a@b'/>`, `<message to='a@b'/>`],
  'ids in a namespace of its own': [
    ({ c2s, sm }) => `<message xmlns:x='urn:x' x:sm='${sm}' x:c2s='${c2s}' x:failed='1' to='a@b'/>`,
    `<message to='a@b'/>`,
  ],
  'ids in the namespace of sessions': [
    ({ c2s, sm }) => `<message xmlns:x='${SESS}' x:sm='${sm}' x:c2s='${c2s}' to='a@b'/>`,
    `<message to='a@b'/>`,
  ],
  'the word that it has failed, in the namespace of sessions': [
    () => `<message to='a@b' xmlns:q='${SESS}' q:failed='1'/>`,
    `<message to='a@b'/>`,
  ],
  'something else in the namespace of sessions': [
    () => `<message xmlns:q='${SESS}' q:action='end' q:target='romeo@localhost' to='a@b'/>`,
    `<message to='a@b'/>`,
  ],
  'the namespace of sessions, not used': [
    () => `<message xmlns:q='${SESS}' to='a@b'/>`,
    `<message to='a@b'/>`,
  ],
  'the namespace of sessions, written with references': [
    () => `<message xmlns:q='${SESS.replace('h', '&#104;')}' q:sm='1' to='a@b'/>`,
    `<message to='a@b'/>`,
  ],
  'the namespace of sessions twice': [
    () => `<message xmlns:q='${SESS}' xmlns:r='${SESS}' q:sm='1' r:c2s='2' to='a@b'/>`,
    `<message to='a@b'/>`,
  ],
  'our prefix for the namespace of sessions': [
    ({ c2s, sm }) => `<message xmlns:sc='${SESS}' sc:sm='${sm}' sc:c2s='${c2s}' to='a@b'/>`,
    `<message to='a@b'/>`,
  ],
  'the prefix sc for something else, not used': [
    () => `<message xmlns:sc='urn:foo' to='a@b'/>`,
    `<message to='a@b'/>`,
  ],
  'the prefix sm for something else, not used, which throws the session manager out': [
    () => `<message xmlns:sm='urn:foo' to='a@b'/>`,
    `<message to='a@b'/>`,
  ],
  'the prefix sc for something else, on an attribute (32-stock-c2s-sasl-bind)': [
    () => `<message xmlns:sc='urn:foo' sc:z='1' to='a@b'/>`,
    `<message xmlns:q='urn:foo' q:z='1' to='a@b'/>`,
  ],
  'the prefix sm for something else, on an attribute': [
    () => `<message sm:z='1' xmlns:sm='urn:foo' to='a@b' id='1'/>`,
    `<message xmlns:q='urn:foo' q:z='1' to='a@b' id='1'/>`,
  ],
  'both prefixes for one thing': [
    () => `<message xmlns:sm='urn:foo' xmlns:sc='urn:foo' sm:y='1' sc:z='1'/>`,
    `<message xmlns:q='urn:foo' q:y='1' q:z='1'/>`,
  ],
  'both prefixes for two things': [
    () => `<message xmlns:sm='urn:m' xmlns:sc='urn:c' sm:z='1' sc:z='1'/>`,
    `<message xmlns:m='urn:m' xmlns:c='urn:c' m:z='1' c:z='1'/>`,
  ],
  'ids with the prefix sm for something else': [
    () => `<message xmlns:sm='urn:foo' sm:sm='1' sm:c2s='2' sm:failed='1'/>`,
    `<message/>`,
  ],
  'the prefix sm on a child': [
    () => `<message xmlns:sm='urn:foo'><sm:x sm:y='1'><sm:z/></sm:x><a xmlns='urn:a' sm:b='1'/></message>`,
    `<message xmlns:q='urn:foo'><q:x q:y='1'><q:z/></q:x><a xmlns='urn:a' q:b='1'/></message>`,
  ],
  'the prefix sc on a child': [
    () => `<message xmlns:sc='urn:foo'><sc:x sc:y='1'><sc:z/></sc:x><a xmlns='urn:a' sc:b='1'/></message>`,
    `<message xmlns:q='urn:foo'><q:x q:y='1'><q:z/></q:x><a xmlns='urn:a' q:b='1'/></message>`,
  ],
  'both prefixes on children, which declare them anew': [
    () =>
      `<message xmlns:sm='urn:m' xmlns:sc='urn:c'><sm:x xmlns:sm='urn:n'><sc:y/></sm:x><sm:z/>text<sc:v xmlns:sc='urn:d' sc:w='1'/></message>`,
    `<message><x xmlns='urn:n'><y xmlns='urn:c'/></x><z xmlns='urn:m'/>text<d:v xmlns:d='urn:d' d:w='1'/></message>`,
  ],
  'the prefix of the namespace of sessions on a child': [
    () => `<message xmlns:q='${SESS}'><q:session action='end' q:sm='1'/><x q:c2s='1'/></message>`,
    `<message xmlns:r='${HARMLESS}'><r:session action='end'/><x/></message>`,
  ],
  'prefixes declared where they are used': [
    () =>
      `<message><sm:x xmlns:sm='urn:m' sm:sm='1'/><sc:x xmlns:sc='${SESS}' sc:sm='1' sc:c2s='2'/></message>`,
    `<message><a:x xmlns:a='urn:m' a:sm='1'/><b:x xmlns:b='${HARMLESS}'/></message>`,
  ],
  'prefixes that look like ours': [
    () =>
      `<message xmlns:sma='urn:1' xmlns:asm='urn:2' xmlns:SM='urn:3' sma:a='1' asm:b='2' SM:c='3' smc2s='4'/>`,
    `<message xmlns:x='urn:1' xmlns:y='urn:2' xmlns:z='urn:3' x:a='1' y:b='2' z:c='3' smc2s='4'/>`,
  ],
  'prefixes that a rewriter may think of': [
    () =>
      `<message xmlns:sc='urn:0' xmlns:sc0='urn:1' xmlns:sc1='urn:2' xmlns:s='urn:3' xmlns:ns0='urn:4' xmlns:ns1='urn:5' sc:a='' sc0:a='' sc1:a='' s:a='' ns0:a='' ns1:a=''/>`,
    `<message xmlns:a='urn:0' xmlns:b='urn:1' xmlns:c='urn:2' xmlns:d='urn:3' xmlns:e='urn:4' xmlns:f='urn:5' a:a='' b:a='' c:a='' d:a='' e:a='' f:a=''/>`,
  ],
  'declarations that it does not use': [
    () => `<message xmlns:a='urn:a' xmlns:b='urn:b' to='a@b'><b:x/></message>`,
    `<message to='a@b'><x xmlns='urn:b'/></message>`,
  ],
  'its own namespace again': [
    () => `<message xmlns='jabber:client' xmlns:c='jabber:client' to='a@b'><c:body>x</c:body></message>`,
    `<message to='a@b'><body>x</body></message>`,
  ],
  'the prefix xml': [
    () => `<message xml:lang='de' xml:sm='1' xml:c2s='2' xml:failed='3'/>`,
    `<message xml:lang='de'/>`,
  ],
  'the prefix xml, declared': [
    () => `<message xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='de' xml:sm='1'/>`,
    `<message xml:lang='de'/>`,
  ],
  'the prefix xml, declared inside': [
    () =>
      `<message xmlns:a='urn:a' xml:lang='de'><body xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='en' a:b='1'>x</body></message>`,
    `<message xmlns:q='urn:a' xml:lang='de'><body xml:lang='en' q:b='1'>x</body></message>`,
  ],
  'addresses with a prefix, which the old reader takes for the one without': [
    ({ jid }) =>
      `<message xmlns:x='urn:x' x:to='a@b' x:from='${jid}' x:type='error' x:id='1' x:y='2' to='c@d'/>`,
    `<message xmlns:x='urn:x' x:y='2' to='c@d'/>`,
  ],
  'prefixes declared anew and anew': [
    () =>
      `<message><a:x xmlns:a='urn:1' a:i='1'><a:x xmlns:a='urn:2' a:i='2'><a:x xmlns:a='urn:1' a:i='3'/></a:x></a:x><y xmlns='urn:1' xmlns:a='urn:2' a:i='4' i='5'/></message>`,
    `<message xmlns:q='urn:1' xmlns:r='urn:2'><q:x q:i='1'><r:x r:i='2'><q:x q:i='3'/></r:x></q:x><q:y r:i='4' i='5'/></message>`,
  ],
  'characters as references, on something that is spelt anew': [
    () => `<message xmlns:a='urn:a' a:b='&#xE9;&#x1F600;'><body>&#xAD;&#x20AC;</body></message>`,
    `<message xmlns:q='urn:a' q:b='\u00e9\u{1f600}'><body>\u00ad\u20ac</body></message>`,
  ],
  'no namespace inside, which the sm reads as that of what is around': [
    () =>
      `<message><x xmlns=''><y a='1'/></x><z xmlns='urn:z'><v xmlns=''/><q:w xmlns:q='urn:w'><u xmlns=''/></q:w></z></message>`,
    `<message><x><y a='1'/></x><z xmlns='urn:z'><v/><w xmlns='urn:w'><u/></w></z></message>`,
  ],
};

describe('what a client writes on a stanza', () => {
  for (const [what, [said, arrives]] of Object.entries(OPENINGS)) {
    it(
      `reaches the router as what it may be, and harms nobody: ${what}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        juliet.send(said(romeo));
        const routed = await story.link.routed();
        expect(routed.to).to.equal('sm');
        const rest = unstamped(routed, juliet);
        expect(rest.canonical(), routed.source).to.equal(readXml(arrives, CLIENT_STREAM).canonical());
        await story.expectQuiet(juliet);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'may be said before by the header of its stream',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.client(
        'juliet',
        `to='localhost' version='1.0' xmlns:sm='${SESS}' xmlns:sc='urn:sc' xmlns:q='${SESS}' sm:sm='1' sm='2' c2s='3'`,
      );
      juliet.send(authSet('juliet'));
      await story.expectStart(juliet, 'juliet@localhost/Balcony');
      await story.open(juliet);
      juliet.send(
        `<message sm:sm='${romeo.sm}' q:c2s='${romeo.c2s}'/><message sc:sm='1' sc:z='1'><sm:x/><sc:y/></message><presence/>`,
      );
      await story.expectFrom(juliet, `<message/>`);
      await story.expectFrom(
        juliet,
        `<message xmlns:a='urn:sc' a:z='1'><x xmlns='${HARMLESS}'/><a:y/></message>`,
      );
      await story.expectFrom(juliet, `<presence/>`);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'may be anything: whatever the combination, the ids are ours, the XML is good, and the content is the same',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      const dice = seeded(20021128);
      for (let round = 0; round < 400; round += 1) {
        const stanza = randomStanza(dice, romeo);
        if (!isReadable(stanza)) continue;
        juliet.send(stanza);
        const routed = await story.link.routed();
        const rest = unstamped(routed, juliet);
        const expected = arriving(readXml(stanza, CLIENT_STREAM));
        expect(rest.canonical(), `${stanza}\nbecame\n${routed.source}`).to.equal(expected.canonical());
      }
      await story.expectQuiet(juliet);
      await story.expectQuiet(romeo);
    }),
  ).timeout(20_000);
});

/**
 * What of a stanza may arrive: no attribute that says whose it is or, with a prefix, where it goes; none in a namespace
 * that is not between clients; and no element in one.
 */
function arriving(node: Node, isRoot = true): Node {
  const internal = (namespace: string): boolean => namespace === SESS || namespace === COMP;
  const taken = ({ name, local, namespace }: Attribute): boolean => {
    if (isDeclaration(name) || !isRoot) return internal(namespace) || namespace === CLIENT;
    if (['sm', 'c2s', 'failed'].includes(local) || internal(namespace)) return true;
    return namespace !== '' && (namespace === CLIENT || ['to', 'from', 'id', 'type'].includes(local));
  };
  const namespace = internal(node.namespace) ? `${node.namespace}#client` : node.namespace;
  const attributes = node.attributes.filter((attribute) => !taken(attribute));
  const kept = new Node(node.name, namespace, attributes);
  kept.children.push(
    ...node.children.map((child) => (typeof child === 'string' ? child : arriving(child, false))),
  );
  return kept;
}

/** mulberry32: the same numbers at every run. */
function seeded(seed: number): <T>(choices: readonly T[]) => T {
  let state = seed;
  return (choices) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return choices[((mixed ^ (mixed >>> 14)) >>> 0) % choices.length];
  };
}

const PREFIXES = ['sm', 'sc', 'x', 'y', 'c2s', 's'];
const NAMESPACES = [SESS, COMP, 'urn:a', 'urn:b', 'jabber:client'];
const LOCALS = ['sm', 'c2s', 'failed', 'to', 'z', 'action'];

function randomStanza(choose: <T>(choices: readonly T[]) => T, other: Guest): string {
  const parts = Array.from({ length: choose([0, 1, 2, 3, 5, 8]) }, () => {
    const value = choose([other.sm, other.c2s, '1', '', '&lt;&apos;', 'ä']);
    const quote = choose([`'`, `"`]);
    const name = choose([
      choose(LOCALS),
      `${choose(PREFIXES)}:${choose(LOCALS)}`,
      `${choose(PREFIXES)}:${choose(LOCALS)}`,
    ]);
    return choose([
      `${choose([' ', '\n', '  '])}${name}${choose(['=', ' = '])}${quote}${value}${quote}`,
      ` xmlns:${choose(PREFIXES)}=${quote}${choose(NAMESPACES)}${quote}`,
      ` xmlns:${choose(PREFIXES)}=${quote}${choose(NAMESPACES)}${quote}`,
    ]);
  });
  const children = Array.from({ length: choose([0, 0, 1, 2]) }, () => {
    const prefix = choose(PREFIXES);
    const declared = choose(['', '', ` xmlns:${prefix}='${choose(NAMESPACES)}'`]);
    return `<${choose([prefix, prefix, 'body']).replace(/^(?!body)(.*)$/, '$1:x')}${declared} ${choose(['a', 'sm'])}='1'/>`;
  });
  const tag = `<${choose(['message', 'presence'])}${parts.join('')}`;
  return children.length === 0
    ? `${tag}${choose(['/>', ' />', '\n></message>'])}`.replace(
        /^<presence(.*)<\/message>$/s,
        '<presence$1</presence>',
      )
    : closed(tag, children.join(choose(['', 'text'])));
}

function closed(tag: string, content: string): string {
  return `${tag}>${content}</${tag.slice(1).split(/\s/)[0]}>`;
}

/** Is it XML that we have to take? Our own reader is judged elsewhere. */
function isReadable(stanza: string): boolean {
  try {
    readXml(stanza, CLIENT_STREAM);
    return true;
  } catch {
    return false;
  }
}

describe('hostile clients in front of jabberd2', () => {
  const attacks: Record<string, (client: Client) => Promise<unknown> | void> = {
    'an attribute twice': (client) => client.send(`<message sm='1' sm='2'/>`),
    'an attribute twice by its namespace': (client) =>
      client.send(`<message xmlns:a='${SESS}' xmlns:b='${SESS}' a:sm='1' b:sm='2'/>`),
    'a declaration twice': (client) => client.send(`<message xmlns:sm='urn:a' xmlns:sm='urn:b'/>`),
    'a prefix nobody declared': (client) => client.send(`<message sc:sm='1'/>`),
    'our prefix, which only we declare, on a child': (client) => client.send(`<message><sc:x/></message>`),
    'the end of our route': (client) => client.send(`<message/></route></stream:stream>`),
    'ten thousand attributes': (client) => {
      const attributes = Array.from({ length: 10_000 }, (_, count) => ` sm${count}=''`);
      client.send(`<message${attributes.join('')}/>`);
    },
    'ten thousand declarations': (client) => {
      const declarations = Array.from({ length: 10_000 }, (_, count) => ` xmlns:sm${count}='${SESS}'`);
      client.send(`<message${declarations.join('')}/>`);
    },
    'a second header': (client) => client.send(header()),
    'a NUL in an id': (client) => client.send(`<message sm='\0'/>`),
    'binary garbage': (client) =>
      client.send(Buffer.from(Array.from({ length: 999 }, (_, at) => (at * 7919) % 256))),
    'a reset in the middle of a stanza': async (client) => {
      await client.sent(`<message sm='1`);
      await new Promise((resolve) => setImmediate(resolve));
      await client.reset();
    },
  };
  for (const [what, attack] of Object.entries(attacks)) {
    it(
      `harm nobody, before and after login, with ${what}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        await attackBeforeLogin(story, attack);
        const juliet = await story.user('juliet');
        await attack(juliet);
        await story.expectLeft(juliet).catch(async () => story.expectLeft(juliet));
        await story.gone(juliet);
        story.link.send(story.ended(juliet));
        await story.expectQuiet(romeo);
        expect(story.router.connects).to.equal(1);
      }),
    );
  }

  it(
    'get a stanza back that has a namespace with the character which the sm ends namespaces with',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      juliet.send(`<message id='m1' xmlns:a='urn|a' a:b='1'/>`);
      const refusal = await juliet.stanza();
      expect(refusal.attribute('id')).to.equal('m1');
      expect(refusal.child('error')?.child('not-acceptable')).to.exist;
      await story.expectQuiet(juliet);
      await story.expectQuiet(romeo);
    }),
  );
});

async function attackBeforeLogin(
  story: RouterStory,
  attack: (client: Client) => Promise<unknown> | void,
): Promise<void> {
  const client = await story.client();
  await attack(client);
  await story.gone(client);
}
