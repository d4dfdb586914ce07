import { isAscii } from 'node:buffer';
import type { ParseError } from './parse-error.js';
import { MAX, type StanzaLimits } from './limits.js';
import type { Namespaces } from './tree.js';
import { Scan, Scanner } from './scanner.js';
import { Stanza, Tag } from './tag.js';

/** What a reader reports, in this order: the header, the stanzas, then the closing tag or an error. */
export interface ReaderEvents {
  /** The stream header is there. */
  onHeader(header: Tag): void;
  /** A child of the root is there, whole. */
  onStanza(stanza: Stanza): void;
  /** A stanza of that many bytes was over a limit, and is lost (see {@link ReaderOptions.namespaces}). */
  onSkipped?(bytes: number): void;
  /** The root was closed: `</stream:stream>`. */
  onClosingTag(): void;
  /** The stream is broken, or over a limit. Nothing comes after this. */
  onParseError(fault: ParseError): void;
}

export interface ReaderOptions {
  readonly limits: StanzaLimits;
  /**
   * Must prefixes be declared? Yes for clients; no on a link, since old servers do not look at them. Without, what is
   * over a limit is skipped and bytes that are no UTF-8 are replaced: a link has to go on.
   */
  readonly namespaces: boolean;
}

/**
 * Bytes made text in one go: stanzas are slices of that text, which is faster than one by one; but a slice that
 * waits for a slow peer keeps all of the text in memory.
 */
const SCAN_CHUNK_BYTES = 4096;

const LANGUAGE = 'xml:lang';

/** What {@link Scanner.spans} holds while there is no stanza: an idle session keeps nothing of the last one. */
const NO_SPANS: number[] = [];

/** From bytes, cut anywhere, to the stream header and whole stanzas. Never throws for what the peer sends. */
export class Reader {
  private readonly scanner: Scanner;
  /** Bytes of a stanza that is not whole yet, with room to grow; `used` of them count. */
  private pending: Buffer | undefined;
  private used = 0;
  private around: Namespaces | undefined;
  private stopped = false;
  /** What stanzas inherit of the stream's language, as an attribute; empty where it has none. */
  private language = '';

  constructor(
    private readonly events: ReaderEvents,
    options: ReaderOptions,
  ) {
    this.scanner = new Scanner(options.limits, options.namespaces);
  }

  /** Stanzas that name no language of their own are in this one: a language tag. [RFC6120 4.7.4, 8.1.5] [RFC5646] */
  set streamLanguage(tag: string) {
    this.language = ` ${LANGUAGE}='${tag}'`;
  }

  /** Bytes that are kept of a stanza which is not whole yet. */
  get unfinished(): number {
    return this.used;
  }

  /** Other limits from now on (a client may say more once it has logged in). */
  set limits(limits: StanzaLimits) {
    this.scanner.limits = limits;
  }

  /** No event comes any more, not even for what is in the read at hand. */
  stop(): void {
    this.stopped = true;
    this.pending = undefined;
  }

  /** Takes one read. The bytes may be overwritten afterwards. */
  write(chunk: Buffer): void {
    if (this.stopped) return;
    if (this.used === 0) this.scan(chunk, chunk.length);
    else this.scan(this.collect(chunk), this.used);
  }

  private scan(bytes: Buffer, end: number): void {
    const { scanner } = this;
    let text = '';
    let from = 0;
    for (;;) {
      const found = scanner.scan(bytes, end);
      if (found === Scan.More) break;
      if (found === Scan.Stanza && !scanner.beyondAscii) {
        if (scanner.position > from + text.length) {
          from = scanner.begin;
          text = bytes.toString(
            'latin1',
            from,
            Math.min(end, Math.max(scanner.position, from + SCAN_CHUNK_BYTES)),
          );
        }
        this.events.onStanza(this.stanza(text.slice(scanner.begin - from, scanner.position - from), true));
      } else this.tell(found, bytes);
      if (this.stopped) return;
    }
    this.keep(bytes, end);
  }

