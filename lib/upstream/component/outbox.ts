import type { Log } from '../../observe/log.js';
import type { Stanza } from '../../xml/index.js';
import { FairQueue, logStalled } from '../flow/fair-queue.js';
import type { ReconnectingLink } from '../reconnecting-link.js';
import type { Dialect } from './dialects/dialect.js';
import { DIALECTS } from './dialects/index.js';

export interface ComponentOutboxOptions {
  /** Our component name. */
  readonly name: string;
  /** Bytes that may be on their way to the session manager at most. */
  readonly queueBytes: number;
  /** Does it give each user a turn, as the embedded one does? */
  readonly fair?: boolean;
}

/** Packets to the session manager: the link, its dialect, and the queue of all clients. */
export class ComponentOutbox {
  /** The right one from the first link on: nothing is sent before. */
  dialect: Dialect = DIALECTS['sto-sfrom'];
  readonly queue: FairQueue;
  /** Sender and addressee of probes, which a server returns from the point where it takes packets for others. [jabberd 1.1.2, 1.4.3, 1.4.4] */
  private readonly probeAddress: string;

  constructor(
    private readonly link: ReconnectingLink,
    { name, queueBytes, fair }: ComponentOutboxOptions,
    log: Log,
  ) {
    this.probeAddress = `0@${name}/mark`;
    this.queue = new FairQueue({
      probe: (id) => link.send(this.probe(id), true),
      isBlocked: () => link.isFull,
      most: queueBytes,
      fair,
      onStalled: (stalled) => logStalled(log, 'the session manager', stalled),
    });
  }

  /** @param ascii whether the packet is ASCII only, if that is known */
  send(packet: string, ascii = false): void {
    this.link.send(packet, ascii);
    if (this.link.up) this.queue.window.add(packet.length);
  }

  probe(id: string): string {
    return this.dialect.probe(this.probeAddress, id);
  }

  /** Takes a packet that is a probe which came back. @returns whether it is one */
  takesProbe(packet: Stanza, to: string | undefined): boolean {
    if (to !== this.probeAddress) return false;
    this.queue.window.onProbeBack(this.dialect.probeIdOf(packet));
    return true;
  }
}
