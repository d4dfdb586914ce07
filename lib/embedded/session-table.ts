import type { Session } from './session.js';

/** All sessions, by full address and by user. */
export class SessionTable {
  private readonly byFullJid = new Map<string, Session>();
  private readonly byUser = new Map<string, Set<Session>>();

  add(session: Session): void {
    this.byFullJid.set(session.fullJid, session);
    const ofUser = this.byUser.get(session.bareJid);
    if (ofUser) ofUser.add(session);
    else this.byUser.set(session.bareJid, new Set([session]));
  }

  /** @returns false where the session is not here (any more) */
  delete(session: Session): boolean {
    if (this.byFullJid.get(session.fullJid) !== session) return false;
    this.byFullJid.delete(session.fullJid);
    const ofUser = this.byUser.get(session.bareJid)!;
    ofUser.delete(session);
    if (ofUser.size === 0) this.byUser.delete(session.bareJid);
    return true;
  }

  get(fullJid: string): Session | undefined {
    return this.byFullJid.get(fullJid);
  }

  /** The sessions of a user, by bare address. */
  of(bareJid: string): Session[] {
    return [...(this.byUser.get(bareJid) ?? [])];
  }

  /** The sessions of a user that have sent their presence. */
  available(bareJid: string): Session[] {
    return this.of(bareJid).filter((session) => session.presence !== undefined);
  }

  get size(): number {
    return this.byFullJid.size;
  }

  [Symbol.iterator](): IterableIterator<Session> {
    return [...this.byFullJid.values()].values();
  }
}
