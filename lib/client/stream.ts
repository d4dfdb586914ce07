import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Limits } from '../config/config.js';
import { PauseReason, type CloseCause } from '../net/connection.js';
import type { Log } from '../observe/log.js';
import { isHost } from '../xmpp/address.js';
import { isStanza } from '../session/stanza-filter.js';
import type { SessionRegistry } from '../session/registry.js';
import { describe, streamError, type CloseReason } from '../session/close-reason.js';
import { QUANTUM_BYTES, type Sender, type Writer, type OutboundQueue } from '../session/outbound-queue.js';
import { PACKET_BYTES, type Client, type Packet, type Session } from '../session/session.js';
import type { Condition } from '../xmpp/stanza-error.js';
import { tcp } from '../xmpp/framing/tcp.js';
import { newStreamId, readHeader, responseHeader, type StreamKind } from '../xmpp/header.js';
import { writeStreamError } from '../xmpp/stream-error.js';
import { XmlStream, type XmlStreamEvents } from '../xmpp/stream.js';
import type { Element, ParseError, Stanza, Tag } from '../xml/index.js';
import type { Backlog, Backlogged } from './backlog.js';
import { READ_MS, type ReadScheduler } from './read-scheduler.js';
import { aliasFor, toAlias, toHost, toServed, type Alias, type Aliases } from './alias.js';
import { nameUnknown, writeRefusal, writeUnknown } from './errors.js';
import { writeFeatures } from './features/index.js';
import { Negotiation, type NegotiatingStream } from './negotiation.js';
import { StanzaProgress } from './progress.js';

/** What all client streams of a server share. */
export interface ClientContext {
  readonly registry: SessionRegistry;
  readonly log: Log;
  readonly limits: Limits;
  /** Our component name: what is sent there comes back to us. */
  readonly name: string;
  /** Hosts that are served, lower case; empty: whatever clients ask for. */
  readonly domains: readonly string[];
  /** May accounts be made before login? */
  mayRegister(): boolean;
  /** The domains that clients can ask for, as the session manager spells them, as far as that is known. */
  served(): readonly string[];
  /** Those of them, as far as they are configured, that can be spelt otherwise. */
  readonly internationalized: readonly string[];
  /** Old names by {@link domainKey}. */
  readonly aliases: Aliases;
  /** Does the way back show clients the name they came by? */
  readonly aliasReplies: boolean;
  /** Why clients of a host can not be served now; undefined where they can. */
  unserved(domain: string): CloseReason | undefined;
  /** The way that the stanzas of a client take; when it is full a client waits for its turn. */
  queueFor(session: Session): OutboundQueue;
  /** Turns of those whose stanzas take long to read. */
  readonly readScheduler: ReadScheduler;
  /** What waits for all clients together. */
  readonly backlog: Backlog;
  /** The connection is over. */
  gone(stream: ClientStream, end: CloseReason): void;
  /** Somebody has logged in. */
  loggedIn(stream: ClientStream): void;
}

/**
 * Where a client is: `opening` until its header is read, `unknown` until it is logged in, then `authenticated`
 * (README.SM names these two), and `closed` once its end has begun.
 */
export type State = 'opening' | 'unknown' | 'authenticated' | 'closed';

/** How long a client for which too much waits may take nothing of it, in milliseconds. */
const SLOW_AFTER_MS = 5_000;
/** Over so many times what may wait, a client is ended even if it reads. */
const MAX_QUEUE_FACTOR = 16;

/** How much more room the stanzas in some bytes may need: many are small, and each one counts besides its bytes. */
const MAX_COST_FACTOR = 8;
const NO_BYTES = Buffer.alloc(0);
/** Bytes that are read before it is asked how long it took. */
const READ_CHUNK_BYTES = 16_384;

/** What a client may have to wait for: room on its queue, or the time that others take. */
type Turns = Pick<OutboundQueue, 'wait' | 'leave'>;

function isWay(turns: Turns): turns is OutboundQueue {
  return 'roomFor' in turns;
}

/** Of a host that is not served, the characters that are logged. */
const MAX_LOGGED_HOST_LENGTH = 100;

