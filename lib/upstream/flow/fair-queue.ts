import type { Log } from '../../observe/log.js';
import { QUANTUM_BYTES, type OutboundQueue, type Sender, type Writer } from '../../session/outbound-queue.js';
import { PACKET_COST_BYTES, PROBE_TIMEOUT_MS, Window, type WindowPeer } from './window.js';

/** What each sender may have in flight to a peer that gives each one a turn, however much others have. */
const OWN_QUEUE_BYTES = 16 * QUANTUM_BYTES;
/** Such a peer is the embedded session manager. Nobody waits for others there, so that a small window is enough. */
const FAIR_PEER: WindowPeer = { least: 4 * QUANTUM_BYTES, first: 4 * QUANTUM_BYTES, answers: true };

export interface FairQueueOptions {
  /** Sends a probe for the {@link Window}. */
  readonly probe: (id: string) => void;
  /** Is the queue closed, whatever the window allows? */
  readonly isBlocked: () => boolean;
  /** The largest window, as cost. */
  readonly most: number;
  /** See {@link Window.onStalled}. */
  readonly onStalled?: (stalled: boolean) => void;
  /** Does the peer give each sender a turn? Then what one has in flight does not make the others wait. */
  readonly fair?: boolean;
}

/** Says in the log that a session manager takes nothing, and that it does again. */
export function logStalled(log: Log, who: string, stalled: boolean): void {
  if (stalled) log.warn(`${who} has accepted nothing for ${PROBE_TIMEOUT_MS / 1000} s: clients wait`);
  else log.info(`${who} accepts packets again`);
}

/** The fair outbound queue to a session manager: writers wait in it for room, first come, first served, a quantum each. */
export class FairQueue implements OutboundQueue {
  readonly window: Window;
  private readonly waiting = new Set<Writer>();
  private next: NodeJS.Immediate | undefined;

  constructor(private readonly options: FairQueueOptions) {
    const peer = options.fair ? FAIR_PEER : undefined;
    this.window = new Window(options.probe, () => this.giveTurns(), options.most, undefined, peer);
    this.window.onStalled = options.onStalled;
  }

  get room(): number {
    return this.options.isBlocked() ? 0 : this.window.room;
  }

  roomFor(sender: Sender): number {
    const { room } = this;
    if (!this.options.fair || room >= OWN_QUEUE_BYTES || this.options.isBlocked()) return room;
    return Math.max(room, OWN_QUEUE_BYTES - this.inFlight(sender));
  }

  sent(sender: Sender, length: number): void {
    if (!this.options.fair) return;
    const part = this.inFlight(sender) === 0 ? 'first' : 'since';
    sender[part] += length + PACKET_COST_BYTES;
    sender[`${part}At`] = this.window.sent;
  }

  private inFlight(sender: Sender): number {
    const { taken } = this.window;
    if (sender.firstAt <= taken) {
      sender.first = sender.sinceAt <= taken ? 0 : sender.since;
      sender.firstAt = sender.sinceAt;
      sender.since = 0;
    }
    return sender.first + sender.since;
  }

  wait(writer: Writer): void {
    this.waiting.add(writer);
  }

  leave(writer: Writer): void {
    this.waiting.delete(writer);
  }

  /**
   * Gives turns while there is room. A writer that has more to send after its quantum waits again, at the end. One that
   * has not is read again, and may send a quantum before it asks for room: so no more of them are let go at once than
   * there is room for, and the others once it is known what those have sent.
   */
  giveTurns(): void {
    let promised = 0;
    for (const writer of this.waiting) {
      const { room } = this;
      if (room <= 0 && !this.options.fair) return;
      if (room > 0 && room <= promised) return this.giveTurnsLater();
      if (this.roomFor(writer.sender) <= 0) continue;
      this.waiting.delete(writer);
      writer.onTurn();
      if (!this.waiting.has(writer)) promised += QUANTUM_BYTES;
    }
  }

  private giveTurnsLater(): void {
    this.next ??= setImmediate(() => {
      this.next = undefined;
      this.giveTurns();
    });
  }
}
