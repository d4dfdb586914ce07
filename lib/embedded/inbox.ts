import type { Stanza } from '../xml/index.js';

/** How long packets are taken in one turn of the event loop, in milliseconds; then everything else has its turn. */
const SLICE = 10;
/** What a packet costs besides its characters and those of its answers. */
const PACKET = 1024;

interface Waiting {
  readonly owner: string;
  readonly packet: Stanza;
}

export interface InboxOptions {
  /** What the packets of one user may cost before it is the turn of the others. */
  readonly share: number;
  /** Whose packet it is. What one user sends is taken in its order. */
  owner(packet: Stanza): string;
  /** Takes a packet. @returns the characters of what was said because of it */
  take(packet: Stanza): number;
  /** Is there room for more answers? */
  hasRoom(): boolean;
  /** Characters of packets that may wait; the link is not read on while there are more. */
  readonly bound: number;
  /** Are there more than that? */
  full(full: boolean): void;
}

/**
 * Packets that have come over a link, taken in the order they came, a slice in each turn of the event loop.
 *
 * All users share the link, so whoever sends a burst waits for the others: packets over the share of a user are held
 * until all others had theirs, and so round by round. Between the packets of two users there is no order to keep.
 */
export class Inbox {
  /** The round at hand, from `next` on. */
  private round: Waiting[] = [];
  private next = 0;
  /** What waits for the next round: first what was held in this one, then what has come since. */
  private held: Waiting[] = [];
  private arrived: Waiting[] = [];
  /** What each user has cost in this round. */
  private readonly spent = new Map<string, number>();
  private scheduled: NodeJS.Immediate | undefined;
  /** Characters of all that waits. */
  private size = 0;

  constructor(private readonly options: InboxOptions) {}

  push(packet: Stanza): void {
    this.arrived.push({ owner: this.options.owner(packet), packet });
    this.size += packet.source.length;
  }

  /** Takes what there is time for, the rest later. To be called after each read, and when there is room again. */
  work(): void {
    if (!this.scheduled) this.takeSlice();
    this.options.full(this.size > this.options.bound);
  }

  /** Takes all there is, at once: the link is at its end. */
  finish(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    while (this.takeOne());
  }

  private takeSlice(): void {
    const until = performance.now() + SLICE;
    while (this.options.hasRoom() && this.takeOne()) {
      if (performance.now() >= until) break;
    }
    if (!this.isEmpty && this.options.hasRoom()) this.schedule();
  }

  private get isEmpty(): boolean {
    return this.next >= this.round.length && this.held.length === 0 && this.arrived.length === 0;
  }

  private schedule(): void {
    this.scheduled = setImmediate(() => {
      this.scheduled = undefined;
      this.work();
    });
  }

  /** @returns false where nothing waits */
  private takeOne(): boolean {
    if (this.next >= this.round.length && !this.newRound()) return false;
    const waiting = this.round[this.next];
    this.next += 1;
    const spent = this.spent.get(waiting.owner) ?? 0;
    if (spent >= this.options.share) this.held.push(waiting);
    else {
      this.size -= waiting.packet.source.length;
      const cost = PACKET + waiting.packet.source.length + this.options.take(waiting.packet);
      this.spent.set(waiting.owner, spent + cost);
    }
    return true;
  }

  private newRound(): boolean {
    this.round = [...this.held, ...this.arrived];
    this.next = 0;
    this.held = [];
    this.arrived = [];
    this.spent.clear();
    return this.round.length > 0;
  }
}
