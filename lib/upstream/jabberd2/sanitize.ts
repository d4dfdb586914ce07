/**
 * Makes the stanzas of clients safe for jabberd2. Its router and its sm parse each packet and write it anew; where one of
 * them writes it wrongly, the other one closes the link. All rules here follow from what these two do, and none from XML.
 */
import { INTERNAL, STANZAS } from '../../session/stanza-filter.js';
import { CLIENT } from '../../xmpp/namespaces.js';
import type { Condition } from '../../xmpp/stanza-error.js';
import { respelt, type Element, type Stanza } from '../../xml/index.js';
import { hazardOf, isAddress, HAZARDOUS_NAMESPACES } from './hazards.js';

export const COMPONENT = 'http://jabberd.jabberstudio.org/ns/component/1.0';
export const SESSION = 'http://jabberd.jabberstudio.org/ns/session/1.0';

const IQ_TYPES: ReadonlySet<string | undefined> = new Set(['get', 'set', 'result', 'error']);

/** Attributes that the sm reads and writes in any namespace, taking the first one on the wire. [jabberd2 2.7.0 nad_find_attr] */
const RESERVED: ReadonlySet<string> = new Set(['sm', 'c2s', 'failed']);
const ADDRESSING: ReadonlySet<string> = new Set(['to', 'from', 'id', 'type']);

/**
 * They read 1024 bytes at a time. Their parser keeps an opening tag that came in two reads until much more has come, and so
 * delays all packets after it, of all clients. [Debian's expat 2.5]
 */
const MAX_TAG_BYTES = 950;
/** The sm writes the full address of a session on each packet from it and to it. */
const MAX_ADDRESS_BYTES = 200;
/** The opening tag of a stanza as the client wrote it: both addresses and the ids are added to it. */
const MAX_STANZA_TAG_BYTES = 450;

/** They read the name of a namespace, a name in it and a prefix into a buffer of 1024 bytes, and lose the rest. */
const MAX_NAMESPACE_BYTES = 255;
const MAX_NAME_BYTES = 700;

