import type { ComponentDialect } from '../../config/config.js';
import type { Log } from '../../observe/log.js';
import { newSocketAddress } from '../../xmpp/address.js';
import type { CloseReason } from '../../session/close-reason.js';
import type { OutboundQueue } from '../../session/outbound-queue.js';
import type { Authenticator, StaleSessions } from '../../session/upstream.js';
import type { Answer, Request } from '../../session/requests.js';
import type { Packet, Session, UpstreamSession } from '../../session/session.js';
import { legacyStanzaError } from '../../xmpp/stanza-error.js';
import { element, type Stanza } from '../../xml/index.js';
import { ReconnectingLink, type ReconnectingLinkOptions } from '../reconnecting-link.js';
import type { LinkedUpstream, UpstreamEvents } from '../upstream.js';
import { readAnswer } from './answer.js';
import { addressee, Detection, type Finding } from './detection.js';
import { DIALECTS } from './dialects/index.js';
import { ComponentHandshake, type ComponentOptions } from './handshake.js';
import { ComponentOutbox } from './outbox.js';
import { ComponentSession, ComponentStaleSessions } from './session.js';
import { SilenceWarning } from './silence.js';

export interface ComponentUpstreamOptions
  extends Omit<ReconnectingLinkOptions, 'handshake' | 'limited'>, ComponentOptions {
  readonly dialect: ComponentDialect | 'auto';
  /** A domain to ask about when the dialect has to be found out. */
  readonly domain: string;
  /** Does it give each user a turn, as the embedded session manager does? */
  readonly fair?: boolean;
}

/** A session manager of jabberd 1.x behind a component stream. */
export class ComponentUpstream implements LinkedUpstream, Authenticator {
  /** It keeps one queue for each session, and drops it when the session ends. [jabberd 1.x jsm] */
  readonly dropsAtEnd = true;
  /** After a restart it drops packets for its old sessions in silence. [jabberd 1.1.2 server-stop.txt] */
  readonly forgetsSessions = true;
  readonly staleSessions: StaleSessions;
  /** It checks logins itself. */
  readonly authenticator: Authenticator = this;
  private readonly link: ReconnectingLink;
  private readonly outbox: ComponentOutbox;
  private readonly detection: Detection;
  private readonly silence: SilenceWarning;
  /** There from the start on. */
  private events!: UpstreamEvents;

  constructor(
    private readonly options: ComponentUpstreamOptions,
    private readonly log: Log,
  ) {
    this.link = this.makeLink();
    this.outbox = new ComponentOutbox(this.link, options, log);
    this.detection = this.makeDetection();
    this.silence = new SilenceWarning(options.where, log);
    this.staleSessions = new ComponentStaleSessions(this.outbox);
    if (options.dialect !== 'auto') this.outbox.dialect = DIALECTS[options.dialect];
  }

  start(events: UpstreamEvents): void {
    this.events = events;
    this.link.start();
  }

  stop(): Promise<void> {
    this.stopWaiting();
    return this.link.stop();
  }

  get up(): boolean {
    return this.link.up;
  }

  get finding(): Finding | undefined {
    return this.detection.finding;
  }

  get loginQueue(): OutboundQueue {
    return this.outbox.queue;
  }

  get returnQueue(): OutboundQueue {
    return this.outbox.queue;
  }

  /** The same for every domain: the session manager itself tells clients which ones it serves. */
  refusal(): CloseReason | undefined {
    return this.up ? undefined : { kind: 'link-down' };
  }

  newSocketAddress(descriptor: number): string {
    return newSocketAddress(descriptor, this.options.name);
  }

  // --- sessions -----------------------------------------------------------------------------------------------------

  ask(session: Session, request: Request): void {
    this.outbox.send(this.outbox.dialect.ask(session, request));
    if (this.up) this.silence.asked(this.detection.dialect!);
  }

  read(request: Request, packet: Packet): Answer | undefined {
    return readAnswer(this.outbox.dialect, request, packet);
  }

  open(session: Session): boolean {
    const request = this.outbox.dialect.open?.(session, session.fullJid);
    if (request !== undefined) this.outbox.send(request);
    return request !== undefined;
  }

  attach(session: Session): UpstreamSession {
    return new ComponentSession(session, this.outbox);
  }

  bounce(packet: Packet): void {
    const bounced = this.outbox.dialect.bounce(packet);
    if (bounced !== undefined) this.outbox.send(bounced);
  }

  // --- the link -----------------------------------------------------------------------------------------------------

  private makeLink(): ReconnectingLink {
    const { options } = this;
    return new ReconnectingLink(
      { ...options, limited: true, handshake: () => new ComponentHandshake(options) },
      {
        onLinked: (header) => this.detection.begin(header),
        onPacket: (packet) => this.received(packet),
        onFailed: ({ reason, final }) => {
          this.stopWaiting();
          this.events.link.onFailed(reason, final);
        },
        onDown: () => {
          this.events.sessions.unlinked();
          this.events.link.onDown();
        },
        onRoom: () => this.outbox.queue.giveTurns(),
      },
      this.log,
    );
  }

  private makeDetection(): Detection {
    const { link, outbox, options } = this;
    return new Detection(options, {
      send: (text) => link.sendFirst(text),
      probe: () => outbox.probe('name'),
      onFound: ({ dialect, why }) => {
        outbox.dialect = DIALECTS[dialect];
        this.log.info(`the session manager speaks ${dialect}: ${why}`, { at: options.where });
      },
      onReady: () => this.ready(),
      onFailed: (reason) => link.fail(reason),
    });
  }

  private ready(): void {
    this.silence.unlinked();
    this.link.open();
    this.events.sessions.linked();
    this.events.link.onUp();
    this.link.flush();
    this.outbox.queue.window.reset();
  }

  private received(packet: Stanza): void {
    if (!this.up) this.detection.heard(packet);
    if (!this.up || this.isForUs(packet)) return;
    const { dialect } = this.outbox;
    const read = dialect.read(packet);
    if (!this.silence.isUnderstood) this.silence.heard(packet, read !== undefined, this.detection.dialect!);
    if (read) return this.events.sessions.receive(read);
    this.log.debug('dropped a packet without a client', {
      name: packet.name,
      from: packet.attribute('from'),
    });
    const refusal = refuse(packet);
    if (refusal) this.outbox.send(refusal);
  }

  /** Is it a probe of ours, or an answer to the questions of the detection? */
  private isForUs(packet: Stanza): boolean {
    const to = addressee(packet);
    return this.outbox.takesProbe(packet, to) || this.detection.isAsker(to);
  }

  private stopWaiting(): void {
    this.detection.end();
    this.silence.unlinked();
  }
}

/** The answer to a request to the socket manager itself, which has no features of its own. [RFC6120 8.4] */
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
