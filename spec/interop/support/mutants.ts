import type { Random } from '../../fuzz/random.js';
import { Element, parse } from '../../../lib/xml/index.js';

/** Whom stanzas name: `$SELF` and so on in a seed. */
export interface Cast {
  /** Address of the session that says it. */
  readonly self: string;
  /** Address of a session that listens, and is of another user. */
  readonly other: string;
  /** Bare address of an account that nobody is logged in to. */
  readonly absent: string;
  readonly domain: string;
}

/** One stanza each of what session managers answer themselves, as clients write it. */
const SEEDS: readonly string[] = [
  `<message to='$OTHER' type='chat'><body>b</body></message>`,
  `<message to='$OTHER_BARE' type='normal'><subject>s</subject><body>b</body><thread>t</thread></message>`,
  `<message to='$ABSENT'><body>b</body><x xmlns='jabber:x:event'><offline/><delivered/></x></message>`,
  `<message to='$ABSENT'><body>b</body><x xmlns='jabber:x:expire' seconds='1'/><x xmlns='jabber:x:delay' stamp='20020910T23:08:25'/></message>`,
  `<message to='$OTHER_BARE'><body>b</body><x xmlns='jabber:x:event'><composing/><id>i</id></x></message>`,
  `<message to='$ABSENT' type='headline'><body>b</body></message>`,
  `<message to='$OTHER' type='error'><body>b</body><error code='404' type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
  `<message to='$DOMAIN'><body>b</body></message>`,
  `<message to='$DOMAIN/announce/online'><body>b</body></message>`,
  `<message to='$DOMAIN/echo'><body>b</body></message>`,
  `<message><body>b</body></message>`,
  ...['deliver', 'match-resource', 'expire-at'].flatMap((condition) =>
    ['alert', 'drop', 'error', 'notify'].map(
      (action) =>
        `<message to='$ABSENT'><body>b</body><amp xmlns='http://jabber.org/protocol/amp' per-hop='true'><rule condition='${condition}' action='${action}' value='stored'/><rule condition='deliver' action='drop' value='none'/></amp></message>`,
    ),
  ),
  `<message to='$OTHER'><amp xmlns='http://jabber.org/protocol/amp' status='alert' from='$SELF' to='$OTHER'><rule action='alert' condition='match-resource' value='exact'/></amp><body>b</body></message>`,
  `<presence/>`,
  `<presence type='unavailable'><status>away</status></presence>`,
  `<presence><show>xa</show><status>s</status><priority>5</priority><x xmlns='vcard-temp:x:update'><photo/></x></presence>`,
  `<presence><priority>-1</priority></presence>`,
  `<presence to='$OTHER'/>`,
  `<presence to='$OTHER' type='unavailable'/>`,
  ...['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed', 'probe', 'error', 'invisible'].flatMap(
    (type) => [
      `<presence to='$OTHER_BARE' type='${type}'/>`,
      `<presence to='$ABSENT' type='${type}'><status>s</status></presence>`,
      `<presence type='${type}'/>`,
      `<presence to='$SELF_BARE' type='${type}'/>`,
      `<presence to='$DOMAIN' type='${type}'/>`,
    ],
  ),
  `<iq type='get'><query xmlns='jabber:iq:roster'/></iq>`,
  `<iq type='get'><query xmlns='jabber:iq:roster' ver='1'/></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:roster'><item jid='$OTHER_BARE' name='n'><group>g</group><group>h</group></item></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:roster'><item jid='$ABSENT'/><item jid='other.$DOMAIN'/></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:roster'><item jid='$OTHER_BARE' subscription='remove'/></query></iq>`,
  `<iq type='result'><query xmlns='jabber:iq:roster'/></iq>`,
  `<iq type='get'><query xmlns='jabber:iq:privacy'/></iq>`,
  `<iq type='get'><query xmlns='jabber:iq:privacy'><list name='p'/></query></iq>`,
  ...["type='jid' value='$OTHER'", "type='group' value='g'", "type='subscription' value='both'", ''].map(
    (what) =>
      `<iq type='set'><query xmlns='jabber:iq:privacy'><list name='p'><item ${what} action='deny' order='1'><message/><presence-in/></item><item action='allow' order='2'/></list></query></iq>`,
  ),
  `<iq type='set'><query xmlns='jabber:iq:privacy'><list name='q'><item type='jid' value='$ABSENT' action='deny' order='7'/></list></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:privacy'><list name='p'/></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:privacy'><active name='p'/></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:privacy'><active/></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:privacy'><default name='p'/></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:privacy'><default name='q'/></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:privacy'><default/></query></iq>`,
  `<iq type='get'><blocklist xmlns='urn:xmpp:blocking'/></iq>`,
  `<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='$OTHER_BARE'/></block></iq>`,
  `<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='$OTHER'/><item jid='$ABSENT'/></block></iq>`,
  `<iq type='set'><unblock xmlns='urn:xmpp:blocking'><item jid='$OTHER_BARE'/></unblock></iq>`,
  `<iq type='set'><unblock xmlns='urn:xmpp:blocking'/></iq>`,
  `<iq type='get'><vCard xmlns='vcard-temp'/></iq>`,
  `<iq type='get' to='$OTHER_BARE'><vCard xmlns='vcard-temp'/></iq>`,
  `<iq type='get' to='$DOMAIN'><vCard xmlns='vcard-temp'/></iq>`,
  `<iq type='set'><vCard xmlns='vcard-temp'><FN>f</FN><N><FAMILY>f</FAMILY></N><TEL><VOICE/><NUMBER>1</NUMBER></TEL><PHOTO><TYPE>image/png</TYPE><BINVAL>aGk=</BINVAL></PHOTO><DESC/></vCard></iq>`,
  `<iq type='get'><query xmlns='jabber:iq:private'><a xmlns='a:b'/></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:private'><a xmlns='a:b'><c>d</c></a></query></iq>`,
  `<iq type='set' to='$SELF_BARE'><query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'><conference jid='$OTHER' name='n'/></storage></query></iq>`,
  `<iq type='get' to='$DOMAIN'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
  `<iq type='get' to='$DOMAIN'><query xmlns='http://jabber.org/protocol/disco#info' node='http://jabber.org/protocol/amp'/></iq>`,
  `<iq type='get' to='$DOMAIN'><query xmlns='http://jabber.org/protocol/disco#items' node='sessions'/></iq>`,
  `<iq type='get' to='$OTHER_BARE'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>`,
  `<iq type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
  `<iq type='result' to='$DOMAIN'><query xmlns='http://jabber.org/protocol/disco#info'><identity category='c' type='t' name='n'/><feature var='v'/></query></iq>`,
  `<iq type='get'><query xmlns='jabber:iq:agents'/></iq>`,
  `<iq type='get' to='$DOMAIN'><query xmlns='jabber:iq:agents'/></iq>`,
  `<iq type='get' to='$DOMAIN'><query xmlns='jabber:iq:version'/></iq>`,
  `<iq type='get' to='$DOMAIN'><query xmlns='jabber:iq:time'/></iq>`,
  `<iq type='get' to='$DOMAIN'><time xmlns='urn:xmpp:time'/></iq>`,
  `<iq type='get' to='$DOMAIN'><query xmlns='jabber:iq:last'/></iq>`,
  `<iq type='get' to='$ABSENT'><query xmlns='jabber:iq:last'/></iq>`,
  `<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>`,
  `<iq type='get' to='$DOMAIN'><ping xmlns='urn:xmpp:ping'/></iq>`,
  `<iq type='get' to='$DOMAIN'><query xmlns='jabber:iq:search'/></iq>`,
  `<iq type='set' to='$DOMAIN'><query xmlns='jabber:iq:search'><nick>n</nick></query></iq>`,
  `<iq type='set'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>`,
  `<iq type='get'><vacation xmlns='http://jabber.org/protocol/vacation'/></iq>`,
  `<iq type='set'><query xmlns='http://jabber.org/protocol/vacation'><start>2020-01-01T00:00:00Z</start><end>2040-01-01T00:00:00Z</end><message>gone</message></query></iq>`,
  `<iq type='set'><query xmlns='http://jabber.org/protocol/vacation'/></iq>`,
  `<iq type='set'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'><item id='i'/></publish></pubsub></iq>`,
  `<iq type='set' to='$DOMAIN'><command xmlns='http://jabber.org/protocol/commands' node='n' action='execute'/></iq>`,
  `<iq type='get' to='$OTHER'><query xmlns='jabber:iq:version'/></iq>`,
  `<iq type='result' to='$OTHER'><query xmlns='jabber:iq:version'><name>n</name></query></iq>`,
  `<iq type='error' to='$OTHER'><query xmlns='jabber:iq:version'/><error code='501'/></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:privacy'><list name='urn:xmpp:blocking'><item type='jid' value='$OTHER' action='deny' order='1'/></list></query></iq>`,
];

