import { Question, type AskInName } from './question.js';
import type { Packet, Session } from './session.js';

/** How long the answer may take: the session manager may have much to do before. */
const ANSWER_TIMEOUT_MS = 30_000;
/** How long it may still take when a login waits for the address of the session. */
const WANTED_TIMEOUT_MS = 5_000;
/** A session manager that has left so many questions in a row unanswered is asked only once in `RETRY_MS`. */
const MAX_UNANSWERED = 3;
const RETRY_MS = 60_000;
/** What a session has sent longer ago than this has been handled. */
const RECENT_MS = 10_000;

/** A namespace that nobody knows: a question in it is answered with an error. */
const NAMESPACE = 'urn:sm-component:ack';

/**
 * Finds out whether the session manager has handled all that a session has sent, before it is told that the session is over.
 *
 * jabberd 1.x keeps a queue for each session, and drops it when the session ends: the message of a client that writes it
 * and closes its stream at once would be lost. So the session manager is asked a question, which it answers after all the
 * rest, and is told of the end when the answer is there. [jabberd 1.1.2, 1.4.3, 1.4.4, 1.6.1.1 jsm]
 */
export class FinalAcks {
  private readonly question: Question;
  private readonly waiting = new Map<Session, NodeJS.Timeout>();
  /** Questions without an answer, since the last one that had one. */
  private unanswered = 0;
  private askedAt = 0;
  private whenDone: (() => void)[] = [];

  /**
   * @param ask sends the question
   * @param onAcknowledged called once for each session that was asked about, unless it is forgotten
   */
  constructor(
    ask: AskInName,
    private readonly onAcknowledged: (session: Session) => void,
  ) {
    this.question = new Question('ack', NAMESPACE, ask);
  }

  /**
   * Asks whether what a session has sent has been handled.
   *
   * @returns false where there is nothing to ask about, or the session manager answers no such question
   */
  begin(session: Session): boolean {
    const now = Date.now();
    if (now - session.saidAt > RECENT_MS) return false;
    if (this.unanswered >= MAX_UNANSWERED && now - this.askedAt < RETRY_MS) return false;
    this.askedAt = now;
    this.wait(session, ANSWER_TIMEOUT_MS);
    this.question.ask(session);
    return true;
  }

  has(session: Session): boolean {
    return this.waiting.has(session);
  }

  /** A login waits for the address of this session. */
  hurry(session: Session): void {
    if (this.waiting.has(session)) this.wait(session, WANTED_TIMEOUT_MS);
  }

  /**
   * A packet came for a session.
   *
   * @returns whether it is the answer
   */
  heard(session: Session, packet: Packet): boolean {
    if (!this.waiting.has(session) || !this.question.isAnsweredBy(packet)) return false;
    this.unanswered = 0;
    this.settle(session);
    return true;
  }

  /** The session is over. */
  forget(session: Session): void {
    clearTimeout(this.waiting.get(session));
    if (this.waiting.delete(session) && this.waiting.size === 0) this.done();
  }

  /** The link is lost, and no answer will come; after it another session manager may be there. */
  giveUp(): void {
    this.unanswered = 0;
    for (const session of [...this.waiting.keys()]) this.settle(session);
  }

  /** Resolves when no answer is outstanding. */
  async idle(): Promise<void> {
    if (this.waiting.size > 0) await new Promise<void>((resolve) => this.whenDone.push(resolve));
  }

  private wait(session: Session, milliseconds: number): void {
    clearTimeout(this.waiting.get(session));
    this.waiting.set(session, setTimeout(() => this.timedOut(session), milliseconds).unref());
  }

  private timedOut(session: Session): void {
    this.unanswered += 1;
    this.settle(session);
  }

  private settle(session: Session): void {
    this.forget(session);
    this.onAcknowledged(session);
  }

  private done(): void {
    for (const resolve of this.whenDone.splice(0)) resolve();
  }
}
