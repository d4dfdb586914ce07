import { Reader, type ParseError, type Stanza, type StanzaLimits, type Tag } from '../../lib/xml/index.js';

export const LIMITS: StanzaLimits = { bytes: 65_536, depth: 20, attributes: 20 };

export interface Options {
  readonly limits?: StanzaLimits;
  /** Must prefixes be declared? They must where this is not said. */
  readonly namespaces?: boolean;
}

/** All that a reader told of a stream. */
export interface Trace {
  header: Tag | undefined;
  stanzas: Stanza[];
  fault: ParseError | undefined;
  closed: boolean;
  /** The events in order, in words. */
  events: string[];
}

function describe(tag: Tag): string {
  return `${tag.name} ${JSON.stringify([...tag.attributes()])} ${JSON.stringify(tag.source)}`;
}

/** A reader, and what it has told so far. */
export function tracing({ limits = LIMITS, namespaces = true }: Options = {}): {
  reader: Reader;
  trace: Trace;
} {
  const trace: Trace = { header: undefined, stanzas: [], fault: undefined, closed: false, events: [] };
  const events = {
    onHeader(header: Tag): void {
      trace.header = header;
      trace.events.push(`open ${describe(header)}`);
    },
    onStanza(stanza: Stanza): void {
      trace.stanzas.push(stanza);
      const { inherited, ascii } = stanza;
      trace.events.push(`stanza ${describe(stanza)} ${JSON.stringify({ inherited, ascii })}`);
    },
    onClosingTag(): void {
      trace.closed = true;
      trace.events.push('close');
    },
    onParseError(fault: ParseError): void {
      trace.fault = fault;
      trace.events.push(`fault ${fault.condition} ${fault.text}`);
    },
  };
  return { reader: new Reader(events, { limits, namespaces }), trace };
}

/** What a reader tells of these reads. Each is overwritten once it was read: a socket may use its buffer again. */
export function read(reads: Iterable<Buffer | string>, options?: Options): Trace {
  const { reader, trace } = tracing(options);
  for (const bytes of reads) {
    const chunk = Buffer.from(bytes as string);
    reader.write(chunk);
    chunk.fill(0);
  }
  return trace;
}
