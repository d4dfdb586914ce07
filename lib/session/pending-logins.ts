import { canonical } from '../xmpp/address.js';
import type { Login } from './login.js';
import { jidOf, type LoginRequest } from './requests.js';
import type { Packet } from './session.js';

/** How long an answer to a login may take after its client has left, in milliseconds. */
const ANSWER_TIMEOUT_MS = 30_000;

interface PendingLogin {
  readonly request: LoginRequest;
  readonly key: string;
  readonly timer: NodeJS.Timeout;
}

/** What is known of an address for which logins are under way. */
interface PendingAddress {
  count: number;
  /** The packet that says that a session was opened for a client that had left. */
  late: Packet | undefined;
}

/**
 * Logins under way, by the canonical session address that they get if they succeed, and logins that wait for an address.
 *
 * The session manager opens the new session (and closes the one that it replaces) before we see its answer. An end of the
 * old session that we send meanwhile would be taken for one of the new session, and throw the new client out.
 * [jabberd 1.1.2: the session id of a replacement is the same string]
 */
export class PendingLogins {
  private readonly bySocket = new Map<string, PendingLogin>();
  private readonly byKey = new Map<string, PendingAddress>();
  private readonly postponed = new Map<string, Login[]>();
  private whenIdle: (() => void) | undefined;

  /** @param onReleased called when no login for an address is under way any more, and with what {@link keepLate} was given */
  constructor(private readonly onReleased: (key: string, late: Packet | undefined) => void) {}

  /** @param socket socket address of the client that logs in */
  add(socket: string, request: LoginRequest): void {
    this.settle(socket);
    const key = canonical(jidOf(request));
    const timer = setTimeout(() => this.settle(socket), ANSWER_TIMEOUT_MS).unref();
    this.bySocket.set(socket, { request, key, timer });
    const pending = this.byKey.get(key);
    if (pending) pending.count += 1;
    else this.byKey.set(key, { count: 1, late: undefined });
  }

  /** The login under way of a socket address. */
  of(socket: string): LoginRequest | undefined {
    return this.bySocket.get(socket)?.request;
  }

  /** The session manager has answered, or never will. */
  settle(socket: string): void {
    const login = this.bySocket.get(socket);
    if (!login) return;
    clearTimeout(login.timer);
    this.bySocket.delete(socket);
    const pending = this.byKey.get(login.key)!;
    pending.count -= 1;
    if (pending.count === 0) {
      this.byKey.delete(login.key);
      this.onReleased(login.key, pending.late);
    }
    if (this.bySocket.size === 0) this.whenIdle?.();
  }

  /**
   * Keeps the packet by which a session was opened for a client that had left, until it is known whether another login
   * for the address succeeds.
   *
   * @returns false where none is under way
   */
  keepLate(key: string, packet: Packet): boolean {
    const pending = this.byKey.get(key);
    if (pending) pending.late = packet;
    return pending !== undefined;
  }

  /** A login that waits for an address, until {@link resume}. */
  postpone(key: string, login: Login): void {
    const waiting = this.postponed.get(key);
    if (waiting) waiting.push(login);
    else this.postponed.set(key, [login]);
  }

  /** The address is free: the logins that wait for it go on, unless another one for it is under way. */
  resume(key: string): void {
    if (this.has(key)) return;
    const waiting = this.postponed.get(key) ?? [];
    this.postponed.delete(key);
    for (const login of waiting) login.resume();
  }

  /** Resolves when no login is under way. */
  async idle(): Promise<void> {
    if (this.bySocket.size === 0) return;
    await new Promise<void>((resolve) => (this.whenIdle = resolve));
  }

  /** Is a login under way that would get this address? */
  has(key: string): boolean {
    return this.byKey.has(key);
  }
}
