import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import type { Log } from '../observe/log.js';
import type { Stanza, Tag } from '../xml/index.js';
import type { Handshake } from './handshake.js';
import { Link, type LinkEnd } from './link.js';
import { Reconnect } from './reconnect.js';

export interface ReconnectingLinkOptions {
  /** Our name there, for the log. */
  readonly name: string;
  /** Where the session manager, or the router, is, for the log. */
  readonly where: string;
  /** Bytes that may wait for the link before clients are no longer read. */
  readonly queueBytes: number;
  /** Makes a stream to it and calls back when it is connected. */
  readonly connect: (connected: () => void) => Duplex;
  readonly tls?: ConnectionOptions;
  /** Does the peer limit connects, as jabberd 1.x does? */
  readonly limited: boolean;
  /** What is said on it first; made for each link. */
  readonly handshake: () => Handshake;
}

export interface ReconnectingLinkEvents {
  /** There is a link. What is sent waits until {@link ReconnectingLink.open} is called. */
  linked(header: Tag): void;
  packet(packet: Stanza): void;
  /** There is no link, and why, after each connect that failed and each loss. It is tried again, unless that is final. */
  failed(end: LinkEnd): void;
  /** The link was lost; called after `failed`, and only for one that was opened. */
  down(): void;
  /** There is room on the link again. */
  relieved(): void;
}

/** A link that is kept up: it comes back by itself, and what is sent meanwhile waits for it, in order. */
export class ReconnectingLink {
  /** Does it take packets now? */
  up = false;
  private link: Link | undefined;
  private readonly reconnect: Reconnect;
  private retry: NodeJS.Timeout | undefined;
  /** Packets that wait for a link, in order. */
  private queue = '';
  private stopping: Promise<void> | undefined;
  private stopped: (() => void) | undefined;
  private relief = false;
  /** Was there ever a link? */
  private everUp = false;

  constructor(
    private readonly options: ReconnectingLinkOptions,
    private readonly events: ReconnectingLinkEvents,
    private readonly log: Log,
  ) {
    this.reconnect = new Reconnect(options.limited);
  }

  start(): void {
    this.reconnect.connecting();
    const { connect, handshake, tls } = this.options;
    const link: Link = new Link(
      connect(() => link.connected()),
      handshake(),
      {
        up: () => this.events.linked(link.header!),
        packet: (packet) => this.events.packet(packet),
        failed: (error) => this.log.error('an error of our own', { error: error.stack }),
        skipped: (bytes) => this.log.warn(`a packet of ${link.who} is over a limit and lost`, { bytes }),
        drained: () => this.relieve(),
        down: (end) => this.linkDown(end),
      },
      tls,
    );
    this.link = link;
  }

  /** Sends what waits and closes the link. */
  stop(): Promise<void> {
    return (this.stopping ??= this.close());
  }

  /** The link is ready for what waits. */
  open(): void {
    this.up = this.everUp = true;
    this.reconnect.succeeded();
    this.log.info(`linked to ${this.link!.who}`, { at: this.options.where, name: this.options.name });
  }

  /** Sends what has waited; call after {@link open}, when what must go first has been sent. */
  flush(): void {
    if (this.queue === '') return this.relieve();
    this.link!.send(this.queue);
    this.queue = '';
    this.link!.callWhenDrained();
  }

  get congested(): boolean {
    const congested = this.queue.length + (this.link?.waiting ?? 0) > this.options.queueBytes;
    if (congested && !this.relief) {
      this.relief = true;
      this.link?.callWhenDrained();
    }
    return congested;
  }

  /** Sends packets, or keeps them until there is a link. */
  send(packets: string, ascii = false): void {
    if (this.up) this.link!.send(packets, ascii);
    else this.queue += packets;
  }

  /** Sends on a link that is not opened yet. */
  sendFirst(packets: string): void {
    this.link?.send(packets);
  }

  /** Closes this link because it is of no use; another one is tried. */
  fail(reason: string): void {
    this.link?.fail(reason);
  }

  private close(): Promise<void> {
    clearTimeout(this.retry);
    if (!this.link) return Promise.resolve();
    const stopped = new Promise<void>((resolve) => (this.stopped = resolve));
    this.link.close();
    return stopped;
  }

  private relieve(): void {
    if (!this.relief) return;
    this.relief = false;
    this.events.relieved();
  }

  /** What is final at the start is not so later: a peer may believe for a while that the lost link is still there. */
  private linkDown({ reason, final }: LinkEnd): void {
    const wasUp = this.up;
    const { who } = this.link!;
    const end = { reason, final: final && !this.everUp };
    if (wasUp) this.queue = this.link!.unsent + this.queue;
    this.up = false;
    this.link = undefined;
    this.events.failed(end);
    if (this.stopping) return this.stopped?.();
    if (!end.final) this.tryAgain(`${wasUp ? 'lost' : 'no'} link to ${who}: ${reason}`);
    if (wasUp) this.events.down();
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
