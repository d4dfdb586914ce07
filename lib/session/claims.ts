import { canonical } from './address.js';

/** How long an answer to a login is waited for after its client has left, in milliseconds. */
const PATIENCE = 30_000;

interface Claim {
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
export class Claims {
  private readonly byClaimant = new Map<string, Claim>();
  /** By canonical address. */
  private readonly counts = new Map<string, number>();
  private whenIdle: (() => void) | undefined;

  /** @param released called when nobody claims an address any more */
  constructor(private readonly released: (address: string) => void) {}

  /**
   * @param claimant socket address
   * @param login user, host and resource that it would log in
   */
  add(claimant: string, login: string): void {
    this.settle(claimant);
    const address = canonical(login);
    const timer = setTimeout(() => this.settle(claimant), PATIENCE).unref();
    this.byClaimant.set(claimant, { login, address, timer });
    this.counts.set(address, (this.counts.get(address) ?? 0) + 1);
  }

  /** What this socket address would log in. */
  of(claimant: string): string | undefined {
    return this.byClaimant.get(claimant)?.login;
  }

  /** The session manager has answered, or never will. */
  settle(claimant: string): void {
    const claim = this.byClaimant.get(claimant);
    if (!claim) return;
    clearTimeout(claim.timer);
    this.byClaimant.delete(claimant);
    const left = this.counts.get(claim.address)! - 1;
    if (left > 0) this.counts.set(claim.address, left);
    else {
      this.counts.delete(claim.address);
      this.released(claim.address);
    }
    if (this.byClaimant.size === 0) this.whenIdle?.();
  }

  /** Resolves when no login is under way. */
  async idle(): Promise<void> {
    if (this.byClaimant.size === 0) return;
    await new Promise<void>((resolve) => (this.whenIdle = resolve));
  }

  /** Is a login under way that would get this canonical session address? */
  has(address: string): boolean {
    return this.counts.has(address);
  }
}
