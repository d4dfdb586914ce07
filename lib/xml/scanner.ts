/**
 * The well-formedness check behind every stream, on bytes.
 *
 * What it lets through is accepted by expat with and without namespace processing, because the old servers use
 * one or the other, and an error of theirs would cost every client its session. It can stop at any byte and go
 * on with the next read; each byte is looked at once. [RFC6120 11.1, 11.3] [XML 1.0] [XML Namespaces 1.0]
 */
import type { ParseError, ParseErrorCondition } from './parse-error.js';
import {
  BAD,
  MORE,
  isEntityReference,
  isForbiddenCharacter,
  isNameByte,
  isNameStartByte,
  isPlainText,
  skipPlainText,
  skipPlainValue,
  isPlainValue,
  isSpace,
  isUriByte,
  nameSequence,
  reference,
  sequence,
} from './chars.js';
import { MAX, type StanzaLimits } from './limits.js';
import { NamespaceScope } from './namespaces.js';

/** What a scan came to. */
export const enum Scan {
  /** All bytes were looked at and nothing is whole yet. */
  More,
  /** The root's opening tag is whole: the bytes from `begin` to `position`. */
  Open,
  /** A child of the root is whole: the bytes from `begin` to `position`. */
  Stanza,
  /** The root was closed. */
  Close,
  /** A child of the root is over that went over a limit, on a stream that must live with it: nothing of it was kept. */
  Skipped,
  /** `fault` says what is wrong; the stream is over. */
  Fault,
}

const enum State {
  Start,
  Prolog,
  Between,
  Text,
  LessThan,
  TagName,
  InTag,
  AttributeName,
  BeforeEquals,
  BeforeValue,
  Value,
  Slash,
  EndName,
  EndSpace,
  Cdata,
  RootClosed,
  Faulty,
}

const SPACE = 0x20;
const QUOTE = 0x22;
const AMPERSAND = 0x26;
const APOSTROPHE = 0x27;
const SLASH = 0x2f;
const COLON = 0x3a;
const LESS_THAN = 0x3c;
const EQUALS = 0x3d;
const GREATER_THAN = 0x3e;
const RIGHT_BRACKET = 0x5d;

const CDATA_OPEN = Buffer.from('![CDATA[');
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const DECLARATION_OPEN = Buffer.from('<?xml');
const MAX_DECLARATION_BYTES = 256;
const DECLARATION =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:'1\.\d+'|"1\.\d+")(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:'([\w.-]+)'|"([\w.-]+)"))?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:'(?:yes|no)'|"(?:yes|no)"))?[ \t\r\n]*\?>$/;
const ENCODINGS = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii']);

/** Numbers that the work space holds for each open element (name: begin, length) and for each attribute. */
const OPEN = 2;
const ATTRIBUTE = 4;

/**
 * Open elements and the attributes of the tag at hand. One work space serves all scanners, since a scan never
 * waits; only a scanner that stops inside a stanza keeps a copy of its part.
 */
const open = new Int32Array(MAX.depth * OPEN + OPEN);
const attributes = new Int32Array(MAX.attributes * ATTRIBUTE);

interface Interrupted {
  readonly open: Int32Array;
  readonly attributes: Int32Array;
}

/** How far two byte strings, both of that length, are the same. */
function same(bytes: Uint8Array, one: number, other: number, length: number): boolean {
  for (let at = 0; at < length; at += 1) if (bytes[one + at] !== bytes[other + at]) return false;
  return true;
}

/** Does `expected` stand at `at`? MORE while it may still come to stand there; BAD when it can not. */
function expect(bytes: Uint8Array, at: number, end: number, expected: Uint8Array): number {
  for (let next = 0; next < expected.length; next += 1) {
    if (at + next >= end) return MORE;
    if (bytes[at + next] !== expected[next]) return BAD;
  }
  return expected.length;
}

/** Where a name of ASCII letters and digits, without a prefix, ends. */
function skipPlainName(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] !== COLON && isNameByte(bytes[at])) at += 1;
  return at;
}

