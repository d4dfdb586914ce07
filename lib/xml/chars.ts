/**
 * XML's smallest pieces, on bytes: which byte may stand where, one UTF-8 sequence, one reference.
 * The three functions that look at more than one byte answer the length in bytes, or one of the two below.
 */
import { isNameChar, isNameStart } from './names.js';

/** What came so far is good, but the piece is not whole yet. */
export const MORE = 0;
/** No continuation can make this good. */
export const BAD = -1;

const NAME_START = 1;
const NAME = 2;
const SPACE = 4;
const TEXT = 8;
const VALUE = 16;
const URI = 32;

const CLASS = new Uint8Array(256);

function mark(bytes: Iterable<string>, bits: number): void {
  for (const byte of bytes) CLASS[byte.charCodeAt(0)] |= bits;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PRINTABLE = Array.from({ length: 0x60 }, (_none, at) => String.fromCharCode(0x20 + at));
mark(`${LETTERS}_:`, NAME_START);
mark(`${LETTERS}_:0123456789.-`, NAME);
mark(' \t\r\n', SPACE | TEXT | VALUE);
mark(
  PRINTABLE.filter((char) => !'<&]'.includes(char)),
  TEXT,
);
mark(
  PRINTABLE.filter((char) => !`<&'"`.includes(char)),
  VALUE,
);
mark(`${LETTERS}0123456789-._~:/?#[]@!$&'()*+,;=%`, URI);

/** May the byte begin an ASCII name? */
export const isNameStartByte = (byte: number): boolean => (CLASS[byte] & NAME_START) !== 0;
/** May the byte stand in an ASCII name? */
export const isNameByte = (byte: number): boolean => (CLASS[byte] & NAME) !== 0;
export const isSpace = (byte: number): boolean => (CLASS[byte] & SPACE) !== 0;
/** An ASCII byte of character data that needs no second look (so not `]`, which may begin `]]>`). */
export const isPlainText = (byte: number): boolean => (CLASS[byte] & TEXT) !== 0;
/** An ASCII byte of an attribute value that needs no second look (so neither quote). */
export const isPlainValue = (byte: number): boolean => (CLASS[byte] & VALUE) !== 0;
/** An ASCII byte that may stand in a URI [RFC3986 2]. */
export const isUriByte = (byte: number): boolean => (CLASS[byte] & URI) !== 0;

const CONTINUATION = 0xc0;

/** Lowest and highest second byte for a lead byte: no overlong forms, no surrogates, nothing above U+10FFFF. */
function secondByteRange(lead: number): readonly [number, number] {
  switch (lead) {
    case 0xe0:
      return [0xa0, 0xbf];
    case 0xed:
      return [0x80, 0x9f];
    case 0xf0:
      return [0x90, 0xbf];
    case 0xf4:
      return [0x80, 0x8f];
    default:
      return [0x80, 0xbf];
  }
}

function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return BAD;
}

/** U+FFFE and U+FFFF are no XML characters [XML 1.0 2.2]. */
function isNonCharacter(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] >= 0xbe;
}

/** Length of the UTF-8 sequence (two bytes or more) at `at`. [RFC3629 4] */
export function sequence(bytes: Uint8Array, at: number, end: number): number {
  const length = sequenceLength(bytes[at]);
  if (length === BAD) return BAD;
  const [low, high] = secondByteRange(bytes[at]);
  for (let next = 1; next < length; next += 1) {
    if (at + next >= end) return MORE;
    const byte = bytes[at + next];
    if (next === 1 ? byte < low || byte > high : (byte & CONTINUATION) !== 0x80) return BAD;
  }
  return isNonCharacter(bytes, at) ? BAD : length;
}

function codePoint(bytes: Uint8Array, at: number, length: number): number {
  if (length === 2) return ((bytes[at] & 0x1f) << 6) | (bytes[at + 1] & 0x3f);
  if (length === 3)
    return ((bytes[at] & 0x0f) << 12) | ((bytes[at + 1] & 0x3f) << 6) | (bytes[at + 2] & 0x3f);
  return 0x10000; // no name holds a character beyond the basic plane
}

/** Length of the character beyond ASCII at `at`, if a name may hold it there. */
export function nameSequence(bytes: Uint8Array, at: number, end: number, first: boolean): number {
  const length = sequence(bytes, at, end);
  if (length <= 0) return length;
  const code = codePoint(bytes, at, length);
  return (first ? isNameStart(code) : isNameChar(code)) ? length : BAD;
}

/** A reference longer than this is refused, however many zeros of it are good. */
const MAX_REFERENCE_LENGTH = 32;
const PREDEFINED = new Set(['amp', 'lt', 'gt', 'apos', 'quot']);
const NUMERIC = /^#(?:x[0-9a-fA-F]+|[0-9]+)$/;

/** [XML 1.0 2.2 Char] */
function isCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff);
}

function isReference(name: string): boolean {
  if (PREDEFINED.has(name)) return true;
  if (!NUMERIC.test(name)) return false;
  return isCharacter(name[1] === 'x' ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10));
}

/** Length of the reference at `at` (an ampersand): one of the five predefined entities or a character. */
export function reference(bytes: Uint8Array, at: number, end: number): number {
  let name = '';
  for (let next = at + 1; next < end; next += 1) {
    const byte = bytes[next];
    if (byte === 0x3b) return isReference(name) ? next + 1 - at : BAD;
    if (next - at > MAX_REFERENCE_LENGTH || (byte !== 0x23 && !isNameByte(byte))) return BAD;
    name += String.fromCharCode(byte);
  }
  return MORE;
}

/**
 * Is a reference that {@link reference} has refused one to an entity, which XML knows and streams do not? Anything else
 * is not well-formed. Looks at no byte that `reference` has not needed. [XML 1.0 4.1]
 */
export function isEntityReference(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + 1 >= end || !isNameStartByte(bytes[at + 1])) return false;
  const longest = Math.min(end, at + 1 + MAX_REFERENCE_LENGTH);
  let next = at + 1;
  while (next < longest && isNameByte(bytes[next])) next += 1;
  return next === at + 1 + MAX_REFERENCE_LENGTH || bytes[next] === 0x3b;
}

/**
 * Do bytes that {@link sequence} has refused stand for a surrogate, U+FFFE or U+FFFF? Those are code points that no XML
 * may hold; anything else is no UTF-8. [XML 1.0 2.2]
 */
export function isForbiddenCharacter(bytes: Uint8Array, at: number): boolean {
  const isSurrogate = bytes[at] === 0xed && (bytes[at + 1] & 0xe0) === 0xa0;
  return isSurrogate || isNonCharacter(bytes, at);
}

/** Where a run of bytes of one class ends. Four bytes a step: most of a stream is such runs. */
function skip(bytes: Uint8Array, from: number, end: number, wanted: number): number {
  let at = from;
  while (at + 3 < end) {
    const four = CLASS[bytes[at]] & CLASS[bytes[at + 1]] & CLASS[bytes[at + 2]] & CLASS[bytes[at + 3]];
    if ((four & wanted) === 0) break;
    at += 4;
  }
  while (at < end && (CLASS[bytes[at]] & wanted) !== 0) at += 1;
  return at;
}

/** The first byte from `from` on that is no {@link isPlainText}, or `end`. */
export const skipPlainText = (bytes: Uint8Array, from: number, end: number): number =>
  skip(bytes, from, end, TEXT);

/** The first byte from `from` on that may not stand in an attribute value as it is, or `end`. */
export const skipPlainValue = (bytes: Uint8Array, from: number, end: number): number =>
  skip(bytes, from, end, VALUE);
