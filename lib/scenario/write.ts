import type { Element } from '../xml/index.js';
import { pretty } from './print.js';
import { mapValues, valuesOf } from './variables.js';
import { isMadeUp, MadeUp } from './volatile.js';

/** Somebody whose session was recorded. */
export interface Recorded {
  readonly name: string;
  /** The bare address. */
  readonly jid: string;
  /** The resource that was asked for; empty where the server made it. */
  readonly resource: string;
  readonly password: string;
}

/** What happened, in the order in which it passed. */
export type Moment =
  | { readonly kind: 'connects' | 'disconnects'; readonly who: Recorded; readonly address: string }
  | {
      readonly kind: 'sends' | 'receives';
      readonly who: Recorded;
      readonly address: string;
      readonly stanza: Element;
    };

/** A recorded session as a script. */
export function writeScript(title: string, moments: readonly Moment[]): string {
  const characters = [...new Set(moments.map(({ who }) => who))];
  const writer = new Writer(moments);
  return [
    `# ${title}`,
    '',
    ...characters.flatMap(character),
    '---------',
    '',
    ...moments.flatMap((moment) => [...writer.lines(moment), '']),
  ].join('\n');
}

function character({ name, jid, resource, password }: Recorded): string[] {
  const address = resource === '' ? jid : `${jid}/${resource}`;
  return [`[Client] ${name}`, `\tjid: ${address}`, `\tpassword: ${password}`, ''];
}

class Writer {
  /** Full addresses, each of one character at that time, longest first. */
  private readonly addresses: readonly (readonly [address: string, name: string])[];
  /** What was sent so far: who gets it back gets the same. */
  private readonly sent = new Set<string>();
  private readonly madeUp = new MadeUp(this.sent);

  constructor(moments: readonly Moment[]) {
    const all = moments
      .filter(({ kind }) => kind === 'connects')
      .map(({ address, who }) => [address, who.name] as const);
    this.addresses = [...new Map(all)].sort(([a], [b]) => b.length - a.length);
  }

  lines(moment: Moment): string[] {
    const { who, kind } = moment;
    switch (kind) {
      case 'connects':
      case 'disconnects':
        return [`${who.name} ${kind}`];
      case 'sends':
        this.remember(moment.stanza);
        return [`${who.name} sends:`, ...this.block(without(moment.stanza, 'from'))];
      case 'receives':
        return [`${who.name} receives:`, ...this.block(this.expected(moment.stanza, moment.address))];
    }
  }

  /** The id of an answer is that of the question: the server made it. */
  private remember(stanza: Element): void {
    const answers = stanza.name === 'iq' && ['result', 'error'].includes(stanza.attribute('type') ?? '');
    for (const value of valuesOf(answers ? without(stanza, 'id') : stanza)) this.sent.add(value);
  }

  /** What is made up by the server must be there; its value is another one the next time. */
  private expected(stanza: Element, address: string): Element {
    const toUs = stanza.attribute('to') === address;
    return anyValue(this.madeUp.named(toUs ? without(stanza, 'to') : stanza));
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

function without(stanza: Element, attribute: string): Element {
  return stanza.clone().set(attribute, undefined);
}

/** A text can not be any: an element without one accepts it. */
function anyValue(element: Element): Element {
  for (const [name, value] of element.attributes) if (isMadeUp(value)) element.set(name, '{scansion:any}');
  if (element.elements.length === 0 && isMadeUp(element.text)) element.children = [];
  element.elements.forEach(anyValue);
  return element;
}
