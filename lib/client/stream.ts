import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Limits } from '../config/config.js';
import { Connection, Hold, type CloseCause, type ConnectionEvents } from '../net/connection.js';
import type { Log } from '../observe/log.js';
import type { Desk } from '../session/desk.js';
import { describe, streamError, type End } from '../session/end.js';
import { hostOf, isHost } from '../session/address.js';
import type { Client, Packet, Session } from '../session/session.js';
import {
  parse,
  Reader,
  type Element,
  type Fault,
  type ReaderEvents,
  type Stanza,
  type Tag,
} from '../xml/index.js';
import { form, isUsable, loginOf, prepare, requestKind, usernameOf, type Request } from './auth.js';
import { writeRefusal, writeStreamError } from './errors.js';
import { readHeader, writeFeatures, writeHeader, type StreamKind } from './header.js';

/** What all client streams of a server share. */
export interface Street {
  readonly desk: Desk;
  readonly log: Log;
  readonly limits: Limits;
  /** Hosts that are served, lower case; empty: whatever clients ask for. */
  readonly domains: readonly string[];
  readonly registration: boolean;
  /** Is there a session manager to talk to? */
  readonly up: boolean;
  /** Is there no room on the way to it? Then a client waits for its turn. */
  readonly congested: boolean;
  /** Calls `release(Hold.Room)` on the connection once there is room. */
  wait(stream: ClientStream): void;
  /** The connection is over. */
  gone(stream: ClientStream, end: End): void;
  /** Somebody has logged in. */
  loggedIn(stream: ClientStream): void;
}

/**
 * Where a client is: `opening` until its header is read; `unknown` until it is logged in (README.SM), which is `asking`
 * while a request of it is with the session manager, and `starting` while its session is opened; `authenticated`; `closed` once its end has begun.
 */
type State = 'opening' | 'unknown' | 'asking' | 'starting' | 'authenticated' | 'closed';

/** What is needed up to the login only. */
interface Login {
  timer: NodeJS.Timeout;
  domain: string;
  failures: number;
  request: Request | undefined;
  /** The answer to a login that was accepted, until the client may have it. */
  result: string;
  /** Stanzas, in order, that came behind the request under way. */
  held: Stanza[];
  heldBytes: number;
  /** Has the client closed its stream behind what is held? */
  closeHeld: boolean;
}

/** One client connection: its stream, its login, and its stanzas on their way to the desk and back. */
export class ClientStream implements Client, ConnectionEvents, ReaderEvents {
  readonly session: Session;
  readonly connection: Connection<Packet>;
  readonly ip: string;
  private state: State = 'opening';
  private kind: StreamKind = 'rfc6120';
  private streamId = '';
  private readonly reader: Reader;
  private login: Login | undefined;
  private reason: End | undefined;
  private readonly since = Date.now();
  private stanzasIn = 0;
  private stanzasOut = 0;

  /** @param descriptor the socket's file descriptor, as part of its address */
  constructor(
    stream: Duplex,
    descriptor: number,
    private readonly street: Street,
  ) {
    const { limits } = street;
    this.connection = new Connection<Packet>(stream, this);
    this.ip = this.connection.peer;
    this.session = street.desk.open(descriptor, this);
    this.reader = new Reader(this, {
      limits: { bytes: limits.loginStanzaBytes, depth: limits.depth, attributes: limits.attributes },
      namespaces: true,
    });
    const timer = setTimeout(() => this.end({ kind: 'login-timeout' }), limits.loginTimeout * 1000);
    this.login = {
      timer,
      domain: '',
      failures: 0,
      request: undefined,
      result: '',
      held: [],
      heldBytes: 0,
      closeHeld: false,
    };
    street.log.info('client connected', { socket: this.session.address, ip: this.ip });
  }

  /** Who is logged in: the session address. Empty before login. */
  get user(): string {
    return this.session.sessionAddress;
  }

  // --- the connection ---------------------------------------------------------------------------------------------

  data(chunk: Buffer): void {
    this.reader.write(chunk);
    if (!this.street.congested) return;
    this.connection.hold(Hold.Room);
    this.street.wait(this);
  }

  drained(): void {
    // Nobody waits for a client to read: it is ended when too much waits for it.
  }

  closed(cause: CloseCause): void {
    if (cause.kind === 'broken') this.end({ kind: 'connection-lost', detail: cause.code });
    else this.end({ kind: 'disconnected' });
    this.street.desk.giveBack(this.session, this.connection.takeUnsent());
    const end = this.reason!;
    const { stream } = this.connection;
    this.street.log.info('client gone', {
      socket: this.session.address,
      ip: this.ip,
      user: this.user || undefined,
      reason: describe(end),
      seconds: Math.round((Date.now() - this.since) / 100) / 10,
      stanzasIn: this.stanzasIn,
      stanzasOut: this.stanzasOut,
      bytesIn: stream instanceof Socket ? stream.bytesRead : undefined,
      bytesOut: stream instanceof Socket ? stream.bytesWritten : undefined,
    });
    this.street.gone(this, end);
  }

