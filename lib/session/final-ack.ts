import { randomBytes } from 'node:crypto';
import { element, stanzaOf, type Stanza } from '../xml/index.js';
import type { Session } from './session.js';

/** How long an answer is waited for: a server may have much to do before. */
const ANSWER_TIMEOUT_MS = 30_000;
/** How long it is waited for from then on that somebody wants to log in with the address. */
const WANTED_TIMEOUT_MS = 5_000;
/** A server that has let so many wait for nothing, one after the other, is asked only now and then. */
const MAX_SILENCE = 3;
const RETRY_MS = 60_000;
/** What a session has said longer ago than this has been handled. */
const RECENT_MS = 10_000;

/** A namespace that nobody knows: whatever is asked in it is answered with an error. */
const NAMESPACE = 'urn:sm-component:ack';

/**
 * Whether a session manager has handled all that a session said, before it hears that the session is over.
 *
 * jabberd 1.x keeps a queue a session, and forgets what is in it when the session ends: a client that writes its message
 * and closes its stream at once would have said nothing. So it is asked something that it answers behind all the rest,
 * and told of the end when the answer is there. [jabberd 1.1.2, 1.4.3, 1.4.4, 1.6.1.1 jsm]
 */
export class FinalAcks {
  private readonly id = `ack-${randomBytes(8).toString('hex')}`;
  private readonly waiting = new Map<Session, NodeJS.Timeout>();
  /** Questions without an answer since the last one that had one. */
  private silence = 0;
  private askedAt = 0;
  private whenDone: (() => void)[] = [];

  /**
   * @param ask sends a stanza in the name of a session
   * @param acknowledged called once for each session that was asked for, unless it is forgotten
   */
  constructor(
    private readonly ask: (session: Session, stanza: Stanza) => void,
    private readonly acknowledged: (session: Session) => void,
  ) {}

  /**
   * Asks whether what a session said has been handled.
   *
   * @returns false where there is nothing to ask, or nobody who answers
   */
  begin(session: Session): boolean {
    const now = Date.now();
    if (now - session.saidAt > RECENT_MS) return false;
    if (this.silence >= MAX_SILENCE && now - this.askedAt < RETRY_MS) return false;
    this.askedAt = now;
    this.wait(session, ANSWER_TIMEOUT_MS);
    const iq = element('iq', { type: 'get', id: this.id }, element('query', { xmlns: NAMESPACE }));
    this.ask(session, stanzaOf(iq.toString())!);
    return true;
  }

  has(session: Session): boolean {
    return this.waiting.has(session);
  }

  /** Somebody waits for the address of a session that an answer is waited for. */
  hurry(session: Session): void {
    if (this.waiting.has(session)) this.wait(session, WANTED_TIMEOUT_MS);
  }

  /**
   * Something came for a session.
   *
   * @returns whether it is the answer
   */
  heard(session: Session, id: () => string | undefined): boolean {
    if (!this.waiting.has(session) || id() !== this.id) return false;
    this.silence = 0;
    this.settle(session);
    return true;
  }

  /** The session is over anyway. */
  forget(session: Session): void {
    clearTimeout(this.waiting.get(session));
    if (this.waiting.delete(session) && this.waiting.size === 0) this.done();
  }

  /** No answer will come any more; another session manager may be there later. */
  giveUp(): void {
    this.silence = 0;
    for (const session of [...this.waiting.keys()]) this.settle(session);
  }

  /** Resolves when no answer is waited for. */
  async idle(): Promise<void> {
    if (this.waiting.size > 0) await new Promise<void>((resolve) => this.whenDone.push(resolve));
  }

  private wait(session: Session, milliseconds: number): void {
    clearTimeout(this.waiting.get(session));
    this.waiting.set(session, setTimeout(() => this.timedOut(session), milliseconds).unref());
  }

  private timedOut(session: Session): void {
    this.silence += 1;
    this.settle(session);
  }

  private settle(session: Session): void {
    this.forget(session);
    this.acknowledged(session);
  }

  private done(): void {
    for (const resolve of this.whenDone.splice(0)) resolve();
  }
}
