/** The shortest time by which an acknowledgment is delayed, a little less, and the longest with a way there and back. Milliseconds. */
const MIN_DELAY_MS = 35;
const MAX_DELAY_MS = 700;
/** One read in so many is not acknowledged, to see whether the peer waits for that at all. */
const READS_PER_TRIAL = 32;

/**
 * Does a peer hold back what it has to say until we acknowledge what it said before (Nagle's algorithm, RFC 896)? Then
 * what comes after a read that nothing was sent after comes no sooner than our system acknowledges by itself. A peer that
 * sends at once shows that as well.
 */
export class NagleDetector {
  private waits = false;
  private readAt = -Infinity;
  private count = 0;

  /** @param now a clock, in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /**
   * Something was read.
   *
   * @param answered whether something was sent since the last read
   * @returns whether this should be acknowledged at once
   */
  read(answered: boolean): boolean {
    const now = this.now();
    const pause = now - this.readAt;
    this.readAt = now;
    if (!answered && pause < MAX_DELAY_MS) this.waits = pause >= MIN_DELAY_MS;
    if (!this.waits) return false;
    this.count = (this.count + 1) % READS_PER_TRIAL;
    return this.count > 0;
  }
}
