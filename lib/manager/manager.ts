import type { Duplex } from 'node:stream';
import type { Log } from '../observe/log.js';
import type { Manager } from '../session/manager.js';
import type { LoginRequest, Packet, Session } from '../session/session.js';
import { element, type Stanza } from '../xml/index.js';
import type { DialectName } from '../config/config.js';
import { fromAnswer, fromHeader, isForAsker, otherDialect, questions, type Finding } from './detect.js';
import type { Dialect } from './dialects/dialect.js';
import { DIALECTS } from './dialects/index.js';
import { Link, type LinkOptions } from './link.js';
import { Reconnect } from './reconnect.js';

export interface ManagerEvents {
  /** The link is there: clients may come. Called at every connect. */
  up(): void;
  /** The link was lost; it comes back by itself. */
  down(): void;
  /** There is no link, and why, after each connect that failed and each loss. */
  failed(reason: string): void;
  /** Clients may be read again. */
  relieved(): void;
  packet(packet: Packet): void;
}

export interface LinkedManagerOptions extends LinkOptions {
  /** Where the session manager is, for the log. */
  readonly where: string;
  readonly dialect: DialectName | 'auto';
  /** A domain to ask about when the dialect has to be found out. */
  readonly domain: string;
  /** Bytes that may wait for the link before clients are no longer read. */
  readonly queueBytes: number;
  /** Makes a stream to the session manager and calls back when it is connected. */
  readonly connect: (connected: () => void) => Duplex;
}

/** How long an answer is waited for before the dialect is doubted, in milliseconds. */
const PATIENCE = 10_000;

/** The session manager behind a link that is kept up: packets out, packets in, and a queue while it is down. */
export class LinkedManager implements Manager {
  up = false;
  private link: Link | undefined;
  private readonly reconnect = new Reconnect();
  private retry: NodeJS.Timeout | undefined;
  /** Packets that wait for a link, in order. */
  private queue = '';
  private stopping: Promise<void> | undefined;
  private relief = false;
  private stopped: (() => void) | undefined;
  /** Known from the start, or from the first link on. */
  private name: DialectName | undefined;
  private dialect: Dialect = DIALECTS['sto-sfrom'];
  /** Runs while an answer is waited for that would show that the peer understands us. */
  private doubt: NodeJS.Timeout | undefined;
  private understood = false;
  private warned = false;

  constructor(
    private readonly options: LinkedManagerOptions,
    private readonly events: ManagerEvents,
    private readonly log: Log,
  ) {
    if (options.dialect !== 'auto') this.speak(options.dialect);
  }

  /** What the dialect was found out from, where it had to be. */
  finding: Finding | undefined;

  start(): void {
    this.reconnect.connecting();
    const link: Link = new Link(
      this.options.connect(() => link.connected()),
      this.options,
      {
        up: () => (this.name === undefined ? this.findOut() : this.linkUp()),
        packet: (packet) => this.received(packet),
        failed: (error) => this.log.error('an error of our own', { error: error.stack }),
        skipped: (bytes) =>
          this.log.warn('a packet of the session manager is over a limit and lost', { bytes }),
        drained: () => this.relieve(),
        down: (reason) => this.linkDown(reason),
      },
    );
    this.link = link;
  }

  /** Sends what waits and closes the link. */
  stop(): Promise<void> {
    return (this.stopping ??= this.close());
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
    this.send(this.dialect.ask(session, request), false);
    this.expectAnswer();
  }

  granted(packet: Packet, asked: string): string | undefined {
    return this.dialect.granted(packet, asked);
  }

  open(session: Session, address: string): boolean {
    const request = this.dialect.open?.(session, address);
    if (request !== undefined) this.send(request, false);
    return request !== undefined;
  }

  stamp(session: Session): string {
    return this.dialect.stamp(session);
  }

  carry(session: Session, stanza: Stanza): boolean {
    const packet = this.dialect.carry(session, stanza);
    if (packet === undefined) return false;
    this.send(packet, stanza.ascii && session.ascii);
    return true;
  }

  end(session: Session): void {
    this.send(this.dialect.end(session.sessionAddress, session.address), false);
  }

  endStale(sessionAddress: string, socketAddress: string): void {
    this.send(this.dialect.end(sessionAddress, socketAddress), false);
  }

  bounce(packet: Packet): void {
    const bounced = this.dialect.bounce(packet);
    if (bounced !== undefined) this.send(bounced, false);
  }

  refuse(packet: Packet): void {
    const refusal = this.dialect.refuse?.(packet);
    if (refusal !== undefined) this.send(refusal, false);
  }

  staleSession(packet: Packet): string | undefined {
    return this.dialect.staleSession(packet);
  }

  private send(packet: string, ascii: boolean): void {
    if (this.up) this.link!.send(packet, ascii);
    else this.queue += packet;
  }

  private received(packet: Stanza): void {
    if (!this.up) this.found(fromAnswer(packet));
    if (!this.up || isForAsker(packet, this.options.name)) return;
    const meaning = this.dialect.read(packet);
    if (!this.understood) this.consider(packet, meaning !== undefined);
    if (meaning) return this.events.packet(meaning);
    this.log.debug('a packet for no client', { name: packet.name, from: packet.attribute('from') });
    const refusal = refuse(packet);
    if (refusal) this.send(refusal, false);
  }

  private close(): Promise<void> {
    clearTimeout(this.retry);
    clearTimeout(this.doubt);
    if (!this.link) return Promise.resolve();
    const stopped = new Promise<void>((resolve) => (this.stopped = resolve));
    this.link.close();
    return stopped;
  }

  private speak(name: DialectName): void {
    this.name = name;
    this.dialect = DIALECTS[name];
  }

  /** The link is there, and nothing is known of how sessions are addressed on it. */
  private findOut(): void {
    const link = this.link!;
    const finding = fromHeader(link.header!);
    if (finding) return this.found(finding);
    const { name, domain } = this.options;
    link.send(questions(name, domain), true);
    this.doubt = setTimeout(() => {
      link.giveUp(
        'its dialect could not be found out: it answers neither <route/> nor sto and sfrom; use --dialect',
      );
    }, PATIENCE);
  }

  private found(finding: Finding | undefined): void {
    if (!finding) return;
    clearTimeout(this.doubt);
    this.finding = finding;
    this.speak(finding.dialect);
    this.log.info(`the session manager speaks ${finding.dialect}: ${finding.why}`, {
      at: this.options.where,
    });
    this.linkUp();
  }

  /** A peer of another dialect drops what we say in silence: somebody has to notice. */
  private expectAnswer(): void {
    if (this.understood || this.doubt || !this.up) return;
    this.doubt = setTimeout(() => this.warn(this.silence()), PATIENCE).unref();
  }

  private silence(): string {
    const other = this.name === 'route' ? 'sto-sfrom (jabberd up to 1.1)' : 'route (jabberd 1.4)';
    return `no answer to a login within ${PATIENCE / 1000} s: if the session manager speaks another dialect, use --dialect ${other}`;
  }

  private consider(packet: Stanza, understood: boolean): void {
    if (understood) {
      this.understood = true;
      clearTimeout(this.doubt);
    } else this.warn(otherDialect(this.name!, packet));
  }

  private warn(sentence: string | undefined): void {
    if (sentence === undefined || this.warned) return;
    this.warned = true;
    this.log.warn(sentence, { at: this.options.where });
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
    clearTimeout(this.doubt);
    this.doubt = undefined;
    this.events.failed(reason);
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
