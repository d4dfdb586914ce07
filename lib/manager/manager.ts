import type { Duplex } from 'node:stream';
import type { Log } from '../observe/log.js';
import type { Manager } from '../session/manager.js';
import type { LoginRequest, Packet, Session } from '../session/session.js';
import { element, type Stanza } from '../xml/index.js';
import type { Dialect } from './dialects/dialect.js';
import { Link, type LinkOptions } from './link.js';
import { Reconnect } from './reconnect.js';

export interface ManagerEvents {
  /** The link is there: clients may come. Called at every connect. */
  up(): void;
  /** The link was lost; it comes back by itself. */
  down(): void;
  /** Clients may be read again. */
  relieved(): void;
  packet(packet: Packet): void;
}

export interface LinkedManagerOptions extends LinkOptions {
  /** Where the session manager is, for the log. */
  readonly where: string;
  readonly dialect: Dialect;
  /** Bytes that may wait for the link before clients are no longer read. */
  readonly queueBytes: number;
  /** Makes a stream to the session manager and calls back when it is connected. */
  readonly connect: (connected: () => void) => Duplex;
}

/** The session manager behind a link that is kept up: packets out, packets in, and a queue while it is down. */
export class LinkedManager implements Manager {
  up = false;
  private link: Link | undefined;
  private readonly reconnect = new Reconnect();
  private retry: NodeJS.Timeout | undefined;
  /** Packets that wait for a link, in order. */
  private queue = '';
  private stopping = false;
  private relief = false;
  private stopped: (() => void) | undefined;

  constructor(
    private readonly options: LinkedManagerOptions,
    private readonly events: ManagerEvents,
    private readonly log: Log,
  ) {}

  start(): void {
    this.reconnect.connecting();
    const link: Link = new Link(
      this.options.connect(() => link.connected()),
      this.options,
      {
        up: () => this.linkUp(),
        packet: (packet) => this.received(packet),
        drained: () => this.relieve(),
        down: (reason) => this.linkDown(reason),
      },
    );
    this.link = link;
  }

  /** Sends what waits and closes the link. */
  stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.retry);
    if (!this.link) return Promise.resolve();
    const stopped = new Promise<void>((resolve) => (this.stopped = resolve));
    this.link.close();
    return stopped;
  }

  get congested(): boolean {
    const congested = this.queue.length + (this.link?.waiting ?? 0) > this.options.queueBytes;
    if (congested && !this.relief) {
      this.relief = true;
      this.link?.callWhenDrained();
    }
    return congested;
  }

  ask(session: Session, request: LoginRequest): void {
    this.send(this.options.dialect.ask(session, request), false);
  }

  granted(packet: Packet, asked: string): string | undefined {
    return this.options.dialect.granted(packet, asked);
  }

  open(session: Session, address: string): boolean {
    const request = this.options.dialect.open?.(session, address);
    if (request !== undefined) this.send(request, false);
    return request !== undefined;
  }

  stamp(session: Session): string {
    return this.options.dialect.stamp(session);
  }

  carry(session: Session, stanza: Stanza): boolean {
    const packet = this.options.dialect.carry(session, stanza);
    if (packet === undefined) return false;
    this.send(packet, stanza.ascii && session.ascii);
    return true;
  }

  end(session: Session): void {
    this.send(this.options.dialect.end(session.sessionAddress, session.address), false);
  }

  endStale(sessionAddress: string, socketAddress: string): void {
    this.send(this.options.dialect.end(sessionAddress, socketAddress), false);
  }

  bounce(packet: Packet): void {
    const bounced = this.options.dialect.bounce(packet);
    if (bounced !== undefined) this.send(bounced, false);
  }

  staleSession(packet: Packet): string | undefined {
    return this.options.dialect.staleSession(packet);
  }

  private send(packet: string, ascii: boolean): void {
    if (this.up) this.link!.send(packet, ascii);
    else this.queue += packet;
  }

  private received(packet: Stanza): void {
    const meaning = this.options.dialect.read(packet);
    if (meaning) return this.events.packet(meaning);
    this.log.debug('a packet for no client', { name: packet.name, from: packet.attribute('from') });
    const refusal = refuse(packet);
    if (refusal) this.send(refusal, false);
  }

  private linkUp(): void {
    this.up = true;
    this.reconnect.succeeded();
    this.log.info('linked to the session manager', { at: this.options.where, name: this.options.name });
    this.events.up();
    this.flushQueue();
  }

  private flushQueue(): void {
    if (this.queue === '') return this.relieve();
    this.link!.send(this.queue, false);
    this.queue = '';
    this.link!.callWhenDrained();
  }

  private relieve(): void {
    if (!this.relief) return;
    this.relief = false;
    this.events.relieved();
  }

  private linkDown(reason: string): void {
    const wasUp = this.up;
    if (wasUp) this.queue = this.link!.unsent + this.queue;
    this.up = false;
    this.link = undefined;
    if (this.stopping) return this.stopped?.();
    const delay = this.reconnect.delay();
    this.log.warn(`${wasUp ? 'lost' : 'no'} link to the session manager: ${reason}`, {
      at: this.options.where,
      name: this.options.name,
      nextTrySeconds: Math.round(delay / 100) / 10,
    });
    this.retry = setTimeout(() => this.start(), delay);
    if (wasUp) this.events.down();
  }
}

/** Somebody asks the socket manager itself: there is nothing to ask it for, and the asker must not wait. [RFC6120 8.4] */
function refuse(packet: Stanza): string | undefined {
  const type = packet.attribute('type');
  const from = packet.attribute('from');
  if (packet.name !== 'iq' || (type !== 'get' && type !== 'set') || from === undefined) return undefined;
  return element(
    'iq',
    { type: 'error', id: packet.attribute('id'), to: from, from: packet.attribute('to') },
    element('error', { code: '503' }, 'Service Unavailable'),
  ).toString();
}