/** A client that has gone, and what came for it since then: it goes back when the session has ended. */
interface Departure {
  readonly end: CloseReason;
  /** Is the connection over on both sides? */
  readonly over: boolean;
  readonly packets: Packet[];
  bytes: number;
}

/** One client connection: its stream, and its stanzas on their way to the session registry and back. */
export class ClientStream implements Client, NegotiatingStream, XmlStreamEvents<Packet>, Writer, Backlogged {
  readonly session: Session;
  readonly ip: string;
  kind: StreamKind = 'rfc6120';
  streamId = '';
  state: State = 'opening';
  private readonly stream: XmlStream<Packet>;
  /** There while the state is `unknown`. */
  private negotiation: Negotiation | undefined;
  private timer: NodeJS.Timeout | undefined;
  private reason: CloseReason | undefined;
  /** What has been read and waits for a turn on {@link waitsFor}. */
  private rest: Buffer = NO_BYTES;
  private waitsFor: Turns | undefined;
  /** Set where the client has gone before all was taken that it had said: that is taken first. */
  private departure: Departure | undefined;
  /** The host that it asked for, until it has logged in. */
  private host: string | undefined;
  /** Set where the client came by an old name of its host. */
  private alias: Alias | undefined;
  readonly since = Date.now();
  stanzasIn = 0;
  stanzasOut = 0;
  /** There while a stanza is unfinished. */
  private progress: StanzaProgress | undefined;
  /** `stanzasOut` when {@link keepAlive} was last called. */
  private sentBefore = 0;

  /** @param descriptor the socket's file descriptor, as part of its address */
  constructor(
    source: Duplex,
    descriptor: number,
    private readonly context: ClientContext,
  ) {
    const { limits } = context;
    this.stream = new XmlStream<Packet>(source, this, {
      role: 'receiving',
      framing: tcp,
      limits: { bytes: limits.loginStanzaBytes, depth: limits.depth, attributes: limits.attributes },
      namespaces: true,
    });
    this.ip = this.stream.connection.peer;
    this.session = context.registry.connect(descriptor, this);
    this.timer = setTimeout(() => this.end({ kind: 'login-timeout' }), limits.loginTimeout * 1000);
    context.log.info('client connected', { socket: this.session.address, ip: this.ip });
  }

  get sender(): Sender {
    return this.session.sender;
  }

  /** User, host and resource of who is logged in; empty before login. */
  get user(): string {
    return this.session.sessionAddress && this.session.fullJid;
  }

  // --- the connection ---------------------------------------------------------------------------------------------

  onData(chunk: Buffer): void {
    if (this.state === 'authenticated') this.stream.connection.acknowledgeWhereAwaited();
    const [rest, turns] = this.read(chunk);
    if (turns) this.waitForTurn(Buffer.from(rest), turns);
  }

  /**
   * Takes what there are room and time for.
   *
   * @returns what is left, and what it has to wait for; nothing where all is taken and more may be read
   */
  private read(bytes: Buffer): readonly [rest: Buffer, turns?: Turns] {
    const queue = this.context.queueFor(this.session);
    const until = performance.now() + READ_MS;
    let rest = bytes;
    do {
      rest = this.takeQuantum(rest, queue);
      if (queue.roomFor(this.sender) <= 0) return [rest, queue];
      if (performance.now() >= until) return [rest, this.context.readScheduler];
    } while (rest.length > 0);
    return [rest];
  }

  onTurn(): void {
    try {
      this.takeTurn(this.waitsFor!);
    } catch (error) {
      this.onFailed(error as Error);
    }
  }

  private takeTurn(turns: Turns): void {
    const [left, next] = isWay(turns) ? this.takeOneShare(turns) : this.readOn();
    if (next) return this.waitForTurn(left, next);
    const rest = this.stream.connection.takeKept(PauseReason.Room) ?? NO_BYTES;
    if (rest.length > 0) return this.waitForTurn(rest, turns);
    this.rest = NO_BYTES;
    this.waitsFor = undefined;
    this.readAgain(PauseReason.Room);
  }

  /** Goes on with what was read meanwhile; behind that is the end of a client that has gone. */
  private readAgain(reason: PauseReason): void {
    this.stream.connection.resume(reason);
    if (this.departure && !this.hasMore) this.leave(this.departure.end);
  }