const ADDRESSES: readonly string[] = [
  ...['$SELF', '$SELF_BARE', '$OTHER', '$OTHER_BARE', '$ABSENT', '$DOMAIN', '$DOMAIN/x', 'nobody@$DOMAIN'],
  ...['gone.example', 'a@gone.example/r', 'a@$DOMAIN/r/s', '$OTHER_BARE/', '@$DOMAIN', 'a@', 'a@@b', '/', ''],
  ...[
    '\u00ad',
    'a@\u200b',
    '\ufeff/x',
    'a@\u00ad/r',
    '\u00ad@$DOMAIN',
    '$OTHER_BARE/\u00ad',
    '\u00ad@\u00ad/\u00ad',
  ],
  ...[
    'x)(@$DOMAIN',
    'x)@$DOMAIN',
    '$OTHER_BARE/)(',
    '(&@$DOMAIN',
    'a%s@$DOMAIN/%n',
    "o'x@$DOMAIN",
    'a\\@$DOMAIN',
  ],
  ...[
    '\ufdfa'.repeat(60) + '@$DOMAIN',
    `$OTHER_BARE/${'\ufdfa'.repeat(60)}`,
    `${'\u00df'.repeat(50)}@$DOMAIN`,
  ],
  ...[
    'A@$DOMAIN',
    'a@[::1]',
    'a@b\u3002c',
    '\u0661@$DOMAIN',
    'a\u0627b@$DOMAIN',
    'a@$DOMAIN/\u{1f600}',
    '\u{e0001}@$DOMAIN',
  ],
];

