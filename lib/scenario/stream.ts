import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { TcpTransport } from '../net/tcp.js';
import type { CloseCause } from '../net/transport.js';
import { tcp } from '../xmpp/framing/tcp.js';
import { CLIENT, TLS } from '../xmpp/namespaces.js';
import { XmlStream, type XmlStreamEvents } from '../xmpp/stream.js';
import { element, parse, type Element, type ParseError, type Stanza, type Tag } from '../xml/index.js';
import { Inbox } from './inbox.js';

/** For the stanzas of a server. */
export const LIMITS = { bytes: 10_000_000, depth: 250, attributes: 1000 } as const;

/** For each step of connecting and logging in. */
export const ANSWER_TIMEOUT_MS = 15_000;

export interface Peer {
  readonly host: string;
  readonly port: number;
}

/** Connecting, or a login, has failed. The message is a sentence for people. */
export class StreamFailure extends Error {
  override readonly name = 'StreamFailure';
}

/** The server has not answered in time. */
export class NoAnswer extends StreamFailure {}

/** There is no XMPP server at that address, so another attempt would fail as well. */
export class NoServer extends StreamFailure {}

/** Sentences for error codes of the system. */
const UNCONNECTED: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host cannot be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
};

/** An error about several addresses (localhost has two) has no message of its own. */
function describeUnconnected({ code = '', message, name }: Error & { readonly code?: string }): string {
  return UNCONNECTED[code] ?? [message, code, name].find((text) => text !== '')!;
}

/** In bytes, of an answer that is not an XMPP stream. */
const MAX_SHOWN_LENGTH = 60;

/** A sentence about what the server sent instead of a stream. [RFC8446 5.1: 21 is an alert, 22 a handshake] */
function describeForeign(first: Buffer): string {
  if (first[0] === 21 || first[0] === 22) return 'it expects TLS from the first byte, which is not supported';
  const [line] = first.toString('latin1').split(/[\r\n]/, 1);
  return `this is not an XMPP server; it sent ${JSON.stringify(line)}`;
}

/** The stream of a client to a server. It can be restarted and encrypted on the same connection. */
export class ServerStream implements XmlStreamEvents {
  /** Stanzas that were received. */
  readonly inbox = new Inbox<Element>();
  /** The server's stream header, since the last {@link start}. */
  header: Tag | undefined;
  private readonly stream: XmlStream;
  private around: ReadonlyMap<string, string> = new Map();
  /** The first bytes of the server, which may not be XMPP. */
  private first: Buffer | undefined;
  private foreign = false;
  /** Has the server ever sent a stream header? */
  private begun = false;
  private opened: () => void = () => undefined;
  private isClosed: () => void = () => undefined;
  private readonly closed = new Promise<void>((resolve) => (this.isClosed = resolve));
  /** Called with each stanza before it is put into the inbox; true keeps it out. */
  private hidden: (stanza: Element) => boolean = () => false;

