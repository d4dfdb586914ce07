/** A pause of this length may be a delayed acknowledgement: from a little less than the shortest delay to the longest plus a round trip. */
const MIN_DELAY_MS = 35;
const MAX_DELAY_MS = 700;
/** One of so many reads is not acknowledged, to find out whether the peer still waits for that. */
const READS_PER_TRIAL = 32;

/**
 * Finds out whether a peer sends nothing until we acknowledge its last bytes (Nagle's algorithm, RFC 896). If it does,
 * and we send nothing after a read, the next bytes come no sooner than our system's delayed acknowledgement. A peer that
 * sends at once does not wait.
 */
export class NagleDetector {
  private waits = false;
  private readAt = -Infinity;
  private count = 0;

  /** @param now a clock, in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /**
   * To be called after each read.
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
