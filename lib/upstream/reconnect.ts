/** At most so many connects in so long a time: the default rate limit of jabberd. [jabberd 1.4 io/rate] */
const MAX_CONNECTS = 5;
const RATE_WINDOW_MS = 25_000;
/** For a peer whose count began a little later than ours. */
const MARGIN_MS = 500;

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 20_000;

/** When to connect again: the delay grows with each failure, by a random part, and connects in a row are limited. */
export class Reconnect {
  private failures = 0;
  private connects: number[] = [];
  /** Did the link ever come up? */
  hasSucceeded = false;

  /**
   * @param limited whether the peer limits connects
   * @param random gives a number from 0 to 1
   * @param now a clock, in milliseconds
   */
  constructor(
    private readonly limited: boolean,
    private readonly random: () => number = Math.random,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** A connect is being made. */
  connecting(): void {
    this.connects.push(this.now());
    this.connects = this.connects.slice(-MAX_CONNECTS);
  }

  /** The link came up. */
  succeeded(): void {
    this.failures = 0;
    this.hasSucceeded = true;
  }

  /** Milliseconds to wait before the next connect; call once for each failure or loss. */
  delay(): number {
    const grown = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.failures);
    this.failures += 1;
    const jittered = grown * (0.75 + this.random() / 2);
    return Math.round(Math.max(jittered, this.untilAllowed()));
  }

  private untilAllowed(): number {
    if (!this.limited || this.connects.length < MAX_CONNECTS) return 0;
    return Math.max(0, this.connects[0] + RATE_WINDOW_MS + MARGIN_MS - this.now());
  }
}
