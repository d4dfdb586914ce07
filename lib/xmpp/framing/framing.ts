import type { Role } from '../../net/transport.js';
import type { ReaderEvents, ReaderOptions, StanzaLimits, Tag } from '../../xml/index.js';

/** Our stream header. What is absent is not written. [RFC6120 4.7] */
export interface OwnHeader {
  /** The namespace of the stanzas. */
  readonly xmlns?: string | undefined;
  /** The stream id; the receiving side gives it. */
  readonly id?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly version?: '1.0' | undefined;
  /** A language tag. [RFC5646] */
  readonly language?: string | undefined;
}

/** What can be wrong with the peer's stream header. */
export type HeaderErrorKind = 'bad-header' | 'bad-namespace' | 'bad-stream-namespace' | 'unsupported-version';

export interface HeaderError {
  readonly kind: HeaderErrorKind;
  /** A text for the log and for the stream error, never longer than a line. */
  readonly detail?: string;
}

/** Finds the header, the stanzas and the end of a stream in received bytes. `Reader` of lib/xml is one. */
export interface StreamReader {
  /** Takes one read, or one message. The bytes may be overwritten afterwards. */
  write(bytes: Buffer): void;
  /** Reports nothing more, not even about the rest of the current read. */
  stop(): void;
  /** Bytes kept of a stanza that is not complete yet. */
  readonly unfinished: number;
  limits: StanzaLimits;
  /** The language of stanzas that name none: a language tag. [RFC6120 4.7.4] */
  streamLanguage: string;
}

/**
 * How an XML stream is opened, cut into stanzas and closed on a transport. Each call of {@link XmlStream.send} is one
 * header, stanza or error, so a framing can put each into a message of its own.
 */
export interface Framing {
  /** Opens our stream. */
  open(role: Role, header: OwnHeader): string;
  /** Opens our stream with the header of another one. */
  forward(header: Tag): string;
  /** Closes our stream. */
  readonly close: string;
  /** A text that is no stanza, for idle streams; empty where the transport has its own way. [RFC6120 4.6.1] */
  readonly keepalive: string;
  /** Changes a stanza to the form in which it is sent; absent where nothing is changed. */
  readonly stanza?: (text: string) => string;
  /** Checks the element that opens a client's stream. */
  checkRoot(header: Tag): HeaderError | undefined;
  newReader(events: ReaderEvents, options: ReaderOptions): StreamReader;
}
