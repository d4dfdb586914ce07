/** Written as the password of an account whose logins did not show it. */
export const UNKNOWN_PASSWORD = 'password';

/** The passwords of accounts, as far as logins show them. */
export class ObservedPasswords {
  private readonly observed = new Map<string, { readonly at: number; readonly password: string }[]>();
  private count = 0;

  /** @param given the password of every account, instead of the observed ones */
  constructor(private readonly given: string | undefined) {}

  /** The current time, for {@link at}: it counts events. */
  now(): number {
    return (this.count += 1);
  }

  /** @param jid a bare address */
  add(jid: string, password: string): void {
    this.observed.set(jid, [...(this.observed.get(jid) ?? []), { at: this.now(), password }]);
  }

  /**
   * The password that an account had at a time: the last one observed before (it may have changed), or else the first one
   * observed after.
   *
   * @returns undefined where none was observed
   */
  at(jid: string, time: number): string | undefined {
    const seen = this.observed.get(jid) ?? [];
    return this.given ?? (seen.findLast(({ at }) => at <= time) ?? seen.at(0))?.password;
  }
}
