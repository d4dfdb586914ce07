import type { Role, Transport, TransportEvents } from '../net/transport.js';
import type { TlsOptions } from '../net/tls.js';
import type { ReaderEvents, ReaderOptions, StanzaLimits, Tag } from '../xml/index.js';
import type { Framing, OwnHeader, StreamReader } from './framing/framing.js';

/**
 * The state of our side of a stream: `unopened` until our header is sent, and again after a restart; `opened` after the
 * header; `finished` after our closing tag, while the peer may still send; `encrypting` during a TLS handshake; `closed`
 * after we have ended the connection.
 */
export type XmlStreamState = 'unopened' | 'opened' | 'finished' | 'encrypting' | 'closed';

type Action = 'open' | 'restart' | 'finish' | 'encrypt' | 'encrypted' | 'close';

/** The state after each action; undefined where the action does nothing. */
const NEXT: Readonly<Record<XmlStreamState, Readonly<Record<Action, XmlStreamState | undefined>>>> = {
  finished: {
    open: undefined,
    restart: undefined,
    finish: undefined,
    encrypt: undefined,
    encrypted: undefined,
    close: 'closed',
  },
  unopened: {
    open: 'opened',
    restart: 'unopened',
    finish: undefined,
    encrypt: 'encrypting',
    encrypted: undefined,
    close: 'closed',
  },
  opened: {
    open: undefined,
    restart: 'unopened',
    finish: 'finished',
    encrypt: 'encrypting',
    encrypted: undefined,
    close: 'closed',
  },
  encrypting: {
    open: undefined,
    restart: undefined,
    finish: undefined,
    encrypt: undefined,
    encrypted: 'unopened',
    close: 'closed',
  },
  closed: {
    open: undefined,
    restart: undefined,
    finish: undefined,
    encrypt: undefined,
    encrypted: undefined,
    close: undefined,
  },
};

/**
 * What a stream reports. Reader and transport call the owner directly, because a call more per stanza costs time. The
 * owner's `onData` gives the bytes to {@link XmlStream.read}: at once or later, whole or in parts.
 */
export interface XmlStreamEvents<Receipt = never> extends ReaderEvents, TransportEvents<Receipt> {}

export interface XmlStreamOptions extends ReaderOptions {
  readonly role: Role;
  readonly framing: Framing;
}

/**
 * An XML stream on a transport, for both roles: headers, stanzas, restarts, encryption, and one end.
 *
 * @typeParam Receipt see {@link Transport}
 */
export class XmlStream<Receipt = never> {
  private current: XmlStreamState = 'unopened';
  private reader: StreamReader;
  private readerLimits: StanzaLimits;

  constructor(
    readonly transport: Transport<Receipt>,
    private readonly events: XmlStreamEvents<Receipt>,
    private readonly options: XmlStreamOptions,
  ) {
    this.readerLimits = options.limits;
    this.reader = this.newReader();
    transport.start(events);
  }

  get state(): XmlStreamState {
    return this.current;
  }

  /** Limits for the peer's stanzas, from now on and after restarts. */
  set limits(limits: StanzaLimits) {
    this.readerLimits = limits;
    this.reader.limits = limits;
  }

  /** The language of stanzas that name none, until the next restart: a language tag. [RFC6120 4.7.4] */
  set language(tag: string) {
    this.reader.streamLanguage = tag;
  }

  /** Bytes kept of a stanza that is not complete yet. */
  get unfinished(): number {
    return this.reader.unfinished;
  }

  /**
   * Reads bytes that the transport has received. They may be overwritten afterwards.
   *
   * @returns false if the stream was closed, restarted or encrypted meanwhile: then bytes that follow these must be dropped
   */
  read(bytes: Buffer): boolean {
    const { reader } = this;
    reader.write(bytes);
    return reader === this.reader && this.current !== 'closed' && this.current !== 'encrypting';
  }

  /** Sends our header: once after the start and once after each restart. */
  open(header: OwnHeader): void {
    const { framing, role } = this.options;
    if (this.move('open')) this.transport.send(framing.open(role, header));
  }

  /** Sends the header of another stream as ours, for a program that passes on a whole stream. */
  forward(header: Tag): void {
    if (this.move('open')) this.transport.send(this.options.framing.forward(header));
  }

  /**
   * Sends one stanza, or one other element.
   *
   * @param ascii whether the text is ASCII only, if that is known
   * @param receipt see {@link Transport.send}
   */
  send(text: string, ascii = false, receipt?: Receipt): void {
    const { stanza } = this.options.framing;
    this.transport.send(stanza === undefined ? text : stanza(text), ascii, receipt);
  }

  /** Sends something that is no stanza, so that a dead connection is noticed. [RFC6120 4.6.1] */
  keepAlive(): void {
    const { keepalive } = this.options.framing;
    if (keepalive !== '') this.transport.send(keepalive, true);
  }

  /**
   * Begins a new stream on the same connection: both sides send a header again. The rest of the old stream is dropped:
   * an incomplete stanza, and the rest of the current read. [RFC6120 4.3.3]
   */
  restart(): void {
    if (this.move('restart')) this.renewReader();
  }

  /**
   * Encrypts the connection and begins a new stream on it: both sides send a header again. The initiating side of the
   * stream is the client of TLS. [RFC6120 5.3.3] Unencrypted bytes that follow the last stanza are dropped, because
   * anybody on the network may have sent them. [RFC6120 5.4.3.3]
   *
   * @param onEncrypted called once, in the state `unopened`; with an error if it failed: then the connection is over
   */
  encrypt(options: TlsOptions, onEncrypted: (error?: Error) => void): void {
    if (!this.move('encrypt')) return;
    this.reader.stop();
    this.transport.encrypt(this.options.role, options, (error) => {
      if (error || !this.move('encrypted')) return onEncrypted(error ?? new Error('the stream was closed'));
      this.renewReader();
      onEncrypted();
    });
  }

  /** Sends our closing tag and reads on: the peer may still send stanzas, and then closes its stream. [RFC6120 4.4] */
  finish(): void {
    if (this.move('finish')) this.transport.send(this.options.framing.close);
  }

  /** Ends stream and connection, once: sends a last element, and a closing tag if our header was sent. */
  close(lastElement = ''): void {
    this.end(lastElement, this.current === 'opened' ? this.options.framing.close : '');
  }

  /** Ends the connection without a closing tag, after a last element. */
  hangUp(lastElement = ''): void {
    this.end(lastElement, '');
  }

  /** Ends the connection at once. */
  destroy(): void {
    if (this.move('close')) this.reader.stop();
    this.transport.destroy();
  }

  private end(lastElement: string, closingTag: string): void {
    if (!this.move('close')) return;
    this.reader.stop();
    this.transport.send(lastElement);
    this.transport.close(closingTag);
  }

  private move(action: Action): boolean {
    const next = NEXT[this.current][action];
    if (next !== undefined) this.current = next;
    return next !== undefined;
  }

  private renewReader(): void {
    this.reader.stop();
    this.reader = this.newReader();
  }

  private newReader(): StreamReader {
    const { framing, namespaces } = this.options;
    return framing.newReader(this.events, { limits: this.readerLimits, namespaces });
  }
}
