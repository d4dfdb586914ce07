import type { Log } from '../observe/log.js';
import { canonical } from '../xmpp/address.js';
import { BounceLoops, type BouncedAddress } from './bounce-loops.js';
import type { Packet } from './session.js';
import { newSender, type Writer } from './outbound-queue.js';
import type { StaleSessions, Upstream } from './upstream.js';

/** How long packets are given back in one turn of the event loop. */
const SLICE_MS = 2;

/**
 * Packets that go back to the session manager because no client can have them, in the order in which they came.
 *
 * They share the link with the stanzas of clients, and take turns with them; and they take turns with all other work of
 * the event loop, so that many slow clients that end at once do not delay the others.
 */
export class Bounces implements Writer {
  readonly sender = newSender();
  /** Oldest first. */
  private readonly queue: Packet[] = [];
  private next: NodeJS.Immediate | undefined;
  private readonly loops: BounceLoops;

  /** @param isTaken whether a session address belongs to a session here, or will when a login under way succeeds */
  constructor(
    private readonly upstream: Upstream,
    private readonly isTaken: (address: string) => boolean,
    private readonly log: Log,
  ) {
    this.loops = new BounceLoops(() => upstream.staleSessions?.endedByBounce ?? true);
  }

  /** Packets that did not reach their client. */
  add(packets: readonly Packet[]): void {
    for (const packet of packets) this.queue.push(packet);
    this.sendSome();
  }

  /**
   * A packet for an address that nobody has. If the session manager still believes in that session, it delivers what
   * comes back to the same address again; so the session is ended, where the packet tells which one it is and no living
   * client has it.
   */
  undeliverable(packet: Packet): void {
    const { staleSessions } = this.upstream;
    if (staleSessions && this.isRefused(packet, staleSessions)) return;
    // After what goes back already: messages to one client stay in their order.
    this.add([packet]);
  }

  /** Gives back at once all that waits. */
  flush(): void {
    clearImmediate(this.next);
    this.next = undefined;
    this.upstream.returnQueue.leave(this);
    for (const packet of this.queue.splice(0)) this.upstream.bounce(packet);
  }

  /** One packet: room for more has to be waited for again. */
  onTurn(): void {
    this.sendOne();
    this.sendSome();
  }

  private sendSome(): void {
    if (this.next) return;
    const { returnQueue } = this.upstream;
    const until = performance.now() + SLICE_MS;
    while (this.queue.length > 0) {
      if (returnQueue.roomFor(this.sender) <= 0) return returnQueue.wait(this);
      if (performance.now() >= until) return this.sendLater();
      this.sendOne();
    }
  }

  private sendOne(): void {
    const packet = this.queue.shift();
    if (!packet) return;
    this.upstream.bounce(packet);
    this.upstream.returnQueue.sent(this.sender, packet.text.length);
  }

  private sendLater(): void {
    this.next = setImmediate(() => {
      this.next = undefined;
      this.sendSome();
    });
  }

  /** Where a packet goes round and round, its sender is told that it cannot be delivered. */
  private isRefused(packet: Packet, stale: StaleSessions): boolean {
    const { bounced, again } = this.loops.take(packet);
    this.endStale(packet, stale, bounced, again);
    if (!bounced.isLoop(again)) return false;
    if (!bounced.refused) {
      this.log.warn('packets for a socket that is gone keep coming back: they are refused from now on', {
        socket: packet.to,
      });
    }
    bounced.refused = true;
    stale.refuse(packet);
    return true;
  }

  private endStale(packet: Packet, stale: StaleSessions, bounced: BouncedAddress, again: number): void {
    const session = stale.of(packet);
    if (session === undefined) return;
    const address = canonical(session);
    if (this.isTaken(address) || !bounced.isToBeEnded(address, again)) return;
    bounced.hasEnded(address);
    stale.end(session, packet.to);
    this.log.info('ended a session without a client', { session, socket: packet.to });
  }
}
