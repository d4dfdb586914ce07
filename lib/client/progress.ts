/** What an unfinished stanza must grow by within the stanza timeout, where it is not whole by then. */
const MIN_PROGRESS_BYTES = 16_384;

/** How often it is looked at in that time. Looks are counted, not time: nobody is late because the process was stopped. */
export const CHECKS_PER_TIMEOUT = 4;

/** Tells a stanza that is sent slowly from one that is not going to be finished. */
export class StanzaProgress {
  private stanza = -1;
  private bytes = 0;
  private looks = 0;

  /**
   * One look, of which there are {@link CHECKS_PER_TIMEOUT} in a stanza timeout.
   *
   * @param stanza the number of stanzas before the unfinished one: another number, another stanza
   * @param bytes what is there of it
   * @returns whether it stands still
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
