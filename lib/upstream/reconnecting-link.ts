import type { ConnectionOptions } from 'node:tls';
import type { Transport } from '../net/transport.js';
import type { Log } from '../observe/log.js';
import type { Stanza, Tag } from '../xml/index.js';
import type { Handshake } from './handshake.js';
import { Link, type LinkEnd } from './link.js';
import { Reconnect } from './reconnect.js';

export interface ReconnectingLinkOptions {
  /** Our name at the peer, for the log. */
  readonly name: string;
  /** The address of the peer, for the log. */
  readonly where: string;
  /** Bytes that may wait for the link; where more wait, clients are not read. */
  readonly queueBytes: number;
  /** Connects to the peer. */
  readonly connect: (onConnect: () => void) => Transport;
  readonly tls?: ConnectionOptions;
  /** Does the peer limit connects, as jabberd 1.x does? */
  readonly limited: boolean;
  /** Makes the handshake of each link. */
  readonly handshake: () => Handshake;
}

export interface ReconnectingLinkEvents {
  /** There is a link, which is not open yet: packets wait until {@link ReconnectingLink.open} is called. */
  onLinked(header: Tag): void;
  onPacket(packet: Stanza): void;
  /** A connect failed, or the link was lost. It is tried again, unless that is final. */
  onFailed(end: LinkEnd): void;
  /** The link was lost; called after `onFailed`, and only for one that was opened. */
  onDown(): void;
  /** The link was full and has room again. */
  onRoom(): void;
}

/**
 * `waiting` before the first connect and between two; `linking` from a connect until the link is opened; `up` while it
 * takes packets; `stopping` once it is closed for good.
 */
type State = 'waiting' | 'linking' | 'up' | 'stopping';

/** A link that connects again when it is lost. Packets that are sent meanwhile wait for it, in order. */
export class ReconnectingLink {
  private state: State = 'waiting';
  private link: Link | undefined;
  private readonly reconnect: Reconnect;
  private retry: NodeJS.Timeout | undefined;
  /** Packets that wait for a link, in order. */
  private queue = '';
  /** Resolves when the link is closed; there from {@link stop} on. */
  private stopped: Promise<void> | undefined;
  private onStopped: (() => void) | undefined;
  /** Was it full, and nobody was told yet that it has room again? */
  private owesRoom = false;

  constructor(
    private readonly options: ReconnectingLinkOptions,
    private readonly events: ReconnectingLinkEvents,
    private readonly log: Log,
  ) {
    this.reconnect = new Reconnect(options.limited);
  }

  /** Are packets sent now? */
  get up(): boolean {
    return this.state === 'up';
  }

  /** Do more bytes wait than may wait? Then `onRoom` is called when they have been sent. */
  get isFull(): boolean {
    return this.queue.length + (this.link?.waiting ?? 0) > this.options.queueBytes;
  }

  start(): void {
    this.state = 'linking';
    this.reconnect.connecting();
    const { connect, handshake, tls } = this.options;
    const link: Link = new Link(
      connect(() => link.connected()),
      handshake(),
      {
        onUp: () => this.events.onLinked(link.header!),
        onPacket: (packet) => this.events.onPacket(packet),
        onError: (error) => this.log.error('internal error', { error: error.stack }),
        onSkipped: (bytes) =>
          this.log.warn(`dropped a packet from ${link.peerName} that exceeds a limit`, { bytes }),
        onDrained: () => this.drained(),
        onDown: (end) => this.linkDown(end),
      },
      tls,
    );
    this.link = link;
  }

  /** Closes the link, after the packets that wait. */
  stop(): Promise<void> {
    return (this.stopped ??= this.close());
  }

  /** The link is ready to be used. */
  open(): void {
    this.state = 'up';
    this.reconnect.succeeded();
    this.log.info(`linked to ${this.link!.peerName}`, { at: this.options.where, name: this.options.name });
  }

  /** Sends the packets that have waited; call it after {@link open}, and after packets that must be first. */
  flush(): void {
    if (this.queue === '') return this.drained();
    this.link!.send(this.queue);
    this.queue = '';
    this.link!.callWhenDrained();
  }

  /**
   * Sends packets, or keeps them until there is a link.
   *
   * @param ascii whether they are ASCII only, if that is known
   */
  send(packets: string, ascii = false): void {
    if (this.state === 'up') this.link!.send(packets, ascii);
    else this.queue += packets;
    if (!this.owesRoom && this.isFull) {
      this.owesRoom = true;
      this.link?.callWhenDrained();
    }
  }

  /** Sends on a link that is not opened yet. */
  sendFirst(packets: string): void {
    this.link?.send(packets);
  }

  /** Closes this link because it is of no use, and tries again. */
  fail(reason: string): void {
    this.link?.fail(reason);
  }

  private close(): Promise<void> {
    this.state = 'stopping';
    clearTimeout(this.retry);
    if (!this.link) return Promise.resolve();
    const stopped = new Promise<void>((resolve) => (this.onStopped = resolve));
    this.link.close();
    return stopped;
  }

  private drained(): void {
    if (!this.owesRoom) return;
    this.owesRoom = false;
    this.events.onRoom();
  }

  /** A failure is final only before the first link: later, a peer may refuse us because it still has the lost one. */
  private linkDown({ reason, final }: LinkEnd): void {
    const { state } = this;
    const { peerName, unsent } = this.link!;
    const end = { reason, final: final && !this.reconnect.hasSucceeded };
    this.link = undefined;
    if (state === 'up') this.queue = unsent + this.queue;
    if (state !== 'stopping') this.state = 'waiting';
    this.events.onFailed(end);
    if (this.stopped) return this.onStopped?.();
    if (!end.final) this.tryAgain(`${state === 'up' ? 'lost' : 'no'} link to ${peerName}: ${reason}`);
    if (state === 'up') this.events.onDown();
  }

  private tryAgain(why: string): void {
    const delay = this.reconnect.delay();
    this.log.warn(why, {
      at: this.options.where,
      name: this.options.name,
      nextTrySeconds: Math.round(delay / 100) / 10,
    });
    this.retry = setTimeout(() => this.start(), delay);
  }
}
