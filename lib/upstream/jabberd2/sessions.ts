import { isAscii } from 'node:buffer';
import type { Log } from '../../observe/log.js';
import { ACCOUNT_REMOVED } from '../../session/close-reason.js';
import type { OutboundQueue } from '../../session/outbound-queue.js';
import type { UpstreamSession } from '../../session/session.js';
import type { SessionEvents } from '../../session/upstream.js';
import type { Condition } from '../../xmpp/stanza-error.js';
import type { Stanza } from '../../xml/index.js';
import * as dialect from './dialect.js';
import type { Ids } from './dialect.js';
import { away } from './component-presence.js';
import { NO_ANSWER, type Outbox } from './outbox.js';
import type { Users } from './users.js';

/** Sessions that are remembered after their end: packets that still come for them are only late. */
const MAX_ENDED = 10_000;

/** A session that was asked for. */
export interface Starting {
  readonly state: 'starting';
  /** Our id of the session: the socket address of its client. */
  readonly c2s: string;
  /** The full address of the login, and its domain, which was asked for the session. */
  readonly jid: string;
  readonly domain: string;
}

/** A session that an sm has: the upstream's half of it. */
export class Jabberd2Session implements UpstreamSession, Ids {
  readonly state = 'open';
  readonly c2s: string;
  readonly jid: string;
  readonly domain: string;
  readonly queue: OutboundQueue;
  /** The attributes that we write on each of its stanzas. */
  private readonly stamp: string;
  /** Are the texts that we write around its stanzas ASCII? */
  private readonly ascii: boolean;

  /**
   * @param name the name of its sm on the router: the addressee of its packets
   * @param sm the sm's id of the session
   */
  constructor(
    { c2s, jid, domain }: Starting,
    readonly name: string,
    readonly sm: string,
    private readonly sessions: Sessions,
    private readonly outbox: Outbox,
  ) {
    this.c2s = c2s;
    this.jid = jid;
    this.domain = domain;
    this.queue = outbox.queues.to(name);
    this.stamp = dialect.stampOf(this);
    this.ascii = isAscii(Buffer.from(name + sm));
  }

  /** Stanzas for an sm that is away wait: it may come back with its sessions. */
  carry(stanza: Stanza): Condition | undefined {
    if (dialect.isDropped(stanza)) return undefined;
    const payload = dialect.stampedStanza(stanza, this.stamp);
    if (payload === undefined) return dialect.conditionOf(stanza);
    if (this.outbox.reaches(this.name))
      this.outbox.send(this.name, payload.text, payload.ascii && this.ascii);
    else this.outbox.park(this.name, { c2s: this.c2s, payload: payload.text });
    return undefined;
  }

  end(): void {
    this.sessions.end(this.c2s);
  }
}

/**
 * The sessions of our clients, by our ids: `starting`, then `open`, then gone. Each has two ids, one of each side; the
 * answer to its start says which sm has it. Each end is told to the other side: to the session registry by a call, to the sm
 * by a packet that is sent until it is acknowledged. Else contacts would go on to see the user, and messages for him would
 * come here. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 */
export class Sessions {
  private readonly byId = new Map<string, Starting | Jabberd2Session>();
  private readonly ended = new Set<string>();
  /** Ids of those whose accounts are being removed. */
  private readonly ofRemoved = new Set<string>();

  /** @param registry the session registry, which is told when a session is opened, refused or over */
  constructor(
    private readonly outbox: Outbox,
    private readonly registry: () => SessionEvents,
    private readonly log: Log,
  ) {}

  get(c2s: string): Starting | Jabberd2Session | undefined {
    return this.byId.get(c2s);
  }

  /** The session that has just been opened. */
  opened(c2s: string): Jabberd2Session {
    return this.byId.get(c2s) as Jabberd2Session;
  }

  /** The open session that has both ids. */
  known({ c2s, sm }: Partial<Ids>): Jabberd2Session | undefined {
    const session = c2s === undefined ? undefined : this.byId.get(c2s);
    return session?.state === 'open' && session.sm === sm ? session : undefined;
  }

  /** The open sessions; they may be ended during the iteration. */
  *allOpen(): Iterable<Jabberd2Session> {
    for (const session of this.byId.values()) if (session.state === 'open') yield session;
  }

  /** The open sessions that need a name, as that of their sm or as their domain. */
  *on(name: string): Iterable<Jabberd2Session> {
    for (const session of this.allOpen()) if (isOn(session, name)) yield session;
  }

  hasOn(name: string): boolean {
    for (const session of this.allOpen()) if (isOn(session, name)) return true;
    return false;
  }

  /** Has a user an open session? */
  hasUser(bare: string): boolean {
    for (const { jid } of this.allOpen()) if (jid.startsWith(`${bare}/`)) return true;
    return false;
  }

  /** The account of a user is being removed: the sm will end its sessions without a reason. */
  userRemoved(bare: string): void {
    for (const { c2s, jid } of this.allOpen()) if (jid.startsWith(`${bare}/`)) this.ofRemoved.add(c2s);
  }