export class Scanner {
  /** First byte of the root's opening tag or of the stanza at hand. */
  begin = 0;
  /** The next byte to look at. */
  position = 0;
  /** Was there a byte beyond ASCII in the stanza at hand? */
  beyondAscii = false;
  /** Span of the attributes of the stanza's (or root's) opening tag, as in {@link Tag}, from `begin` on. */
  spans: number[] = [];
  /** Length of the stanza's (or root's) name. */
  nameLength = 0;
  /** Where the stanza's (or root's) opening tag ends (its `>` or `/>`), from `begin` on. */
  tagEnd = 0;
  /** Bytes of the longest opening tag in the stanza at hand. */
  longestTag = 0;
  /** Elements directly inside of the stanza. */
  children = 0;
  fault: ParseError | undefined;
  readonly scope: NamespaceScope | undefined;

  private state = State.Start;
  private depth = 0;
  private count = 0;
  private tokenBegin = 0;
  private nameEnd = 0;
  private valueBegin = 0;
  private quote = 0;
  /** May an attribute come next, that is, was there white space? */
  private spaced = false;
  /** Does the tag at hand have a colon in a name? */
  private prefixed = false;
  private selfClosed = false;
  /** Is the stanza at hand over a limit, and only its end looked for? */
  private skipping = false;
  private rootName: Uint8Array | undefined;
  private interrupted: Interrupted | undefined;

  /**
   * @param limits may be replaced while the stream goes on
   * @param namespaces whether prefixes must be declared: not on a link, whose peer does not look at them. That peer is
   *   one that we must live with, too: what is over a limit there is skipped, and bytes that are no UTF-8 are let
   *   through (old servers cut names in the middle of a character), since a fault would cost every client its session
   */
  constructor(
    public limits: StanzaLimits,
    namespaces: boolean,
  ) {
    this.scope = namespaces ? new NamespaceScope() : undefined;
  }

  /** Looks at the bytes from `position` to `end`; returns at the first thing that is whole. */
  scan(bytes: Uint8Array, end: number): Scan {
    this.resume();
    const result = this.run(bytes, end);
    if (this.length > this.limits.bytes && !this.isBehindSkipped(result) && !this.skip())
      return this.tooLong();
    if (result === Scan.More) this.interrupt();
    return result === Scan.Stanza && this.skipping ? this.skipped() : result;
  }

  /** Is it the stanza just skipped that is over the limit, with nothing behind it yet? */
  private isBehindSkipped(result: Scan): boolean {
    return this.scope === undefined && this.isBetween && result !== Scan.Stanza;
  }

  /** From here on only the end of the stanza counts, where that is allowed. */
  private skip(): boolean {
    this.skipping = this.scope === undefined;
    return this.skipping;
  }

  private skipped(): Scan {
    this.skipping = false;
    return Scan.Skipped;
  }

  /** Bytes of the stanza at hand, as it would be written. */
  private get length(): number {
    return this.position - this.begin + (this.scope ? this.scope.inheritedBytes : 0);
  }

  /** Even where something else is wrong behind the limit: which of the two is found first depends on the reads. */
  private tooLong(): Scan {
    return this.fail('policy-violation', `a stanza may have ${this.limits.bytes} bytes`);
  }

  /** Tells the scanner that the first `bytes` bytes, all before `begin`, are no longer there. */
  shift(bytes: number): void {
    this.begin -= bytes;
    this.position -= bytes;
    this.tokenBegin -= bytes;
    this.nameEnd -= bytes;
    this.valueBegin -= bytes;
    if (!this.interrupted) return;
    const { open: names, attributes: values } = this.interrupted;
    for (let at = 0; at < names.length; at += OPEN) names[at] -= bytes;
    for (let at = 0; at < values.length; at += 1) values[at] -= bytes;
  }

  /** First byte that is still needed. */
  get needed(): number {
    return this.isBetween || this.skipping ? this.position : this.begin;
  }

  /** Is nothing under way that began with an earlier byte? */
  private get isBetween(): boolean {
    return this.state === State.Between || this.state === State.Prolog || this.state === State.RootClosed;
  }

  private resume(): void {
    if (!this.interrupted) return;
    open.set(this.interrupted.open);
    attributes.set(this.interrupted.attributes);
    this.interrupted = undefined;
  }