  /** What the client said behind its login comes first. If that is nothing, nobody needs the login any more. */
  private leave(end: CloseReason): void {
    if (this.negotiation?.holds) this.negotiation.endLater(end);
    else this.end(end);
  }

  /** Has the client said something that was not taken yet? */
  private get hasMore(): boolean {
    return this.rest.length > 0 || this.stream.connection.keeps;
  }

  private readOn(): readonly [rest: Buffer, turns?: Turns] {
    const queue = this.context.queueFor(this.session);
    return queue.roomFor(this.sender) > 0 ? this.read(this.rest) : [this.rest, queue];
  }

  private takeOneShare(queue: OutboundQueue): readonly [rest: Buffer, turns?: Turns] {
    const rest = this.rest.length > 0 ? this.takeQuantum(this.rest, queue) : NO_BYTES;
    return rest.length > 0 ? [rest, queue] : [rest];
  }

  /** @returns what is left for another turn */
  private takeQuantum(bytes: Buffer, queue: OutboundQueue): Buffer {
    const isTooMuch =
      bytes.length > QUANTUM_BYTES && queue.roomFor(this.sender) < bytes.length * MAX_COST_FACTOR;
    const share = isTooMuch ? QUANTUM_BYTES : READ_CHUNK_BYTES;
    this.stream.read(bytes.length > share ? bytes.subarray(0, share) : bytes);
    return bytes.length > share && this.state !== 'closed' ? bytes.subarray(share) : NO_BYTES;
  }

  private waitForTurn(rest: Buffer, turns: Turns): void {
    if (this.state === 'closed') return;
    this.rest = rest;
    this.waitsFor = turns;
    this.stream.connection.pause(PauseReason.Room);
    turns.wait(this);
  }

  onFailed(error: Error): void {
    this.context.log.error('internal error', { socket: this.session.address, error: error.stack });
    this.end({ kind: 'internal-error' });
  }

  /** Half of it is closed: what the client has said so far goes on all the same. */
  onEnded(): void {
    if (this.hasMore) this.depart({ kind: 'disconnected' }, false);
    else this.leave({ kind: 'disconnected' });
  }

  onClosed(cause: CloseCause): void {
    const end: CloseReason =
      cause.kind === 'broken' ? { kind: 'connection-lost', detail: cause.code } : { kind: 'disconnected' };
    if (this.state !== 'closed' && this.hasMore) return this.depart(end, true);
    this.end(end);
    this.over();
  }

  /** From now on nothing is written for the client, but what it said before is still taken, in its order. */
  private depart(end: CloseReason, over: boolean): void {
    const { packets = [], bytes = 0 } = this.departure ?? {};
    this.departure = { end, over, packets, bytes };
  }

  private over(): void {
    this.giveBack(this.departure?.packets ?? []);
    this.logEnd(this.reason!);
    this.context.gone(this, this.reason!);
  }

  // --- the reader -------------------------------------------------------------------------------------------------

  onHeader(tag: Tag): void {
    const header = readHeader(tag, tcp);
    this.kind = header.kind;
    this.host = header.to;
    if (header.language !== undefined) this.stream.language = header.language;
    const { aliases, aliasReplies, domains } = this.context;
    this.alias = aliasFor(aliases, header.to, this.context.served());
    const domain = this.alias?.host ?? header.to ?? domains[0];
    this.answerHeader(aliasReplies && this.alias ? this.alias.alias : domain);
    const end = header.end ?? this.refusal(domain);
    if (end) return this.end(end);
    const { registry, limits } = this.context;
    const registration = this.context.mayRegister();
    const negotiation = new Negotiation(this, { registry, limits, registration, domain });
    this.negotiation = negotiation;
    this.state = 'unknown';
    if (this.kind === 'rfc6120') this.stream.send(writeFeatures(negotiation), true);
  }

  onStanza(stanza: Stanza): void {
    this.stanzasIn += 1;
    const { internationalized } = this.context;
    const served = internationalized.length > 0 ? toServed(stanza, internationalized) : stanza;
    this.take(this.alias ? toHost(served, this.alias) : served);
  }

