import type { Log } from '../../observe/log.js';
import type { CloseReason } from '../../session/close-reason.js';
import type { Upstream, UserProvisioning, Registered, OutboundQueue } from '../../session/upstream.js';
import type { Packet, Session } from '../../session/session.js';
import type { Condition } from '../../xmpp/stanza-error.js';
import { element, type Stanza } from '../../xml/index.js';
import type { UpstreamEvents } from '../events.js';
import { ReconnectingLink, type ReconnectingLinkOptions } from '../reconnecting-link.js';
import { Jid, STRINGPREP } from '../../xmpp/jid.js';
import { acceptsConnections, away, ComponentNames, ComponentPresence } from './component-presence.js';
import * as dialect from './dialect.js';
import type { Carried, Routed } from './dialect.js';
import { RouterHandshake, type RouterOptions } from './handshake.js';
import { Outbox } from './outbox.js';
import { Responses } from './responses.js';
import { SessionRequests, Sessions } from './sessions.js';
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
export class Jabberd2Upstream implements Upstream, UserProvisioning {
  private readonly link: ReconnectingLink;
  private readonly names = new ComponentNames();
  private readonly outbox: Outbox;
  private readonly sessions: Sessions;
  private readonly users: Users;
  private readonly requests: SessionRequests;
  private readonly responses: Responses;
  private readonly presence: ComponentPresence;

  constructor(
    private readonly options: Jabberd2UpstreamOptions,
    private readonly events: UpstreamEvents,
    private readonly log: Log,
  ) {
    this.link = this.makeLink();
    this.outbox = new Outbox(this.link, this.names, options, log);
    this.sessions = new Sessions(this.outbox, (packet) => events.packet(packet), log);
    this.users = new Users(this.outbox, this.sessions, options.hasCredentials, log);
    this.requests = new SessionRequests(this.outbox, this.sessions, this.users);
    this.responses = new Responses(this.link, this.outbox, this.sessions, this.users, log);
    this.presence = this.makePresence();
  }

