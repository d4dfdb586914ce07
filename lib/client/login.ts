import type { Limits } from '../config/config.js';
import { domainKey } from '../config/domain.js';
import { hostOf } from '../xmpp/address.js';
import { isStanza, withoutControl } from '../session/stanza-filter.js';
import type { SessionRegistry } from '../session/registry.js';
import { closeReasonOf, type CloseReason } from '../session/close-reason.js';
import type { Packet, Session } from '../session/session.js';
import type { StreamKind } from '../xmpp/header.js';
import type { Condition } from '../xmpp/stanza-error.js';
import { parse, wholeStanza, type Element, type Stanza } from '../xml/index.js';
import { form, isUsable, loginOf, prepare, requestKind, usernameOf, type Request } from './auth.js';
import { writeRefusal } from './errors.js';

/** The stream that a login belongs to, as the login sees it. */
export interface LoginStream {
  readonly session: Session;
  readonly kind: StreamKind;
  /** The id that a digest is made with. */
  readonly streamId: string;
  send(text: string): void;
  /** Takes up a stanza that was held, in the state that the stream has now. */
  take(stanza: Stanza): void;
  /** More has been held than may be: nothing should be read until {@link Login} takes it up. */
  full(): void;
  /** A login was refused: by us, or by the session manager. */
  loginFailed(username: string): void;
  end(end: CloseReason): void;
}

export interface LoginOptions {
  readonly registry: SessionRegistry;
  readonly limits: Limits;
  readonly registration: boolean;
  /** The host that the client has asked for. */
  readonly domain: string;
}

/** What jabberd says of a host that none of its components has. [jabberd 1.4 deliver] */
const UNKNOWN_HOST = /destination unknown/;

/**
 * How far a login is: `idle`, nothing is under way; `asking`, a request is with the session manager; `starting`, it was
 * accepted, and its session is being opened; `done`.
 */
type Phase = 'idle' | 'asking' | 'starting' | 'done';

/**
 * The unknown state of a client (README.SM): one request at a time goes to the session manager, and what the client
 * sends behind it waits for the answer. So an answer can only belong to that request.
 */
export class Login {
  private phase: Phase = 'idle';
  private request: Request | undefined;
  /** The answer to a login that was accepted, until the client may have it. */
  private result = '';
  private failures = 0;
  private held: Stanza[] = [];
  private heldBytes = 0;
  /** How the client left behind what is held. */
  private endHeld: CloseReason | undefined;

  constructor(
    private readonly stream: LoginStream,
    private readonly options: LoginOptions,
  ) {}

  /** Is there something to wait for before a stanza, or the end of the stream, is taken up? */
  get waiting(): boolean {
    return this.phase === 'asking' || this.phase === 'starting';
  }

  /** A stanza of the client: taken up, or held until its turn. */
  take(stanza: Stanza): void {
    if (this.waiting) this.hold(stanza);
    else if (isStanza(stanza)) this.ask(withoutControl(stanza).element());
    else this.stream.end({ kind: 'not-authorized' });
  }

  /** The client has left behind what it said: by closing its stream, or its side of the connection. */
  endLater(end: CloseReason): void {
    this.endHeld ??= end;
  }

  /** Has the client said something that waits for its login, or has it already left behind that? */
  get holds(): boolean {
    return this.waiting && (this.held.length > 0 || this.endHeld !== undefined);
  }

  /** A packet from the session manager. */
  answer(packet: Packet): void {
    if (packet.kind === 'ended') return this.refusedWhole(packet);
    if (packet.kind === 'opened') return this.started(packet);
    if (packet.kind === 'refused') return this.sessionRefused();
    const { request } = this;
    if (this.phase !== 'asking' || !request) return;
    if (packet.carrier && packet.kind !== 'answer') return;
    const answer = wholeStanza(packet.text, packet.whole.ascii);
    if (answer?.name !== 'iq' || answer.attribute('id') !== request.id) return;
    this.phase = 'idle';
    this.request = undefined;
    this.settle(request, answer.attribute('type') === 'result', packet);
    if (this.phase === 'idle') this.release();
  }

  /** The session is open: the client may have the answer to its login, and what it sent behind that goes on. */
  opened(): void {
    this.phase = 'done';
    this.request = undefined;
    this.stream.send(this.result);
    this.release();
  }