const VALUES: readonly string[] = [
  ...[
    '',
    ' ',
    '0',
    '1',
    '-1',
    '2147483648',
    '99999999999999999999',
    '1e9',
    '%s%n',
    'a',
    'a'.repeat(300),
    ')(',
    '(',
    "'",
  ],
  ...[
    '\u00ad',
    '\u{1f600}',
    '\ufdfa'.repeat(50),
    'remove',
    'both',
    'to',
    'deny',
    'allow',
    'p',
    'q',
    'urn:xmpp:blocking',
  ],
  ...[
    'jid',
    'group',
    'subscription',
    'sessions',
    '2020-01-01T00:00:00Z',
    '20020910T23:08:25',
    'x'.repeat(31),
  ],
];

const STANZA_TYPES: readonly string[] = [
  ...[
    'get',
    'set',
    'result',
    'error',
    'chat',
    'normal',
    'headline',
    'groupchat',
    'error',
    'unavailable',
    'probe',
  ],
  ...['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed'],
];

/** Attributes that hold an address, in one namespace or another. */
const OF_ADDRESSES: ReadonlySet<string> = new Set(['to', 'from', 'jid', 'value']);

/** Names of elements and attributes, and namespaces, as the seeds have them. */
interface Words {
  readonly elements: readonly string[];
  readonly attributes: readonly string[];
  readonly namespaces: readonly string[];
}

/** Makes stanzas that are well-formed, and each a little wrong. */
export class Mutants {
  private readonly seeds: readonly Element[];
  private readonly words: Words;

  constructor(
    private readonly random: Random,
    private readonly cast: Cast,
  ) {
    this.seeds = SEEDS.map((source) => parse(source));
    this.words = wordsOf(this.seeds);
  }

  /** One stanza; none of two have the same id. */
  next(id: string): string {
    const { random } = this;
    const stanza = random.pick(this.seeds).clone();
    for (let times = random.pick([0, 1, 1, 2, 2, 3, 5]); times > 0; times -= 1) this.mutate(stanza);
    if (!stanza.attributes.has('id') && !random.once(10)) stanza.set('id', id);
    return this.named(stanza.toString());
  }

