import type { Session } from './connected-resource.js';

/** All sessions: by full JID, by user, and by what the socket manager calls them. */
export class SessionTable {
  private readonly byFullJid = new Map<string, Session>();
  private readonly byAddress = new Map<string, Session>();
  private readonly byUser = new Map<string, Set<Session>>();

  add(session: Session): void {
    this.byFullJid.set(session.fullJid, session);
    this.byAddress.set(session.address, session);
    const ofUser = this.byUser.get(session.bareJid);
    if (ofUser) ofUser.add(session);
    else this.byUser.set(session.bareJid, new Set([session]));
  }

  /** @returns false where the session is not here (any more) */
  delete(session: Session): boolean {
    if (this.byFullJid.get(session.fullJid) !== session) return false;
    this.byFullJid.delete(session.fullJid);
    this.byAddress.delete(session.address);
    const ofUser = this.byUser.get(session.bareJid)!;
    ofUser.delete(session);
    if (ofUser.size === 0) this.byUser.delete(session.bareJid);
    return true;
  }

  get(fullJid: string): Session | undefined {
    return this.byFullJid.get(fullJid);
  }

  /** The session that the socket manager calls that. */
  at(address: string): Session | undefined {
    return this.byAddress.get(address);
  }

  /** The sessions of a user, by bare address. */
  of(bareJid: string): Session[] {
    return [...(this.byUser.get(bareJid) ?? [])];
  }

  /** The sessions of a user that have sent their presence. */
  available(bareJid: string): Session[] {
    return this.of(bareJid).filter((session) => session.available);
  }

  get size(): number {
    return this.byFullJid.size;
  }

  [Symbol.iterator](): IterableIterator<Session> {
    return [...this.byFullJid.values()].values();
  }
}