  private interrupt(): void {
    if (this.isBetween || this.state === State.Start) return;
    this.interrupted = {
      open: open.slice(0, (this.depth + 1) * OPEN),
      attributes: attributes.slice(0, this.count * ATTRIBUTE),
    };
  }

  private run(bytes: Uint8Array, end: number): Scan {
    if (this.state === State.Faulty) return Scan.Fault;
    if (this.selfClosed) return this.closeRoot();
    while (this.position < end) {
      const before = this.position;
      const state: State = this.state;
      const result: Scan = this.step(bytes, end);
      if (result !== Scan.More) return result;
      if (this.position === before && this.state === state) return Scan.More;
    }
    return Scan.More;
  }

  private step(bytes: Uint8Array, end: number): Scan {
    switch (this.state) {
      case State.Text:
        return this.text(bytes, end);
      case State.TagName:
        return this.tagName(bytes, end);
      case State.InTag:
        return this.inTag(bytes);
      case State.AttributeName:
        return this.attributeName(bytes, end);
      case State.BeforeEquals:
        return this.beforeEquals(bytes);
      case State.BeforeValue:
        return this.beforeValue(bytes);
      case State.Value:
        return this.value(bytes, end);
      case State.LessThan:
        return this.lessThan(bytes, end);
      case State.EndName:
        return this.endName(bytes, end);
      case State.EndSpace:
        return this.endSpace(bytes);
      case State.Between:
        return this.between(bytes, end);
      case State.Slash:
        return this.slash(bytes);
      case State.Cdata:
        return this.cdata(bytes, end);
      case State.Start:
        return this.start(bytes, end);
      case State.Prolog:
        return this.prolog(bytes, end);
      case State.RootClosed:
        this.position = this.begin = end;
        return Scan.More;
      case State.Faulty:
        return Scan.Fault;
    }
  }

  private go(state: State, bytes = 1): Scan {
    this.state = state;
    this.position += bytes;
    return Scan.More;
  }

  private fail(condition: ParseErrorCondition, text: string): Scan {
    this.state = State.Faulty;
    this.fault = { condition, text };
    return Scan.Fault;
  }

  private malformed(text: string): Scan {
    return this.fail('not-well-formed', text);
  }

  /** The very first bytes: perhaps a byte order mark, perhaps an XML declaration. [XML 1.0 2.8] */
  private start(bytes: Uint8Array, end: number): Scan {
    const mark = expect(bytes, 0, end, BYTE_ORDER_MARK);
    if (mark === MORE) return Scan.More;
    const at = mark === BAD ? 0 : mark;
    const declaration = expect(bytes, at, end, DECLARATION_OPEN);
    if (declaration === MORE) return Scan.More;
    return declaration === BAD ? this.go(State.Prolog, at) : this.declaration(bytes, at, end);
  }

  /** Before the root: white space. */
  private prolog(bytes: Uint8Array, end: number): Scan {
    while (this.position < end && isSpace(bytes[this.position])) this.position += 1;
    this.begin = this.position;
    if (this.position >= end) return Scan.More;
    if (bytes[this.position] !== LESS_THAN) return this.malformed('text before the stream header');
    return this.go(State.LessThan);
  }

  private declaration(bytes: Uint8Array, at: number, end: number): Scan {
    const close = bytes.subarray(0, Math.min(end, at + MAX_DECLARATION_BYTES)).indexOf(GREATER_THAN, at);
    if (close < 0) {
      return end - at < MAX_DECLARATION_BYTES ? Scan.More : this.malformed('endless XML declaration');
    }
    const source = Buffer.from(bytes.subarray(at, close + 1)).toString('latin1');
    const match = DECLARATION.exec(source);
    if (!match) return this.malformed('malformed XML declaration');
    const encoding = match[1] ?? match[2];
    if (encoding && !ENCODINGS.has(encoding.toLowerCase())) {
      return this.fail('unsupported-encoding', 'streams are UTF-8');
    }
    return this.go(State.Prolog, close + 1 - this.position);
  }

  /** Between the children of the root: white space only. [RFC6120 4.9.3.1, 11.7] */
  private between(bytes: Uint8Array, end: number): Scan {
    let at = this.position;
    while (at < end && isSpace(bytes[at])) at += 1;
    this.position = this.begin = at;
    if (at >= end) return Scan.More;
    if (bytes[at] !== LESS_THAN) return this.stray(bytes[at]);
    this.beyondAscii = false;
    this.children = 0;
    this.longestTag = 0;
    return this.nextTag(bytes, end);
  }

