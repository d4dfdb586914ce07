import type { ComponentDialect } from '../../config/config.js';
import type { Log } from '../../observe/log.js';
import { withoutControl } from '../../session/stanza-filter.js';
import { hostOf, lowerCase } from '../../xmpp/address.js';
import type { CloseReason } from '../../session/close-reason.js';
import type { Authenticator, Upstream, OutboundQueue } from '../../session/upstream.js';
import type { LoginRequest, Packet, Session } from '../../session/session.js';
import { legacyStanzaError } from '../../xmpp/stanza-error.js';
import { element, type Stanza, type Tag } from '../../xml/index.js';
import type { UpstreamEvents } from '../events.js';
import { ReconnectingLink, type ReconnectingLinkOptions } from '../reconnecting-link.js';
import { logStalled, FairQueue } from '../flow/fair-queue.js';
import {
  fromAnswer,
  fromHeader,
  addressee,
  detectAddressOf,
  isJabberd2,
  otherDialect,
  questions,
  USE_JABBERD2,
  type Finding,
} from './detect.js';
import type { Dialect } from './dialects/dialect.js';
import { DIALECTS } from './dialects/index.js';
import { ComponentHandshake, type ComponentOptions } from './handshake.js';

export interface ComponentUpstreamOptions
  extends Omit<ReconnectingLinkOptions, 'handshake' | 'limited'>, ComponentOptions {
  readonly dialect: ComponentDialect | 'auto';
  /** A domain to ask about when the dialect has to be found out. */
  readonly domain: string;
  /** Does it give each user a turn, as the embedded one does? */
  readonly fair?: boolean;
}

/** How long an answer is waited for before the dialect, or our name, is doubted, in milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Of a name that the session manager says, the characters that are logged. */
const MAX_NAME_LENGTH = 255;

/** A session manager of jabberd 1.x behind a component stream. */
export class ComponentUpstream implements Upstream, Authenticator {
  private readonly link: ReconnectingLink;
  private readonly queue: FairQueue;
  /** Who asks for the dialect. */
  private readonly detectAddress: string;
  /** Whom probes are from, and to: a server sends them back from where it takes what is for others. [jabberd 1.1.2, 1.4.3, 1.4.4] */
  private readonly probeAddress: string;
  /** What the session manager calls the service that its port is of, where it says so. */
  private calledName: string | undefined;
  /** Known from the start, or from the first link on. */
  private name: ComponentDialect | undefined;
  private dialect: Dialect = DIALECTS['sto-sfrom'];
  /** Runs while an answer is waited for that would show that the peer understands us. */
  private silenceTimer: NodeJS.Timeout | undefined;
  private understood = false;
  private warned = false;

  constructor(
    private readonly options: ComponentUpstreamOptions,
    private readonly events: UpstreamEvents,
    private readonly log: Log,
  ) {
    if (options.dialect !== 'auto') this.use(options.dialect);
    this.detectAddress = detectAddressOf(options.name);
    this.probeAddress = `0@${options.name}/mark`;
    this.link = new ReconnectingLink(
      { ...options, limited: true, handshake: () => new ComponentHandshake(options) },
      {
        linked: (header) => this.linked(header),
        packet: (packet) => this.received(packet),
        failed: ({ reason, final }) => {
          this.stopWaiting();
          events.failed(reason, final);
        },
        down: () => events.down(),
        relieved: () => {
          this.queue.giveTurns();
          events.relieved();
        },
      },
      log,
    );
    this.queue = new FairQueue({
      probe: (id) => this.link.send(this.dialect.probe(this.probeAddress, id), true),
      blocked: () => this.link.congested,
      most: options.queueBytes,
      fair: options.fair,
      stalled: (stalled) => logStalled(log, 'the session manager', stalled),
    });
  }

  /** What the dialect was found out from, where it had to be. */
  finding: Finding | undefined;

  start(): void {
    this.link.start();
  }

  /** Sends what waits and closes the link. */
  stop(): Promise<void> {
    this.stopWaiting();
    return this.link.stop();
  }

  get up(): boolean {
    return this.link.up;
  }

  readonly dropsAtEnd = true;

  get congested(): boolean {
    return this.link.congested;
  }

  queueFor(): OutboundQueue {
    return this.queue;
  }

  get returnQueue(): OutboundQueue {
    return this.queue;
  }

