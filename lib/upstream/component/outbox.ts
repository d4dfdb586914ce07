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

/** Packets to the session manager: the link, the dialect spoken on it, and the queue of the clients before it. */
export class ComponentOutbox {
  /** Until it is known another one is never used to send anything. */
  dialect: Dialect = DIALECTS['sto-sfrom'];
  readonly queue: FairQueue;
  /** Sender and addressee of probes: a server sends them back from where it takes what is for others. [jabberd 1.1.2, 1.4.3, 1.4.4] */
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

  /** Is it a probe that came back? Then it is told to the window of the queue. */
  takesProbe(packet: Stanza, to: string | undefined): boolean {
    if (to !== this.probeAddress) return false;
    this.queue.window.onProbeBack(this.dialect.probeIdOf(packet));
    return true;
  }
}