  private tell(found: Scan, bytes: Buffer): void {
    const { scanner, events } = this;
    switch (found) {
      case Scan.Stanza:
        this.decodeSpans(bytes);
        return events.onStanza(this.stanza(bytes.toString('utf8', scanner.begin, scanner.position), false));
      case Scan.Open:
        return this.open(bytes);
      case Scan.Skipped:
        return events.onSkipped?.(scanner.position - scanner.begin);
      case Scan.Close:
        this.stop();
        return events.onClosingTag();
      default:
        this.stop();
        return events.onParseError(scanner.fault!);
    }
  }

  private open(bytes: Buffer): void {
    const { scanner } = this;
    this.decodeSpans(bytes);
    const source = bytes.toString('utf8', scanner.begin, scanner.position);
    const header = new Tag(source, source.slice(1, 1 + scanner.nameLength), scanner.spans, scanner.tagEnd);
    scanner.begin = scanner.position;
    if (scanner.scope) this.around = header.declarations();
    this.events.onHeader(header);
  }

  private stanza(source: string, ascii: boolean): Stanza {
    const { scanner } = this;
    const name = source.slice(1, 1 + scanner.nameLength);
    const mayInheritLanguage = this.language !== '' && scanner.hasRoom;
    const inherited = scanner.scope ? scanner.scope.takeInherited() : '';
    const allAscii = ascii && (inherited === '' || isAscii(Buffer.from(inherited)));
    const stanza = new Stanza(source, name, scanner.spans, scanner.tagEnd, allAscii, inherited, this.around);
    if (mayInheritLanguage && !stanza.has(LANGUAGE)) stanza.language = this.language;
    stanza.children = scanner.children;
    stanza.longestTag = scanner.longestTag;
    if (scanner.scope) stanza.hasOddNamespace = scanner.scope.takeSeparable();
    return stanza;
  }

  /** The scanner counts bytes; a tag with characters beyond ASCII needs the places counted in characters. */
  private decodeSpans(bytes: Buffer): void {
    const { scanner } = this;
    const { begin, tagEnd } = scanner;
    if (isAscii(bytes.subarray(begin, begin + tagEnd))) return;
    let from = begin;
    let characters = 0;
    const counted = (to: number): number => {
      characters += bytes.toString('utf8', from, begin + to).length;
      from = begin + to;
      return characters;
    };
    scanner.nameLength = counted(1 + scanner.nameLength) - 1;
    scanner.spans = scanner.spans.map(counted);
    scanner.tagEnd = counted(tagEnd);
  }

  /** Appends to the bytes that wait. Room grows by doubling, so a stanza sent byte for byte costs no more. */
  private collect(chunk: Buffer): Buffer {
    let { pending } = this;
    const needed = this.used + chunk.length;
    if (!pending || pending.length < needed) {
      pending = Buffer.allocUnsafeSlow(Math.max(needed, this.used * 2));
      this.pending?.copy(pending, 0, 0, this.used);
      this.pending = pending;
    }
    chunk.copy(pending, this.used);
    this.used = needed;
    return pending;
  }

  /** Keeps the bytes that are still needed, and only them. */
  private keep(bytes: Buffer, end: number): void {
    const { scanner } = this;
    const from = scanner.needed;
    const kept = end - from;
    if (kept === 0) {
      this.pending = undefined;
      scanner.spans = NO_SPANS;
    } else if (bytes !== this.pending || from > 0) {
      this.pending = Buffer.allocUnsafeSlow(kept);
      bytes.copy(this.pending, 0, from, end);
    }
    this.used = kept;
    scanner.shift(from);
  }
}

const NO_LIMITS: StanzaLimits = { bytes: Number.MAX_SAFE_INTEGER, ...MAX };

/** The stanza in a text that came out of a reader before, or was built by us; undefined where the text holds none. */
export function stanzaOf(text: string): Stanza | undefined {
  let found: Stanza | undefined;
  const nothing = (): void => undefined;
  const reader = new Reader(
    {
      onHeader: nothing,
      onStanza: (stanza) => (found ??= stanza),
      onClosingTag: nothing,
      onParseError: nothing,
    },
    { limits: NO_LIMITS, namespaces: false },
  );
  reader.write(Buffer.from(`<stream>${text}`));
  return found;
}
