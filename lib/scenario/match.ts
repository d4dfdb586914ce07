import type { Element } from '../xml/index.js';
import { short } from './print.js';
import { isDeclaration } from './variables.js';
import { CLIENT } from '../xmpp/namespaces.js';

/** The kind of a difference. `expected` or `received` is absent where that side has no such attribute. */
export type DifferenceKind =
  | {
      readonly kind: 'attribute';
      readonly name: string;
      readonly expected?: string;
      readonly received?: string;
    }
  | { readonly kind: 'text'; readonly expected: string; readonly received: string }
  | { readonly kind: 'missing' | 'unexpected'; readonly child: Element }
  | { readonly kind: 'element' };

/** One difference of a received stanza from the expected one. */
export interface Difference {
  /** From the stanza down: `message/delay`. */
  readonly path: string;
  readonly about: DifferenceKind;
  /** The difference as a sentence. */
  readonly text: string;
  /** How much it counts in the search for the most similar stanza. */
  readonly weight: number;
  /** The elements that it is about, on each side. */
  readonly expected?: Element;
  readonly received?: Element;
}

/** Values that `{scansion:capture:NAME}` has stored, by name. */
export type Captures = ReadonlyMap<string, string>;

export interface MatchResult {
  /** Empty: it matches. */
  readonly differences: readonly Difference[];
  /** All captured values, old and new; valid only when it matches. */
  readonly captures: Captures;
}

export const STRICT = 'scansion:strict';
export const ANY = '{scansion:any}';
export const CAPTURE = /^\{scansion:capture:([^}]*)\}$/;

/** For another name or namespace. */
const OTHER_ELEMENT_WEIGHT = 1000;

/** Compares a received stanza with the one that a script expects. [scansion: by namespace, strict or not] */
export function matchStanza(
  expected: Element,
  received: Element,
  captures: Captures = new Map(),
): MatchResult {
  const bound = new Map(captures);
  const differences = compareElements(
    { element: expected, prefixes: new Map() },
    { element: received, prefixes: new Map() },
    { path: received.localName, captures: bound, symmetric: false, known: new Map() },
  );
  return { differences, captures: bound };
}

/** The differences of two stanzas, with equal rights. Their children may be in any order. */
export function differencesOf(left: Element, right: Element): Difference[] {
  return compareElements(
    { element: left, prefixes: new Map() },
    { element: right, prefixes: new Map() },
    { path: left.localName, captures: new Map(), symmetric: true, known: new Map() },
  );
}

export function totalWeight(differences: readonly Difference[]): number {
  return differences.reduce((sum, { weight }) => sum + weight, 0);
}

/** An element, and the prefixes that are declared around it. */
interface ScopedElement {
  readonly element: Element;
  readonly prefixes: ReadonlyMap<string, string>;
}

interface MatchContext {
  readonly path: string;
  readonly captures: Map<string, string>;
  /** Do extra attributes and children of the received side count as well? */
  readonly symmetric: boolean;
  /** Weights of pairs of elements that were compared: comparing each pair on each level again would take exponential time. */
  readonly known: Map<Element, Map<Element, number>>;
}

function compareElements(
  expected: ScopedElement,
  received: ScopedElement,
  place: MatchContext,
): Difference[] {
  const [want, have] = [expected.element, received.element];
  if (want.localName !== have.localName || want.namespace !== have.namespace) {
    const text = `it is ${named(have)}, not ${named(want)}`;
    return [
      {
        path: place.path,
        about: { kind: 'element' },
        text,
        weight: OTHER_ELEMENT_WEIGHT,
        expected: want,
        received: have,
      },
    ];
  }
  const strict = place.symmetric || isStrict(want);
  return [
    ...compareAttributes(attributesOf(expected), attributesOf(received), strict).map((one) => ({
      ...one,
      path: place.path,
      expected: want,
      received: have,
    })),
    ...compareAttributeValues(expected, received, place),
    ...compareText(want, have, place),
    ...(strict && !place.symmetric ? compareInOrder : compareInAnyOrder)(
      childrenOf(expected),
      childrenOf(received),
      have,
      place,
    ),
  ];
}