  onClosingTag(): void {
    if (this.negotiation?.waiting) this.negotiation.endLater({ kind: 'closed-by-client' });
    else this.end({ kind: 'closed-by-client' });
  }

  onParseError({ condition, text }: ParseError): void {
    this.end({ kind: condition, detail: text });
  }

  // --- the login --------------------------------------------------------------------------------------------------

  /** What we say ourselves waits for the client to read it, too: before login for no more than may be held of it. */
  send(text: string): void {
    const { heldBytes, clientQueueBytes } = this.context.limits;
    const shown = this.shown(text);
    if (this.stream.connection.isFull(this.negotiation ? heldBytes : clientQueueBytes)) {
      return this.end({ kind: 'slow-reader' });
    }
    this.stream.send(shown);
  }

  take(stanza: Stanza): void {
    if (stanza.hasOddNamespace && isStanza(stanza)) return this.refuse(stanza, 'not-acceptable');
    switch (this.state) {
      case 'authenticated':
        return this.carry(stanza);
      case 'unknown':
        return isStreamError(stanza.name)
          ? this.clientError(stanza.element())
          : this.negotiation!.take(stanza);
      case 'opening':
      case 'closed':
        return;
    }
  }

  full(): void {
    this.stream.connection.pause(PauseReason.Answer);
  }

  answered(): void {
    if (!this.negotiation?.waiting) this.readAgain(PauseReason.Answer);
  }

  /** The client may say more now, and nothing of its login is needed any more. */
  loggedIn(): void {
    const { limits, log } = this.context;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.negotiation = undefined;
    this.host = undefined;
    this.state = 'authenticated';
    this.stream.limits = { bytes: limits.stanzaBytes, depth: limits.depth, attributes: limits.attributes };
    log.info('logged in', { socket: this.session.address, ip: this.ip, user: this.user });
    this.context.loggedIn(this);
  }

  loginFailed(username: string): void {
    this.context.log.info('login failed', { socket: this.session.address, ip: this.ip, username });
  }

  // --- the session registry ---------------------------------------------------------------------------------------------------

  deliver(packet: Packet): void {
    const { departure } = this;
    if (departure) this.keepBack(packet, departure);
    else if (this.mayWrite()) this.write(packet.text, packet.whole.ascii, packet);
    else this.giveBack([packet]);
  }

  tell(text: string): void {
    if (!this.departure && this.mayWrite()) this.write(text, false);
  }

  /** Ends the stream where too much waits for the client already. */
  private mayWrite(): boolean {
    const { clientQueueBytes } = this.context.limits;
    if (!this.stream.connection.isFull(clientQueueBytes) || !this.isSlow()) return true;
    this.end({ kind: 'slow-reader' });
    this.giveBack([]);
    return false;
  }

  private write(text: string, ascii: boolean, packet?: Packet): void {
    this.stanzasOut += 1;
    if (this.alias) this.stream.send(this.shown(text), false, packet);
    else this.stream.send(text, ascii, packet);
    this.context.backlog.sent(this, text.length);
  }

  /** Gives back what the client has not got, and after that some packets more. */
  private giveBack(late: readonly Packet[]): void {
    this.context.registry.giveBack(this.session, [...this.stream.connection.takeUnsent(), ...late]);
  }

  /** Bytes (about) that wait for the client. */
  get waiting(): number {
    return this.state === 'closed' ? 0 : this.stream.connection.waiting;
  }

  /** All clients together have more waiting for them than there is memory for, and this one the most. */
  tooMuch(): void {
    this.end({ kind: 'slow-reader' });
  }

  /** Where too much comes for a client that has gone, its session ends at once. */
  private keepBack(packet: Packet, departure: Departure): void {
    departure.packets.push(packet);
    departure.bytes += packet.text.length + PACKET_BYTES;
    if (departure.bytes > this.context.limits.clientQueueBytes) this.end(departure.end);
  }

  /** Somebody who gets much at once (all that was stored for him) and takes it is not slow, though it may take a while. */
  private isSlow(): boolean {
    const { clientQueueBytes } = this.context.limits;
    const { connection } = this.stream;
    return connection.stalled > SLOW_AFTER_MS || connection.isFull(clientQueueBytes * MAX_QUEUE_FACTOR);
  }

