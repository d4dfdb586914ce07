import { randomBytes } from 'node:crypto';
import { element, stanzaOf, type Stanza } from '../xml/index.js';
import type { Session } from './session.js';

/** When sessions that nothing was heard of are asked about, and when they are given up. Milliseconds. */
export interface LivenessTimes {
  readonly ask: number;
  readonly giveUp: number;
}

const TIMES_MS: LivenessTimes = { ask: 5_000, giveUp: 10_000 };

/**
 * Sessions that the session manager may have lost.
 *
 * When a link comes back, nothing tells whether the session manager was away as well: a restarted one drops what is
 * sent for its old sessions in silence, and their clients would wait for ever. [jabberd 1.1.2 server-stop.txt] So every
 * session is in doubt until something is heard of it; what stays silent is asked something that a session always
 * answers, and given up if even that has no answer.
 */
export class LivenessCheck {
  private readonly id = `alive-${randomBytes(8).toString('hex')}`;
  private readonly unheard = new Set<Session>();
  private readonly asked = new Set<Session>();
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param ask sends a stanza in the name of a session
   * @param lost is told of each session that is given up
   */
  constructor(
    private readonly ask: (session: Session, stanza: Stanza) => void,
    private readonly lost: (session: Session) => void,
    private readonly times = TIMES_MS,
  ) {}

  /** The link is back: all of these are in doubt. */
  begin(sessions: readonly Session[]): void {
    this.end();
    for (const session of sessions) this.unheard.add(session);
    if (sessions.length > 0) this.timer = setTimeout(() => this.askAll(), this.times.ask).unref();
  }

  /** Without a link there is nothing to find out. */
  end(): void {
    clearTimeout(this.timer);
    this.unheard.clear();
    this.asked.clear();
  }

  /**
   * Something came for a session.
   *
   * @param id the stanza's id
   * @returns whether it is the answer to our own question, and no business of the client's
   */
  heard(session: Session, id: () => string | undefined): boolean {
    this.unheard.delete(session);
    return this.asked.has(session) && id() === this.id && this.asked.delete(session);
  }

  /** The session is over anyway. */
  forget(session: Session): void {
    this.unheard.delete(session);
    this.asked.delete(session);
  }

  /** Is there anything to hear of? */
  get active(): boolean {
    return this.unheard.size > 0 || this.asked.size > 0;
  }

  private askAll(): void {
    const iq = element('iq', { type: 'get', id: this.id }, element('query', { xmlns: 'jabber:iq:time' }));
    const question = stanzaOf(iq.toString())!;
    for (const session of this.unheard) {
      this.asked.add(session);
      this.ask(session, question);
    }
    this.timer = setTimeout(() => this.giveUp(), this.times.giveUp).unref();
  }

  private giveUp(): void {
    const silent = [...this.unheard];
    this.unheard.clear();
    for (const session of silent) this.lost(session);
  }
}