const named = ({ localName, namespace }: Element): string =>
  `<${localName}> of ${namespace || 'no namespace'}`;

/** [scansion] An element with a namespace of its own is compared strictly, one of the stream's namespace is not. */
function isStrict(expected: Element): boolean {
  const said = expected.attribute(STRICT);
  return said === undefined ? expected.namespace !== CLIENT : said === 'true' || said === '1';
}

/** Attributes by name, prefixes replaced by their namespaces; without declarations and `scansion:…`. */
function attributesOf(side: ScopedElement): Map<string, string> {
  const prefixes = declaredIn(side);
  const all = new Map<string, string>();
  for (const [name, value] of side.element.attributes) {
    if (isDeclaration(name) || name.startsWith('scansion:')) continue;
    const colon = name.indexOf(':');
    const namespace = colon < 0 ? undefined : prefixes.get(name.slice(0, colon));
    all.set(namespace === undefined ? name : `{${namespace}}${name.slice(colon + 1)}`, value);
  }
  return all;
}

function declaredIn({ element, prefixes }: ScopedElement): ReadonlyMap<string, string> {
  const declared = [...element.attributes].filter(([name]) => name.startsWith('xmlns:'));
  if (declared.length === 0) return prefixes;
  return new Map([...prefixes, ...declared.map(([name, value]): [string, string] => [name.slice(6), value])]);
}

function childrenOf(side: ScopedElement): ScopedElement[] {
  const prefixes = declaredIn(side);
  return side.element.elements.map((element) => ({ element, prefixes }));
}

/** Compares which attributes there are. */
function compareAttributes(
  expected: ReadonlyMap<string, string>,
  received: ReadonlyMap<string, string>,
  strict: boolean,
): Pick<Difference, 'about' | 'text' | 'weight'>[] {
  const missing = [...expected.keys()].filter((name) => !received.has(name));
  const extra = strict ? [...received.keys()].filter((name) => !expected.has(name)) : [];
  return [
    ...missing.map((name) => ({
      about: { kind: 'attribute', name, expected: expected.get(name) } as const,
      text: `attribute ${name} is missing, expected ${shown(expected.get(name)!)}`,
      weight: 3,
    })),
    ...extra.map((name) => ({
      about: { kind: 'attribute', name, received: received.get(name) } as const,
      text: `attribute ${name}='${short(received.get(name)!)}' is not expected`,
      weight: 2,
    })),
  ];
}

const shown = (value: string): string => (value === ANY ? 'with any value' : `"${short(value)}"`);

function compareAttributeValues(
  expected: ScopedElement,
  received: ScopedElement,
  { path, captures }: MatchContext,
): Difference[] {
  const have = attributesOf(received);
  const found: Difference[] = [];
  for (const [name, value] of attributesOf(expected)) {
    const got = have.get(name);
    const wrong = got === undefined ? undefined : compareValue(value, got, captures);
    if (wrong === undefined) continue;
    const text = `attribute ${name} is "${short(got!)}", ${wrong}`;
    found.push({
      path,
      about: { kind: 'attribute', name, expected: value, received: got },
      text,
      weight: weightOf(name),
      expected: expected.element,
      received: received.element,
    });
  }
  return found;
}

/** A stanza with the expected id and type is more similar than one with the same content. */
const weightOf = (attribute: string): number => (attribute === 'id' || attribute === 'type' ? 5 : 3);

