import { getHeapStatistics } from 'node:v8';

/** Bytes that wait for a client from which on it counts. */
const MIN_NOTICED_BYTES = 65_536;
/** Bytes that are sent to those who count before it is looked how much waits for all of them. */
const CHECK_BYTES = 1_000_000;
/** The part of the heap that may be filled by it: each byte of text that waits is kept in more forms than one. */
const HEAP_PART = 1 / 16;

/** A client for which something waits. */
export interface Backlogged {
  /** Bytes (about); 0 once it is gone. */
  readonly waiting: number;
  /** Ends it. */
  tooMuch(): void;
}

/**
 * What waits for all clients together. Each has a bound of its own, which many can reach at the same time: where all
 * together have more than there is memory for, those for whom most waits are ended.
 */
export class Backlog {
  private readonly clients = new Set<Backlogged>();
  private unchecked = 0;

  /** @param most bytes that may wait; by default a part of the heap that the process may have */
  constructor(private readonly most = getHeapStatistics().heap_size_limit * HEAP_PART) {}

  /** So many bytes have just been sent to a client. */
  sent(client: Backlogged, bytes: number): void {
    if (client.waiting < MIN_NOTICED_BYTES) return;
    this.clients.add(client);
    this.unchecked += bytes;
    if (this.unchecked >= CHECK_BYTES) this.check();
  }

  private check(): void {
    this.unchecked = 0;
    let total = 0;
    for (const client of this.clients) {
      const { waiting } = client;
      total += waiting;
      if (waiting < MIN_NOTICED_BYTES) this.clients.delete(client);
    }
    while (total > this.most) {
      const largest = this.largest();
      if (!largest) return;
      total -= largest.waiting;
      this.clients.delete(largest);
      largest.tooMuch();
    }
  }

  private largest(): Backlogged | undefined {
    let largest: Backlogged | undefined;
    for (const client of this.clients) if (!largest || client.waiting > largest.waiting) largest = client;
    return largest;
  }
}
