import type { Writer } from '../session/outbound-queue.js';

/** How long stanzas of one client are read in one go before the others have their turn. */
export const READ_MS = 2;
/** How long those who have had that are read on in one turn of the event loop. */
const SLICE_MS = 4;

/**
 * Turns of clients whose stanzas take long to read, for whatever is in them: they are read on one after the other, a few
 * milliseconds in each turn of the event loop, and all others at once.
 */
export class ReadScheduler {
  private readonly waiting = new Set<Writer>();
  private next: NodeJS.Immediate | undefined;

  /** @param now a clock, in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  wait(who: Writer): void {
    this.waiting.add(who);
    this.schedule();
  }

  leave(who: Writer): void {
    this.waiting.delete(who);
  }

  private giveTurns(): void {
    const until = this.now() + SLICE_MS;
    for (const who of [...this.waiting]) {
      this.waiting.delete(who);
      who.onTurn();
      if (this.now() >= until) break;
    }
    if (this.waiting.size > 0) this.schedule();
  }

  private schedule(): void {
    this.next ??= setImmediate(() => {
      this.next = undefined;
      this.giveTurns();
    });
  }
}
