import type { Log } from '../observe/log.js';
import type { Bounces } from './bounces.js';
import { FinalAcks } from './final-ack.js';
import type { PendingLogins } from './pending-logins.js';
import { PACKET_BYTES, type Client, type Packet, type Session, type Undelivered } from './session.js';
import type { Upstream } from './upstream.js';

/** Bytes (about) of packets that are kept for one session without a client. */
const MAX_KEPT_BYTES = 4_000_000;

/** Sessions without a client: detached ones, whose client may come back, and those that are leaving. */
export class Departures {
  private readonly finalAcks = new FinalAcks(
    (session, question) => void session.upstream!.carry(question),
    (session) => this.finishIfDecided(session),
  );

  /** @param onFinished called with a session that is over here, and of which the session manager is to be told */
  constructor(
    private readonly upstream: Upstream,
    private readonly pending: PendingLogins,
    private readonly bounces: Bounces,
    private readonly onFinished: (session: Session) => void,
    private readonly log: Log,
  ) {}

  /** See {@link SessionRegistry.leave}. */
  leave(session: Session): void {
    if (session.state !== 'authenticated' && session.state !== 'detached') return;
    session.state = 'leaving';
    session.client = undefined;
    if (this.upstream.up && this.upstream.dropsAtEnd) this.finalAcks.begin(session);
    this.finishIfDecided(session);
  }

  /** See {@link SessionRegistry.detach}. */
  detach(session: Session, unsent: readonly Packet[]): boolean {
    if (session.state !== 'authenticated') return false;
    session.state = 'detached';
    session.client = undefined;
    session.keep(unsent);
    return true;
  }

  /** See {@link SessionRegistry.attach}. */
  attach(session: Session, client: Client): boolean {
    if (session.state !== 'detached') return false;
    session.state = 'authenticated';
    session.client = client;
    const undelivered = session.takeUndelivered();
    let at = 0;
    // The client may be ended by what it gets.
    while (at < undelivered.length && session.client === client) {
      const one = undelivered[at++];
      if (typeof one === 'string') client.tell(one);
      else client.deliver(one);
    }
    this.giveBack(session, undelivered.slice(at).filter(isPacket));
    return true;
  }

  /** See {@link SessionRegistry.giveBack}. */
  giveBack(session: Session, packets: readonly Packet[]): void {
    if (session.state === 'leaving') session.keep(packets);
    else this.bounces.add(packets);
  }

  /** A packet came for a session without a client. */
  receive(session: Session, packet: Packet): void {
    if (session.state === 'leaving' && this.finalAcks.heard(session, packet)) return;
    session.undeliveredBytes += packet.text.length + PACKET_BYTES;
    const isTooMuch = session.undeliveredBytes > MAX_KEPT_BYTES;
    if (isTooMuch && session.state === 'leaving') {
      this.log.warn('dropped a packet for a client that is gone: too many packets are waiting', {
        socket: session.address,
      });
      return;
    }
    session.keep([packet]);
    // A client that has been away for so long must begin anew.
    if (isTooMuch) this.leave(session);
  }

  /** Ends a session that is leaving, if nothing has to be waited for any more. */
  finishIfDecided(session: Session): void {
    if (session.state !== 'leaving' || this.finalAcks.has(session)) return;
    if (!this.pending.has(session.key)) this.onFinished(session);
  }

  /** A login waits for the address of a session that is leaving. */
  hurry(session: Session): void {
    this.finalAcks.hurry(session);
  }

  /** The session is over. */
  forget(session: Session): void {
    this.finalAcks.forget(session);
  }

  /** The link was lost. */
  unlinked(): void {
    this.finalAcks.giveUp();
  }

  /** Resolves when the session manager has handled what clients that have left had sent. */
  acknowledged(): Promise<void> {
    return this.finalAcks.idle();
  }
}

export function isPacket(undelivered: Undelivered): undelivered is Packet {
  return typeof undelivered !== 'string';
}
