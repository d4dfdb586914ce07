import type { Bounces } from './bounces.js';
import { closeReasonOf, type CloseReason } from './close-reason.js';
import { isPacket } from './departures.js';
import type { PendingLogins } from './pending-logins.js';
import type { SessionTable } from './session-table.js';
import type { Session } from './session.js';

/** How a session ends once, for both sides, and what goes on when it has. */
export class Endings {
  /** @param onRemoved called with each session that is over */
  constructor(
    private readonly table: SessionTable,
    private readonly pending: PendingLogins,
    private readonly bounces: Bounces,
    private readonly onRemoved: (session: Session) => void,
  ) {}

  /** The session manager has ended a session, for a reason that it may have said. */
  endedThere(session: Session, said: string | undefined): void {
    const isReplaced = this.table.hasSuccessor(session) || this.pending.has(session.key);
    this.drop(session, isReplaced ? { kind: 'replaced' } : closeReasonOf(said));
  }

  /** The session is over at the session manager: nothing is left to say there. Its client, if it has one, is told. */
  drop(session: Session, reason: CloseReason): void {
    const { client } = session;
    this.remove(session);
    this.goOn(session);
    client?.end(reason);
  }

  /** The session is over here: first its end goes to the session manager, then what goes back. */
  finish(session: Session): void {
    this.remove(session);
    session.upstream!.end();
    this.goOn(session);
  }

  remove(session: Session): void {
    session.login?.left();
    session.login = undefined;
    session.state = 'over';
    session.client = undefined;
    this.table.remove(session);
    this.onRemoved(session);
  }

  /** What has waited until a session is over. */
  private goOn(session: Session): void {
    this.bounces.add(session.takeUndelivered().filter(isPacket));
    this.pending.resume(session.loginKey);
  }
}
