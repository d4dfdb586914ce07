/**
 * What a client says, so that jabberd2 can bear it: its router and its sm take each packet apart and write it anew, and
 * whatever one of them writes wrongly, the other one closes the link for. All is about what they do, none about XML.
 */
import { INTERNAL, STANZAS } from '../../session/stanza-filter.js';
import { CLIENT } from '../../xmpp/namespaces.js';
import type { Condition } from '../../xmpp/stanza-error.js';
import { respelt, type Element, type Stanza } from '../../xml/index.js';
import { hazardOf, isAddress, WATCHED } from './hazards.js';

export const COMPONENT = 'http://jabberd.jabberstudio.org/ns/component/1.0';
export const SESSION = 'http://jabberd.jabberstudio.org/ns/session/1.0';

const IQ_TYPES: ReadonlySet<string | undefined> = new Set(['get', 'set', 'result', 'error']);

/** Names that the sm reads and writes in any namespace, the first one on the wire. [jabberd2 2.7.0 nad_find_attr] */
const OURS: ReadonlySet<string> = new Set(['sm', 'c2s', 'failed']);
const ADDRESSING: ReadonlySet<string> = new Set(['to', 'from', 'id', 'type']);

/**
 * They read 1024 bytes at a time, and their parser sits on an opening tag that came in pieces until much more has come:
 * with it waits all that stands behind it, of everybody. [Debian's expat 2.5]
 */
const MAX_TAG_BYTES = 950;
/** The sm writes the full address of a session on all that it says, and on all that is said to it. */
const MAX_ADDRESS_BYTES = 200;
/** What a client may write on a stanza itself: both addresses, and the ids, come on top of it. */
const MAX_STANZA_TAG_BYTES = 450;

/** They read the name of a namespace, of what is in it, and a prefix into 1024 bytes, and lose what is beyond. */
const MAX_NAMESPACE_BYTES = 255;
const MAX_NAME_BYTES = 700;

