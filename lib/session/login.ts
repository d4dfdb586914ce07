import { domainKey } from '../config/domain.js';
import { canonical, hostOf } from '../xmpp/address.js';
import { closeReasonOf, type CloseReason } from './close-reason.js';
import { NEXT, type LoginEvent, type LoginState } from './login-states.js';
import type { PendingLogins } from './pending-logins.js';
import {
  jidOf,
  type Answer,
  type LoginRequest,
  type Outcome,
  type Refused,
  type Request,
} from './requests.js';
import type { Packet, Session } from './session.js';
import type { Authenticator, Upstream } from './upstream.js';

/** What jabberd says of a host that none of its components has. [jabberd 1.4 deliver] */
const UNKNOWN_HOST = /destination unknown/;

/** The login is right, and there can be no session for it. */
export const NO_SESSION: Refused = {
  kind: 'refused',
  at: 'session',
  condition: 'internal-server-error',
  temporary: false,
};

/** What the logins of all clients share. */
export interface LoginContext {
  readonly upstream: Upstream;
  readonly authenticator: Authenticator;
  readonly pending: PendingLogins;
  /**
   * Must a login wait until the session that has its address has left? Then {@link Login.resume} is called.
   *
   * @param key canonical session address
   */
  postpones(key: string, login: Login): boolean;
  /** The session manager has opened the session. */
  onOpened(session: Session, sessionAddress: string): void;
}

/** A request under way. */
interface Attempt {
  readonly request: Request;
  readonly onOutcome: (outcome: Outcome) => void;
  /** The answer to a login that was accepted, kept until the session is open. */
  text?: string | undefined;
}

/** A client on its way to a session: one request at a time, until a login has opened the session. */
export class Login {
  private current: LoginState = 'idle';
  /** There unless the state is `idle` or `done`. */
  private attempt: Attempt | undefined;

  constructor(
    private readonly session: Session,
    private readonly context: LoginContext,
  ) {}

  get state(): LoginState {
    return this.current;
  }

  /** Is a request under way? Another one has to wait. */
  get busy(): boolean {
    return this.attempt !== undefined;
  }

  /**
   * Passes a request on.
   *
   * @param onOutcome called once, unless the client leaves before
   */
  request(request: Request, onOutcome: (outcome: Outcome) => void): void {
    if (this.current !== 'idle') return;
    this.attempt = { request, onOutcome };
    if (request.kind === 'login') this.prove(request);
    else if (this.move('ask')) this.ask(request);
  }

  /** The session that has the address has left. */
  resume(): void {
    const request = this.attempt?.request;
    if (this.current === 'postponed' && request?.kind === 'login') this.prove(request);
  }

  /** A packet has come from the session manager. */
  receive(packet: Packet): void {
    if (packet.kind === 'ended') return this.ended(packet);
    if (packet.kind === 'opened') return void this.started(packet.from);
    if (this.current !== 'asking' && this.current !== 'proving') return;
    const answer = this.context.authenticator.read?.(this.attempt!.request, packet);
    if (answer) this.answered(answer);
  }

  /** The session that was asked for is open. @returns whether it was asked for */
  started(sessionAddress: string): boolean {
    return sessionAddress !== '' && this.opened('started', sessionAddress, this.attempt?.text);
  }

  /** The login was right, and there is no session for it now: the client may try again. */
  sessionRefused(): void {
    if (this.current === 'opening') this.refused({ ...NO_SESSION, temporary: true });
  }

  /** The client has left. */
  left(): void {
    if (this.move('left')) this.attempt = undefined;
  }

  /**
   * Where a session of the same address is leaving, the login waits: a client that tries passwords would otherwise keep
   * that session from leaving for as long as it likes.
   */
  private prove(request: LoginRequest): void {
    const { context, session } = this;
    session.fullJid = jidOf(request);
    if (context.postpones(canonical(session.fullJid), this)) return void this.move('postpone');
    if (!this.move('prove')) return;
    context.pending.add(session.address, request);
    this.ask(request);
  }

  private ask(request: Request): void {
    const { attempt, context } = this;
    context.authenticator.ask(this.session, request, (answer) => {
      if (this.attempt === attempt) this.answered(answer);
      else if (this.current === 'done') this.settle();
    });
  }

  private answered(answer: Answer): void {
    switch (answer.kind) {
      case 'answered':
        return this.move('answered') ? this.tell(answer) : undefined;
      case 'accepted':
        return this.move('accepted') ? this.open(answer.text) : undefined;
      case 'opened':
        return void this.opened('opened', answer.sessionAddress, answer.text);
      case 'refused':
        return this.refused(answer);
    }
  }

  private open(text: string | undefined): void {
    this.attempt!.text = text;
    if (!this.context.upstream.open!(this.session)) this.refused(NO_SESSION);
  }

  private opened(event: LoginEvent, sessionAddress: string, text: string | undefined): boolean {
    if (!this.move(event)) return false;
    this.context.onOpened(this.session, sessionAddress);
    this.tell({ kind: 'opened', text });
    return true;
  }

  private refused(refused: Refused): void {
    if (!this.move('refused')) return;
    this.settle();
    this.tell(refused);
  }

  /** The session manager refuses the client itself: most often because it does not serve that host. */
  private ended({ from, reason }: Packet): void {
    const domain = this.attempt?.request.domain;
    if (domain === undefined || domainKey(hostOf(from)) !== domainKey(domain)) return;
    const end = this.reasonOf(reason);
    if (!this.move('ended')) return;
    this.settle();
    this.tell({ kind: 'ended', reason: end });
  }

  private reasonOf(said: string | undefined): CloseReason {
    const end = closeReasonOf(said);
    const isAway = end.kind === 'manager-gone' && !UNKNOWN_HOST.test(said!);
    if (this.current === 'opening' || isAway) return end;
    return { kind: 'host-unknown', detail: said ?? 'the session manager does not serve it' };
  }

  /** The session manager will not open a session for the login any more. */
  private settle(): void {
    this.context.pending.settle(this.session.address);
  }

  private tell(outcome: Outcome): void {
    const { attempt } = this;
    this.attempt = undefined;
    attempt?.onOutcome(outcome);
  }

  /** @returns false where the event means nothing in this state */
  private move(event: LoginEvent): boolean {
    const next = NEXT[this.current][event];
    if (next === undefined) return false;
    this.current = next;
    return true;
  }
}