  /** @throws {StreamFailure} */
  static async connect(peer: Peer): Promise<ServerStream> {
    const socket = connect({ ...peer, noDelay: true, allowHalfOpen: true });
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), ANSWER_TIMEOUT_MS);
    try {
      await once(socket, 'connect');
    } catch (error) {
      const why = describeUnconnected(error as Error);
      throw new NoServer(`no connection to ${peer.host}:${peer.port}: ${why}`);
    } finally {
      clearTimeout(timer);
    }
    return new ServerStream(socket, peer);
  }

  private constructor(
    socket: Socket,
    private readonly peer: Peer,
  ) {
    this.stream = new XmlStream(new TcpTransport(socket), this, {
      role: 'initiating',
      framing: tcp,
      limits: LIMITS,
      namespaces: false,
    });
  }

  /** Sends our stream header, and waits for the server's. @throws {StreamFailure} */
  async start(domain: string): Promise<void> {
    this.header = undefined;
    this.stream.restart();
    this.stream.open({ xmlns: CLIENT, to: domain, version: '1.0' });
    if (!(await this.begins())) throw this.whyNoStream();
  }

  private whyNoStream(): StreamFailure {
    const { ended } = this.inbox;
    if (ended === undefined)
      return new NoServer(`the server did not send its stream header in ${ANSWER_TIMEOUT_MS / 1000} s`);
    if (this.foreign) return new NoServer(ended);
    return new StreamFailure(
      this.first ? ended : `${ended} without an answer (does this port expect TLS from the first byte?)`,
    );
  }

  send(text: string): void {
    this.stream.send(text);
  }

  /** @param hidden called with each stanza before it is put into the inbox; true keeps it out */
  intercept(hidden: (stanza: Element) => boolean): void {
    this.hidden = hidden;
  }

  /** The next stanza. @throws {NoAnswer} after `patience` ms @throws {StreamFailure} when the stream has ended */
  async next(what: string, patience = ANSWER_TIMEOUT_MS): Promise<Element> {
    const stanza = await this.inbox.take(patience);
    const { ended } = this.inbox;
    if (!stanza && ended !== undefined) throw new StreamFailure(ended);
    if (!stanza) throw new NoAnswer(`the server did not send ${what} in ${patience / 1000} s`);
    if (stanza.name === 'stream:error')
      throw new StreamFailure(`the server ended the stream: ${describeError(stanza)}`);
    return stanza;
  }

  /**
   * Sends an iq, and waits for the answer with its id. Other stanzas stay in the inbox.
   *
   * @param id of the request; by default a random one
   * @param patience how long to wait for each stanza, in milliseconds
   * @throws {StreamFailure}
   */
  async ask(
    type: 'get' | 'set',
    query: Element,
    options: { readonly id?: string; readonly to?: string | undefined; readonly patience?: number } = {},
  ): Promise<Element> {
    const { id = `ask-${Math.random().toString(36).slice(2)}`, to, patience } = options;
    this.send(element('iq', { type, id, to }, query).toString());
    const others: Element[] = [];
    for (;;) {
      const stanza = await this.next(`an answer to <${query.name}>`, patience);
      if (stanza.name !== 'iq' || stanza.attribute('id') !== id) others.push(stanza);
      else {
        this.inbox.putBack(others);
        return stanza;
      }
    }
  }

  /** Encrypts the stream by STARTTLS. [RFC6120 5.4.2.3] @throws {StreamFailure} */
  async secure(): Promise<void> {
    this.send(element('starttls', { xmlns: TLS }).toString());
    const answer = await this.next('an answer to <starttls/>');
    if (answer.localName !== 'proceed')
      throw new StreamFailure(`the server refuses STARTTLS: ${answer.toString()}`);
    const { host } = this.peer;
    const loopback = /^(?:127\.|::1$|localhost$)/.test(host);
    const options = { servername: /^[\d.:]+$/.test(host) ? '' : host, rejectUnauthorized: !loopback };
    const error = await new Promise<Error | undefined>((resolve) => this.stream.encrypt(options, resolve));
    if (error)
      throw new StreamFailure(
        `TLS failed: ${error.message} (NODE_EXTRA_CA_CERTS=FILE trusts more certificates)`,
      );
  }

  /** Closes the stream, and waits until the connection is closed. */
  async close(): Promise<void> {
    this.stream.close();
    await this.closed;
  }

  onData(chunk: Buffer): void {
    this.first ??= Buffer.from(chunk.subarray(0, MAX_SHOWN_LENGTH));
    this.stream.read(chunk);
  }

  onHeader(header: Tag): void {
    this.header = header;
    this.begun = true;
    this.around = new Map([['', CLIENT], ...header.declarations()]);
    this.opened();
  }

  onStanza({ source }: Stanza): void {
    const stanza = parse(source, this.around);
    if (!this.hidden(stanza)) this.inbox.push(stanza);
  }

  onSkipped(bytes: number): void {
    this.end(`the server sent a stanza of ${bytes} bytes, which is too long`);
  }

  onClosingTag(): void {
    this.end('the server has closed the stream');
    this.stream.close();
  }

  onParseError({ text }: ParseError): void {
    this.foreign = !this.begun;
    this.end(this.begun ? `the server sent malformed XML: ${text}` : describeForeign(this.first!));
  }

  onFailed(error: Error): void {
    this.end(error.message);
    this.stream.destroy();
  }

  onEnded(): void {
    this.end('the server has closed the connection');
    this.stream.hangUp();
  }

  onClosed(cause: CloseCause): void {
    this.end(cause.kind === 'broken' ? `the connection broke: ${cause.code}` : 'the connection is closed');
    this.isClosed();
  }

  private end(reason: string): void {
    this.inbox.end(reason);
    this.opened();
  }

  /** Waits for the stream header of the server. @returns false where none comes */
  private async begins(): Promise<boolean> {
    if (!this.header && this.inbox.ended === undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ANSWER_TIMEOUT_MS);
        this.opened = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.header !== undefined;
  }
}

/** Condition and text of an `<iq type='error'/>`, a `<stream:error/>` or a SASL `<failure/>`. */
export function describeError(stanza: Element): string {
  const error = stanza.child('error') ?? stanza;
  const [condition] = error.elements.filter(({ localName }) => localName !== 'text');
  const text = error.childText('text') || (error.elements.length === 0 ? error.text.trim() : '');
  const parts = [condition?.localName ?? error.attribute('code') ?? '', text].filter(Boolean);
  return parts.join(', ') || stanza.toString();
}