  /** In the unknown state only logins and registrations go on to the session manager. [README.SM] */
  private ask(stanza: Element): void {
    const kind = requestKind(stanza);
    if (!kind) return this.stream.end({ kind: 'not-authorized' });
    if (kind === 'register' && !this.options.registration) return this.refuse(stanza, 'not-allowed');
    if (kind === 'auth-set' && !isUsable(stanza)) {
      this.refuse(stanza, 'not-acceptable');
      return this.failed(stanza);
    }
    const { registry, domain } = this.options;
    const request = prepare(kind, stanza, this.stream.streamId, domain);
    this.request = request;
    this.phase = 'asking';
    registry.ask(this.stream.session, request, kind === 'auth-set' ? loginOf(stanza, domain) : undefined);
  }

  private settle(request: Request, result: boolean, packet: Packet): void {
    if (request.kind === 'auth-set') return this.settleLogin(request, result, packet);
    this.stream.send(request.kind === 'auth-get' && !result ? form(request) : packet.text);
  }

  /** A login is believed only if the answer is a result, and one that can open a session. */
  private settleLogin(request: Request, result: boolean, packet: Packet): void {
    const text = request.ownId ? parse(packet.text).set('id', undefined).toString() : packet.text;
    if (result) {
      this.result = text;
      this.request = request;
      this.phase = 'starting';
      if (this.options.registry.accepted(this.stream.session, packet)) return;
      this.phase = 'idle';
    }
    this.options.registry.refused(this.stream.session);
    if (result) this.refuse(withoutOwnId(request), 'internal-server-error');
    else this.stream.send(text);
    if (result || !isTemporary(parse(packet.text))) this.failed(request.iq);
  }

  /** The session that was asked for is there; its address is the one that the session manager gives. */
  private started({ from }: Packet): void {
    if (this.phase === 'starting' && from !== '') this.options.registry.opened(this.stream.session, from);
  }

  /** The login was right, and there is no session for it now: the client may try again. */
  private sessionRefused(): void {
    const { request } = this;
    if (this.phase !== 'starting' || !request) return;
    this.phase = 'idle';
    this.request = undefined;
    this.options.registry.refused(this.stream.session);
    this.refuse(withoutOwnId(request), 'internal-server-error');
    this.release();
  }

  /** The session manager does not take the client at all: most of the time because it does not serve that host. */
  private refusedWhole(packet: Packet): void {
    if (!this.waiting || domainKey(hostOf(packet.from)) !== domainKey(this.options.domain)) return;
    this.options.registry.refused(this.stream.session);
    const end = closeReasonOf(packet.reason);
    const isAway = end.kind === 'manager-gone' && !UNKNOWN_HOST.test(packet.reason!);
    if (this.phase === 'starting' || isAway) return this.stream.end(end);
    this.stream.end({
      kind: 'host-unknown',
      detail: packet.reason ?? 'the session manager does not serve it',
    });
  }

  private failed(iq: Element): void {
    this.failures += 1;
    this.stream.loginFailed(usernameOf(iq));
    if (this.failures >= this.options.limits.loginAttempts) this.stream.end({ kind: 'login-attempts' });
  }

  private refuse(request: Element, condition: Condition): void {
    this.stream.send(writeRefusal(this.stream.kind, request, condition));
  }

  private hold(stanza: Stanza): void {
    this.held.push(stanza);
    this.heldBytes += stanza.source.length;
    if (this.heldBytes > this.options.limits.heldBytes) this.stream.full();
  }

  /** What was held is taken up in order; what is held again by that (behind another request) stays behind it. */
  private release(): void {
    const { held } = this;
    this.held = [];
    this.heldBytes = 0;
    for (const stanza of held) this.stream.take(stanza);
    if (!this.waiting && this.endHeld) this.stream.end(this.endHeld);
  }
}

/** Nobody has looked at the password: it may be the right one. [XEP-0086: service-unavailable] */
function isTemporary(answer: Element): boolean {
  return answer.child('error')?.attribute('code') === '503';
}

function withoutOwnId(request: Request): Element {
  return request.ownId ? request.iq.clone().set('id', undefined) : request.iq;
}
