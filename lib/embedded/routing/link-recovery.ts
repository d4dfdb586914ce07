import { safely } from '../safely.js';
import type { Services } from '../services.js';
import type { ComponentStream, StreamEnd } from '../component-stream.js';

/** Links that are lost, with what waits on them, until somebody comes for it or it is too late. */
export class LostLinks {
  private readonly links = new Map<ComponentStream, NodeJS.Timeout>();

  /** @param give finds another way for a packet that was for a session of a link that is lost for good */
  constructor(
    private readonly services: Services,
    private readonly give: (link: ComponentStream) => void,
  ) {}

  /** A link is lost: its sessions are kept for a while. [jabberd 1.1.2 base_accept] */
  add(link: ComponentStream, reason: StreamEnd): void {
    const { services } = this;
    const sessions = [...services.sessions].filter((session) => session.conn === link).length;
    if (sessions === 0) return this.give(link);
    services.log.info('link lost, its sessions wait', { reason, sessions });
    const giveUp = (): void => this.expire(link);
    const timer = setTimeout(
      () => services.journal.once('giving a link up', giveUp),
      services.limits.linkAwayTimeout * 1000,
    );
    timer.unref();
    this.links.set(link, timer);
  }

  /** A link is there: it may be that of the peer that was lost, so sessions and packets move to it. */
  moveTo(link: ComponentStream): void {
    for (const [lost, timer] of this.links) {
      clearTimeout(timer);
      for (const session of this.services.sessions) if (session.conn === lost) session.conn = link;
      link.takeOver(lost.remains());
    }
    this.links.clear();
  }

  /** Nobody came, or too much waits: the sessions end, and their messages go where messages go then. */
  expire(link: ComponentStream): void {
    if (!this.links.has(link)) return;
    this.forget(link);
    for (const session of this.services.sessions) {
      if (session.conn !== link) continue;
      safely(this.services.log, 'ending a session', () => this.services.end(session, 'link lost'));
    }
    this.give(link);
  }

  /** Nobody will come any more. */
  expireAll(): void {
    for (const link of [...this.links.keys()]) this.expire(link);
  }

  private forget(link: ComponentStream): void {
    clearTimeout(this.links.get(link));
    this.links.delete(link);
  }
}