  /** From a `<` straight on into the tag, where more of it is there. */
  private nextTag(bytes: Uint8Array, end: number): Scan {
    this.go(State.LessThan);
    return this.position < end ? this.lessThan(bytes, end) : Scan.More;
  }

  private stray(byte: number): Scan {
    if (isPlainText(byte) || byte === RIGHT_BRACKET || byte === AMPERSAND || byte >= 0x80) {
      return this.fail('bad-format', 'text between stanzas');
    }
    return this.malformed('a control character between stanzas');
  }

  private text(bytes: Uint8Array, end: number): Scan {
    let at = this.position;
    for (;;) {
      at = skipPlainText(bytes, at, end);
      if (at >= end) break;
      const byte = bytes[at];
      this.position = at;
      if (byte === LESS_THAN) return this.nextTag(bytes, end);
      const length = byte === RIGHT_BRACKET ? this.bracket(bytes, at, end) : this.special(bytes, at, end);
      if (length === BAD) return this.badText(bytes, at, end, ']]> in text');
      if (length === MORE) return Scan.More;
      at += length;
    }
    this.position = at;
    return Scan.More;
  }

  /** A `]` in text: good unless it begins `]]>`. [XML 1.0 2.4] */
  private bracket(bytes: Uint8Array, at: number, end: number): number {
    if (at + 1 >= end) return MORE;
    if (bytes[at + 1] !== RIGHT_BRACKET) return 1;
    if (at + 2 >= end) return MORE;
    return bytes[at + 2] === GREATER_THAN ? BAD : 1;
  }

