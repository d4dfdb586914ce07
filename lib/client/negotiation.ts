import type { Limits } from '../config/config.js';
import type { CloseReason } from '../session/close-reason.js';
import type { SessionRegistry } from '../session/registry.js';
import type {
  AccountRequest,
  Answered,
  LoginRequest,
  Opened,
  Outcome,
  Refused,
  Request,
} from '../session/requests.js';
import type { Session } from '../session/session.js';
import { isStanza, withoutControl } from '../session/stanza-filter.js';
import type { Condition } from '../xmpp/stanza-error.js';
import type { StreamKind } from '../xmpp/header.js';
import type { Element, Stanza } from '../xml/index.js';
import { writeRefusal } from './errors.js';
import type { FeatureStream } from './features/feature.js';
import { FEATURES } from './features/index.js';

/** The stream of a client that is not logged in, as its negotiation sees it. */
export interface NegotiatingStream {
  readonly session: Session;
  readonly kind: StreamKind;
  readonly streamId: string;
  send(text: string): void;
  /** Takes a stanza that was held, in the state that the stream has now. */
  take(stanza: Stanza): void;
  /** More is held than may be: nothing is to be read until {@link answered}. */
  full(): void;
  /** An answer has come, and what was held has been taken, until it waits for another answer. */
  answered(): void;
  /** The session is open. */
  loggedIn(): void;
  loginFailed(username: string): void;
  end(end: CloseReason): void;
}

export interface NegotiationOptions {
  readonly registry: SessionRegistry;
  readonly limits: Limits;
  readonly registration: boolean;
  /** The host that the client has asked for. */
  readonly domain: string;
}

/**
 * The unknown state of a client (README.SM): it may use the features of the stream, and nothing else, until one of them
 * has logged it in. One request at a time goes to the session manager, and what the client sends after that waits for the
 * answer. So an answer can only belong to that request.
 */
export class Negotiation implements FeatureStream {
  private failures = 0;
  private held: Stanza[] = [];
  private heldBytes = 0;
  /** How the client left, after the stanzas that are held. */
  private endHeld: CloseReason | undefined;

  constructor(
    private readonly stream: NegotiatingStream,
    private readonly options: NegotiationOptions,
  ) {}

  get kind(): StreamKind {
    return this.stream.kind;
  }

  get streamId(): string {
    return this.stream.streamId;
  }

  get domain(): string {
    return this.options.domain;
  }

  get registration(): boolean {
    return this.options.registration;
  }

  /** Is a request under way? Then the next stanza of the client, and the end of its stream, have to wait. */
  get waiting(): boolean {
    return this.stream.session.login?.busy ?? false;
  }

  /** Does a stanza of the client wait for an answer, or the end of its stream? */
  get holds(): boolean {
    return this.waiting && (this.held.length > 0 || this.endHeld !== undefined);
  }

  /** Takes a stanza or another element of the client, at once or when the request under way is answered. [README.SM] */
  take(stanza: Stanza): void {
    if (this.waiting) return this.hold(stanza);
    const element = (isStanza(stanza) ? withoutControl(stanza) : stanza).element();
    const feature = FEATURES.find((one) => one.takes(element));
    if (feature) feature.take(element, this);
    else this.stream.end({ kind: 'not-authorized' });
  }

  /** The client has closed its stream, or its side of the connection: it is ended after the stanzas that are held. */
  endLater(end: CloseReason): void {
    this.endHeld ??= end;
  }

  // --- for features -------------------------------------------------------------------------------------------------

  send(text: string): void {
    this.stream.send(text);
  }

  refuse(iq: Element, condition: Condition): void {
    this.stream.send(writeRefusal(this.stream.kind, iq, condition));
  }

  ask(request: AccountRequest, onAnswer: (answer: Answered) => void): void {
    this.request(request, (outcome) => {
      if (outcome.kind === 'answered') onAnswer(outcome);
    });
  }

  logIn(request: LoginRequest, onOutcome: (outcome: Opened | Refused) => void): void {
    this.request(request, (outcome) => {
      if (outcome.kind === 'opened' || outcome.kind === 'refused') onOutcome(outcome);
    });
  }

  loggedIn(answer: string): void {
    this.stream.loggedIn();
    this.stream.send(answer);
  }

  loginFailed(username: string): void {
    this.failures += 1;
    this.stream.loginFailed(username);
    if (this.failures >= this.options.limits.loginAttempts) this.stream.end({ kind: 'login-attempts' });
  }

  // ------------------------------------------------------------------------------------------------------------------

  private request(request: Request, onOutcome: (outcome: Outcome) => void): void {
    this.options.registry.request(this.stream.session, request, (outcome) => {
      if (outcome.kind === 'ended') this.stream.end(outcome.reason);
      else onOutcome(outcome);
      this.release();
      this.stream.answered();
    });
  }

  private hold(stanza: Stanza): void {
    this.held.push(stanza);
    this.heldBytes += stanza.source.length;
    if (this.heldBytes > this.options.limits.heldBytes) this.stream.full();
  }

  /** Takes what was held, in order. If a stanza is another request, those after it are held again. */
  private release(): void {
    const { held } = this;
    this.held = [];
    this.heldBytes = 0;
    for (const stanza of held) this.stream.take(stanza);
    if (!this.waiting && this.endHeld) this.stream.end(this.endHeld);
  }
}
