import type { ListenerTls } from '../config/config.js';
import { startsProxyHeader } from '../net/proxy-protocol.js';
import { describeTlsError, type TlsOptions, type TlsSecurity } from '../net/tls.js';
import { PauseReason, type CloseCause, type Transport } from '../net/transport.js';
import { logAbuse } from '../observe/abuse.js';
import { isHost } from '../xmpp/address.js';
import { isStanza } from '../session/stanza-filter.js';
import { describe, streamError, type CloseReason, type CloseReasonKind } from '../session/close-reason.js';
import type { Client, Packet, Session } from '../session/session.js';
import type { Condition } from '../xmpp/stanza-error.js';
import { tcp } from '../xmpp/framing/tcp.js';
import { newStreamId, readHeader, responseHeader, type StreamKind } from '../xmpp/header.js';
import { writeStreamError } from '../xmpp/stream-error.js';
import { XmlStream, type XmlStreamEvents } from '../xmpp/stream.js';
import type { Element, ParseError, Stanza, Tag } from '../xml/index.js';
import { aliasFor, toHost, toServed } from './alias.js';
import type { ClientContext } from './context.js';
import { Delivery } from './delivery.js';
import { nameUnknown, writeRefusal, writeUnknown } from './errors.js';
import type { Encryption } from './features/feature.js';
import { writeFeatures } from './features/index.js';
import { Input, type InputEvents } from './input.js';
import { Negotiation, type NegotiatingStream } from './negotiation.js';
import { StanzaProgress } from './progress.js';

/**
 * Where a client is: `opening` until its header is read, `unknown` until it is logged in, then `authenticated`
 * (README.SM names these two), and `closed` once its end has begun.
 */
type ClientState =
  | { readonly kind: 'opening' }
  | { readonly kind: 'unknown'; readonly negotiation: Negotiation }
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'closed'; readonly reason: CloseReason };

export type State = ClientState['kind'];

const OPENING: ClientState = { kind: 'opening' };
const AUTHENTICATED: ClientState = { kind: 'authenticated' };

/** Characters that are logged of a host that is not served. */
const MAX_LOGGED_HOST_LENGTH = 100;