/** @returns the end of a sentence that says what was expected; undefined where the value matches */
function compareValue(expected: string, received: string, captures: Map<string, string>): string | undefined {
  if (expected === ANY || expected === received) return undefined;
  const name = CAPTURE.exec(expected)?.[1];
  if (name === undefined) return `not "${short(expected)}"`;
  const captured = captures.get(name);
  if (captured === undefined) captures.set(name, received);
  return captured === undefined || captured === received
    ? undefined
    : `not "${short(captured)}", captured before as ${name}`;
}

/** [scansion] An element without text accepts any text, also where it is strict. */
function compareText(
  expected: Element,
  received: Element,
  { path, captures, symmetric }: MatchContext,
): Difference[] {
  const want = expected.text;
  const blank = want.trim() === '';
  if (blank && (!symmetric || received.text.trim() === '')) return [];
  const wrong = compareValue(...sameForm(want, received.text), captures);
  if (wrong === undefined) return [];
  const about = { kind: 'text', expected: want, received: received.text } as const;
  const text = `the text is "${short(received.text)}", ${wrong}`;
  return [{ path, about, text, weight: 3, expected, received }];
}

/** Where a text stands on lines of its own, the white space around it does not count. */
function sameForm(expected: string, received: string): [expected: string, received: string] {
  const formatted = /^\s*\n|\n\s*$/.test(expected);
  return formatted ? [expected.trim(), received.trim()] : [expected, received];
}

function compareInOrder(
  expected: ScopedElement[],
  received: ScopedElement[],
  parent: Element,
  place: MatchContext,
): Difference[] {
  return align(expected, received, place).flatMap(([want, have]) => {
    if (want && have) return compareElements(want, have, inside(place, have.element));
    return want ? [missing(want, parent, place)] : [unexpected(have!, place)];
  });
}

function compareInAnyOrder(
  expected: ScopedElement[],
  received: ScopedElement[],
  parent: Element,
  place: MatchContext,
): Difference[] {
  const partners = assign(expected, received, place);
  const free = new Set(received.filter((_side, at) => !partners.includes(at)));
  const found = expected.flatMap((want, at) => {
    const have = received[partners[at]] ?? nearest(want, candidates(want, [...free], expected), place);
    if (!have) return [missing(want, parent, place)];
    free.delete(have);
    return compareElements(want, have, inside(place, have.element));
  });
  return place.symmetric ? [...found, ...[...free].map((have) => unexpected(have, place))] : found;
}

/**
 * The children that one without an equal may be compared with. Of several of its name, only those with a common attribute:
 * one feature is not a changed version of another feature.
 */
function candidates(want: ScopedElement, free: ScopedElement[], expected: ScopedElement[]): ScopedElement[] {
  const alike = free.filter((side) => isAlike(want, side));
  const single = alike.length === 1 && expected.filter((side) => isAlike(want, side)).length === 1;
  return single ? alike : alike.filter((side) => hasInCommon(want.element, side.element));
}

function hasInCommon({ attributes: left }: Element, { attributes: right }: Element): boolean {
  const told = [...left].filter(([name]) => !isDeclaration(name));
  return (
    told.length === 0 ||
    told.some(([name, value]) => right.get(name) === value || (isOpen(value) && right.has(name)))
  );
}

const inside = (place: MatchContext, { localName }: Element): MatchContext => ({
  ...place,
  path: `${place.path}/${localName}`,
});

function missing({ element }: ScopedElement, parent: Element, { path }: MatchContext): Difference {
  const text = `${tagOf(element)} of ${element.namespace || 'no namespace'} is missing`;
  const about = { kind: 'missing', child: element } as const;
  return { path, about, text, weight: 4 + size(element), expected: element, received: parent };
}

function unexpected({ element }: ScopedElement, { path }: MatchContext): Difference {
  const text = `${tagOf(element)} is not expected`;
  const about = { kind: 'unexpected', child: element } as const;
  return { path, about, text, weight: 4 + size(element), received: element };
}

