import type { Encryption, FeatureStream } from '../../../lib/client/features/feature.js';
import type { CloseReason } from '../../../lib/session/close-reason.js';
import type { Answered, LoginRequest, Opened, Refused, Request } from '../../../lib/session/requests.js';

/** A stream before login, as features see it, that says in words what they do with it. */
export class StreamNotes implements FeatureStream {
  readonly kind = 'legacy';
  readonly streamId = '5EED';
  readonly domain = 'localhost';
  readonly security = undefined;
  readonly all: string[] = [];
  request: Request | undefined;
  onAnswer: (answer: Answered) => void = () => undefined;
  onOutcome: (outcome: Opened | Refused) => void = () => undefined;

  constructor(
    readonly registration = true,
    readonly encryption: Encryption = 'off',
  ) {}

  take(): string[] {
    return this.all.splice(0);
  }

  send(text: string): void {
    this.all.push(`send ${text}`);
  }

  refuse(_iq: unknown, condition: string, text?: string): void {
    this.all.push(`refuse ${condition}${text === undefined ? '' : `: ${text}`}`);
  }

  encrypt(): void {
    this.all.push('encrypt');
  }

  end({ kind }: CloseReason): void {
    this.all.push(`end ${kind}`);
  }

  ask(request: Request, onAnswer: (answer: Answered) => void): void {
    this.all.push(`ask ${request.kind} ${request.domain}`);
    this.request = request;
    this.onAnswer = onAnswer;
  }

  logIn(request: LoginRequest, onOutcome: (outcome: Opened | Refused) => void): void {
    this.all.push(`log in ${request.user}`);
    this.request = request;
    this.onOutcome = onOutcome;
  }

  loggedIn(answer: string): void {
    this.all.push(`logged in ${answer}`);
  }

  loginFailed(username: string): void {
    this.all.push(`failed ${username}`);
  }
}
