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
import { OpenSession, SessionRequests, Sessions } from './sessions.js';
import { Users, type HasCredentials } from './users.js';

export interface Jabberd2UpstreamOptions
  extends Omit<ReconnectingLinkOptions, 'handshake' | 'limited'>, RouterOptions {
  /** Domains that clients are to find here; where there are none, whatever the router has. */
  readonly domains: readonly string[];
  /** An sm that does not know somebody who has credentials is told of him when he logs in. */
  readonly hasCredentials: HasCredentials;
}

/**
 * The session managers of jabberd2 behind one router. We are one of its c2s: who logs in is checked on our side, and the
 * sms are asked for sessions. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 *
 * Here are the link and the stanzas on it, in both directions. {@link Outbox} gets packets to sms; with it {@link Users} and
 * {@link SessionRequests} ask for users and sessions, and {@link Sessions} says which there are. {@link Responses} hears what comes of
 * all that, and {@link ComponentPresence} which names come and go.
 */
export class Jabberd2Upstream implements LinkedUpstream {
  /** The sm takes packets one by one, in their order. [jabberd2 2.7.0 sm] */
  readonly dropsAtEnd = false;
  /** Sessions are asked about when their sm is back, and not when the link is: see {@link ComponentPresence}. */
  readonly forgetsSessions = false;
  readonly provisioning: UserProvisioning;
  private readonly link: ReconnectingLink;
  private readonly presentNames = new ComponentNames();
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
    this.outbox = new Outbox(this.link, this.presentNames, options, log);
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

  /** Gives the name back, and closes the link after what waits. */
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

  /** The names that are on the router now: sms, their domains, and other components. */
  get names(): string[] {
    return [...this.presentNames].sort();
  }

  /** Why nobody can log in at a domain now; undefined where one can. */
  refusal(domain: string): CloseReason | undefined {
    if (!this.up) return { kind: 'link-down' };
    if (this.presentNames.has(domain)) return undefined;
    const isOurs = this.presentNames.wasThere(domain) || this.options.domains.includes(domain);
    return isOurs ? { kind: 'manager-gone', detail: away(domain) } : { kind: 'host-unknown' };
  }

  newSocketAddress(descriptor: number): string {
    return newConnectionId(descriptor);
  }

  // --- sessions, and what goes out on them --------------------------------------------------------------------------

  /** A session is asked for with the address that was logged in with, in the spelling of the sm's own log. */
  open(session: Session): boolean {
    const jid = Jid.parse(session.fullJid, STRINGPREP);
    if (jid === undefined || !dialect.isBearable(jid.full)) return false;
    session.fullJid = jid.full;
    this.requests.start(session.address, jid.full, jid.host);
    return true;
  }

  attach({ address }: Session): UpstreamSession {
    return this.sessions.opened(address);
  }

  /**
   * What did not reach its client. A session that was opened for nobody is ended. A stanza goes back into the router as
   * its sender wrote it, to be stored or refused by the sm: there is no session any more that it could belong to.
   */
  bounce({ kind, to, text }: Packet): void {
    this.sessions.end(to);
    if (kind === 'stanza') this.outbox.giveBack(text);
  }

  // --- the link, and what comes in on it ----------------------------------------------------------------------------

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
    return new ComponentPresence(this.presentNames, this.outbox, this.sessions, {
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
    const said = dialect.read(packet);
    if (said?.kind === 'stanza') this.deliver(said, packet);
    else if (said) this.heard(said);
    else
      this.log.debug('dropped a packet without a client', {
        name: packet.name,
        from: packet.attribute('from'),
      });
  }

  /** Most stanzas are for a session that the registry has, with its half of ours: one look-up finds both. */
  private deliver(said: Carried, whole: Stanza): void {
    const { c2s, sm, from, text } = said;
    const { sessions } = this.events;
    const session = sessions.find(c2s);
    const half = session?.upstream;
    const at = half instanceof OpenSession && half.sm === sm ? half : this.sessions.known(said);
    if (at)
      return sessions.receive(
        { kind: 'stanza', to: c2s, from: at.jid, text, whole, envelope: 'route' },
        session,
      );
    this.log.debug('a stanza for an ended session', { socket: c2s });
    if (this.sessions.get(c2s)) return;
    this.sessions.endUnknown(from, said);
    this.outbox.giveBack(text);
  }

  private heard(said: Exclude<Routed, Carried>): void {
    switch (said.kind) {
      case 'advert':
        return said.available ? this.presence.available(said.name) : this.presence.unavailable(said.name);
      case 'action':
        return this.responses.action(said);
      case 'bounced':
        return this.responses.bounced(said);
      case 'undeliverable':
        return this.responses.undeliverable(said);
    }
  }
}
