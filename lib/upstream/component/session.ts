import { isAscii } from 'node:buffer';
import type { Packet, Session, UpstreamSession } from '../../session/session.js';
import { withoutControl } from '../../session/stanza-filter.js';
import type { StaleSessions } from '../../session/upstream.js';
import type { Stanza } from '../../xml/index.js';
import type { FairQueue } from '../flow/fair-queue.js';
import type { ComponentOutbox } from './outbox.js';

/** The upstream's half of a session: its stanzas are sent with the addressing of the dialect. */
export class ComponentSession implements UpstreamSession {
  /** The addressing that the dialect writes on each stanza of this session. */
  private readonly stamp: string;
  /** Is the stamp ASCII only? */
  private readonly ascii: boolean;

  constructor(
    private readonly session: Session,
    private readonly outbox: ComponentOutbox,
  ) {
    this.stamp = outbox.dialect.stamp(session.sessionAddress, session.address);
    this.ascii = isAscii(Buffer.from(this.stamp));
  }

  get queue(): FairQueue {
    return this.outbox.queue;
  }

  carry(stanza: Stanza): undefined {
    const { outbox } = this;
    const packet = outbox.dialect.carry(this.stamp, withoutControl(stanza));
    outbox.send(packet, stanza.ascii && this.ascii);
    outbox.queue.sent(this.session.sender, packet.length);
    return undefined;
  }

  end(): void {
    const { session, outbox } = this;
    outbox.send(outbox.dialect.end(session.sessionAddress, session.address));
  }
}

/** Sessions that the session manager still has, and that no client here has. */
export class ComponentStaleSessions implements StaleSessions {
  constructor(private readonly outbox: ComponentOutbox) {}

  get endedByBounce(): boolean {
    return this.outbox.dialect.staleSession === undefined;
  }

  of(packet: Packet): string | undefined {
    return this.outbox.dialect.staleSession?.(packet);
  }

  end(sessionAddress: string, socketAddress: string): void {
    this.outbox.send(this.outbox.dialect.end(sessionAddress, socketAddress));
  }

  refuse(packet: Packet): void {
    const refusal = this.outbox.dialect.refuse(packet);
    if (refusal !== undefined) this.outbox.send(refusal);
  }
}