  private named(source: string): string {
    const { self, other, absent, domain } = this.cast;
    const bare = (address: string): string => address.split('/')[0];
    const values: Record<string, string> = {
      SELF: self,
      SELF_BARE: bare(self),
      OTHER: other,
      OTHER_BARE: bare(other),
      ABSENT: absent,
      DOMAIN: domain,
    };
    return source.replace(
      /\$(SELF_BARE|OTHER_BARE|SELF|OTHER|ABSENT|DOMAIN)/g,
      (_all, name: string) => values[name],
    );
  }

  private mutate(stanza: Element): void {
    const { random } = this;
    const all = withParents(stanza);
    const [element, parent] = random.pick(all);
    switch (random.below(12)) {
      case 0:
        return this.dropAttribute(element);
      case 1:
      case 2:
        return this.changeValue(element, element === stanza);
      case 3:
        return void element.set(random.pick(this.words.attributes), this.value());
      case 4:
        return void (parent && drop(parent, element));
      case 5:
        return void (parent && insert(parent, element.clone(), random));
      case 6:
        return void (
          parent && element.set('xmlns', random.once(3) ? '' : random.pick(this.words.namespaces))
        );
      case 7:
        return void (parent && rename(parent, element, random.pick(this.words.elements)));
      case 8:
        return insert(element, this.part(), random);
      case 9:
        return void element.children.push(this.value());
      case 10:
        return void (element.children = random.once(2) ? [] : [...element.children].reverse());
      default:
        return this.address(stanza);
    }
  }

  /** Something inside of another seed. */
  private part(): Element {
    const parts = withParents(this.random.pick(this.seeds)).filter(([, parent]) => parent);
    return parts.length > 0 ? this.random.pick(parts)[0].clone() : new Element('x');
  }

  private address(stanza: Element): void {
    const { random } = this;
    stanza.set(random.pick(['to', 'to', 'to', 'from']), random.once(6) ? undefined : random.pick(ADDRESSES));
  }

  private dropAttribute(element: Element): void {
    if (element.attributes.size > 0) element.set(this.random.pick([...element.attributes.keys()]), undefined);
  }

  private changeValue(element: Element, isStanza: boolean): void {
    if (element.attributes.size === 0) return;
    const name = this.random.pick([...element.attributes.keys()]);
    if (name === 'xmlns') return;
    const isType = isStanza && name === 'type';
    const isAddress = OF_ADDRESSES.has(name) && !this.random.once(4);
    const values = isType ? STANZA_TYPES : isAddress ? ADDRESSES : VALUES;
    element.set(name, this.random.pick(values));
  }

  private value(): string {
    return this.random.pick(this.random.once(3) ? ADDRESSES : VALUES);
  }
}

function wordsOf(seeds: readonly Element[]): Words {
  const elements = new Set<string>();
  const attributes = new Set<string>();
  const namespaces = new Set<string>();
  for (const [{ name, attributes: values }, parent] of seeds.flatMap((seed) => withParents(seed))) {
    if (parent) elements.add(name);
    for (const attribute of values.keys()) if (attribute !== 'xmlns') attributes.add(attribute);
    const namespace = values.get('xmlns');
    if (namespace) namespaces.add(namespace);
  }
  return { elements: [...elements], attributes: [...attributes], namespaces: [...namespaces] };
}

type Place = readonly [element: Element, parent: Element | undefined];

function withParents(element: Element, parent?: Element): Place[] {
  return [[element, parent], ...element.elements.flatMap((child) => withParents(child, element))];
}

function drop(parent: Element, child: Element): void {
  parent.children = parent.children.filter((node) => node !== child);
}

function insert(parent: Element, child: Element, random: Random): void {
  parent.children.splice(random.below(parent.children.length + 1), 0, child);
}

function rename(parent: Element, child: Element, name: string): void {
  const renamed = new Element(name, new Map(child.attributes), child.children);
  parent.children = parent.children.map((node) => (node === child ? renamed : node));
}