/** The tag with its attributes, which tell elements of one name apart. */
export function tagOf({ localName, attributes }: Element): string {
  const told = [...attributes].filter(([name]) => !isDeclaration(name) && !name.startsWith('scansion:'));
  return `<${[localName, ...told.map(([name, value]) => `${name}="${short(value)}"`)].join(' ')}>`;
}

const size = (element: Element): number => element.elements.reduce((sum, child) => sum + size(child), 1);

const matches = (expected: ScopedElement, received: ScopedElement, place: MatchContext): boolean =>
  mayMatch(expected.element, received.element) && distance(expected, received, place) === 0;

/** A cheap test first: with a thousand contacts a million pairs are compared. */
function mayMatch(expected: Element, received: Element): boolean {
  if (!areAlike(expected, received)) return false;
  for (const [name, value] of expected.attributes) {
    // The namespaces of prefixes are not known here.
    if (name.includes(':') || name === 'xmlns' || isOpen(value)) continue;
    if (received.attributes.get(name) !== value) return false;
  }
  return true;
}

/** Does it stand for any value, or for one to be captured? */
const isOpen = (value: string): boolean => value === ANY || CAPTURE.test(value);

/** How much two elements differ; captures nothing. */
function distance(expected: ScopedElement, received: ScopedElement, place: MatchContext): number {
  let known = place.known.get(expected.element);
  if (!known) place.known.set(expected.element, (known = new Map<Element, number>()));
  let found = known.get(received.element);
  if (found === undefined) {
    found = totalWeight(compareElements(expected, received, { ...place, captures: new Map(place.captures) }));
    known.set(received.element, found);
  }
  return found;
}

const isAlike = (expected: ScopedElement, received: ScopedElement): boolean =>
  areAlike(expected.element, received.element);

const areAlike = (a: Element, b: Element): boolean =>
  a.localName === b.localName && a.namespace === b.namespace;

function nearest(
  expected: ScopedElement,
  alike: ScopedElement[],
  place: MatchContext,
): ScopedElement | undefined {
  return alike
    .map((side) => ({ side, weight: distance(expected, side, place) }))
    .sort((a, b) => a.weight - b.weight)[0]?.side;
}

/**
 * For each expected child the index of a received child that matches it, or -1. Each is used once, and as many as possible
 * are matched, by augmenting paths: trying all orders would take exponential time.
 */
function assign(expected: ScopedElement[], received: ScopedElement[], place: MatchContext): number[] {
  const fits = expected.map((want) => received.map((have) => matches(want, have, place)));
  const taker = new Array<number>(received.length).fill(-1);
  const seek = (want: number, seen: Set<number>): boolean =>
    received.some((_side, have) => {
      if (!fits[want][have] || seen.has(have)) return false;
      seen.add(have);
      if (taker[have] >= 0 && !seek(taker[have], seen)) return false;
      taker[have] = want;
      return true;
    });
  expected.forEach((_side, want) => seek(want, new Set()));
  return expected.map((_side, want) => taker.indexOf(want));
}

type Pair = readonly [expected: ScopedElement | undefined, received: ScopedElement | undefined];

/** Pairs children in order. Where their numbers differ, it leaves out those that are missing or extra. */
function align(expected: ScopedElement[], received: ScopedElement[], place: MatchContext): Pair[] {
  if (expected.length === received.length) return expected.map((want, at) => [want, received[at]]);
  const [longer, shorter] = expected.length > received.length ? [expected, received] : [received, expected];
  const pairs: [ScopedElement, ScopedElement | undefined][] = [];
  let next = 0;
  for (const [at, side] of longer.entries()) {
    const partner = shorter.at(next);
    const enough = longer.length - at <= shorter.length - next;
    const fits =
      partner &&
      (enough || (longer === expected ? matches(side, partner, place) : matches(partner, side, place)));
    pairs.push([side, fits ? partner : undefined]);
    if (fits) next += 1;
  }
  return longer === expected ? pairs : pairs.map(([have, want]): Pair => [want, have]);
}