/** They write the name of a namespace unescaped, between single quotes. */
const NOT_IN_NAMESPACE = /[&'"<>]/;

/** Bytes of one character in an attribute, as they write it. */
const MAX_ESCAPED_BYTES = 6;
const MAX_UTF8_BYTES = 3;

/** Is an address short enough for a session? */
export function isCarriableAddress(address: string): boolean {
  return bytesWritten(address, 0, address.length) <= MAX_ADDRESS_BYTES;
}

/** The payload of a route. */
export interface Payload {
  readonly text: string;
  /** Is it ASCII only, besides the stamp? A stanza that was written anew has characters in place of references. */
  readonly ascii: boolean;
}

/**
 * A client's stanza with our stamp; undefined for one that cannot be made safe, or that the sm would not answer. Nothing in
 * it may pass for ours, because a client could then send in the name of others.
 */
export function stampedStanza(stanza: Stanza, stamp: string): Payload | undefined {
  if (!isCarriable(stanza)) return undefined;
  if (!isPlain(stanza)) {
    const text = sanitized(stanza.element(), stamp);
    return text === undefined ? undefined : { text, ascii: false };
  }
  const isSurelyShort =
    stanza.longestTag * MAX_ESCAPED_BYTES + stanza.language.length <= MAX_STANZA_TAG_BYTES;
  const isBorne = isSurelyShort || hasShortTags(stanza.readdressed([], ''));
  return isBorne ? { text: stanza.stampedFirst(stamp), ascii: stanza.ascii } : undefined;
}

/** The condition that a stanza is refused with for which {@link stampedStanza} returns undefined. */
export function conditionOf(stanza: Stanza): Condition {
  if (!isCarriable(stanza)) return 'bad-request';
  const element = stanza.element();
  inheritNamespaces(element);
  return hazardOf(element) ?? 'bad-request';
}

/**
 * Is it an error in answer to a message? Where its sender has blocked its addressee, it crashes the sm. Nobody waits for
 * it, so it is dropped. [RFC6120 8.3.1] [jabberd2 2.7.0 sm/mod_privacy.c]
 */
export function isDropped(stanza: Stanza): boolean {
  return stanza.name === 'message' && stanza.attribute('type') === 'error';
}

/** A stanza written anew so that they read it as it is meant, with a stamp as its first attribute; undefined where that cannot be. */
export function sanitized(stanza: Element, stamp: string): string | undefined {
  const cleaned = withoutReserved(stanza);
  if (!cleaned) return undefined;
  const text = cleaned.toString();
  // They write a declaration of the stanza once more on each element that uses it.
  if (!hasShortTags(text, declarations(cleaned))) return undefined;
  const nameEnd = cleaned.name.length + 1;
  return text.slice(0, nameEnd) + stamp + text.slice(nameEnd);
}

/** The sm drops an iq without a type in silence, and returns other elements. [jabberd2 2.7.0 sm/pkt.c] */
function isCarriable(stanza: Stanza): boolean {
  return STANZAS.has(stanza.name) && (stanza.name !== 'iq' || IQ_TYPES.has(stanza.attribute('type')));
}

function isPlainName(name: string): boolean {
  return name.includes(':') ? name === 'xml:lang' : name !== 'xmlns' && !RESERVED.has(name);
}

/** Is it safe as the client wrote it? They rewrite prefixes wrongly, and fail on some names of namespaces. */
function isPlain(stanza: Stanza): boolean {
  const { source, inherited, longestTag } = stanza;
  if (inherited !== '' || longestTag > MAX_NAME_BYTES || stanza.attribute('id') === '') return false;
  if (!stanza.names().every(isPlainName) || source.includes(AMP_RULE)) return false;
  if (!isPlainAddress(stanza.attribute('to')) || !isPlainAddress(stanza.attribute('from'))) return false;
  for (let at = source.indexOf(DECLARATION); at >= 0; at = source.indexOf(DECLARATION, at + 1)) {
    if (!isPlainDeclaration(source, at + DECLARATION.length)) return false;
  }
  return true;
}

const DECLARATION = 'xmlns';
/** The beginning of an element that is checked in any namespace. */
const AMP_RULE = '<rule';

function isPlainAddress(address: string | undefined): boolean {
  return address === undefined || address === '' || isAddress(address);
}

/** Does `xmlns` declare the default namespace, by a name without references? @param at the position after `xmlns` */
function isPlainDeclaration(source: string, at: number): boolean {
  const quote = source[at + 1];
  if (source[at] !== '=' || (quote !== "'" && quote !== '"')) return false;
  const namespace = source.slice(at + 2, source.indexOf(quote, at + 2));
  if (namespace === '' || HAZARDOUS_NAMESPACES.has(namespace)) return false;
  return isWritable(namespace) && !namespace.startsWith(INTERNAL);
}

function isWritable(namespace: string): boolean {
  return namespace.length <= MAX_NAMESPACE_BYTES && !NOT_IN_NAMESPACE.test(namespace);
}

/** Takes reserved attributes off the opening tag, and rewrites prefixes. */
function withoutReserved(stanza: Element): Element | undefined {
  inheritNamespaces(stanza);
  if (stanza.namespace !== CLIENT || !isReadable(stanza) || hazardOf(stanza)) return undefined;
  for (const name of [...stanza.attributes.keys()]) {
    if (RESERVED.has(name) || (name.startsWith('xml:') && name !== 'xml:lang')) stanza.set(name, undefined);
  }
  // The sm reads and writes memory after the end of an empty id. [jabberd2 2.7.0 sm/pkt.c]
  if (stanza.attribute('id') === '') stanza.set('id', undefined);
  renameInternal(stanza);
  return respelt(stanza, isRenamed, CLIENT);
}

/** Can they read it, and write it again? The prefix `xml` cannot be rewritten. */
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

/** They read an element in no namespace as if its `xmlns=''` was not there. [jabberd2 2.7.0 sx/callback.c] */
function inheritNamespaces(parent: Element): void {
  for (const child of parent.elements) {
    if (child.namespace === '') child.namespace = parent.namespace;
    inheritNamespaces(child);
  }
}

/** On the stanza itself, an attribute in any namespace may pass for the one without. [jabberd2 2.7.0 nad_set_attr] */
function isRenamed(namespace: string, localName: string, isRoot: boolean): boolean {
  if (namespace === CLIENT || namespace.startsWith(INTERNAL)) return true;
  return isRoot && (RESERVED.has(localName) || ADDRESSING.has(localName));
}

/** Elements in the internal namespaces mean nothing between clients, and must mean nothing to the servers on the way. */
function renameInternal(part: Element): void {
  if (part.namespace === COMPONENT || part.namespace === SESSION) part.namespace += '#client';
  for (const child of part.elements) renameInternal(child);
}

// --- the length of opening tags ---------------------------------------------------------------------------------------

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
    if (text[at + 1] !== '!' && bytesWritten(text, at, end) > room) return false;
    room = MAX_TAG_BYTES - added;
    at = text.indexOf('<', end);
  }
  return true;
}

/** The position after a tag, or after a CDATA section. */
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

/** Bytes of a text as they write it; each character that may be written as a reference counts as one. */
function bytesWritten(text: string, begin: number, end: number): number {
  let bytes = 0;
  for (let at = begin; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) bytes += MAX_UTF8_BYTES;
    else bytes += ESCAPED.has(code) ? MAX_ESCAPED_BYTES : 1;
  }
  return bytes;
}

const ESCAPED: ReadonlySet<number> = new Set([...'&<>\'"'].map((character) => character.charCodeAt(0)));

function declarations({ attributes }: Element): number {
  let bytes = 0;
  for (const [name, value] of attributes) {
    if (name.startsWith('xmlns:')) bytes += name.length + value.length + 4;
  }
  return bytes;
}