  /** The one way out: whoever finds the first reason ends the stream, and what comes later changes nothing. */
  end(end: CloseReason): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.reason = end;
    clearTimeout(this.timer);
    this.negotiation = undefined;
    this.rest = NO_BYTES;
    this.waitsFor?.leave(this);
    if (this.stream.state === 'unopened' && streamError(end)) this.answerHeader(this.context.domains[0]);
    this.context.registry.leave(this.session);
    this.endStream(end);
    if (this.departure?.over) this.over();
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.stream.connection.destroy();
  }

  /** Sends a space if nothing was sent since the last call. [RFC6120 4.6.1] */
  keepAlive(): void {
    if (this.state === 'opening' || this.state === 'closed') return;
    if (this.sentBefore === this.stanzasOut) this.stream.keepAlive();
    this.sentBefore = this.stanzasOut;
  }

  /** A look at the stanza that is not whole yet, if there is one; it does not stand still while it is we who do not read. */
  checkProgress(): void {
    if (this.state !== 'authenticated') return;
    const bytes = this.stream.connection.isHeld ? 0 : this.stream.unfinished;
    if (bytes === 0) this.progress = undefined;
    else if ((this.progress ??= new StanzaProgress()).standsStill(this.stanzasIn, bytes))
      this.end({ kind: 'stanza-timeout' });
  }

  private answerHeader(from: string | undefined): void {
    this.streamId = newStreamId();
    this.stream.open(responseHeader(this.kind, this.streamId, from));
  }

  /** What the session manager says, as this client is to see it. */
  private shown(text: string): string {
    return this.alias && this.context.aliasReplies ? toAlias(text, this.alias) : text;
  }

  private refusal(domain: string | undefined): CloseReason | undefined {
    const { domains, name } = this.context;
    if (domain === undefined) return { kind: 'no-host' };
    // Before login this name is where requests go: a user or a resource in it would make them somebody's own.
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

  /** An answer, or an error, gets none. [RFC6120 8.3.1] */
  private refuse(stanza: Stanza, condition: Condition): void {
    const type = stanza.attribute('type');
    if (this.state === 'closed' || type === 'error' || type === 'result') return;
    this.send(writeRefusal(this.kind, stanza.element(), condition));
  }

  /** An element that is no stanza ends a stream; one without a version has no words for that. [RFC6120 4.9.3.24] */
  private refuseElement(unknown: Stanza): void {
    if (this.kind === 'rfc6120') this.end({ kind: 'unsupported-stanza', detail: nameUnknown(unknown) });
    else if (unknown.attribute('type') !== 'error') this.send(writeUnknown(unknown));
  }

  private clientError(error: Element): void {
    this.end({ kind: 'client-error', detail: (error.elements[0]?.localName ?? error.text).slice(0, 100) });
  }

  /** Closes the stream unless the client is gone, and tells why unless the client has closed it. */
  private endStream(end: CloseReason): void {
    if (end.kind === 'slow-reader') return this.stream.destroy();
    if (end.kind === 'closed-by-client' || end.kind === 'client-error') return this.stream.close();
    const error = streamError(end);
    if (error) this.stream.close(writeStreamError(this.kind, error));
    else this.stream.hangUp();
  }

  private logEnd(end: CloseReason): void {
    const { stream } = this.stream.connection;
    this.context.log.info('client gone', {
      socket: this.session.address,
      ip: this.ip,
      user: this.user || undefined,
      host: end.kind === 'host-unknown' ? this.host?.slice(0, MAX_LOGGED_HOST_LENGTH) : undefined,
      reason: describe(end),
      seconds: Math.round((Date.now() - this.since) / 100) / 10,
      stanzasIn: this.stanzasIn,
      stanzasOut: this.stanzasOut,
      bytesIn: stream instanceof Socket ? stream.bytesRead : undefined,
      bytesOut: stream instanceof Socket ? stream.bytesWritten : undefined,
    });
  }
}

function isStreamError(name: string): boolean {
  return name.endsWith(':error');
}
