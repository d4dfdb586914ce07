import type { Element } from '../xml/index.js';
import { mapValues, valuesOf } from './variables.js';

/** What a server makes up, and what to call it: two servers, or one server twice, never make up the same. */
const GENERATED_VALUES: readonly (readonly [RegExp, string])[] = [
  // Dates and times, as XEP-0082 and as XEP-0091 write them.
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?/g, '{time}'],
  [/\b\d{8}T\d\d:\d\d:\d\d\b/g, '{time}'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '{uuid}'],
  // Tokens, signatures.
  [/(?<![\w.+/=-])[\w.+/=-]{60,}(?![\w.+/=-])/g, '{token}'],
];

/** Attributes that hold what a server makes up, by namespace of their element. */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  'jabber:iq:roster': ['ver'],
  'jabber:iq:last': ['seconds'],
  'urn:xmpp:http:upload:0': ['url'],
};

/** Texts likewise: `namespace child`, and what they are called. [XEP-0059: ids of the first and the last of a page] */
const TEXTS: ReadonlyMap<string, string> = new Map([
  ['jabber:iq:time utc', '{time}'],
  ['jabber:iq:time display', '{time}'],
  ['urn:xmpp:time utc', '{time}'],
  ['http://jabber.org/protocol/rsm first', '{id}'],
  ['http://jabber.org/protocol/rsm last', '{id}'],
]);

const SERVICES = new Set(['urn:xmpp:extdisco:1', 'urn:xmpp:extdisco:2']);
/** Credentials for a while have the time of their end for a name. [draft-uberti-behave-turn-rest 2.2] */
const TIMED = /^\d{9,11}(?::|$)/;

/** Replaces what a server made up in stanzas by names for it. */
export class ServerGenerated {
  /** @param known values that are not made up, whatever they look like: those of what was sent */
  constructor(private readonly known: ReadonlySet<string>) {}

  /** A copy of a stanza with `{id}`, `{time}` and the like in it. */
  withNames(stanza: Element): Element {
    const copy = mapValues(stanza, (value) => (this.known.has(value) ? value : pieces(value)));
    this.nameIn(copy);
    return copy;
  }

  private nameIn(element: Element): void {
    const id = element.attribute('id');
    if (id !== undefined && !this.known.has(id)) element.set('id', '{id}');
    for (const name of ATTRIBUTES[element.namespace] ?? []) {
      if (element.attribute(name)) element.set(name, `{${name}}`);
    }
    const [text, ...others] = element.children;
    const name = TEXTS.get(`${element.namespace} ${element.localName}`);
    if (name !== undefined && typeof text === 'string' && others.length === 0 && !this.known.has(text))
      element.children = [name];
    if (SERVICES.has(element.namespace)) nameCredentials(element);
    for (const child of element.elements) this.nameIn(child);
  }
}

function nameCredentials(service: Element): void {
  if (service.attribute('expires')) service.set('expires', '{time}');
  if (!TIMED.test(service.attribute('username') ?? '')) return;
  service.set('username', '{username}').set('password', '{password}');
}

function pieces(value: string): string {
  return GENERATED_VALUES.reduce((text, [pattern, name]) => text.replace(pattern, name), value);
}

const NAME = '\\{(?:id|time|uuid|token|ver|seconds|url|username|password)\\}';
const SOMEWHERE = new RegExp(NAME);
const WHOLE = new RegExp(`^${NAME}$`);

/** Is this what {@link ServerGenerated} has put there? */
export const isServerGenerated = (value: string): boolean => SOMEWHERE.test(value);
/** Is it all of what is there? */
export const isWholeName = (value: string): boolean => WHOLE.test(value);

/** The values of stanzas, for {@link ServerGenerated}. */
export function valuesIn(stanzas: readonly Element[]): Set<string> {
  return new Set(stanzas.flatMap(valuesOf));
}