  // --- the reader -------------------------------------------------------------------------------------------------

  open(tag: Tag): void {
    const header = readHeader(tag);
    this.kind = header.kind;
    const domain = header.to ?? this.street.domains[0];
    this.answerHeader(domain);
    const end = header.end ?? this.refusal(domain);
    if (end) return this.end(end);
    this.login!.domain = domain!;
    this.state = 'unknown';
    if (this.kind === 'rfc6120') this.connection.send(writeFeatures(this.street.registration), true);
  }

  stanza(stanza: Stanza): void {
    this.stanzasIn += 1;
    this.take(stanza);
  }

  close(): void {
    if (this.state === 'asking' || this.state === 'starting') this.login!.closeHeld = true;
    else this.end({ kind: 'closed-by-client' });
  }

  fault({ condition, text }: Fault): void {
    this.end({ kind: condition, detail: text });
  }

  // --- the desk ---------------------------------------------------------------------------------------------------

  answer(packet: Packet): void {
    if (this.state === 'starting') return this.started(packet);
    const request = this.login?.request;
    if (this.state !== 'asking' || !request) return this.stray(packet);
    if (packet.kind === 'ended') return this.refusedWhole(packet);
    if (packet.kind === 'opened') return this.stray(packet);
    const answer = parse(packet.text);
    if (answer.name !== 'iq' || answer.attribute('id') !== request.id) return this.stray(packet);
    this.login!.request = undefined;
    this.state = 'unknown';
    this.settle(request, answer, packet);
    if (this.state === 'unknown') this.releaseHeld();
  }

  /** The session is open: now the client may know that its login was accepted, and go on. */
  opened(): void {
    const { limits, log } = this.street;
    clearTimeout(this.login!.timer);
    this.state = 'authenticated';
    this.reader.limits = { bytes: limits.stanzaBytes, depth: limits.depth, attributes: limits.attributes };
    this.connection.send(this.login!.result);
    log.info('logged in', { socket: this.session.address, ip: this.ip, user: this.user });
    this.street.loggedIn(this);
    this.releaseHeld();
  }

  deliver(packet: Packet): void {
    const { connection, street } = this;
    if (connection.waiting + packet.text.length > street.limits.clientQueueBytes) {
      this.end({ kind: 'slow-reader' });
      return street.desk.giveBack(this.session, [...connection.takeUnsent(), packet]);
    }
    this.stanzasOut += 1;
    connection.send(packet.text, packet.whole.ascii, packet);
  }

  /** The one way out: whoever finds the first reason ends the stream, and what comes later changes nothing. */
  end(end: End): void {
    if (this.state === 'closed') return;
    const headerSent = this.streamId !== '';
    this.state = 'closed';
    this.reason = end;
    this.reader.stop();
    clearTimeout(this.login?.timer);
    this.login = undefined;
    if (!headerSent && streamError(end)) this.answerHeader(this.street.domains[0]);
    this.street.desk.leave(this.session);
    if (end.kind === 'slow-reader') this.connection.destroy();
    else this.connection.close(this.farewell(end));
  }

  /** Sends a space if nothing was sent since the last call. [RFC6120 4.6.1] */
  private sentBefore = 0;
  keepAlive(): void {
    if (this.state === 'opening' || this.state === 'closed') return;
    if (this.sentBefore === this.stanzasOut) this.connection.send(' ', true);
    this.sentBefore = this.stanzasOut;
  }

  // --- before login -----------------------------------------------------------------------------------------------

  private answerHeader(from: string | undefined): void {
    this.streamId = randomBytes(10).toString('hex');
    this.connection.send(writeHeader(this.kind, this.streamId, from), false);
  }

  private refusal(domain: string | undefined): End | undefined {
    const { domains, up } = this.street;
    if (domain === undefined) return { kind: 'no-host' };
    // Before login this name is where requests go: a user or a resource in it would make them somebody's own.
    if (!isHost(domain)) return { kind: 'host-unknown' };
    if (domains.length > 0 && !domains.includes(domain)) return { kind: 'host-unknown' };
    return up ? undefined : { kind: 'link-down' };
  }

  private take(stanza: Stanza): void {
    switch (this.state) {
      case 'authenticated':
        if (stanza.name.includes(':') || !this.street.desk.carry(this.session, stanza))
          this.notCarried(stanza);
        return;
      case 'unknown':
        return this.request(stanza.element());
      case 'asking':
      case 'starting':
        return this.hold(stanza);
      case 'opening':
      case 'closed':
        return;
    }
  }

  /** An element that the session manager must not, or need not, see. */
  private notCarried(stanza: Stanza): void {
    if (isStreamError(stanza.name)) return this.clientError(stanza.element());
    if (stanza.name.includes(':')) return this.end({ kind: 'unsupported-stanza' });
    // The answer of jabberd's own session manager to elements that it does not know. [jabberd 1.1.2 message.txt]
    this.connection.send(writeRefusal(this.kind, stanza.element(), 'bad-request'));
  }

