import type { Log } from '../../observe/log.js';
import type { End } from '../../session/end.js';
import type { Manager, Registrar, Registered, Way } from '../../session/manager.js';
import type { Packet, Session } from '../../session/session.js';
import type { Condition } from '../../session/stanza-error.js';
import { element, type Stanza } from '../../xml/index.js';
import type { ManagerEvents } from '../events.js';
import { Line, type LineOptions } from '../line.js';
import { parseAddress } from './address.js';
import { Adverts } from './adverts.js';
import { answers } from './answers.js';
import * as dialect from './dialect.js';
import type { Carried, Routed } from './dialect.js';
import { RouterGreeting, type RouterOptions } from './greeting.js';
import { away, Names } from './names.js';
import { Post } from './post.js';
import { Replies } from './replies.js';
import { Sessions } from './sessions.js';
import { Starts } from './starts.js';
import { Users, type HasCredentials } from './users.js';

export interface RouterManagerOptions extends Omit<LineOptions, 'greeting' | 'limited'>, RouterOptions {
  /** Domains that clients are to find here; where there are none, whatever the router has. */
  readonly domains: readonly string[];
  /** An sm that does not know somebody who has credentials is told of him when he logs in. */
  readonly hasCredentials: HasCredentials;
}

/**
 * The session managers of jabberd2 behind one router. We are one of its c2s: who logs in is checked on our side, and the
 * sms are asked for sessions. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 *
 * Here are the link and the stanzas on it, in both directions. {@link Post} gets packets to sms; with it {@link Users} and
 * {@link Starts} ask for users and sessions, and {@link Sessions} says which there are. {@link Replies} hears what comes of
 * all that, and {@link Adverts} which names come and go.
 */
export class RouterManager implements Manager, Registrar {
  private readonly line: Line;
  private readonly names = new Names();
  private readonly post: Post;
  private readonly sessions: Sessions;
  private readonly users: Users;
  private readonly starts: Starts;
  private readonly replies: Replies;
  private readonly adverts: Adverts;

  constructor(
    private readonly options: RouterManagerOptions,
    private readonly events: ManagerEvents,
    private readonly log: Log,
  ) {
    this.line = this.makeLine();
    this.post = new Post(this.line, this.names, options, log);
    this.sessions = new Sessions(this.post, (packet) => events.packet(packet), log);
    this.users = new Users(this.post, this.sessions, options.hasCredentials, log);
    this.starts = new Starts(this.post, this.sessions, this.users);
    this.replies = new Replies(this.line, this.post, this.sessions, this.users, log);
    this.adverts = this.makeAdverts();
  }

  start(): void {
    this.line.start();
  }

  /** Gives the name back, and closes the link after what waits. */
  stop(): Promise<void> {
    this.adverts.stop();
    const { name } = this.options;
    if (this.line.up) this.line.send(element('unbind', { xmlns: dialect.COMPONENT, name }).toString());
    return this.line.stop();
  }

  get up(): boolean {
    return this.line.up;
  }

  /** The sm takes packets one by one, in their order. [jabberd2 2.7.0 sm] */
  readonly dropsAtEnd = false;

  get congested(): boolean {
    return this.post.congested;
  }

  way({ address }: Session): Way {
    const at = this.sessions.get(address);
    return at?.state === 'open' ? this.post.ways.to(at.name) : this.post.ways.in;
  }

  /** What is given back goes to whichever sm it came from. */
  get wayBack(): Way {
    return this.post.ways.in;
  }

  /** The names that are on the router now: sms, their domains, and other components. */
  get present(): string[] {
    return [...this.names].sort();
  }

  /** Why nobody can log in at a domain now; undefined where one can. */
  refusal(domain: string): End | undefined {
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
    const jid = kind === 'answer' ? parseAddress(asked)?.full : undefined;
    return jid !== undefined && dialect.isBearable(jid) ? jid : undefined;
  }

  open(session: Session, jid: string): boolean {
    // As it stands in the sm's own log.
    session.login = jid;
    this.starts.start(session.address, jid, parseAddress(jid)!.host);
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
    if (this.names.has(at.name)) this.post.send(at.name, payload.text, payload.ascii && at.ascii);
    else this.post.hold(at.name, { c2s: session.address, payload: payload.text });
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
    if (kind === 'stanza') this.post.giveBack(text);
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

  private makeLine(): Line {
    const { options, events } = this;
    return new Line(
      { ...options, limited: false, greeting: () => new RouterGreeting(options) },
      {
        linked: () => this.adverts.bound(),
        packet: (packet) => this.received(packet),
        failed: ({ reason, final }) => {
          this.adverts.unbound();
          this.post.unlinked();
          events.failed(reason, final);
        },
        down: () => events.down(),
        relieved: () => this.relieve(),
      },
      this.log,
    );
  }

  private makeAdverts(): Adverts {
    const { domains, connect } = this.options;
    return new Adverts(this.names, this.post, this.sessions, {
      domains,
      answers: () => answers(connect, new RouterGreeting(this.options).header()),
      settled: () => this.settled(),
      relieved: () => this.relieve(),
    });
  }

  private settled(): void {
    this.line.open();
    this.events.up();
    this.line.flush();
  }

  private relieve(): void {
    this.post.ways.giveTurns();
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
    this.post.giveBack(text);
  }

  private heard(said: Exclude<Routed, Carried>): void {
    switch (said.kind) {
      case 'advert':
        return said.available ? this.adverts.came(said.name) : this.adverts.gone(said.name);
      case 'action':
        return this.replies.action(said);
      case 'bounced':
        return this.replies.bounced(said);
      case 'undeliverable':
        return this.replies.undeliverable(said);
    }
  }
}
