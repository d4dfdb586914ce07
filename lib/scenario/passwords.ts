/** What is written where no login showed a password. */
export const UNSEEN = 'password';

/** The passwords of accounts, as far as clients show them: not every login does. */
export class Passwords {
  private readonly seen = new Map<string, { readonly at: number; readonly password: string }[]>();
  private count = 0;

  /** @param given written for every account instead of what is seen */
  constructor(private readonly given: string | undefined) {}

  /** When something happens now, for {@link at}. */
  now(): number {
    return (this.count += 1);
  }

  /** @param jid a bare address */
  saw(jid: string, password: string): void {
    this.seen.set(jid, [...(this.seen.get(jid) ?? []), { at: this.now(), password }]);
  }

  /**
   * The password that an account had then: the last that was seen before (it may have been changed), or else the first
   * that was seen after.
   *
   * @returns undefined while none was seen
   */
  at(jid: string, time: number): string | undefined {
    const seen = this.seen.get(jid) ?? [];
    return this.given ?? (seen.findLast(({ at }) => at <= time) ?? seen.at(0))?.password;
  }
}