  private clientError(error: Element): void {
    this.end({ kind: 'client-error', detail: (error.elements[0]?.localName ?? error.text).slice(0, 100) });
  }

  /** In the unknown state only logins and registrations go on to the session manager. [README.SM] */
  private request(stanza: Element): void {
    if (isStreamError(stanza.name)) return this.clientError(stanza);
    const kind = requestKind(stanza);
    if (!kind) return this.end({ kind: 'not-authorized' });
    if (kind === 'register' && !this.street.registration) return this.refuse(stanza, 'not-allowed');
    if (kind === 'auth-set' && !isUsable(stanza)) {
      this.refuse(stanza, 'not-acceptable');
      return this.failed(stanza);
    }
    const { session, street } = this;
    const login = this.login!;
    login.request = prepare(kind, stanza, this.streamId, login.domain);
    this.state = 'asking';
    street.desk.ask(session, login.request, kind === 'auth-set' ? loginOf(stanza, login.domain) : undefined);
  }

  private refuse(request: Element, condition: Parameters<typeof writeRefusal>[2]): void {
    this.connection.send(writeRefusal(this.kind, request, condition));
  }

  private settle(request: Request, answer: Element, packet: Packet): void {
    const failed = answer.attribute('type') !== 'result';
    if (request.kind === 'auth-set') return this.settleLogin(request, answer, packet);
    this.connection.send(request.kind === 'auth-get' && failed ? form(request) : packet.text);
  }

  /** A login is believed only if the answer is a result that comes from a session, that is, from a user. */
  private settleLogin(request: Request, answer: Element, packet: Packet): void {
    const text = request.ownId ? answer.set('id', undefined).toString() : packet.text;
    const result = answer.attribute('type') === 'result';
    if (result) {
      this.login!.result = text;
      this.state = 'starting';
      if (this.street.desk.accepted(this.session, packet)) return;
      this.state = 'unknown';
    }
    this.street.desk.refused(this.session);
    if (result) this.refuse(withoutOwnId(request), 'internal-server-error');
    else this.connection.send(text);
    this.failed(request.iq);
  }

  /** The login was accepted, and its session asked for: it is opened, or it is not. */
  private started(packet: Packet): void {
    if (packet.kind === 'opened') this.street.desk.opened(this.session, packet.from);
    else if (packet.kind === 'ended') this.refusedWhole(packet);
    else this.stray(packet);
  }

  /** The session manager does not take the client at all: most of the time because it does not serve that host. */
  private refusedWhole(packet: Packet): void {
    if (hostOf(packet.from).toLowerCase() !== this.login!.domain) return this.stray(packet);
    if (this.state === 'starting') return this.end({ kind: 'ended', detail: packet.reason });
    this.end({ kind: 'host-unknown', detail: packet.reason ?? 'the session manager does not serve it' });
  }

  private failed(iq: Element): void {
    const login = this.login!;
    login.failures += 1;
    const { log, limits } = this.street;
    log.info('login failed', { socket: this.session.address, ip: this.ip, username: usernameOf(iq) });
    if (login.failures >= limits.loginAttempts) this.end({ kind: 'login-attempts' });
  }

  private hold(stanza: Stanza): void {
    const login = this.login!;
    login.held.push(stanza);
    login.heldBytes += stanza.source.length;
    if (login.heldBytes > this.street.limits.heldBytes) this.connection.hold(Hold.Answer);
  }

  /** What came behind a request is taken up in order, until the next request has to be waited for. */
  private releaseHeld(): void {
    const { login } = this;
    if (!login) return;
    let taken = 0;
    while (taken < login.held.length && this.isTaking()) this.take(login.held[taken++]);
    if (!this.isTaking()) {
      login.held.splice(0, taken);
      login.heldBytes = login.held.reduce((bytes, stanza) => bytes + stanza.source.length, 0);
      return;
    }
    if (this.state === 'authenticated') this.login = undefined;
    else Object.assign(login, { held: [], heldBytes: 0 });
    if (login.closeHeld) this.end({ kind: 'closed-by-client' });
    else this.connection.release(Hold.Answer);
  }

  private isTaking(): boolean {
    return this.state === 'unknown' || this.state === 'authenticated';
  }

  private stray(packet: Packet): void {
    this.street.log.debug('a packet that nobody asked for', { socket: packet.to, from: packet.from });
  }

  private farewell(end: End): string {
    if (end.kind === 'closed-by-client' || end.kind === 'client-error') return '</stream:stream>';
    const error = streamError(end);
    return error ? writeStreamError(this.kind, error) : '';
  }
}

function isStreamError(name: string): boolean {
  return name.endsWith(':error');
}

function withoutOwnId(request: Request): Element {
  return request.ownId ? request.iq.clone().set('id', undefined) : request.iq;
}
