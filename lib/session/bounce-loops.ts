import { createHash } from 'node:crypto';
import { isOfThisLife } from '../xmpp/address.js';
import type { Packet } from './session.js';

/** Sessions that are ended because of packets to one address. */
const MAX_ENDED = 10;
/** After so many of the same packet, the session of an address of this life is ended again: the first end was lost. */
const MIN_REPEATS_FOR_END = 50;
/** The same packet is given back so often where its session has been ended: a user may have sent it that often. */
const MAX_REPEATS = 100;
/** The same where the session could not be ended: more of them are a loop. */
const MAX_REPEATS_UNENDED = 3;
/** Packets that are remembered, of all addresses together. */
const MAX_REMEMBERED = 100_000;
/** A packet in a loop comes again within seconds: an address that nothing has come for in this time is forgotten. */
const FORGET_MS = 60_000;

/** The packets that have come for one address that nobody has. */
export class BouncedAddress {
  /** How often each packet has come, by its digest. */
  private readonly counts = new Map<string, number>();
  private readonly ended = new Set<string>();
  /** Was the address made by this run of the program? Then its session was ended when the client left. */
  private readonly recent: boolean;
  /** Has the session been ended, or does a bounce end it? */
  private over: boolean;
  /** Has a packet been refused? */
  refused = false;
  /** When the last packet came, by the clock of the table. */
  lastAt = 0;

  constructor(address: string, endsByBounce: boolean) {
    this.recent = isOfThisLife(address);
    this.over = this.recent || endsByBounce;
  }

  get size(): number {
    return this.counts.size;
  }

  /** Notes a packet. @returns how often the same has come before */
  note({ text }: Packet): number {
    const digest = createHash('sha1').update(text).digest('base64');
    const before = this.counts.get(digest) ?? 0;
    this.counts.set(digest, before + 1);
    return before;
  }

  /** Is this session to be ended because of a packet that has come `again` times before? */
  isToBeEnded(session: string, again: number): boolean {
    if (this.ended.has(session) || this.ended.size >= MAX_ENDED) return false;
    return !this.recent || again >= MIN_REPEATS_FOR_END;
  }

  hasEnded(session: string): void {
    this.ended.add(session);
    this.over = true;
  }

  /** Is a packet that has come `again` times before in a loop? Then it must not be given back again. */
  isLoop(again: number): boolean {
    return again >= (this.over ? MAX_REPEATS : MAX_REPEATS_UNENDED);
  }
}

/**
 * Counts the packets that come for addresses that nobody has. A session manager may have many packets waiting for a stale
 * session, and all of them are given back. Where it still keeps the session, each of them comes again, and again: that
 * tells a loop from a queue. [jabberd 1.1.2: bounce-loop]
 */
export class BounceLoops {
  private readonly byAddress = new Map<string, BouncedAddress>();
  private remembered = 0;

  /**
   * @param endsByBounce see {@link StaleSessions.endedByBounce}; known once there is a link
   * @param now a clock, in milliseconds
   */
  constructor(
    private readonly endsByBounce: () => boolean,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Packets that are remembered. */
  get size(): number {
    return this.remembered;
  }

  /** Counts one more packet. */
  take(packet: Packet): { readonly bounced: BouncedAddress; readonly again: number } {
    if (this.remembered >= MAX_REMEMBERED) this.forget();
    const now = this.now();
    this.forgetOld(now - FORGET_MS);
    const bounced = this.byAddress.get(packet.to) ?? new BouncedAddress(packet.to, this.endsByBounce());
    // The map is in the order in which packets came last.
    this.byAddress.delete(packet.to);
    this.byAddress.set(packet.to, bounced);
    bounced.lastAt = now;
    const before = bounced.size;
    const again = bounced.note(packet);
    this.remembered += bounced.size - before;
    return { bounced, again };
  }

  private forgetOld(before: number): void {
    for (const [address, bounced] of this.byAddress) {
      if (bounced.lastAt >= before) return;
      this.byAddress.delete(address);
      this.remembered -= bounced.size;
    }
  }

  private forget(): void {
    this.byAddress.clear();
    this.remembered = 0;
  }
}