/** They write the name of a namespace as it is, between single quotes. */
const NOT_IN_NAMESPACE = /[&'"<>]/;

/** Bytes of a character in an attribute, as they write it. */
const MAX_ESCAPED_BYTES = 6;
const MOST_OF_UTF8 = 3;

/** Can a session of that address be borne? */
export function isBearable(address: string): boolean {
  return weight(address, 0, address.length) <= MAX_ADDRESS_BYTES;
}

/** The payload of a route. */
export interface Payload {
  readonly text: string;
  /** Is it ASCII only, stamp apart? What is spelt anew has characters where references stood. */
  readonly ascii: boolean;
}

/**
 * A client's stanza with our stamp on it; undefined for one that can not be borne, or that the sm would not answer.
 * Nothing that a client writes may be taken for ours: with it the client could speak for others.
 */
export function stamped(stanza: Stanza, stamp: string): Payload | undefined {
  if (!isCarriable(stanza)) return undefined;
  if (!isPlain(stanza)) {
    const text = bearable(stanza.element(), stamp);
    return text === undefined ? undefined : { text, ascii: false };
  }
  const isSurelyShort =
    stanza.longestTag * MAX_ESCAPED_BYTES + stanza.language.length <= MAX_STANZA_TAG_BYTES;
  const isBorne = isSurelyShort || hasShortTags(stanza.readdressed([], ''));
  return isBorne ? { text: stanza.stampedFirst(stamp), ascii: stanza.ascii } : undefined;
}

/** Why there is no way to say a client's stanza: what {@link stamped} returns undefined for. */
export function refusalOf(stanza: Stanza): Condition {
  if (!isCarriable(stanza)) return 'bad-request';
  const element = stanza.element();
  adopt(element);
  return hazardOf(element) ?? 'bad-request';
}

/**
 * A message that says that another one did not arrive. Where its sender has blocked whom it is for, it is the end of the
 * sm; nobody must answer it, or wait for it. [RFC6120 8.3.1] [jabberd2 2.7.0 sm/mod_privacy.c]
 */
export function isUnbearable(stanza: Stanza): boolean {
  return stanza.name === 'message' && stanza.attribute('type') === 'error';
}

/**
 * A stanza in a spelling that they can not lose track of, with a stamp as the first of its attributes; undefined where
 * there is none.
 */
export function bearable(stanza: Element, stamp: string): string | undefined {
  const cleaned = withoutClaims(stanza);
  if (!cleaned) return undefined;
  const text = cleaned.toString();
  // What is declared on the stanza they write once more on what uses it.
  if (!hasShortTags(text, declarations(cleaned))) return undefined;
  const nameEnd = cleaned.name.length + 1;
  return text.slice(0, nameEnd) + stamp + text.slice(nameEnd);
}

/** The sm drops an iq of no type in silence, and gives back what is no stanza. [jabberd2 2.7.0 sm/pkt.c] */
function isCarriable(stanza: Stanza): boolean {
  return STANZAS.has(stanza.name) && (stanza.name !== 'iq' || IQ_TYPES.has(stanza.attribute('type')));
}

function isHarmless(name: string): boolean {
  return name.includes(':') ? name === 'xml:lang' : name !== 'xmlns' && !OURS.has(name);
}

/** Prefixes go through hands that spell them wrongly, and odd namespaces through hands that break on them. */
function isPlain(stanza: Stanza): boolean {
  const { source, inherited, longestTag } = stanza;
  if (inherited !== '' || longestTag > MAX_NAME_BYTES || stanza.attribute('id') === '') return false;
  if (!stanza.names().every(isHarmless) || source.includes(RULE)) return false;
  if (!isPlainAddress(stanza.attribute('to')) || !isPlainAddress(stanza.attribute('from'))) return false;
  for (let at = source.indexOf(DECLARATION); at >= 0; at = source.indexOf(DECLARATION, at + 1)) {
    if (!isPlainDeclaration(source, at + DECLARATION.length)) return false;
  }
  return true;
}

const DECLARATION = 'xmlns';
/** What an element begins with that is looked at in any namespace. */
const RULE = '<rule';

function isPlainAddress(address: string | undefined): boolean {
  return address === undefined || address === '' || isAddress(address);
}

/** What stands behind `xmlns`: the default namespace, and one whose name says what it is in its own letters. */
function isPlainDeclaration(source: string, at: number): boolean {
  const quote = source[at + 1];
  if (source[at] !== '=' || (quote !== "'" && quote !== '"')) return false;
  const namespace = source.slice(at + 2, source.indexOf(quote, at + 2));
  if (namespace === '' || WATCHED.has(namespace)) return false;
  return isWritable(namespace) && !namespace.startsWith(INTERNAL);
}

function isWritable(namespace: string): boolean {
  return namespace.length <= MAX_NAMESPACE_BYTES && !NOT_IN_NAMESPACE.test(namespace);
}

/** Takes what is ours off the opening tag, and spells the rest so that nobody loses track of it. */
function withoutClaims(stanza: Element): Element | undefined {
  adopt(stanza);
  if (stanza.namespace !== CLIENT || !isReadable(stanza) || hazardOf(stanza)) return undefined;
  for (const name of [...stanza.attributes.keys()]) {
    if (OURS.has(name) || (name.startsWith('xml:') && name !== 'xml:lang')) stanza.set(name, undefined);
  }
  // Behind an empty one the sm writes what stands in its memory there. [jabberd2 2.7.0 sm/pkt.c]
  if (stanza.attribute('id') === '') stanza.set('id', undefined);
  disown(stanza);
  return respelt(stanza, isUnwanted, CLIENT);
}

/** Can they read it, and write it again? An element of XML's own namespace can be spelt in one way only. */
function isReadable(element: Element): boolean {
  const { name, namespace, attributes, elements } = element;
  if (Buffer.byteLength(name) > MAX_NAME_BYTES || name.startsWith('xml:') || !isWritable(namespace))
    return false;
  for (const [attribute, value] of attributes) {
    if (Buffer.byteLength(attribute) > MAX_NAME_BYTES) return false;
    if (attribute.startsWith('xmlns:') && !isWritable(value)) return false;
  }
  return elements.every(isReadable);
}

/** What is in no namespace they read as if `xmlns=''` was not there. [jabberd2 2.7.0 sx/callback.c] */
function adopt(parent: Element): void {
  for (const child of parent.elements) {
    if (child.namespace === '') child.namespace = parent.namespace;
    adopt(child);
  }
}

/** On the stanza itself, an attribute of any namespace may pass for the one without. [jabberd2 2.7.0 nad_set_attr] */
function isUnwanted(namespace: string, localName: string, isRoot: boolean): boolean {
  if (namespace === CLIENT || namespace.startsWith(INTERNAL)) return true;
  return isRoot && (OURS.has(localName) || ADDRESSING.has(localName));
}

/** Elements of the internal namespaces mean nothing between clients, and must mean nothing on the way. */
function disown(part: Element): void {
  if (part.namespace === COMPONENT || part.namespace === SESSION) part.namespace += '#client';
  for (const child of part.elements) disown(child);
}

// --- how long opening tags become -------------------------------------------------------------------------------------

/**
 * Is every opening tag of a well-formed stanza short enough, as they write it?
 *
 * @param added bytes that they add to the tags inside
 */
function hasShortTags(text: string, added = 0): boolean {
  let room = MAX_STANZA_TAG_BYTES;
  let at = text.indexOf('<');
  while (at >= 0) {
    const end = endOfMarkup(text, at);
    if (text[at + 1] !== '!' && weight(text, at, end) > room) return false;
    room = MAX_TAG_BYTES - added;
    at = text.indexOf('<', end);
  }
  return true;
}

/** Behind a tag, or a CDATA section. */
function endOfMarkup(text: string, begin: number): number {
  if (text[begin + 1] === '!') return text.indexOf(']]>', begin) + 3;
  let quote = '';
  for (let at = begin; at < text.length; at += 1) {
    const character = text[at];
    if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === "'" || character === '"') quote = character;
    else if (character === '>') return at + 1;
  }
  return text.length;
}

/** Whatever may be written as a reference counts as one. */
function weight(text: string, begin: number, end: number): number {
  let bytes = 0;
  for (let at = begin; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) bytes += MOST_OF_UTF8;
    else bytes += TO_ESCAPE.has(code) ? MAX_ESCAPED_BYTES : 1;
  }
  return bytes;
}

const TO_ESCAPE: ReadonlySet<number> = new Set([...'&<>\'"'].map((character) => character.charCodeAt(0)));

function declarations({ attributes }: Element): number {
  let bytes = 0;
  for (const [name, value] of attributes) {
    if (name.startsWith('xmlns:')) bytes += name.length + value.length + 4;
  }
  return bytes;
}
