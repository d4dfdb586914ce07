import { isUtf8 } from 'node:buffer';
import type { Element } from '../../lib/xml/index.js';
import { escape, type ParseError, type Stanza } from '../../lib/xml/index.js';
import { read, type Trace } from '../xml/trace.js';
import type { Expat, ExpatElement, Verdict } from './expat.js';
import type { Random } from './random.js';

/** Something that should hold and does not. */
export class Broken extends Error {}

function hold(holds: boolean, what: string): void {
  if (!holds) throw new Broken(what);
}

/** What is refused though expat would take it, and why. `text` begins the sentence of the fault. */
const STRICTER: readonly { condition: ParseError['condition']; text: string; why: string }[] = [
  { condition: 'restricted-xml', text: 'comments and DTDs', why: 'not for streams [RFC6120 11.1]' },
  { condition: 'restricted-xml', text: 'processing instructions', why: 'not for streams [RFC6120 11.1]' },
  { condition: 'bad-format', text: 'text between stanzas', why: 'streams hold stanzas [RFC6120 4.9.3.1]' },
  { condition: 'policy-violation', text: '', why: 'limits' },
  {
    condition: 'unsupported-encoding',
    text: 'streams are UTF-8',
    why: 'expat knows some others [RFC6120 11.6]',
  },
  { condition: 'not-well-formed', text: 'malformed XML declaration', why: 'expat takes any version' },
  { condition: 'not-well-formed', text: 'endless XML declaration', why: 'expat waits for its end' },
];

/** Refusals are counted by the reason why, those that expat shares under `expat`. */
export type Tally = Map<string, number>;

function count(tally: Tally, what: string): void {
  tally.set(what, (tally.get(what) ?? 0) + 1);
}

