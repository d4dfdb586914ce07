import type { Chores } from './deferred-tasks.js';
import type { Store } from './store.js';
import type { LastSeen } from './accounts.js';

/** When accounts were last there [XEP-0012]: known here at once, and stored when the store can take it. */
export class LastSeenTimes {
  private readonly unsaved = new Map<string, LastSeen>();

  constructor(
    private readonly store: Store,
    private readonly chores: Chores,
  ) {}

  /** The last session of the account, by its bare address, has just gone. */
  saw(account: string, status: string): void {
    const seen = { at: Date.now(), status };
    this.unsaved.set(account, seen);
    this.chores.add(
      nameOf(account),
      () => this.store.accounts.saw(account, seen),
      () => {
        if (this.unsaved.get(account) === seen) this.unsaved.delete(account);
      },
    );
  }

  /** The account is no more: whoever takes its name was never there. */
  forget(account: string): void {
    this.unsaved.delete(account);
    this.chores.drop(nameOf(account));
  }

  of(account: string): LastSeen | undefined {
    return this.unsaved.get(account) ?? this.store.accounts.lastSeen(account);
  }
}

const nameOf = (account: string): string => `last seen ${account}`;
