import type { Session } from './session.js';

/** The sessions there are, by each name that they have. */
export class SessionTable {
  private readonly bySocket = new Map<string, Session>();
  /** Those that have been opened, by canonical session address. */
  private readonly byKey = new Map<string, Session>();
  /** Those that have been opened, by the canonical JID that they logged in with; the newest of each. */
  private readonly byLogin = new Map<string, Session>();

  get size(): number {
    return this.bySocket.size;
  }

  add(session: Session): void {
    this.bySocket.set(session.address, session);
  }

  /** @param address socket address */
  at(address: string): Session | undefined {
    return this.bySocket.get(address);
  }

  /** Those that have been opened. */
  opened(): Iterable<Session> {
    return this.byKey.values();
  }

  /** The one that has been opened with this canonical session address. */
  owner(key: string): Session | undefined {
    return this.byKey.get(key);
  }

  /** It has been opened. */
  own(session: Session): void {
    this.byKey.set(session.key, session);
    this.byLogin.set(session.loginKey, session);
  }

  /** Has another session logged in with the same JID since then? */
  hasSuccessor(session: Session): boolean {
    return this.byLogin.get(session.loginKey) !== session;
  }

  remove(session: Session): void {
    this.bySocket.delete(session.address);
    if (this.byKey.get(session.key) === session) this.byKey.delete(session.key);
    if (this.byLogin.get(session.loginKey) === session) this.byLogin.delete(session.loginKey);
  }
}