  /** A session is being asked for. */
  starting(c2s: string, jid: string, domain: string): Starting {
    const starting: Starting = { state: 'starting', c2s, jid, domain };
    this.byId.set(c2s, starting);
    return starting;
  }

  /**
   * An sm has started it.
   *
   * @param name the name that its answer came from
   * @param sm its id of the session
   */
  started(starting: Starting, name: string, sm: string): void {
    const { c2s, jid } = starting;
    this.byId.set(c2s, new Jabberd2Session(starting, name, sm, this, this.outbox));
    if (!this.registry().opened(c2s, jid)) this.end(c2s);
  }

  /** No sm has started it. @param reason for the log */
  refused({ c2s, jid }: Starting, reason: string): void {
    this.log.warn(`no session for a login: ${reason}`, { socket: c2s, user: jid });
    // Where only the answer was lost, an sm has it all the same: the first packet for it ends it.
    this.byId.delete(c2s);
    this.registry().refused(c2s);
  }

  /** It is over on our side. */
  end(c2s: string): void {
    const session = this.byId.get(c2s);
    if (session?.state !== 'open') return;
    this.forget(c2s);
    this.tellEnd(session.name, session);
  }

  /** It is over at its sm, which may have said a reason. */
  over({ c2s }: Jabberd2Session, given: string | undefined): void {
    const reason = this.ofRemoved.has(c2s) ? ACCOUNT_REMOVED : given;
    this.forget(c2s);
    this.registry().ended(c2s, reason);
  }

  /** It ends while its sm cannot be told: the sm may have it still when it is back, and is told then. */
  leaveBehind(session: Jabberd2Session): void {
    this.outbox.keepUntilAcknowledged(keyOf(session), session.name, dialect.session('end', session));
    this.over(session, away(session.name));
  }

  /** An sm has sent a packet to a session that is not here. Unless we have just ended it, the sm is told to. */
  endUnknown(name: string, ids: Ids): void {
    if (!this.ended.has(ids.c2s)) this.tellEnd(name, ids);
    this.remember(ids.c2s);
  }

  /** A session is over here, and its sm is told. */
  tellEnd(name: string, ids: Ids): void {
    this.outbox.tellUntilAcknowledged(keyOf(ids), name, dialect.session('end', ids));
  }

  /** An sm has answered an end. */
  endAnswered(ids: Partial<Ids>): void {
    this.outbox.acknowledged(keyOf(ids));
  }

  /** Asks the sm whether it has the session; it only answers where it has not. */
  probe(session: Jabberd2Session): void {
    this.outbox.send(session.name, dialect.probe(session));
  }

  /** Tells its client that a stanza did not arrive, where the client waits for it. */
  undelivered({ c2s, jid }: Jabberd2Session, stanza: string): void {
    const text = dialect.undeliveredTo(jid, stanza);
    if (text !== undefined) this.registry().tell(c2s, text);
  }

  private forget(c2s: string): void {
    this.ofRemoved.delete(c2s);
    if (this.byId.delete(c2s)) this.remember(c2s);
  }

  private remember(c2s: string): void {
    if (this.ended.size >= MAX_ENDED) this.ended.clear();
    this.ended.add(c2s);
  }
}

function isOn(session: Jabberd2Session, name: string): boolean {
  return session.name === name || session.domain === name;
}

/** The key of an end that waits for its answer, which has no id. */
function keyOf({ c2s, sm }: Partial<Ids>): string {
  return `${c2s} ${sm}`;
}

const REFUSED = 'the sm refuses to start a session';

/**
 * Requests for sessions: `<session action='start'/>`, and once more where the user had to be created at the sm first.
 * [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 */
export class SessionRequests {
  constructor(
    private readonly outbox: Outbox,
    private readonly sessions: Sessions,
    private readonly users: Users,
  ) {}

  /**
   * @param c2s our id of the session
   * @param jid the full address of its user
   * @param domain the name of the user's sm on the router
   */
  start(c2s: string, jid: string, domain: string): void {
    const starting = this.sessions.starting(c2s, jid, domain);
    this.ask(starting, () => void this.users.introduce(jid, (reason) => this.introduced(starting, reason)));
  }

  private introduced(starting: Starting, reason: string | undefined): void {
    if (reason === undefined) this.ask(starting, () => this.sessions.refused(starting, REFUSED));
    else this.sessions.refused(starting, reason);
  }

  private ask(starting: Starting, onRefused: () => void): void {
    const { c2s, jid, domain } = starting;
    const id = dialect.newId();
    this.outbox.ask(domain, dialect.session('start', { c2s }, jid, id), id, (answer) => {
      if (answer?.action === 'started' && answer.sm) this.sessions.started(starting, answer.from, answer.sm);
      else if (answer?.action === 'start') onRefused();
      else this.sessions.refused(starting, answer ? REFUSED : NO_ANSWER);
    });
  }
}