/** Other protocols, by their first bytes: of strangers, and of clients that use the wrong port. */
const OTHER_PROTOCOLS: readonly (readonly [begin: RegExp, kind: CloseReasonKind])[] = [
  [/^\x16\x03/, 'tls-hello'],
  [/^[A-Z]+ \S+ HTTP\//, 'http-request'],
];
/** Bytes that tell them. */
const PROTOCOL_BYTES = 1_024;

/** Ends without a stream error: the client has closed the stream, or knows already. */
const CLOSED_WITHOUT_ERROR: ReadonlySet<CloseReasonKind> = new Set([
  'closed-by-client',
  'client-error',
  'starttls-refused',
]);

/**
 * One client connection: its stream, and the state that it is in. {@link Input} reads what the client
 * sends, {@link Delivery} writes what it gets, and {@link Negotiation} lets it log in.
 */
export class ClientStream implements Client, NegotiatingStream, XmlStreamEvents<Packet>, InputEvents {
  readonly session: Session;
  readonly ip: string;
  readonly since = Date.now();
  kind: StreamKind = 'rfc6120';
  streamId = '';
  stanzasIn = 0;
  private current: ClientState = OPENING;
  private readonly stream: XmlStream<Packet>;
  private input: Input;
  private readonly delivery: Delivery;
  /** Runs until the client has logged in. */
  private readonly loginTimer: NodeJS.Timeout;
  /** The host that it asked for, until it has logged in. */
  private host: string | undefined;
  /** There while a stanza is unfinished. */
  private progress: StanzaProgress | undefined;
  /** {@link stanzasOut} when {@link keepAlive} was last called. */
  private sentBefore = 0;

  constructor(
    transport: Transport<Packet>,
    private readonly tls: ListenerTls,
    private readonly context: ClientContext,
  ) {
    const { limits } = context;
    this.stream = new XmlStream<Packet>(transport, this, {
      role: 'receiving',
      framing: tcp,
      limits: { bytes: limits.loginStanzaBytes, depth: limits.depth, attributes: limits.attributes },
      namespaces: true,
    });
    this.ip = transport.peerAddress;
    this.session = context.registry.connect(transport.descriptor, this);
    this.input = this.newInput();
    this.delivery = new Delivery(this.stream, this.session, context, (end) => this.end(end));
    this.loginTimer = setTimeout(() => this.end({ kind: 'login-timeout' }), limits.loginTimeout * 1000);
    context.log.info('client connected', { socket: this.session.address, ip: this.ip });
    if (tls === 'direct') this.handshake(context.certificates().direct());
  }

  get state(): State {
    return this.current.kind;
  }

  /** Full JID of the user; empty before login. */
  get user(): string {
    return this.session.sessionAddress && this.session.fullJid;
  }

  get stanzasOut(): number {
    return this.delivery.stanzas;
  }

  /** What TLS says of the connection; undefined where it is not encrypted. */
  get security(): TlsSecurity | undefined {
    return this.stream.transport.security;
  }

  get encryption(): Encryption {
    const { security, tls } = this;
    const isEncrypted = security !== undefined || this.stream.transport.isEncryptedToProxy;
    return isEncrypted || tls === 'direct' ? 'done' : tls;
  }

  private get negotiation(): Negotiation | undefined {
    return this.current.kind === 'unknown' ? this.current.negotiation : undefined;
  }

  // --- the connection ---------------------------------------------------------------------------------------------

  onData(chunk: Buffer): void {
    if (this.current === AUTHENTICATED) this.stream.transport.acknowledgeWhereAwaited();
    const other = this.current === OPENING ? otherProtocol(chunk) : undefined;
    if (other === undefined) this.input.take(chunk);
    else this.end({ kind: other });
  }

  onSlowed(): void {
    const { session, ip, user } = this;
    this.context.log.info('client slowed: over --client-rate', { socket: session.address, ip, user });
  }

  onFailed(error: Error): void {
    this.context.log.error('internal error', { socket: this.session.address, error: error.stack });
    this.end({ kind: 'internal-error' });
  }

  /** The client has closed its side: what it has sent before is still read. */
  onEnded(): void {
    if (this.input.hasMore) this.endAfterRest({ kind: 'disconnected' });
    else this.leave({ kind: 'disconnected' });
  }

  onClosed(cause: CloseCause): void {
    if (this.current.kind === 'closed') return this.finish(this.current.reason);
    const end: CloseReason =
      cause.kind === 'broken' ? { kind: 'connection-lost', detail: cause.code } : { kind: 'disconnected' };
    if (this.input.hasMore) this.endAfterRest(end);
    else this.end(end);
  }

  onAllRead(end: CloseReason): void {
    this.leave(end);
  }

  /** From now on nothing is written to the client. What it has sent before is still read, and then it is ended. */
  private endAfterRest(end: CloseReason): void {
    this.input.endAfterRest(end);
    this.delivery.stopWriting(end);
  }

  /** The client has gone. What it has sent after its login is taken first; if that is nothing, nobody needs the login. */
  private leave(end: CloseReason): void {
    const { negotiation } = this;
    if (negotiation?.holds) negotiation.endLater(end);
    else this.end(end);
  }

  // --- the reader -------------------------------------------------------------------------------------------------

  onHeader(tag: Tag): void {
    const header = readHeader(tag, tcp);
    this.kind = header.kind;
    this.host = header.to;
    if (header.language !== undefined) this.stream.language = header.language;
    const { aliases, aliasReplies, domains } = this.context;
    const alias = aliasFor(aliases, header.to, this.context.served());
    this.delivery.alias = alias;
    const domain = alias?.host ?? header.to ?? domains[0];
    this.answerHeader(aliasReplies && alias ? alias.alias : domain);
    const end = header.end ?? this.refusal(domain);
    if (end) return this.end(end);
    const { registry, limits } = this.context;
    const registration = this.context.mayRegister();
    const logins = this.context.logins();
    const negotiation = new Negotiation(this, { registry, logins, limits, registration, domain });
    this.current = { kind: 'unknown', negotiation };
    if (this.kind === 'rfc6120') this.stream.send(writeFeatures(negotiation), true);
  }

  onStanza(stanza: Stanza): void {
    this.stanzasIn += 1;
    const { internationalized } = this.context;
    const { alias } = this.delivery;
    const served = internationalized.length > 0 ? toServed(stanza, internationalized) : stanza;
    this.take(alias ? toHost(served, alias) : served);
  }

  onClosingTag(): void {
    const { negotiation } = this;
    if (negotiation?.waiting) negotiation.endLater({ kind: 'closed-by-client' });
    else this.end({ kind: 'closed-by-client' });
  }

  onParseError({ condition, text }: ParseError): void {
    this.end({ kind: condition, detail: text });
  }

  // --- encryption -------------------------------------------------------------------------------------------------

  /** Anybody on the way may have written what came until now: it is forgotten, and the rest of it is not read. [RFC6120 5.4.3.3] */
  encrypt(): void {
    if (this.current.kind === 'closed') return;
    const { ending } = this.input;
    if (ending) return this.end(ending);
    this.input.stop();
    this.current = OPENING;
    this.delivery.alias = undefined;
    this.handshake(this.context.certificates().forHost(this.host ?? this.context.domains[0]));
    this.input = this.newInput();
    this.input.resume(PauseReason.Room);
  }

  private handshake(options: TlsOptions): void {
    this.stream.encrypt(options, (error) => {
      if (error) this.end({ kind: 'tls-failed', detail: describeTlsError(error) });
    });
  }

  private newInput(): Input {
    return new Input(this.stream, this.session, this.context, this);
  }

  // --- the login --------------------------------------------------------------------------------------------------

  /** Sends what we write ourselves. Before login no more of that may wait than may be held of what the client sends. */
  send(text: string): void {
    const { heldBytes, clientQueueBytes } = this.context.limits;
    this.delivery.say(text, this.current.kind === 'unknown' ? heldBytes : clientQueueBytes);
  }

  take(stanza: Stanza): void {
    if (stanza.hasOddNamespace && isStanza(stanza)) return this.refuse(stanza, 'not-acceptable');
    switch (this.current.kind) {
      case 'authenticated':
        return this.carry(stanza);
      case 'unknown':
        return isStreamError(stanza.name)
          ? this.clientError(stanza.element())
          : this.current.negotiation.take(stanza);
      case 'opening':
      case 'closed':
        return;
    }
  }

  full(): void {
    this.stream.transport.pause(PauseReason.Answer);
  }

  answered(): void {
    if (!this.negotiation?.waiting) this.input.resume(PauseReason.Answer);
  }

  /** The client may send more now, and nothing of its login is needed any more. */
  loggedIn(): void {
    const { limits, log } = this.context;
    clearTimeout(this.loginTimer);
    this.host = undefined;
    this.current = AUTHENTICATED;
    this.stream.limits = { bytes: limits.stanzaBytes, depth: limits.depth, attributes: limits.attributes };
    const { ip, security, user } = this;
    const tls = security && { tls: security.protocol };
    log.info('logged in', { socket: this.session.address, ip, user, ...tls });
    this.context.loggedIn(this);
  }

  loginFailed(username: string): void {
    logAbuse(this.context.log, 'login failed', this.ip, { socket: this.session.address, username });
  }

  // --- the session registry ---------------------------------------------------------------------------------------

  deliver(packet: Packet): void {
    this.delivery.deliver(packet);
  }

  tell(text: string): void {
    this.delivery.tell(text);
  }

  /** The one way out: the first reason ends the stream, and what comes later changes nothing. */
  end(end: CloseReason): void {
    if (this.current.kind === 'closed') return;
    this.negotiation?.close();
    this.current = { kind: 'closed', reason: end };
    clearTimeout(this.loginTimer);
    this.input.stop();
    this.delivery.close();
    if (this.stream.state === 'unopened' && streamError(end)) this.answerHeader(this.context.domains[0]);
    this.context.registry.leave(this.session);
    this.endStream(end);
    if (this.stream.transport.isOver) this.finish(end);
  }

  /** The stream has ended, and the connection is over. */
  private finish(end: CloseReason): void {
    this.delivery.finish();
    this.logEnd(end);
    this.context.gone(this, end);
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.stream.transport.destroy();
  }

  /** Sends a space if nothing was sent since the last call. [RFC6120 4.6.1] */
  keepAlive(): void {
    if (this.current.kind === 'opening' || this.current.kind === 'closed') return;
    if (this.sentBefore === this.stanzasOut) this.stream.keepAlive();
    this.sentBefore = this.stanzasOut;
  }

  /** Ends a client whose unfinished stanza does not grow. While we do not read, that does not count. */
  checkProgress(): void {
    if (this.current !== AUTHENTICATED) return;
    const bytes = this.stream.transport.isHeld ? 0 : this.stream.unfinished;
    if (bytes === 0) this.progress = undefined;
    else if ((this.progress ??= new StanzaProgress()).standsStill(this.stanzasIn, bytes))
      this.end({ kind: 'stanza-timeout' });
  }

  private answerHeader(from: string | undefined): void {
    this.streamId = newStreamId();
    this.stream.open(responseHeader(this.kind, this.streamId, from));
  }

  private refusal(domain: string | undefined): CloseReason | undefined {
    const { domains, name } = this.context;
    if (domain === undefined) return { kind: 'no-host' };
    // Before login requests go to this host: with a user or a resource in it they would go to an account.
    if (!isHost(domain) || domain === name) return { kind: 'host-unknown' };
    if (domains.length > 0 && !domains.includes(domain)) return { kind: 'host-unknown' };
    return this.context.unserved(domain);
  }

  private carry(stanza: Stanza): void {
    if (isStreamError(stanza.name)) return this.clientError(stanza.element());
    if (!isStanza(stanza)) return this.refuseElement(stanza);
    const condition = this.context.registry.carry(this.session, stanza);
    if (condition !== undefined) this.refuse(stanza, condition);
  }

  /** Answers and errors get no answer. [RFC6120 8.3.1] */
  private refuse(stanza: Stanza, condition: Condition): void {
    const type = stanza.attribute('type');
    if (this.current.kind === 'closed' || type === 'error' || type === 'result') return;
    this.send(writeRefusal(this.kind, stanza.element(), condition));
  }

  /** An element that is no stanza ends a stream; a stream without a version has no error for it. [RFC6120 4.9.3.24] */
  private refuseElement(unknown: Stanza): void {
    if (this.kind === 'rfc6120') this.end({ kind: 'unsupported-stanza', detail: nameUnknown(unknown) });
    else if (unknown.attribute('type') !== 'error') this.send(writeUnknown(unknown));
  }

  private clientError(error: Element): void {
    this.end({ kind: 'client-error', detail: (error.elements[0]?.localName ?? error.text).slice(0, 100) });
  }

  /** Closes the stream unless the client is gone, and tells why unless the client has closed it. */
  private endStream(end: CloseReason): void {
    if (end.kind === 'slow-reader' || this.stream.state === 'encrypting') return this.stream.destroy();
    if (CLOSED_WITHOUT_ERROR.has(end.kind)) return this.stream.close();
    const error = streamError(end);
    if (error) this.stream.close(writeStreamError(this.kind, error));
    else this.stream.hangUp();
  }

  private logEnd(end: CloseReason): void {
    const { bytesRead, bytesWritten } = this.stream.transport;
    this.context.log.info('client gone', {
      socket: this.session.address,
      ip: this.ip,
      user: this.user || undefined,
      host: end.kind === 'host-unknown' ? this.host?.slice(0, MAX_LOGGED_HOST_LENGTH) : undefined,
      reason: describe(end),
      seconds: Math.round((Date.now() - this.since) / 100) / 10,
      stanzasIn: this.stanzasIn,
      stanzasOut: this.stanzasOut,
      bytesIn: bytesRead,
      bytesOut: bytesWritten,
    });
  }
}

function otherProtocol(bytes: Buffer): CloseReasonKind | undefined {
  if (startsProxyHeader(bytes)) return 'proxy-header';
  const text = bytes.toString('latin1', 0, PROTOCOL_BYTES);
  return OTHER_PROTOCOLS.find(([begin]) => begin.test(text))?.[1];
}

function isStreamError(name: string): boolean {
  return name.endsWith(':error');
}