  start(): void {
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

  /** The sm takes packets one by one, in their order. [jabberd2 2.7.0 sm] */
  readonly dropsAtEnd = false;

  get congested(): boolean {
    return this.outbox.congested;
  }

  queueFor({ address }: Session): OutboundQueue {
    const at = this.sessions.get(address);
    return at?.state === 'open' ? this.outbox.queues.to(at.name) : this.outbox.queues.in;
  }

  /** What is given back goes to whichever sm it came from. */
  get returnQueue(): OutboundQueue {
    return this.outbox.queues.in;
  }

  /** The names that are on the router now: sms, their domains, and other components. */
  get present(): string[] {
    return [...this.names].sort();
  }

  /** Why nobody can log in at a domain now; undefined where one can. */
  refusal(domain: string): CloseReason | undefined {
    if (!this.up) return { kind: 'link-down' };
    if (this.names.has(domain)) return undefined;
    const isOurs = this.names.wasThere(domain) || this.options.domains.includes(domain);
    return isOurs ? { kind: 'manager-gone', detail: away(domain) } : { kind: 'host-unknown' };
  }

  create(user: string, domain: string): Promise<Registered> {
    return this.users.create(user, domain);
  }

  remove(user: string, domain: string): void {
    this.users.remove(user, domain);
  }

  // --- sessions, and what goes out on them --------------------------------------------------------------------------

  /** What a session is asked for with is the address that was logged in with: nobody else names one here. */
  granted({ kind }: Packet, asked: string): string | undefined {
    const jid = kind === 'answer' ? Jid.parse(asked, STRINGPREP)?.full : undefined;
    return jid !== undefined && dialect.isBearable(jid) ? jid : undefined;
  }

  open(session: Session, jid: string): boolean {
    // As it stands in the sm's own log.
    session.login = jid;
    this.requests.start(session.address, jid, Jid.parse(jid, STRINGPREP)!.host);
    return true;
  }

  stamp({ address }: Session): string {
    const at = this.sessions.get(address);
    return at?.state === 'open' ? dialect.stampOf(at) : '';
  }

  carry(session: Session, stanza: Stanza): Condition | undefined {
    if (dialect.isUnbearable(stanza)) return undefined;
    const at = this.sessions.get(session.address);
    const payload = dialect.stamped(stanza, session.stamp);
    if (payload === undefined) return dialect.refusalOf(stanza);
    if (at?.state !== 'open') return undefined;
    if (this.names.has(at.name)) this.outbox.send(at.name, payload.text, payload.ascii && at.ascii);
    else this.outbox.park(at.name, { c2s: session.address, payload: payload.text });
    return undefined;
  }

  end({ address }: Session): void {
    this.sessions.end(address);
  }

  /**
   * What did not reach its client. A session that was opened for nobody is ended. A stanza goes back into the router as
   * its sender wrote it, to be stored or refused by the sm: there is no session any more that it could belong to.
   */
  bounce({ kind, to, text }: Packet): void {
    this.sessions.end(to);
    if (kind === 'stanza') this.outbox.giveBack(text);
  }

  /** @returns undefined: all that comes names its session, and is looked at where it comes in */
  staleSession(): undefined {
    return undefined;
  }

  endStale(): void {
    // There is nothing to end but what `bounce` ends.
  }

  /** The sm has no session any more that it would go to. */
  readonly endsByBounce = true;

  /** What is given back is delivered anew by the sm, stored or refused: that is no way round, however often it comes. */
  refuse(packet: Packet): void {
    this.bounce(packet);
  }

  // --- the link, and what comes in on it ----------------------------------------------------------------------------

  private makeLink(): ReconnectingLink {
    const { options, events } = this;
    return new ReconnectingLink(
      { ...options, limited: false, handshake: () => new RouterHandshake(options) },
      {
        linked: () => this.presence.bound(),
        packet: (packet) => this.received(packet),
        failed: ({ reason, final }) => {
          this.presence.unbound();
          this.outbox.unlinked();
          events.failed(reason, final);
        },
        down: () => events.down(),
        relieved: () => this.relieve(),
      },
      this.log,
    );
  }

  private makePresence(): ComponentPresence {
    const { domains, connect } = this.options;
    return new ComponentPresence(this.names, this.outbox, this.sessions, {
      domains,
      answers: () => acceptsConnections(connect, new RouterHandshake(this.options).header()),
      settled: () => this.settled(),
      relieved: () => this.relieve(),
    });
  }

  private settled(): void {
    this.link.open();
    this.events.up();
    this.link.flush();
  }

  private relieve(): void {
    this.outbox.queues.giveTurns();
    this.events.relieved();
  }

  private received(packet: Stanza): void {
    const said = dialect.read(packet);
    if (said?.kind === 'stanza') this.deliver(said, packet);
    else if (said) this.heard(said);
    else this.log.debug('a packet for no client', { name: packet.name, from: packet.attribute('from') });
  }

  private deliver(said: Carried, whole: Stanza): void {
    const { c2s, from, text } = said;
    const at = this.sessions.known(said);
    if (at) return this.events.packet({ kind: 'stanza', to: c2s, from: at.jid, text, whole, carrier: true });
    this.log.debug('a stanza for a session that is over', { socket: c2s });
    if (this.sessions.get(c2s)) return;
    this.sessions.endUnknown(from, said);
    this.outbox.giveBack(text);
  }

  private heard(said: Exclude<Routed, Carried>): void {
    switch (said.kind) {
      case 'advert':
        return said.available ? this.presence.came(said.name) : this.presence.gone(said.name);
      case 'action':
        return this.responses.action(said);
      case 'bounced':
        return this.responses.bounced(said);
      case 'undeliverable':
        return this.responses.undeliverable(said);
    }
  }
}
