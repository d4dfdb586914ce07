/** A stanza that is not complete after the stanza timeout must have grown by so much in that time. */
const MIN_PROGRESS_BYTES = 16_384;

/** Checks in a stanza timeout. Checks are counted, and not time: a client is not late because the process was stopped. */
export const CHECKS_PER_TIMEOUT = 4;

/** Tells a stanza that is sent slowly from one that will not be finished. */
export class StanzaProgress {
  private stanza = -1;
  private bytes = 0;
  private looks = 0;

  /**
   * One check, of which there are {@link CHECKS_PER_TIMEOUT} in a stanza timeout.
   *
   * @param stanza the number of complete stanzas before the unfinished one: it tells one unfinished stanza from another
   * @param bytes received of the unfinished one
   * @returns whether it has stopped growing
   */
  standsStill(stanza: number, bytes: number): boolean {
    if (stanza === this.stanza && bytes < this.bytes + MIN_PROGRESS_BYTES)
      return (this.looks += 1) >= CHECKS_PER_TIMEOUT;
    this.stanza = stanza;
    this.bytes = bytes;
    this.looks = 0;
    return false;
  }
}
