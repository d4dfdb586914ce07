import type { Element } from '../xml/index.js';
import { STRICT } from './match.js';
import { pretty } from './print.js';
import { mapValues, valuesOf } from './variables.js';
import { isServerGenerated, isWholeName, ServerGenerated } from './server-generated.js';
import { BLOCKING, DISCO_INFO, DISCO_ITEMS, REGISTER, ROSTER } from '../xmpp/namespaces.js';

/** A client whose session was recorded. */
export interface RecordedCharacter {
  readonly name: string;
  /** The bare address. */
  readonly jid: string;
  /** The requested resource; empty where the server chose it. */
  readonly resource: string;
}

/** One recorded event. */
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
  events: readonly RecordedEvent[],
  passwordOf: (who: RecordedCharacter) => string,
): string {
  const characters = [...new Set(events.map(({ who }) => who))];
  const writer = new Writer(events);
  return [
    `# ${title}`,
    '',
    ...characters.flatMap((who) => character(who, passwordOf(who))),
    '---------',
    '',
    ...events.flatMap((event) => [...writer.lines(event), '']),
  ].join('\n');
}

function character({ name, jid, resource }: RecordedCharacter, password: string): string[] {
  const address = resource === '' ? jid : `${jid}/${resource}`;
  return [`[Client] ${name}`, `\tjid: ${address}`, `\tpassword: ${password}`, ''];
}

class Writer {
  /** Full addresses and the characters that had them, the longest first. */
  private readonly addresses: readonly (readonly [address: string, name: string])[];
  /** Values that were sent so far: where the server repeats them, it has not generated them. */
  private readonly sent = new Set<string>();
  private readonly serverGenerated = new ServerGenerated(this.sent);
  /** Values that the server generated and a client sent back, with the placeholders that capture them. */
  private readonly repeatedValues: ReadonlyMap<string, string>;

  constructor(events: readonly RecordedEvent[]) {
    this.repeatedValues = repeatedValuesIn(events);
    for (const word of this.repeatedValues.values()) this.sent.add(word);
    const all = events
      .filter(({ kind }) => kind === 'connects')
      .map(({ address, who }) => [address, who.name] as const);
    this.addresses = [...new Map(all)].sort(([a], [b]) => b.length - a.length);
  }

  lines(event: RecordedEvent): string[] {
    const { who, kind } = event;
    switch (kind) {
      case 'connects':
      case 'disconnects':
        return [`${who.name} ${kind}`];
      case 'sends':
        return [`${who.name} sends:`, ...this.block(this.sentStanza(event.stanza))];
      case 'receives':
        return [
          `${who.name} receives:`,
          ...this.block(this.expectedStanza(event.stanza, [event.address, who.jid])),
        ];
    }
  }

  private sentStanza(stanza: Element): Element {
    const again = mapRepeatable(stanza, (value) => this.repeatedValues.get(value) ?? value);
    for (const value of valuesOf(again)) this.sent.add(value);
    return without(again, 'from');
  }

  /** The stanza that the script expects. Any value is accepted in place of a generated one. */
  private expectedStanza(stanza: Element, own: readonly string[]): Element {
    const toUs = own.includes(stanza.attribute('to') ?? '');
    const found = mapValues(stanza, (value) => this.repeatedValues.get(value) ?? value);
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

/** Shorter values, such as numbers, may be equal by chance. */
const MIN_REPEATABLE_LENGTH = 8;

/** The answer to a request of the server has the id that the server generated. [RFC6120 8.2.3] */
function mapRepeatable(stanza: Element, change: (value: string) => string): Element {
  const copy = mapValues(stanza, (value) => (value.length < MIN_REPEATABLE_LENGTH ? value : change(value)));
  const answers = stanza.name === 'iq' && ['result', 'error'].includes(stanza.attribute('type') ?? '');
  const id = stanza.attribute('id');
  return answers && id !== undefined ? copy.set('id', change(id)) : copy;
}

/** Generated values that clients send back: when the script is played, they must send the new ones. */
function repeatedValuesIn(events: readonly RecordedEvent[]): Map<string, string> {
  const sent = new Set<string>();
  const generatedValues = new Set<string>();
  const generated = new ServerGenerated(sent);
  const repeated = new Map<string, string>();
  for (const event of events) {
    if (!('stanza' in event)) continue;
    if (event.kind === 'receives') {
      const named = valuesOf(generated.withNames(event.stanza));
      valuesOf(event.stanza).forEach((value, at) => isWholeName(named[at]) && generatedValues.add(value));
      continue;
    }
    mapRepeatable(event.stanza, (value) => {
      if (generatedValues.has(value) && !repeated.has(value))
        repeated.set(value, `{scansion:capture:value-${repeated.size + 1}}`);
      return value;
    });
    for (const value of valuesOf(event.stanza)) if (!repeated.has(value)) sent.add(value);
  }
  return repeated;
}

/**
 * Elements whose children have no order: servers that keep them in tables return any. Their children depend on the account
 * or the server, so where the script is played there may be more of them.
 */
const SETS = new Set([
  DISCO_INFO,
  DISCO_ITEMS,
  'http://jabber.org/protocol/muc#admin',
  'http://jabber.org/protocol/muc#user',
  'http://jabber.org/protocol/rsm',
  REGISTER,
  ROSTER,
  BLOCKING,
]);

function inAnyOrder(element: Element): Element {
  if (SETS.has(element.namespace) && element.elements.length > 1) element.set(STRICT, 'false');
  element.elements.forEach(inAnyOrder);
  return element;
}

function without(stanza: Element, attribute: string): Element {
  return stanza.clone().set(attribute, undefined);
}

/** Accepts any value in place of generated ones. For a text it is removed: an element without text accepts any. */
function anyValue(element: Element): Element {
  for (const [name, value] of element.attributes)
    if (isServerGenerated(value)) element.set(name, '{scansion:any}');
  if (element.elements.length === 0 && isServerGenerated(element.text)) element.children = [];
  element.elements.forEach(anyValue);
  return element;
}
