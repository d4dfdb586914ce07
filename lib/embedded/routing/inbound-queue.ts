import type { Stanza } from '../../xml/index.js';
import type { Gate, Schedule } from './scheduler.js';

/** Bytes (about) that a packet that waits keeps in memory besides its text. */
const PACKET_BYTES = 512;

export interface InboxOptions {
  /** Whose packet it is. What one user sends is taken in its order. */
  owner(packet: Stanza): string;
  /** Does the peer ask with it how far we have come? Then it is taken when all that came before it has been. */
  isMark(packet: Stanza): boolean;
  /** Takes a packet. Never throws. */
  readonly take: (packet: Stanza) => void;
  readonly schedule: Schedule;
  /** Where answers go. */
  readonly gate: Gate;
  /** Bytes (about) of packets that may wait; the link is not read on while there are more. */
  readonly bound: number;
  /** Are there more than that? */
  full(full: boolean): void;
}

/** What has come, in its order. */
interface Arrived {
  taken: boolean;
  readonly mark?: Stanza;
}

/** Packets that have come over a link. All users share it, so each is taken when it is the turn of whoever sent it. */
export class Inbox {
  /** Since the oldest one that is not taken yet. */
  private arrived: Arrived[] = [];
  private first = 0;
  private size = 0;

  constructor(private readonly options: InboxOptions) {}

  push(packet: Stanza): void {
    const { options } = this;
    if (options.isMark(packet)) {
      this.arrived.push({ taken: false, mark: packet });
      return;
    }
    const arrived: Arrived = { taken: false };
    this.arrived.push(arrived);
    this.size += costOf(packet);
    options.schedule.add(options.owner(packet), options.gate, () => this.take(packet, arrived));
  }

  /** To be called after each read. */
  work(): void {
    this.options.schedule.work();
    this.settle();
  }

  /** Takes all there is, at once: the link is at its end. */
  finish(): void {
    this.options.schedule.finish(this.options.gate);
    this.settle();
  }

  private take(packet: Stanza, arrived: Arrived): void {
    const { schedule, gate, take } = this.options;
    this.size -= costOf(packet);
    take(packet);
    schedule.whenDone(gate, () => {
      arrived.taken = true;
      this.settle();
    });
  }

  /** Takes the marks that nothing stands before any more. */
  private settle(): void {
    for (; this.first < this.arrived.length; this.first += 1) {
      const { taken, mark } = this.arrived[this.first];
      if (!taken && !mark) break;
      if (mark) this.options.take(mark);
    }
    if (this.first * 2 > this.arrived.length) {
      this.arrived = this.arrived.slice(this.first);
      this.first = 0;
    }
    this.options.full(this.size > this.options.bound);
  }
}

function costOf(packet: Stanza): number {
  return packet.source.length + PACKET_BYTES;
}
