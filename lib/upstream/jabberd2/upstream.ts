import type { Log } from '../../observe/log.js';
import type { CloseReason } from '../../session/close-reason.js';
import type { OutboundQueue } from '../../session/outbound-queue.js';
import type { UserProvisioning } from '../../session/upstream.js';
import type { Packet, Session, UpstreamSession } from '../../session/session.js';
import { tcp } from '../../xmpp/framing/tcp.js';
import { element, type Stanza } from '../../xml/index.js';
import { ReconnectingLink, type ReconnectingLinkOptions } from '../reconnecting-link.js';
import type { LinkedUpstream, UpstreamEvents } from '../upstream.js';
import { newConnectionId } from '../../xmpp/address.js';
import { Jid, STRINGPREP } from '../../xmpp/jid.js';
import { acceptsConnections, away, ComponentNames, ComponentPresence } from './component-presence.js';
import * as dialect from './dialect.js';
import type { Carried, Routed } from './dialect.js';
import { RouterHandshake, type RouterOptions } from './handshake.js';
import { Outbox } from './outbox.js';
import { Responses } from './responses.js';
import { Jabberd2Session, SessionRequests, Sessions } from './sessions.js';
import { Users, type HasCredentials } from './users.js';

export interface Jabberd2UpstreamOptions
  extends Omit<ReconnectingLinkOptions, 'handshake' | 'limited'>, RouterOptions {
  /** The domains that are served; where there are none, all names of the router. */
  readonly domains: readonly string[];
  /** A user with credentials that its sm does not know is created there at its login. */
  readonly hasCredentials: HasCredentials;
}

/**
 * The session managers of jabberd2 behind one router. We are one of its c2s: logins are checked here, and the sms are asked
 * for sessions. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 *
 * Here are the link and the stanzas that come on it. {@link Outbox} sends packets to the sms; {@link Users} and
 * {@link SessionRequests} ask for users and sessions by it, and {@link Sessions} holds those that are open.
 * {@link Responses} reads the answers, and {@link ComponentPresence} knows the names on the router.
 */
export class Jabberd2Upstream implements LinkedUpstream {
  /** The sm handles packets one by one, in their order. [jabberd2 2.7.0 sm] */
  readonly dropsAtEnd = false;
  /** Sessions are asked about when their sm is back, and not when the link is: see {@link ComponentPresence}. */
  readonly forgetsSessions = false;
  readonly provisioning: UserProvisioning;
  private readonly link: ReconnectingLink;
  private readonly componentNames = new ComponentNames();
  private readonly outbox: Outbox;
  private readonly sessions: Sessions;
  private readonly users: Users;
  private readonly requests: SessionRequests;
  private readonly responses: Responses;
  private readonly presence: ComponentPresence;
  /** There from the start on. */
  private events!: UpstreamEvents;

  constructor(
    private readonly options: Jabberd2UpstreamOptions,
    private readonly log: Log,
  ) {
    this.link = this.makeLink();
    this.outbox = new Outbox(this.link, this.componentNames, options, log);
    this.sessions = new Sessions(this.outbox, () => this.events.sessions, log);
    this.users = new Users(this.outbox, this.sessions, options.hasCredentials, log);
    this.provisioning = this.users;
    this.requests = new SessionRequests(this.outbox, this.sessions, this.users);
    this.responses = new Responses(this.link, this.outbox, this.sessions, this.users, log);
    this.presence = this.makePresence();
  }

  start(events: UpstreamEvents): void {
    this.events = events;
    this.link.start();
  }

  /** Unbinds our name, and closes the link after the packets that wait. */
  stop(): Promise<void> {
    this.presence.stop();
    const { name } = this.options;
    if (this.link.up) this.link.send(element('unbind', { xmlns: dialect.COMPONENT, name }).toString());
    return this.link.stop();
  }

  get up(): boolean {
    return this.link.up;
  }

  get loginQueue(): OutboundQueue {
    return this.outbox.loginQueue;
  }

  get returnQueue(): OutboundQueue {
    return this.outbox.returnQueue;
  }

  /** The names on the router: sms, their domains, and other components. */
  get names(): string[] {
    return [...this.componentNames].sort();
  }

