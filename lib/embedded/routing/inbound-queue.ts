import type { Element, Stanza } from '../../xml/index.js';
import { Jid, prepareUser } from '../../xmpp/jid.js';
import type { AddressAttributes } from '../dialects/dialect.js';
import type { Gate, Scheduler } from './scheduler.js';

/** Bytes (about) that a waiting packet keeps in memory besides its text. */
const PACKET_BYTES = 512;

export interface InboundQueueOptions {
  /** The attributes that address packets. */
  readonly addresses: AddressAttributes;
  /** The peer's component name, folded. */
  readonly name: string;
  /** Handles a packet. Never throws. */
  onPacket(packet: Stanza): void;
  /** Called with a probe once all packets before it are handled. Never throws. */
  onProbe(probe: Stanza): void;
  readonly scheduler: Scheduler;
  /** Where answers leave. */
  readonly gate: Gate;
  /** Bytes (about) of packets that may wait; while there are more, the link is not read. */
  readonly bound: number;
  /** Called with whether more than that wait. */
  onFull(full: boolean): void;
}

/** A packet in the order of arrival. A probe is kept until all that came before it has been taken. */
interface Arrived {
  taken: boolean;
  readonly probe?: Stanza;
}

/** Packets that have come over a link. All users share the link, so each packet is taken when its sender has a turn. */
export class InboundQueue {
  /** From the oldest packet that is not taken yet. */
  private arrived: Arrived[] = [];
  private first = 0;
  private size = 0;

  constructor(private readonly options: InboundQueueOptions) {}

  push(packet: Stanza): void {
    const { addresses, name, scheduler, gate } = this.options;
    if (isProbePacket(packet, addresses, name)) {
      this.arrived.push({ taken: false, probe: packet });
      return;
    }
    const arrived: Arrived = { taken: false };
    this.arrived.push(arrived);
    this.size += costOf(packet);
    scheduler.add(ownerOf(packet, addresses), gate, () => this.take(packet, arrived));
  }

  /** To be called after each read. */
  work(): void {
    this.options.scheduler.work();
    this.settle();
  }

  /** Takes all packets at once: the link has ended. */
  finish(): void {
    this.options.scheduler.finish(this.options.gate);
    this.settle();
  }

  private take(packet: Stanza, arrived: Arrived): void {
    const { scheduler, gate } = this.options;
    this.size -= costOf(packet);
    this.options.onPacket(packet);
    scheduler.whenDone(gate, () => {
      arrived.taken = true;
      this.settle();
    });
  }

  /** Takes the probes before which no packet waits any more. */
  private settle(): void {
    for (; this.first < this.arrived.length; this.first += 1) {
      const { taken, probe } = this.arrived[this.first];
      if (!taken && !probe) break;
      if (probe) this.options.onProbe(probe);
    }
    if (this.first === this.arrived.length) this.arrived.length = this.first = 0;
    else if (this.first * 2 > this.arrived.length) {
      this.arrived = this.arrived.slice(this.first);
      this.first = 0;
    }
    this.options.onFull(this.size > this.options.bound);
  }
}

function costOf(packet: Stanza): number {
  return packet.source.length + PACKET_BYTES;
}

/**
 * For whom a packet is handled, which is whose turn it takes: the bare address of a user, or the socket address of a
 * client that names no user. A login belongs to the user that it names, so that it does not overtake packets of the
 * session that it replaces.
 */
export function ownerOf(packet: Stanza, { to, socket }: AddressAttributes): string {
  const [bare] = (packet.attribute(to) ?? '').split('/', 1);
  if (bare.includes('@')) return bare;
  const user = prepareUser(usernameIn(packet.element()) ?? '');
  return user === undefined ? (packet.attribute(socket) ?? '') : `${user}@${bare}`;
}

/**
 * Is it a packet that a component sends to itself, which any jabberd echoes? The component measures with it how long the
 * packets before it take. [jabberd 1.1.2, 1.4.3]
 *
 * @param name the component's name, folded
 */
export function isProbePacket(packet: Stanza, { to, socket }: AddressAttributes, name: string): boolean {
  const address = packet.attribute(to);
  return address === packet.attribute(socket) && Jid.parse(address)?.host === name;
}

/** The first `<username/>` in the query of a login, whether or not another element is around it. */
function usernameIn({ elements }: Element): string | undefined {
  for (const child of elements) {
    const username = child.child('query')?.childText('username') ?? child.childText('username');
    if (username !== undefined) return username;
  }
  return undefined;
}