/** Names of encodings that we take for UTF-8, and expat does not know, or takes at their word. They are never passed on. */
const ALSO_UTF8 = /^((?:\xef\xbb\xbf)?<\?xml[^>]*encoding\s*=\s*['"])(?:utf8|us-ascii|ascii)(?=['"])/i;

function asUtf8(input: Buffer): Buffer {
  const text = input.toString('latin1');
  return ALSO_UTF8.test(text) ? Buffer.from(text.replace(ALSO_UTF8, '$1UTF-8'), 'latin1') : input;
}

/** Cuts at random places, now and then at every byte. */
function cuts(input: Buffer, random: Random): Buffer[] {
  if (random.once(8)) return Array.from(input, (byte) => Buffer.of(byte));
  const places = Array.from({ length: 1 + random.below(5) }, () => random.below(input.length + 1));
  places.sort((one, other) => one - other);
  return [0, ...places].map((from, at) => input.subarray(from, places[at]));
}

/** An expat tree in words, with attributes in the order of their names, as far as `counts` says they count. */
function words(tree: ExpatElement | string, counts = (name: string): boolean => name !== ''): unknown {
  if (typeof tree === 'string') return tree;
  const [name, attributes, children] = tree;
  const sorted = Object.entries(attributes)
    .filter(([attribute]) => counts(attribute))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return [name, sorted, children.map((child) => words(child, counts))];
}

function equal(one: unknown, other: unknown, what: string): void {
  const [left, right] = [JSON.stringify(one), JSON.stringify(other)];
  hold(left === right, `${what}\n  ${left}\n  ${right}`);
}

const noDeclaration = (name: string): boolean => !name.startsWith('xmlns:');

/** The tree with other attributes on its root. */
function readdressed(
  [name, attributes, children]: ExpatElement,
  drop: string[],
  stamp: object,
): ExpatElement {
  const kept = Object.entries(attributes).filter(([attribute]) => !drop.includes(attribute));
  return [name, { ...Object.fromEntries(kept), ...stamp }, children];
}

/** Our tree as expat would tell of it: expanded names, text joined. Attributes are compared elsewhere. */
function ours(element: Element): unknown {
  const children: unknown[] = [];
  for (const child of element.children) {
    if (typeof child !== 'string') children.push(ours(child));
    else if (typeof children.at(-1) === 'string') children.push(`${children.pop() as string}${child}`);
    else if (child !== '') children.push(child);
  }
  const { namespace, localName } = element;
  return [namespace === '' ? localName : `${namespace} ${localName}`, [], children];
}

/** Nothing is told of a stream in its pieces that would not be told of it whole, and nothing throws. */
function cutAnywhere(input: Buffer, random: Random, namespaces: boolean): Trace {
  const whole = read([input], { namespaces });
  const pieces = cuts(input, random);
  const cut = read(pieces, { namespaces });
  equal(cut.events, whole.events, `cut at ${pieces.map((piece) => piece.length).join(',')}`);
  return whole;
}

/** Is this stream at a place where it could end? */
function isBetween(input: Buffer, { header }: Trace, namespaces: boolean): boolean {
  return header !== undefined && read([input, `</${header.name}>`], { namespaces }).closed;
}

/** What goes through is good for expat; what is refused, expat refuses too, or the table above says why. */
function agree(
  trace: Trace,
  between: boolean,
  errors: readonly (string | null)[],
  unended: string | null,
  tally: Tally,
): void {
  const { fault } = trace;
  if (trace.closed) return;
  if (!fault) {
    // of a tag that is not whole expat may know already that it will be refused
    if (!between) return;
    hold(
      errors.every((error) => error === null),
      `let through: ${errors.join('; ')}`,
    );
    return;
  }
  if (errors[0] !== null) return count(tally, 'expat');
  const stricter = STRICTER.find(
    ({ condition, text }) => condition === fault.condition && fault.text.startsWith(text),
  );
  if (stricter) return count(tally, stricter.why);
  // expat has not seen the end of what we have already given up
  if (unended !== null && !unended.startsWith('no element found'))
    return count(tally, 'expat waits for more');
  hold(false, `refused, but not by expat: ${fault.condition}: ${fault.text}`);
}

const STREAM = 'http://etherx.jabber.org/streams';

/** The stanza on another stream, in every parser: one element, with the attributes and the content it had. */
async function relayed(
  stanza: Stanza,
  verdict: Verdict,
  at: number,
  around: string,
  tools: Tools,
): Promise<void> {
  const { expat, random } = tools;
  const expected = verdict.plain[at];
  equal(
    words([stanza.name, Object.fromEntries(stanza.attributes()), []]),
    words([expected[0], expected[1], []]),
    'tag',
  );
  const unprefixed = Object.keys(expected[1]).filter((name) => !/:|^xmlns$/.test(name));
  for (const name of unprefixed) equal(stanza.attribute(name), expected[1][name], 'attribute');
  const drop = ['sto', 'sfrom', ...unprefixed.filter(() => random.once(4))];
  const wrap = (text: string, ascii: boolean): Buffer =>
    Buffer.concat([
      Buffer.from(`<stream:stream xmlns='${escape(around)}' xmlns:stream='${STREAM}'>`),
      Buffer.from(text, ascii ? 'latin1' : 'utf8'), // as it is written on the link
      Buffer.from('</stream:stream>'),
    ]);
  const [carried, rebuilt] = await Promise.all([
    expat.document(wrap(stanza.readdressed(drop, " sfrom='a' sto='b'"), stanza.ascii)),
    expat.document(wrap(stanza.element().toString(), false)),
  ]);
  for (const found of [carried, rebuilt]) {
    hold(
      found.errors.every((error) => error === null),
      `written: ${found.errors.join('; ')}`,
    );
    hold(found.plain.length === 1 && !found.stray, 'written: not one element');
  }
  const stamp = { sfrom: 'a', sto: 'b' };
  equal(
    words(carried.plain[0], noDeclaration),
    words(readdressed(expected, drop, stamp), noDeclaration),
    'readdressed, plain',
  );
  const expanded = verdict.expanded[at];
  equal(words(carried.expanded[0]), words(readdressed(expanded, drop, stamp)), 'readdressed');
  equal(words(rebuilt.expanded[0]), words(expanded), 'rebuilt');
  equal(
    ours(stanza.element()),
    words(expanded, () => false),
    'tree',
  );
}

export interface Tools {
  readonly expat: Expat;
  readonly random: Random;
  readonly tally: Tally;
}

/** What is refused from a client, and let through on a link, where a fault would cost every client its session. */
function isForgiven(input: Buffer, { errors: [plain] }: Verdict): boolean {
  const isText = isUtf8(input) && !/[\ufffe\uffff]/.test(input.toString());
  return !isText || plain?.startsWith('duplicate attribute') === true;
}

const IS_URI = /^[\w\-.~:/?#[\]@!$&'()*+,;=%\u0080-\u{10ffff}]*$/u;

/** How many stanzas come before the first namespace that some separators of expat would refuse. */
function firstOdd({ header, stanzas }: Trace): number {
  if (![...(header?.declarations().values() ?? [])].every((uri) => IS_URI.test(uri))) return 0;
  const at = stanzas.findIndex((stanza) => stanza.hasOddNamespace);
  return at < 0 ? Infinity : at;
}

/** Holds all that our readers tell of this input against what expat tells of it. */
export async function examine(input: Buffer, tools: Tools): Promise<void> {
  const { expat, random, tally } = tools;
  const client = cutAnywhere(input, random, true);
  const link = cutAnywhere(input, random, false);
  const verdict = await expat.stream(asUtf8(input));
  // What has one is not carried, and nothing is told of it but that it is well-formed.
  const odd = firstOdd(client);
  if (odd < Infinity) count(tally, 'with a namespace that is no URI');
  agree(
    client,
    isBetween(input, client, true),
    odd < Infinity && !client.fault
      ? verdict.errors.slice(0, 1)
      : [...verdict.errors.slice(1), verdict.errors[0]!],
    verdict.unended,
    tally,
  );
  if (isForgiven(input, verdict)) link.stanzas.length = 0;
  else agree(link, isBetween(input, link, false), verdict.errors.slice(0, 1), verdict.unended, tally);
  hold(link.stanzas.length <= verdict.plain.length, 'more stanzas than expat has elements');
  if (!client.fault) hold(client.stanzas.length === verdict.plain.length || client.closed, 'stanzas missed');
  const around = client.header?.declarations().get('') ?? '';
  await Promise.all(
    client.stanzas.slice(0, odd).map((stanza, at) => relayed(stanza, verdict, at, around, tools)),
  );
  for (const [at, stanza] of link.stanzas.entries()) {
    const [name, attributes] = verdict.plain[at];
    equal([stanza.name, ...stanza.attributes()], [name, ...Object.entries(attributes)], 'tag on a link');
    stanza.element();
  }
  count(tally, 'inputs');
  tally.set('stanzas', (tally.get('stanzas') ?? 0) + client.stanzas.length);
}
