/** What is written where no login showed a password. */
export const UNKNOWN_PASSWORD = 'password';

/** The passwords of accounts, as far as clients show them: not every login does. */
export class ObservedPasswords {
  private readonly observed = new Map<string, { readonly at: number; readonly password: string }[]>();
  private count = 0;

  /** @param given written for every account instead of what is seen */
  constructor(private readonly given: string | undefined) {}

  /** When something happens now, for {@link at}. */
  now(): number {
    return (this.count += 1);
  }

  /** @param jid a bare address */
  add(jid: string, password: string): void {
    this.observed.set(jid, [...(this.observed.get(jid) ?? []), { at: this.now(), password }]);
  }

  /**
   * The password that an account had then: the last that was seen before (it may have been changed), or else the first
   * that was seen after.
   *
   * @returns undefined while none was seen
   */
  at(jid: string, time: number): string | undefined {
    const seen = this.observed.get(jid) ?? [];
    return this.given ?? (seen.findLast(({ at }) => at <= time) ?? seen.at(0))?.password;
  }
}
