import type { Writer } from '../session/outbound-queue.js';

/** How long one client is read before the others have their turn. */
export const READ_MS = 2;
/** How long clients that have had that are read in one turn of the event loop. */
const SLICE_MS = 4;

/**
 * Gives turns to clients whose stanzas take long to read. They are read one after the other, a few milliseconds in each
 * turn of the event loop; all other clients are read at once.
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
