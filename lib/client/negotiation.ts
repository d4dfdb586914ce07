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
import type { TlsSecurity } from '../net/tls.js';
import type { Condition } from '../xmpp/stanza-error.js';
import type { StreamKind } from '../xmpp/header.js';
import type { Element, Stanza } from '../xml/index.js';
import { writeRefusal } from './errors.js';
import type { Encryption, FeatureStream } from './features/feature.js';
import { FEATURES } from './features/index.js';
import type { AdmittedLogin, LoginLimits, LoginVerdict } from './login-limits.js';

/** The stream of a client that is not logged in, as its negotiation sees it. */
export interface NegotiatingStream {
  readonly session: Session;
  /** Where the client is, canonical; empty where it has no address. */
  readonly ip: string;
  readonly kind: StreamKind;
  readonly streamId: string;
  readonly encryption: Encryption;
  readonly security: TlsSecurity | undefined;
  send(text: string): void;
  /** Encrypts the connection, and forgets what the client has said before. */
  encrypt(): void;
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
  /** An error of ours: it costs nobody but this client. */
  onFailed(error: Error): void;
}

export interface NegotiationOptions {
  readonly registry: SessionRegistry;
  readonly logins: LoginLimits;
  readonly limits: Limits;
  readonly registration: boolean;
  /** The host that the client has asked for. */
  readonly domain: string;
}

/** From this address there have been too many logins that failed: nobody looks at what the client gives. */
const TOO_MANY_FAILED: Refused = {
  kind: 'refused',
  at: 'login',
  condition: 'resource-constraint',
  temporary: true,
};

/**
 * Whether a login, or a registration, may be checked now: `open` where nothing is asked for, `deciding` until that is known,
 * a login that was admitted until its outcome is known, and `closed` at the end.
 */
type Admission = 'open' | 'deciding' | AdmittedLogin | 'closed';

/**
 * The unknown state of a client (README.SM): it may use the features of the stream, and nothing else, until one of them
 * has logged it in. One request at a time goes to the session manager, and what the client sends after that waits for the
 * answer. So an answer can only belong to that request.
 */
export class Negotiation implements FeatureStream {
  private failures = 0;
  private admission: Admission = 'open';
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

  get encryption(): Encryption {
    return this.stream.encryption;
  }

  get security(): TlsSecurity | undefined {
    return this.stream.security;
  }

  /** Is a request under way? Then the next stanza of the client, and the end of its stream, have to wait. */
  get waiting(): boolean {
    return this.admission === 'deciding' || (this.stream.session.login?.busy ?? false);
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

  /** The client is gone, or logged in. */
  close(): void {
    if (typeof this.admission === 'object') this.admission.settle('unchecked');
    this.admission = 'closed';
  }

  // --- for features -------------------------------------------------------------------------------------------------

  send(text: string): void {
    this.stream.send(text);
  }

  refuse(iq: Element, condition: Condition, text?: string): void {
    this.stream.send(writeRefusal(this.stream.kind, iq, condition, text));
  }

  encrypt(): void {
    this.stream.encrypt();
  }

  end(reason: CloseReason): void {
    this.stream.end(reason);
  }

  ask(request: AccountRequest, onAnswer: (answer: Answered) => void): void {
    const ask = (): void =>
      this.request(request, (outcome) => {
        if (outcome.kind === 'answered') onAnswer(outcome);
      });
    if (request.kind !== 'register' || request.iq.attribute('type') !== 'set') return ask();
    this.decide(this.options.logins.admitRegistration(this.stream.ip), (isAdmitted) => {
      if (isAdmitted) ask();
      else this.refuse(request.iq, 'resource-constraint');
    });
  }

  logIn(request: LoginRequest, onOutcome: (outcome: Opened | Refused) => void): void {
    this.decide(this.admit(request), (login) => {
      if (login) return this.logInNow(request, login, onOutcome);
      onOutcome(TOO_MANY_FAILED);
      this.stream.end({ kind: 'login-attempts', detail: 'try again later' });
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

  /** What the client says next waits for the decision, too. */
  private decide<T>(decision: T | Promise<T>, onDecided: (decided: T) => void): void {
    if (!(decision instanceof Promise)) return onDecided(decision);
    this.admission = 'deciding';
    const decided = (result: T): void => {
      if (this.admission === 'closed') return;
      this.admission = 'open';
      onDecided(result);
      if (!this.waiting) this.goOn();
    };
    decision.then(decided).catch((error: Error) => this.stream.onFailed(error));
  }

  private admit({ user, domain }: LoginRequest): AdmittedLogin | Promise<AdmittedLogin | undefined> {
    const login = this.options.logins.admit(this.stream.ip, `${user}@${domain}`);
    return login instanceof Promise ? this.unlessClosed(login) : login;
  }

  private async unlessClosed(
    promise: Promise<AdmittedLogin | undefined>,
  ): Promise<AdmittedLogin | undefined> {
    const login = await promise;
    if (this.admission === 'closed') login?.settle('unchecked');
    return login;
  }

  private logInNow(
    request: LoginRequest,
    login: AdmittedLogin,
    onOutcome: (outcome: Opened | Refused) => void,
  ): void {
    this.admission = login;
    this.request(request, (outcome) => {
      login.settle(verdictOf(outcome));
      if (outcome.kind === 'opened' || outcome.kind === 'refused') onOutcome(outcome);
    });
  }

  private request(request: Request, onOutcome: (outcome: Outcome) => void): void {
    this.options.registry.request(this.stream.session, request, (outcome) => {
      if (outcome.kind === 'ended') this.stream.end(outcome.reason);
      else onOutcome(outcome);
      this.goOn();
    });
  }

  private goOn(): void {
    this.release();
    this.stream.answered();
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

/** What an outcome says about the proof. */
function verdictOf(outcome: Outcome): LoginVerdict {
  if (outcome.kind === 'opened') return 'right';
  if (outcome.kind !== 'refused' || (outcome.at === 'login' && outcome.temporary)) return 'unchecked';
  return outcome.at === 'session' ? 'right' : 'wrong';
}