  /** A reference, or a character beyond ASCII. */
  private special(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at] === AMPERSAND) return reference(bytes, at, end);
    if (bytes[at] < 0x80) return BAD;
    this.beyondAscii = true;
    const length = sequence(bytes, at, end);
    return length === BAD && !this.scope ? 1 : length;
  }

  private badText(bytes: Uint8Array, at: number, end: number, otherwise: string): Scan {
    const byte = bytes[at];
    if (byte === AMPERSAND) return this.badReference(bytes, at, end);
    if (byte < 0x20) return this.malformed('a control character');
    if (byte < 0x80) return this.malformed(otherwise);
    return isForbiddenCharacter(bytes, at)
      ? this.malformed('a character that XML may not hold')
      : this.fail('unsupported-encoding', 'bytes that are not UTF-8');
  }

  private badReference(bytes: Uint8Array, at: number, end: number): Scan {
    return isEntityReference(bytes, at, end)
      ? this.fail('restricted-xml', 'only the five predefined entities are known')
      : this.malformed('a reference to nothing that XML may hold');
  }

  private lessThan(bytes: Uint8Array, end: number): Scan {
    const byte = bytes[this.position];
    if (isNameStartByte(byte) || byte >= 0x80) return this.beginTag(bytes, end);
    if (byte === SLASH && this.depth > 0) {
      this.tokenBegin = this.position + 1;
      this.go(State.EndName);
      return this.endName(bytes, end);
    }
    if (byte === 0x21) return this.markup(bytes, end);
    if (byte === 0x3f) return this.fail('restricted-xml', 'processing instructions are not allowed');
    return this.malformed('a < that begins no tag');
  }

  /** `<!`: a CDATA section inside a stanza; comments and DTDs are not for streams. [RFC6120 11.1] */
  private markup(bytes: Uint8Array, end: number): Scan {
    const length = expect(bytes, this.position, end, CDATA_OPEN);
    if (length === MORE) return Scan.More;
    if (length === BAD) return this.fail('restricted-xml', 'comments and DTDs are not allowed');
    if (this.depth < 2) return this.fail('bad-format', 'text between stanzas');
    return this.go(State.Cdata, length);
  }

  private beginTag(bytes: Uint8Array, end: number): Scan {
    if (this.depth > this.limits.depth && !this.skip()) {
      return this.fail('policy-violation', `elements may stand ${this.limits.depth} deep`);
    }
    const begin = this.position;
    this.tokenBegin = begin;
    this.count = 0;
    this.prefixed = false;
    const length = this.plainTag(bytes, begin, end);
    if (length > 0) return this.endTag(bytes, length);
    this.position = this.tokenBegin = begin;
    this.count = 0;
    return this.go(State.TagName, 0);
  }

  /**
   * The short way through a tag that is whole and plain: ASCII, no prefix, no reference, one space before each
   * attribute. Leaves `position` at the last byte and returns what endTag() wants, or 0 for any other tag, which
   * then goes through the states one by one.
   */
  private plainTag(bytes: Uint8Array, begin: number, end: number): number {
    let at = skipPlainName(bytes, begin, end);
    open[this.depth * OPEN] = begin;
    open[this.depth * OPEN + 1] = at - begin;
    while (at < end) {
      const byte = bytes[at];
      if (byte === GREATER_THAN) return this.endPlainTag(at, 1);
      if (byte === SLASH)
        return bytes[at + 1] === GREATER_THAN && at + 1 < end ? this.endPlainTag(at + 1, 2) : 0;
      if (byte !== SPACE || this.count >= this.limits.attributes) return 0;
      at = this.plainAttribute(bytes, at + 1, end);
    }
    return 0;
  }

  private endPlainTag(at: number, length: number): number {
    this.position = at;
    return length;
  }

  /** Takes one `name='value'`; returns where it ends, or `end` where there is none that is plain. */
  private plainAttribute(bytes: Uint8Array, begin: number, end: number): number {
    const equals = skipPlainName(bytes, begin, end);
    if (equals === begin || equals + 2 >= end || bytes[equals] !== EQUALS) return end;
    if (!isNameStartByte(bytes[begin])) return end;
    const quote = bytes[equals + 1];
    if (quote !== APOSTROPHE && quote !== QUOTE) return end;
    const at = skipPlainValue(bytes, equals + 2, end);
    if (at >= end || bytes[at] !== quote) return end;
    this.tokenBegin = begin;
    this.nameEnd = equals;
    this.valueBegin = equals + 2;
    this.position = at;
    return this.keepAttribute(bytes) ? at + 1 : end;
  }

  /** Moves over a name from `position` on; the state is left for the caller to change once it has ended. */
  private name(bytes: Uint8Array, end: number): number {
    let at = this.position;
    while (at < end) {
      const byte = bytes[at];
      if (isNameByte(byte)) {
        if (byte === COLON) this.prefixed = true;
        at += 1;
      } else if (byte >= 0x80) {
        this.beyondAscii = true;
        const length = nameSequence(bytes, at, end, at === this.tokenBegin);
        this.position = at;
        if (length <= 0) return length;
        at += length;
      } else {
        this.position = at;
        return 1;
      }
    }
    this.position = at;
    return MORE;
  }

  private tagName(bytes: Uint8Array, end: number): Scan {
    const ended = this.name(bytes, end);
    if (ended === MORE) return Scan.More;
    if (ended === BAD) return this.malformed('a character that no name may hold');
    open[this.depth * OPEN] = this.tokenBegin;
    open[this.depth * OPEN + 1] = this.position - this.tokenBegin;
    this.spaced = false;
    return this.go(State.InTag, 0);
  }

  private inTag(bytes: Uint8Array): Scan {
    const byte = bytes[this.position];
    if (isSpace(byte)) {
      this.spaced = true;
      return this.go(State.InTag);
    }
    if (byte === GREATER_THAN) return this.endTag(bytes, 1);
    if (byte === SLASH) return this.go(State.Slash);
    if (!this.spaced) return this.malformed('no space before an attribute');
    if (!isNameStartByte(byte) && byte < 0x80)
      return this.malformed('a character that no name may begin with');
    if (this.count >= this.limits.attributes && !this.skip()) return this.tooMany();
    this.tokenBegin = this.position;
    return this.go(State.AttributeName, 0);
  }

  private tooMany(): Scan {
    return this.fail('policy-violation', `an element may have ${this.limits.attributes} attributes`);
  }

  private attributeName(bytes: Uint8Array, end: number): Scan {
    const ended = this.name(bytes, end);
    if (ended === MORE) return Scan.More;
    if (ended === BAD) return this.malformed('a character that no name may hold');
    this.nameEnd = this.position;
    return this.go(State.BeforeEquals, 0);
  }

  private beforeEquals(bytes: Uint8Array): Scan {
    const byte = bytes[this.position];
    if (byte === EQUALS) return this.go(State.BeforeValue);
    return isSpace(byte) ? this.go(State.BeforeEquals) : this.malformed('an attribute without a value');
  }

  private beforeValue(bytes: Uint8Array): Scan {
    const byte = bytes[this.position];
    if (isSpace(byte)) return this.go(State.BeforeValue);
    if (byte !== APOSTROPHE && byte !== QUOTE) return this.malformed('an attribute value without quotes');
    this.quote = byte;
    this.valueBegin = this.position + 1;
    return this.go(State.Value);
  }

  private value(bytes: Uint8Array, end: number): Scan {
    let at = this.position;
    while (at < end) {
      const byte = bytes[at];
      if (isPlainValue(byte)) {
        at += 1;
        continue;
      }
      this.position = at;
      if (byte === this.quote) return this.endValue(bytes);
      const length = byte === APOSTROPHE || byte === QUOTE ? 1 : this.special(bytes, at, end);
      if (length === BAD) return this.badText(bytes, at, end, '< in an attribute value');
      if (length === MORE) return Scan.More;
      at += length;
    }
    this.position = at;
    return Scan.More;
  }

  private endValue(bytes: Uint8Array): Scan {
    if (!this.keepAttribute(bytes)) return this.malformed('an attribute given twice');
    this.spaced = false;
    return this.go(State.InTag);
  }

  /** Adds the attribute at hand to those of the tag, if its name is new there. */
  private keepAttribute(bytes: Uint8Array): boolean {
    if (this.skipping) return true;
    const at = this.count * ATTRIBUTE;
    if (this.scope && this.isRepeated(bytes, at)) return false;
    attributes[at] = this.tokenBegin;
    attributes[at + 1] = this.nameEnd;
    attributes[at + 2] = this.valueBegin;
    attributes[at + 3] = this.position;
    if (this.isOddNamespace(bytes)) this.prefixed = true;
    this.count += 1;
    return true;
  }

  private isRepeated(bytes: Uint8Array, at: number): boolean {
    const length = this.nameEnd - this.tokenBegin;
    for (let other = 0; other < at; other += ATTRIBUTE) {
      if (attributes[other + 1] - attributes[other] !== length) continue;
      if (same(bytes, attributes[other], this.tokenBegin, length)) return true;
    }
    return false;
  }

  /** Is this a default namespace that needs a second look: a character no URI has, or one of the W3C's own? */
  private isOddNamespace(bytes: Uint8Array): boolean {
    if (this.nameEnd - this.tokenBegin !== 5 || !this.isXmlns(bytes)) return false;
    for (let at = this.valueBegin; at < this.position; at += 1) {
      if (!isUriByte(bytes[at]) || bytes[at] === AMPERSAND) return true;
    }
    return bytes[this.valueBegin + 7] === 0x77; // http://w…
  }

  private isXmlns(bytes: Uint8Array): boolean {
    const at = this.tokenBegin;
    return (
      bytes[at] === 0x78 &&
      bytes[at + 1] === 0x6d &&
      bytes[at + 2] === 0x6c &&
      bytes[at + 3] === 0x6e &&
      bytes[at + 4] === 0x73
    );
  }

  private slash(bytes: Uint8Array): Scan {
    if (bytes[this.position] !== GREATER_THAN) return this.malformed('a / inside a tag');
    return this.endTag(bytes, 2);
  }

  /** An opening tag is whole. `length` is 2 for one that closes itself. */
  private endTag(bytes: Uint8Array, length: number): Scan {
    this.position += 1;
    if (this.scope && this.prefixed) {
      const wrong = this.enterScope(bytes, this.scope);
      if (wrong) return this.malformed(wrong);
    }
    if (this.depth <= 1) this.keepTag(length);
    const size = this.position - open[this.depth * OPEN] + 1;
    if (size > this.longestTag) this.longestTag = size;
    this.count = 0;
    if (this.depth === 0) return this.openRoot(bytes, length);
    this.depth += 1;
    return length === 2 ? this.endElement() : this.go(State.Text, 0);
  }

  private enterScope(bytes: Uint8Array, scope: NamespaceScope): string | undefined {
    const at = open[this.depth * OPEN];
    return scope.enter(
      this.depth,
      bytes,
      at,
      at + open[this.depth * OPEN + 1],
      attributes.subarray(0, this.count * ATTRIBUTE),
    );
  }

  /** Keeps what a {@link Tag} is made of: once per stanza. */
  private keepTag(length: number): void {
    const { begin } = this;
    const spans: number[] = [];
    for (let at = 0; at < this.count * ATTRIBUTE; at += 1) spans.push(attributes[at] - begin);
    this.spans = spans;
    this.nameLength = open[this.depth * OPEN + 1];
    this.tagEnd = this.position - length - begin;
  }

  private openRoot(bytes: Uint8Array, length: number): Scan {
    this.rootName = new Uint8Array(bytes.subarray(open[0], open[0] + open[1]));
    this.selfClosed = length === 2;
    this.depth = 1;
    this.go(State.Between, 0);
    return Scan.Open;
  }

  private closeRoot(): Scan {
    this.selfClosed = false;
    this.depth = 0;
    this.go(State.RootClosed, 0);
    return Scan.Close;
  }

  private endName(bytes: Uint8Array, end: number): Scan {
    if (this.skipping) return this.skipName(bytes, end);
    const root = this.depth === 1;
    const expected = root ? this.rootName! : bytes;
    const from = root ? 0 : open[(this.depth - 1) * OPEN];
    const length = root ? expected.length : open[(this.depth - 1) * OPEN + 1];
    while (this.position < end) {
      const at = this.position - this.tokenBegin;
      if (at === length) {
        this.go(State.EndSpace, 0);
        return this.endSpace(bytes);
      }
      if (bytes[this.position] !== expected[from + at]) {
        return this.malformed('a closing tag that closes nothing');
      }
      this.position += 1;
    }
    return Scan.More;
  }

  private skipName(bytes: Uint8Array, end: number): Scan {
    while (this.position < end) {
      const byte = bytes[this.position];
      if (!isNameByte(byte) && byte < 0x80) return this.go(State.EndSpace, 0);
      this.position += 1;
    }
    return Scan.More;
  }

  private endSpace(bytes: Uint8Array): Scan {
    const byte = bytes[this.position];
    if (isSpace(byte)) return this.go(State.EndSpace);
    if (byte !== GREATER_THAN) return this.malformed('a closing tag that closes nothing');
    this.position += 1;
    return this.depth === 1 ? this.closeRoot() : this.endElement();
  }

  private endElement(): Scan {
    this.depth -= 1;
    this.scope?.leave(this.depth);
    if (this.depth === 2) this.children += 1;
    if (this.depth > 1) return this.go(State.Text, 0);
    if (this.scope && this.scope.inheritedCount > 0 && this.isOvercrowded(this.scope)) return this.tooMany();
    this.go(State.Between, 0);
    return Scan.Stanza;
  }

  /** What a stanza inherits will stand on its opening tag, and the peer behind us has a limit too. */
  private isOvercrowded(scope: NamespaceScope): boolean {
    return this.spans.length / ATTRIBUTE + scope.inheritedCount > this.limits.attributes;
  }

  /** May the opening tag of the stanza just read, with what it inherits, have one more attribute? */
  get hasRoom(): boolean {
    return this.spans.length / ATTRIBUTE + (this.scope?.inheritedCount ?? 0) < this.limits.attributes;
  }

  private cdata(bytes: Uint8Array, end: number): Scan {
    let at = this.position;
    while (at < end) {
      const byte = bytes[at];
      let length = 1;
      if (byte === RIGHT_BRACKET) length = this.bracket(bytes, at, end);
      else if (!isPlainText(byte) && byte !== LESS_THAN && byte !== AMPERSAND) {
        length = this.special(bytes, at, end);
        if (length === BAD) return this.badText(bytes, at, end, 'a control character');
      }
      this.position = at;
      if (length === MORE) return Scan.More;
      if (length === BAD) return this.go(State.Text, 3); // ]]> ends the section
      at += length;
    }
    this.position = at;
    return Scan.More;
  }
}
