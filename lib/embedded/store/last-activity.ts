import type { LastActivity } from './accounts.js';
import type { DeferredTasks } from './deferred-tasks.js';
import type { Store } from './store.js';

/** When accounts were last available [XEP-0012]: known here at once, and stored as soon as the store can be written. */
export class LastActivityTracker {
  private readonly unsaved = new Map<string, LastActivity>();

  constructor(
    private readonly store: Store,
    private readonly deferred: DeferredTasks,
  ) {}

  /** Records that an available resource of the account (a bare address) has just gone. */
  record(account: string, status: string): void {
    const activity = { at: Date.now(), status };
    this.unsaved.set(account, activity);
    this.deferred.add(
      nameOf(account),
      () => this.store.accounts.setLastActivity(account, activity),
      () => {
        if (this.unsaved.get(account) === activity) this.unsaved.delete(account);
      },
    );
  }

  /** Forgets an account that was removed: a new account of that name was never available. */
  forget(account: string): void {
    this.unsaved.delete(account);
    this.deferred.drop(nameOf(account));
  }

  of(account: string): LastActivity | undefined {
    return this.unsaved.get(account) ?? this.store.accounts.lastActivity(account);
  }
}

const nameOf = (account: string): string => `last activity ${account}`;
