import type { Log } from '../../observe/log.js';
import { QUANTUM_BYTES, type Sender, type Writer, type OutboundQueue } from '../../session/outbound-queue.js';
import { PACKET_COST, STALLED_SECONDS, Window, type WindowPeer } from './window.js';

/** What each may have on its way to a session manager that gives each user a turn, however much others have. */
const OWN_QUEUE_BYTES = 16 * QUANTUM_BYTES;
/** Such a one is of our own. As nobody there is in the way of others, little needs to be on its way. */
const FAIR_PEER: WindowPeer = { least: 4 * QUANTUM_BYTES, first: 4 * QUANTUM_BYTES, answers: true };

export interface FairQueueOptions {
  /** Sends a probe for the {@link Window}. */
  readonly probe: (id: string) => void;
  /** Is there no room in front of it, whatever is behind? */
  readonly blocked: () => boolean;
  /** What may be on its way at most, as cost. */
  readonly most: number;
  /** See {@link Window.onStalled}. */
  readonly stalled?: (stalled: boolean) => void;
  /** Does the other side give each user a turn? Then what one has on the way to it does not keep the others waiting. */
  readonly fair?: boolean;
}

/** Says in the log that a session manager takes nothing, and that it does again. */
export function logStalled(log: Log, who: string, stalled: boolean): void {
  if (stalled) log.warn(`${who} has taken nothing for ${STALLED_SECONDS} s: clients wait`);
  else log.info(`${who} takes packets again`);
}

/** The way to a session manager, and those who wait for room on it: first come, first served, a share each. */
export class FairQueue implements OutboundQueue {
  readonly window: Window;
  private readonly waiting = new Set<Writer>();
  private next: NodeJS.Immediate | undefined;

  constructor(private readonly options: FairQueueOptions) {
    const peer = options.fair ? FAIR_PEER : undefined;
    this.window = new Window(options.probe, () => this.giveTurns(), options.most, undefined, peer);
    this.window.onStalled = options.stalled;
  }

  get room(): number {
    return this.options.blocked() ? 0 : this.window.room;
  }

  roomFor(sender: Sender): number {
    const { room } = this;
    if (!this.options.fair || room >= OWN_QUEUE_BYTES || this.options.blocked()) return room;
    return Math.max(room, OWN_QUEUE_BYTES - this.onItsWay(sender));
  }

  sent(sender: Sender, length: number): void {
    if (!this.options.fair) return;
    const part = this.onItsWay(sender) === 0 ? 'first' : 'since';
    sender[part] += length + PACKET_COST;
    sender[`${part}At`] = this.window.sent;
  }

  private onItsWay(sender: Sender): number {
    const { taken } = this.window;
    if (sender.firstAt <= taken) {
      sender.first = sender.sinceAt <= taken ? 0 : sender.since;
      sender.firstAt = sender.sinceAt;
      sender.since = 0;
    }
    return sender.first + sender.since;
  }

  wait(who: Writer): void {
    this.waiting.add(who);
  }

  leave(who: Writer): void {
    this.waiting.delete(who);
  }

  /**
   * Whoever still has something to say behind his share waits again, at the end: this goes round while there is room.
   * Who does not is read again, and says a share before anybody asks for room: so no more are let go at once than there
   * is room for, and the others when it is known what those have said.
   */
  giveTurns(): void {
    let promised = 0;
    for (const who of this.waiting) {
      const { room } = this;
      if (room <= 0 && !this.options.fair) return;
      if (room > 0 && room <= promised) return this.giveTurnsLater();
      if (this.roomFor(who.sender) <= 0) continue;
      this.waiting.delete(who);
      who.onTurn();
      if (!this.waiting.has(who)) promised += QUANTUM_BYTES;
    }
  }

  private giveTurnsLater(): void {
    this.next ??= setImmediate(() => {
      this.next = undefined;
      this.giveTurns();
    });
  }
}
