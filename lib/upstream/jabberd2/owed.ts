/** Most of them that are kept; the oldest is forgotten for one more. */
const MAX_UNACKNOWLEDGED = 100_000;

/** What is owed to one name. */
interface Debt {
  readonly name: string;
  readonly payload: string;
}

/**
 * What names have to be told until they have answered: that a session is over, that a user is. What was only sent may
 * have been lost with the router, or with a session manager that did not read it any more.
 */
export class Unacknowledged {
  /** In the order in which they were made. */
  private readonly debts = new Map<string, Debt>();

  /** @param key what the answer is known by */
  add(key: string, name: string, payload: string): void {
    this.debts.set(key, { name, payload });
    if (this.debts.size > MAX_UNACKNOWLEDGED) this.debts.delete(this.debts.keys().next().value!);
  }

  /** The answer came. */
  settle(key: string): void {
    this.debts.delete(key);
  }

  /** All that a name is owed, the oldest first. */
  *to(name: string): Iterable<string> {
    for (const debt of this.debts.values()) if (debt.name === name) yield debt.payload;
  }
}
