import type { ComponentDialect } from '../../config/config.js';
import type { Log } from '../../observe/log.js';
import { withoutControl } from '../../session/admission.js';
import { hostOf, lowerCase } from '../../session/address.js';
import type { End } from '../../session/end.js';
import type { Authority, Manager, Way } from '../../session/manager.js';
import type { LoginRequest, Packet, Session } from '../../session/session.js';
import { legacyStanzaError } from '../../session/stanza-error.js';
import { element, type Stanza, type Tag } from '../../xml/index.js';
import type { ManagerEvents } from '../events.js';
import { Line, type LineOptions } from '../line.js';
import { logStalled, SharedWay } from '../way.js';
import {
  fromAnswer,
  fromHeader,
  addressee,
  askerOf,
  isJabberd2,
  otherDialect,
  questions,
  USE_JABBERD2,
  type Finding,
} from './detect.js';
import type { Dialect } from './dialects/dialect.js';
import { DIALECTS } from './dialects/index.js';
import { ComponentGreeting, type ComponentOptions } from './greeting.js';

export interface LinkedManagerOptions extends Omit<LineOptions, 'greeting' | 'limited'>, ComponentOptions {
  readonly dialect: ComponentDialect | 'auto';
  /** A domain to ask about when the dialect has to be found out. */
  readonly domain: string;
  /** Does it give each user a turn, as the embedded one does? */
  readonly fair?: boolean;
}

/** How long an answer is waited for before the dialect, or our name, is doubted, in milliseconds. */
const PATIENCE = 10_000;

/** Of a name that the session manager says, the characters that are logged. */
const LONGEST_NAME = 255;

/** A session manager of jabberd 1.x behind a component stream. */
export class LinkedManager implements Manager, Authority {
  private readonly line: Line;
  private readonly shared: SharedWay;
  /** Who asks for the dialect. */
  private readonly asker: string;
  /** Whom marks are from, and to: a server sends them back from where it takes what is for others. [jabberd 1.1.2, 1.4.3, 1.4.4] */
  private readonly marker: string;
  /** What the session manager calls the service that its port is of, where it says so. */
  private calledName: string | undefined;
  /** Known from the start, or from the first link on. */
  private name: ComponentDialect | undefined;
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
    this.asker = askerOf(options.name);
    this.marker = `0@${options.name}/mark`;
    this.line = new Line(
      { ...options, limited: true, greeting: () => new ComponentGreeting(options) },
      {
        linked: (header) => this.linked(header),
        packet: (packet) => this.received(packet),
        failed: ({ reason, final }) => {
          this.stopDoubting();
          events.failed(reason, final);
        },
        down: () => events.down(),
        relieved: () => {
          this.shared.giveTurns();
          events.relieved();
        },
      },
      log,
    );
    this.shared = new SharedWay({
      mark: (id) => this.line.send(this.dialect.mark(this.marker, id), true),
      blocked: () => this.line.congested,
      most: options.queueBytes,
      fair: options.fair,
      stalled: (stalled) => logStalled(log, 'the session manager', stalled),
    });
  }

  /** What the dialect was found out from, where it had to be. */
  finding: Finding | undefined;

  start(): void {
    this.line.start();
  }

  /** Sends what waits and closes the link. */
  stop(): Promise<void> {
    this.stopDoubting();
    return this.line.stop();
  }

  get up(): boolean {
    return this.line.up;
  }

  readonly dropsAtEnd = true;

  get congested(): boolean {
    return this.line.congested;
  }

  way(): Way {
    return this.shared;
  }

  get wayBack(): Way {
    return this.shared;
  }

  /** Why nobody can log in now, whichever domain: the session manager itself says which ones it serves. */
  refusal(): End | undefined {
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
    this.shared.said(session.sender, packet.length);
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
    this.line.send(packet, ascii);
    if (this.up) this.shared.window.add(packet.length);
  }

  private received(packet: Stanza): void {
    if (!this.up && isJabberd2(packet)) return this.line.fail(USE_JABBERD2);
    if (!this.up && this.name === undefined) this.found(fromAnswer(packet));
    else if (!this.up && this.isForName(packet)) this.linkUp();
    if (!this.up || this.isForUs(packet)) return;
    const meaning = this.dialect.read(packet);
    if (!this.understood) this.consider(packet, meaning !== undefined);
    if (meaning) return this.events.packet(meaning);
    this.log.debug('a packet for no client', { name: packet.name, from: packet.attribute('from') });
    const refusal = refuse(packet);
    if (refusal) this.send(refusal, false);
  }

  private speak(name: ComponentDialect): void {
    this.name = name;
    this.dialect = DIALECTS[name];
  }

  private linked(header: Tag): void {
    this.calledName = header.attribute('from');
    if (this.name === undefined) this.findOut(header);
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
    this.line.sendFirst(this.dialect.mark(this.marker, 'name'));
    this.doubt = setTimeout(() => this.line.fail(this.wrongName()), PATIENCE);
  }

  private isForName(packet: Stanza): boolean {
    return lowerCase(hostOf(packet.attribute('to') ?? '')) === lowerCase(this.options.name);
  }

  private wrongName(): string {
    const service = this.calledName!.slice(0, LONGEST_NAME);
    return `this port is of the service ${service}, and nothing for ${this.options.name} comes here: use --name ${service}`;
  }

  /** The link is there, and nothing is known of how sessions are addressed on it. */
  private findOut(header: Tag): void {
    const finding = fromHeader(header);
    if (finding) return this.found(finding);
    const { name, domain } = this.options;
    this.line.sendFirst(questions(name, domain));
    this.doubt = setTimeout(() => {
      this.line.fail(
        this.isCalledOtherwise()
          ? this.wrongName()
          : 'its dialect could not be found out: it answers neither <route/> nor sto and sfrom; use --dialect',
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
    return `no answer to a login within ${PATIENCE / 1000} s: if the session manager speaks another dialect, use --dialect ${other}; for the router of jabberd2, jabberd2`;
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

  /** Is it something that we have said to ourselves, or asked for ourselves? */
  private isForUs(packet: Stanza): boolean {
    const to = addressee(packet);
    if (to === this.marker) this.shared.window.back(this.dialect.markOf(packet));
    return to === this.marker || to === this.asker;
  }

  private linkUp(): void {
    this.stopDoubting();
    this.line.open();
    this.events.up();
    this.line.flush();
    this.shared.window.reset();
  }

  private stopDoubting(): void {
    clearTimeout(this.doubt);
    this.doubt = undefined;
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
