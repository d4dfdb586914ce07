import { getHeapStatistics } from 'node:v8';

/** A client for which fewer bytes wait is not counted. */
const MIN_NOTICED_BYTES = 65_536;
/** After so many bytes sent to counted clients, it is checked how much waits for all of them. */
const CHECK_BYTES = 1_000_000;
/** The part of the heap that waiting text may fill: each byte of it is kept in more forms than one. */
const HEAP_PART = 1 / 16;

/** A client for which text waits. */
export interface Backlogged {
  /** Bytes (about); 0 once it is gone. */
  readonly waiting: number;
  /** Ends the client. */
  tooMuch(): void;
}

/**
 * Limits what waits for all clients together. Each client has a limit of its own, which many can reach at the same time:
 * when all together exceed what memory allows, the clients for which most waits are ended.
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
