import { Question, type AskInName } from './question.js';
import type { Packet, Session } from './session.js';
import { LEGACY_TIME } from '../xmpp/namespaces.js';

/** How long a session may be silent after the link is back, before it is asked a question. */
const SILENCE_MS = 5_000;
/** How long the answer may take. */
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Finds the sessions that the session manager has lost.
 *
 * When a link comes back, nothing tells whether the session manager was away as well: a restarted one drops in silence
 * all that is sent for its old sessions, and their clients would wait for ever. [jabberd 1.1.2 server-stop.txt] So every
 * session is in doubt until something comes for it. A session that stays silent is asked a question that the session
 * manager answers for every session it has, and is given up when no answer comes.
 */
export class LivenessCheck {
  private readonly question: Question;
  private readonly unheard = new Set<Session>();
  private readonly asked = new Set<Session>();
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param ask sends the question
   * @param onLost called with each session that is given up
   */
  constructor(
    ask: AskInName,
    private readonly onLost: (session: Session) => void,
  ) {
    this.question = new Question('alive', LEGACY_TIME, ask);
  }

  /** The link is back, and all of these sessions are in doubt. */
  begin(sessions: readonly Session[]): void {
    this.end();
    for (const session of sessions) this.unheard.add(session);
    if (sessions.length > 0) this.timer = setTimeout(() => this.askAll(), SILENCE_MS).unref();
  }

  /** The link is lost, and nothing can be found out. */
  end(): void {
    clearTimeout(this.timer);
    this.unheard.clear();
    this.asked.clear();
  }

  /**
   * A stanza came for a session: the session manager has it.
   *
   * @returns whether the stanza is the answer to our own question, which the client must not get
   */
  heard(session: Session, packet: Packet): boolean {
    this.unheard.delete(session);
    return this.asked.has(session) && this.question.isAnsweredBy(packet) && this.asked.delete(session);
  }

  /** The session is over. */
  forget(session: Session): void {
    this.unheard.delete(session);
    this.asked.delete(session);
  }

  /** Does it have to be told of what comes? */
  get active(): boolean {
    return this.unheard.size > 0 || this.asked.size > 0;
  }

  private askAll(): void {
    for (const session of this.unheard) {
      this.asked.add(session);
      this.question.ask(session);
    }
    this.timer = setTimeout(() => this.giveUp(), ANSWER_TIMEOUT_MS).unref();
  }

  private giveUp(): void {
    const silent = [...this.unheard];
    this.unheard.clear();
    for (const session of silent) this.onLost(session);
  }
}
