import type { ClientRate } from '../config/config.js';
import type { Writer } from '../session/outbound-queue.js';

/** A client whose reading is slowed. */
export interface RateLimited extends Writer {
  /** Until when what it has said would have taken it at the rate, by the clock of `performance`, in milliseconds. */
  readonly paidUntil: number;
}

/**
 * How much a client may say in the long run: jabberd's karma. A stanza takes a time that follows from the rate, and a client
 * may be so many seconds ahead of the clock; once it is further ahead, nothing of it is read until the clock has caught up.
 * Who is never ahead costs a number and no timer.
 */
export class RateLimit {
  private readonly perByte: number;
  private readonly perStanza: number;
  private readonly burst: number;
  private readonly timers = new Map<Writer, NodeJS.Timeout>();

  /** @param burst seconds */
  constructor({ bytes, stanzas }: ClientRate, burst: number) {
    this.perByte = 1_000 / bytes;
    this.perStanza = 1_000 / stanzas;
    this.burst = burst * 1_000;
  }

  /** A client has said something. @returns its new {@link RateLimited.paidUntil} */
  charge(paidUntil: number, now: number, bytes: number, stanzas: number): number {
    return Math.max(paidUntil, now) + Math.max(bytes * this.perByte, stanzas * this.perStanza);
  }

  isOver(paidUntil: number, now: number): boolean {
    return paidUntil - now > this.burst;
  }

  wait(client: RateLimited): void {
    const over = client.paidUntil - performance.now() - this.burst;
    const turn = (): void => {
      this.timers.delete(client);
      client.onTurn();
    };
    this.timers.set(client, setTimeout(turn, Math.max(0, over)).unref());
  }

  leave(client: Writer): void {
    clearTimeout(this.timers.get(client));
    this.timers.delete(client);
  }
}