  /** Why nobody can log in now, whichever domain: the session manager itself says which ones it serves. */
  refusal(): CloseReason | undefined {
    return this.up ? undefined : { kind: 'link-down' };
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

  carry(session: Session, stanza: Stanza): undefined {
    const packet = this.dialect.carry(session, withoutControl(stanza));
    this.send(packet, stanza.ascii && session.ascii);
    this.queue.sent(session.sender, packet.length);
    return undefined;
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

  get endsByBounce(): boolean {
    return this.dialect.endsByBounce;
  }

  refuse(packet: Packet): void {
    const refusal = this.dialect.refuse(packet);
    if (refusal !== undefined) this.send(refusal, false);
  }

  staleSession(packet: Packet): string | undefined {
    return this.dialect.staleSession(packet);
  }

  private send(packet: string, ascii: boolean): void {
    this.link.send(packet, ascii);
    if (this.up) this.queue.window.add(packet.length);
  }

  private received(packet: Stanza): void {
    if (!this.up && isJabberd2(packet)) return this.link.fail(USE_JABBERD2);
    if (!this.up && this.name === undefined) this.detected(fromAnswer(packet));
    else if (!this.up && this.isForName(packet)) this.linkUp();
    if (!this.up || this.isForUs(packet)) return;
    const meaning = this.dialect.read(packet);
    if (!this.understood) this.consider(packet, meaning !== undefined);
    if (meaning) return this.events.packet(meaning);
    this.log.debug('a packet for no client', { name: packet.name, from: packet.attribute('from') });
    const refusal = refuse(packet);
    if (refusal) this.send(refusal, false);
  }

  private use(name: ComponentDialect): void {
    this.name = name;
    this.dialect = DIALECTS[name];
  }

  private linked(header: Tag): void {
    this.calledName = header.attribute('from');
    if (this.name === undefined) this.detect(header);
    else if (this.name === 'route' && this.isCalledOtherwise()) this.tryName();
    else this.linkUp();
  }

  private isCalledOtherwise(): boolean {
    return this.calledName !== undefined && lowerCase(this.calledName) !== lowerCase(this.options.name);
  }

  /**
   * jabberd takes a component by its port and its secret, whatever it calls itself, and says in its header what the
   * service is called. Other names may be its own as well, by <host/>: then what we say to ourselves comes back. If not,
   * nothing would ever come. [jabberd 1.4.3, 1.4.4, 1.6.1.1 base_accept]
   */
  private tryName(): void {
    this.link.sendFirst(this.dialect.probe(this.probeAddress, 'name'));
    this.silenceTimer = setTimeout(() => this.link.fail(this.wrongName()), ANSWER_TIMEOUT_MS);
  }

  private isForName(packet: Stanza): boolean {
    return lowerCase(hostOf(packet.attribute('to') ?? '')) === lowerCase(this.options.name);
  }

  private wrongName(): string {
    const service = this.calledName!.slice(0, MAX_NAME_LENGTH);
    return `this port is of the service ${service}, and nothing for ${this.options.name} comes here: use --name ${service}`;
  }

  /** The link is there, and nothing is known of how sessions are addressed on it. */
  private detect(header: Tag): void {
    const finding = fromHeader(header);
    if (finding) return this.detected(finding);
    const { name, domain } = this.options;
    this.link.sendFirst(questions(name, domain));
    this.silenceTimer = setTimeout(() => {
      this.link.fail(
        this.isCalledOtherwise()
          ? this.wrongName()
          : 'its dialect could not be found out: it answers neither <route/> nor sto and sfrom; use --dialect',
      );
    }, ANSWER_TIMEOUT_MS);
  }

  private detected(finding: Finding | undefined): void {
    if (!finding) return;
    clearTimeout(this.silenceTimer);
    this.finding = finding;
    this.use(finding.dialect);
    this.log.info(`the session manager speaks ${finding.dialect}: ${finding.why}`, {
      at: this.options.where,
    });
    this.linkUp();
  }

  /** A peer of another dialect drops what we say in silence: somebody has to notice. */
  private expectAnswer(): void {
    if (this.understood || this.silenceTimer || !this.up) return;
    this.silenceTimer = setTimeout(() => this.warn(this.silence()), ANSWER_TIMEOUT_MS).unref();
  }

  private silence(): string {
    const other = this.name === 'route' ? 'sto-sfrom (jabberd up to 1.1)' : 'route (jabberd 1.4)';
    return `no answer to a login within ${ANSWER_TIMEOUT_MS / 1000} s: if the session manager speaks another dialect, use --dialect ${other}; for the router of jabberd2, jabberd2`;
  }

  private consider(packet: Stanza, understood: boolean): void {
    if (understood) {
      this.understood = true;
      clearTimeout(this.silenceTimer);
    } else this.warn(otherDialect(this.name!, packet));
  }

  private warn(sentence: string | undefined): void {
    if (sentence === undefined || this.warned) return;
    this.warned = true;
    this.log.warn(sentence, { at: this.options.where });
  }

  /** Is it something that we have said to ourselves, or asked for ourselves? */
  private isForUs(packet: Stanza): boolean {
    const to = addressee(packet);
    if (to === this.probeAddress) this.queue.window.onProbeBack(this.dialect.probeIdOf(packet));
    return to === this.probeAddress || to === this.detectAddress;
  }

  private linkUp(): void {
    this.stopWaiting();
    this.link.open();
    this.events.up();
    this.link.flush();
    this.queue.window.reset();
  }

  private stopWaiting(): void {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = undefined;
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
    legacyStanzaError('service-unavailable'),
  ).toString();
}
