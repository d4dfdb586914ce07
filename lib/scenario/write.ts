import type { Element } from '../xml/index.js';
import { STRICT } from './match.js';
import { pretty } from './print.js';
import { mapValues, valuesOf } from './variables.js';
import { isServerGenerated, isWholeName, ServerGenerated } from './server-generated.js';

/** Somebody whose session was recorded. */
export interface RecordedCharacter {
  readonly name: string;
  /** The bare address. */
  readonly jid: string;
  /** The resource that was asked for; empty where the server made it. */
  readonly resource: string;
}

/** What happened, in the order in which it passed. */
export type RecordedEvent =
  | { readonly kind: 'connects' | 'disconnects'; readonly who: RecordedCharacter; readonly address: string }
  | {
      readonly kind: 'sends' | 'receives';
      readonly who: RecordedCharacter;
      readonly address: string;
      readonly stanza: Element;
    };

/** A recorded session as a script. */
export function writeScript(
  title: string,
  moments: readonly RecordedEvent[],
  passwordOf: (who: RecordedCharacter) => string,
): string {
  const characters = [...new Set(moments.map(({ who }) => who))];
  const writer = new Writer(moments);
  return [
    `# ${title}`,
    '',
    ...characters.flatMap((who) => character(who, passwordOf(who))),
    '---------',
    '',
    ...moments.flatMap((moment) => [...writer.lines(moment), '']),
  ].join('\n');
}

function character({ name, jid, resource }: RecordedCharacter, password: string): string[] {
  const address = resource === '' ? jid : `${jid}/${resource}`;
  return [`[Client] ${name}`, `\tjid: ${address}`, `\tpassword: ${password}`, ''];
}

class Writer {
  /** Full addresses, each of one character at that time, longest first. */
  private readonly addresses: readonly (readonly [address: string, name: string])[];
  /** What was sent so far: who gets it back gets the same. */
  private readonly sent = new Set<string>();
  private readonly serverGenerated = new ServerGenerated(this.sent);
  /** What a server made up and a client said again, with what stands for it. */
  private readonly repeated: ReadonlyMap<string, string>;

  constructor(moments: readonly RecordedEvent[]) {
    this.repeated = repeatedIn(moments);
    for (const word of this.repeated.values()) this.sent.add(word);
    const all = moments
      .filter(({ kind }) => kind === 'connects')
      .map(({ address, who }) => [address, who.name] as const);
    this.addresses = [...new Map(all)].sort(([a], [b]) => b.length - a.length);
  }

  lines(moment: RecordedEvent): string[] {
    const { who, kind } = moment;
    switch (kind) {
      case 'connects':
      case 'disconnects':
        return [`${who.name} ${kind}`];
      case 'sends':
        return [`${who.name} sends:`, ...this.block(this.said(moment.stanza))];
      case 'receives':
        return [
          `${who.name} receives:`,
          ...this.block(this.expected(moment.stanza, [moment.address, who.jid])),
        ];
    }
  }

  private said(stanza: Element): Element {
    const again = mapRepeatable(stanza, (value) => this.repeated.get(value) ?? value);
    for (const value of valuesOf(again)) this.sent.add(value);
    return without(again, 'from');
  }

  /** What is made up by the server must be there; its value is another one the next time. */
  private expected(stanza: Element, own: readonly string[]): Element {
    const toUs = own.includes(stanza.attribute('to') ?? '');
    const found = mapValues(stanza, (value) => this.repeated.get(value) ?? value);
    const named = anyValue(this.serverGenerated.withNames(toUs ? without(found, 'to') : found));
    for (const child of named.elements) if (SETS.has(child.namespace)) child.set(STRICT, 'false');
    return inAnyOrder(named);
  }

  private block(stanza: Element): string[] {
    const written = mapValues(stanza, (value) => this.variables(value));
    return pretty(written).map(
      (line) => `\t${line.replaceAll(/^ +/g, (blanks) => '\t'.repeat(blanks.length / 2))}`,
    );
  }

  private variables(value: string): string {
    return this.addresses.reduce(
      (text, [address, name]) => text.replaceAll(address, () => `\${${name}'s full JID}`),
      value,
    );
  }
}

/** Shorter values may be the same by chance: numbers, say. */
const MIN_REPEATABLE_LENGTH = 8;

/** An answer to what the server asked has the id that the server made. [RFC6120 8.2.3] */
function mapRepeatable(stanza: Element, change: (value: string) => string): Element {
  const copy = mapValues(stanza, (value) => (value.length < MIN_REPEATABLE_LENGTH ? value : change(value)));
  const answers = stanza.name === 'iq' && ['result', 'error'].includes(stanza.attribute('type') ?? '');
  const id = stanza.attribute('id');
  return answers && id !== undefined ? copy.set('id', change(id)) : copy;
}

/** What is made up will be another thing the next time, and clients have to say that one then. */
function repeatedIn(moments: readonly RecordedEvent[]): Map<string, string> {
  const sent = new Set<string>();
  const made = new Set<string>();
  const madeUp = new ServerGenerated(sent);
  const repeated = new Map<string, string>();
  for (const moment of moments) {
    if (!('stanza' in moment)) continue;
    if (moment.kind === 'receives') {
      const named = valuesOf(madeUp.withNames(moment.stanza));
      valuesOf(moment.stanza).forEach((value, at) => isWholeName(named[at]) && made.add(value));
      continue;
    }
    mapRepeatable(moment.stanza, (value) => {
      if (made.has(value) && !repeated.has(value))
        repeated.set(value, `{scansion:capture:value-${repeated.size + 1}}`);
      return value;
    });
    for (const value of valuesOf(moment.stanza)) if (!repeated.has(value)) sent.add(value);
  }
  return repeated;
}

/**
 * Elements in which order says nothing, as servers that keep them in tables show. What they hold belongs to an account or
 * to a server, an empty one as well as a full one: where it is played, there may be more of it.
 */
const SETS = new Set([
  'http://jabber.org/protocol/disco#info',
  'http://jabber.org/protocol/disco#items',
  'http://jabber.org/protocol/muc#admin',
  'http://jabber.org/protocol/muc#user',
  'http://jabber.org/protocol/rsm',
  'jabber:iq:register',
  'jabber:iq:roster',
  'urn:xmpp:blocking',
]);

function inAnyOrder(element: Element): Element {
  if (SETS.has(element.namespace) && element.elements.length > 1) element.set(STRICT, 'false');
  element.elements.forEach(inAnyOrder);
  return element;
}

function without(stanza: Element, attribute: string): Element {
  return stanza.clone().set(attribute, undefined);
}

/** A text can not be any: an element without one accepts it. */
function anyValue(element: Element): Element {
  for (const [name, value] of element.attributes)
    if (isServerGenerated(value)) element.set(name, '{scansion:any}');
  if (element.elements.length === 0 && isServerGenerated(element.text)) element.children = [];
  element.elements.forEach(anyValue);
  return element;
}