  refusal(domain: string): CloseReason | undefined {
    if (!this.up) return { kind: 'link-down' };
    if (this.componentNames.has(domain)) return undefined;
    const isOurs = this.componentNames.wasThere(domain) || this.options.domains.includes(domain);
    return isOurs ? { kind: 'manager-gone', detail: away(domain) } : { kind: 'host-unknown' };
  }

  newSocketAddress(descriptor: number): string {
    return newConnectionId(descriptor);
  }

  // --- sessions -----------------------------------------------------------------------------------------------------

  /** A session is asked for with the address that was logged in with, in the spelling of the sm's own log. */
  open(session: Session): boolean {
    const jid = Jid.parse(session.fullJid, STRINGPREP);
    if (jid === undefined || !dialect.isCarriableAddress(jid.full)) return false;
    session.fullJid = jid.full;
    this.requests.start(session.address, jid.full, jid.host);
    return true;
  }

  attach({ address }: Session): UpstreamSession {
    return this.sessions.opened(address);
  }

  /**
   * A packet did not reach its client. A session that was opened for a client that has left ends. A stanza goes back to the
   * router as its sender wrote it, outside of any session, so that the sm stores or refuses it.
   */
  bounce({ kind, to, text }: Packet): void {
    this.sessions.end(to);
    if (kind === 'stanza') this.outbox.giveBack(text);
  }

  // --- the link -----------------------------------------------------------------------------------------------------

  private makeLink(): ReconnectingLink {
    const { options } = this;
    return new ReconnectingLink(
      { ...options, limited: false, handshake: () => new RouterHandshake(options) },
      {
        onLinked: () => this.presence.bound(),
        onPacket: (packet) => this.received(packet),
        onFailed: ({ reason, final }) => {
          this.presence.unbound();
          this.outbox.unlinked();
          this.events.link.onFailed(reason, final);
        },
        onDown: () => {
          this.events.sessions.unlinked();
          this.events.link.onDown();
        },
        onRoom: () => this.outbox.giveTurns(),
      },
      this.log,
    );
  }

  private makePresence(): ComponentPresence {
    const { domains, connect } = this.options;
    return new ComponentPresence(this.componentNames, this.outbox, this.sessions, {
      domains,
      acceptsConnections: () =>
        acceptsConnections(connect, tcp.open('initiating', new RouterHandshake(this.options).header())),
      onSettled: () => this.settled(),
      onRoom: () => this.outbox.giveTurns(),
    });
  }

  private settled(): void {
    this.link.open();
    this.events.sessions.linked();
    this.events.link.onUp();
    this.link.flush();
  }

  private received(packet: Stanza): void {
    const routed = dialect.read(packet);
    if (routed?.kind === 'stanza') this.deliver(routed, packet);
    else if (routed) this.dispatch(routed);
    else
      this.log.debug('dropped a packet without a client', {
        name: packet.name,
        from: packet.attribute('from'),
      });
  }

  /** Most stanzas are for a session of the registry, which holds ours: one look-up finds both. */
  private deliver(carried: Carried, whole: Stanza): void {
    const { c2s, sm, from, text } = carried;
    const { sessions } = this.events;
    const session = sessions.find(c2s);
    const ours = session?.upstream;
    const open = ours instanceof Jabberd2Session && ours.sm === sm ? ours : this.sessions.known(carried);
    if (open)
      return sessions.receive(
        { kind: 'stanza', to: c2s, from: open.jid, text, whole, envelope: 'route' },
        session,
      );
    this.log.debug('a stanza for an ended session', { socket: c2s });
    if (this.sessions.get(c2s)) return;
    this.sessions.endUnknown(from, carried);
    this.outbox.giveBack(text);
  }

  private dispatch(routed: Exclude<Routed, Carried>): void {
    switch (routed.kind) {
      case 'presence':
        return routed.available
          ? this.presence.available(routed.name)
          : this.presence.unavailable(routed.name);
      case 'action':
        return this.responses.action(routed);
      case 'bounced':
        return this.responses.bounced(routed);
      case 'undeliverable':
        return this.responses.undeliverable(routed);
    }
  }
}
