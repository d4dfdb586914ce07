import { createHash } from 'node:crypto';
import { isOfThisLife } from '../xmpp/address.js';
import type { Packet } from './session.js';

/** Sessions that are ended for packets to one address. */
const MAX_ENDED = 10;
/** The same packet again, to an address of this life: its session was ended, so that end must have been lost. */
const MIN_REPEATS_FOR_END = 50;
/** The same packet that goes back again where its session has been ended; somebody may well have said it that often. */
const MAX_REPEATS = 100;
/** The same, where the session could not be ended: then it is a loop. */
const MAX_REPEATS_UNENDED = 3;
/** Packets that are remembered, of all addresses together. */
const MAX_REMEMBERED = 100_000;
/** What goes round comes again within seconds: an address that nothing has come for since is forgotten. */
const FORGET_MS = 60_000;

/** What has come for one address that nobody has. */
export class BouncedAddress {
  /** How often each packet has come, by its digest. */
  private readonly counts = new Map<string, number>();
  private readonly ended = new Set<string>();
  /** Was it given out by this life of the program? Then its session was ended when the client left. */
  private readonly recent: boolean;
  /** The session has been ended, or what goes back ends it. */
  private over: boolean;
  /** Has something been refused? */
  refused = false;
  /** When something came last, by the clock of the table. */
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

  /** Should this session be ended, for a packet that has come `again` times before? */
  isToBeEnded(session: string, again: number): boolean {
    if (this.ended.has(session) || this.ended.size >= MAX_ENDED) return false;
    return !this.recent || again >= MIN_REPEATS_FOR_END;
  }

  hasEnded(session: string): void {
    this.ended.add(session);
    this.over = true;
  }

  /** Is a packet that has come `again` times before on a way round? Then it must not go back once more. */
  isLoop(again: number): boolean {
    return again >= (this.over ? MAX_REPEATS : MAX_REPEATS_UNENDED);
  }
}

/**
 * What comes for addresses that nobody has. A session manager may have a lot waiting for a session that was left over, and
 * all of that goes back; where it goes on believing in the session, what goes back comes again, and again. That is how a
 * loop is told from a queue. [jabberd 1.1.2: bounce-loop]
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

  /** What has come for an address, with one packet more. */
  take(packet: Packet): { readonly bounced: BouncedAddress; readonly again: number } {
    if (this.remembered >= MAX_REMEMBERED) this.forget();
    const now = this.now();
    this.forgetOld(now - FORGET_MS);
    const bounced = this.byAddress.get(packet.to) ?? new BouncedAddress(packet.to, this.endsByBounce());
    // The one that something has come for last is the last one.
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
