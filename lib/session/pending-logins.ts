import { canonical } from '../xmpp/address.js';

/** How long an answer to a login is waited for after its client has left, in milliseconds. */
const ANSWER_TIMEOUT_MS = 30_000;

interface PendingLogin {
  readonly login: string;
  readonly address: string;
  readonly timer: NodeJS.Timeout;
}

/**
 * Logins under way, by the session address they will get if they succeed.
 *
 * The session manager opens the new session (and closes the one it replaces) before we see its answer. What we said of
 * the old session meanwhile would be taken as said of the new one: an end would throw the new client out.
 * [jabberd 1.1.2: the session id of a replacement is the same string]
 */
export class PendingLogins {
  private readonly bySocket = new Map<string, PendingLogin>();
  /** By canonical address. */
  private readonly counts = new Map<string, number>();
  private whenIdle: (() => void) | undefined;

  /** @param released called when nobody claims an address any more */
  constructor(private readonly released: (address: string) => void) {}

  /**
   * @param socket socket address
   * @param login user, host and resource that it would log in
   */
  add(socket: string, login: string): void {
    this.settle(socket);
    const address = canonical(login);
    const timer = setTimeout(() => this.settle(socket), ANSWER_TIMEOUT_MS).unref();
    this.bySocket.set(socket, { login, address, timer });
    this.counts.set(address, (this.counts.get(address) ?? 0) + 1);
  }

  /** What this socket address would log in. */
  of(socket: string): string | undefined {
    return this.bySocket.get(socket)?.login;
  }

  /** The session manager has answered, or never will. */
  settle(socket: string): void {
    const pending = this.bySocket.get(socket);
    if (!pending) return;
    clearTimeout(pending.timer);
    this.bySocket.delete(socket);
    const left = this.counts.get(pending.address)! - 1;
    if (left > 0) this.counts.set(pending.address, left);
    else {
      this.counts.delete(pending.address);
      this.released(pending.address);
    }
    if (this.bySocket.size === 0) this.whenIdle?.();
  }

  /** Resolves when no login is under way. */
  async idle(): Promise<void> {
    if (this.bySocket.size === 0) return;
    await new Promise<void>((resolve) => (this.whenIdle = resolve));
  }

  /** Is a login under way that would get this canonical session address? */
  has(address: string): boolean {
    return this.counts.has(address);
  }
}
