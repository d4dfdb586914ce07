import type { Role, Transport, TransportEvents } from '../net/transport.js';
import type { TlsOptions } from '../net/tls.js';
import type { ReaderEvents, ReaderOptions, StanzaLimits, Tag } from '../xml/index.js';
import type { Framing, OwnHeader, StreamReader } from './framing/framing.js';

/**
 * Where our side of a stream is: `unopened` until our header is sent, and again after a restart; `opened` since then;
 * `finished` after our closing tag, while the peer may still say something; `encrypting` during a TLS handshake;
 * `closed` once we have ended the connection.
 */
export type XmlStreamState = 'unopened' | 'opened' | 'finished' | 'encrypting' | 'closed';

type Action = 'open' | 'restart' | 'finish' | 'encrypt' | 'encrypted' | 'close';

/** Which state each action leads to. An action without one does nothing. */
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
 * What a stream reports. The reader and the connection call the owner directly: nothing stands between them for each
 * stanza. `onData` is to give its bytes to {@link XmlStream.read}, at once or later, whole or in parts.
 */
export interface XmlStreamEvents<Receipt = never> extends ReaderEvents, TransportEvents<Receipt> {}

export interface XmlStreamOptions extends ReaderOptions {
  readonly role: Role;
  readonly framing: Framing;
}

/**
 * An XML stream on a connection, on either side: headers, stanzas, restarts, encryption, and one end.
 *
 * @typeParam Receipt see {@link TcpTransport}
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

  /** Other limits for what the peer sends, from now on. */
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

  /** Takes bytes that the connection has received. They may be overwritten afterwards. */
  read(bytes: Buffer): void {
    this.reader.write(bytes);
  }

  /** Sends our header: once after the start and once after each restart. */
  open(header: OwnHeader): void {
    const { framing, role } = this.options;
    if (this.move('open')) this.transport.send(framing.open(role, header));
  }

  /** The same with the header of another stream, for a program that passes on a whole stream. */
  forward(header: Tag): void {
    if (this.move('open')) this.transport.send(this.options.framing.forward(header));
  }

  /**
   * Sends one stanza, or one other element.
   *
   * @param ascii whether the text is ASCII only, if that is known
   * @param receipt see {@link TcpTransport.send}
   */
  send(text: string, ascii = false, receipt?: Receipt): void {
    const { stanza } = this.options.framing;
    this.transport.send(stanza === undefined ? text : stanza(text), ascii, receipt);
  }

  /** Shows the peer that we are here. [RFC6120 4.6.1] */
  keepAlive(): void {
    const { keepalive } = this.options.framing;
    if (keepalive !== '') this.transport.send(keepalive, true);
  }

  /**
   * Begins a new stream on the same connection: both sides send a header again. Bytes of the old stream that were not
   * read to an end are dropped. [RFC6120 4.3.3]
   */
  restart(): void {
    if (this.move('restart')) this.renewReader();
  }

  /**
   * Encrypts the connection, with TLS roles as the roles in the stream [RFC6120 5.3.3]; then the stream begins anew, and
   * our header is to be sent. What came unencrypted after the last stanza is dropped: anybody on the way may have
   * written it. [RFC6120 5.4.3.3]
   *
   * @param onEncrypted called with an error where that failed; then the connection is over as well
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

  /** Closes our stream, and reads on until the peer closes its own. [RFC6120 4.4] */
  finish(): void {
    if (this.move('finish')) this.transport.send(this.options.framing.close);
  }

  /** Ends the stream after a last element: closes it where it was opened, and then the connection. Once. */
  close(lastElement = ''): void {
    this.end(lastElement, this.current === 'opened' ? this.options.framing.close : '');
  }

  /** Ends the connection after a last element, without closing the stream. */
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
