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

/** Sessions of which is remembered that they are over: what still comes for them is late, and no reason to worry. */
const MAX_ENDED = 10_000;

/** A session that was asked for. */
export interface Starting {
  readonly state: 'starting';
  /** Our id of the session: the socket address of its client. */
  readonly c2s: string;
  /** The full address of who logs in, and its domain: there it was asked for. */
  readonly jid: string;
  readonly domain: string;
}

/** A session that an sm has: the upstream's half of it. */
export class OpenSession implements UpstreamSession, Ids {
  readonly state = 'open';
  readonly c2s: string;
  readonly jid: string;
  readonly domain: string;
  readonly queue: OutboundQueue;
  /** What goes on every stanza of it. */
  private readonly stamp: string;
  /** Is all ASCII that goes around its stanzas? */
  private readonly ascii: boolean;

  /**
   * @param name the name of the sm: where its packets go
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

  /** A stanza for an sm that is away waits for it: it may come back with its sessions. */
  carry(stanza: Stanza): Condition | undefined {
    if (dialect.isUnbearable(stanza)) return undefined;
    const payload = dialect.stamped(stanza, this.stamp);
    if (payload === undefined) return dialect.refusalOf(stanza);
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
 * The sessions of our clients, by our ids: `starting`, then `open`, then gone. Each has two ids, one of either side's;
 * which sm has it is told when it is started. With each change the other side is told as well: the session registry by a
 * call, the sm by an end that it is owed. For contacts go on to see a user whose session was not ended, and what is sent to him
 * comes here. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 */
export class Sessions {
  private readonly byId = new Map<string, Starting | OpenSession>();
  private readonly ended = new Set<string>();
  /** Ids of those whose accounts are being removed. */
  private readonly ofRemoved = new Set<string>();

  /** @param registry who is told of what becomes of sessions */
  constructor(
    private readonly outbox: Outbox,
    private readonly registry: () => SessionEvents,
    private readonly log: Log,
  ) {}

  get(c2s: string): Starting | OpenSession | undefined {
    return this.byId.get(c2s);
  }

  /** The session that has just been opened. */
  opened(c2s: string): OpenSession {
    return this.byId.get(c2s) as OpenSession;
  }

  /** The open session that has both ids. */
  known({ c2s, sm }: Partial<Ids>): OpenSession | undefined {
    const at = c2s === undefined ? undefined : this.byId.get(c2s);
    return at?.state === 'open' && at.sm === sm ? at : undefined;
  }

  /** The open sessions; what is iterated over may be ended meanwhile. */
  *allOpen(): Iterable<OpenSession> {
    for (const at of this.byId.values()) if (at.state === 'open') yield at;
  }

  /** Those that need a name: as that of their sm, or as their domain. */
  *on(name: string): Iterable<OpenSession> {
    for (const at of this.allOpen()) if (isOn(at, name)) yield at;
  }

  hasOn(name: string): boolean {
    for (const at of this.allOpen()) if (isOn(at, name)) return true;
    return false;
  }

  /** Is there an open one of a user? */
  hasUser(bare: string): boolean {
    for (const { jid } of this.allOpen()) if (jid.startsWith(`${bare}/`)) return true;
    return false;
  }

  /** The account of a user is being removed: the sm will end his sessions, and says no reason. */
  userRemoved(bare: string): void {
    for (const { c2s, jid } of this.allOpen()) if (jid.startsWith(`${bare}/`)) this.ofRemoved.add(c2s);
  }

  /** One is being asked for. */
  starting(c2s: string, jid: string, domain: string): Starting {
    const starting: Starting = { state: 'starting', c2s, jid, domain };
    this.byId.set(c2s, starting);
    return starting;
  }

  /**
   * An sm has it.
   *
   * @param name where its answer came from
   * @param sm its id of the session
   */
  started(starting: Starting, name: string, sm: string): void {
    const { c2s, jid } = starting;
    this.byId.set(c2s, new OpenSession(starting, name, sm, this, this.outbox));
    if (!this.registry().opened(c2s, jid)) this.end(c2s);
  }

  /** Nobody has it, for a reason that goes to the log and to the client. */
  refused({ c2s, jid }: Starting, reason: string): void {
    this.log.warn(`no session for a login: ${reason}`, { socket: c2s, user: jid });
    // There may be one all the same, where the answer was lost: what comes for it ends it.
    this.byId.delete(c2s);
    this.registry().refused(c2s);
  }

  /** It is over on our side. */
  end(c2s: string): void {
    const at = this.byId.get(c2s);
    if (at?.state !== 'open') return;
    this.forget(c2s);
    this.tellEnd(at.name, at);
  }

  /** It is over on the other side, which may have said why. */
  over({ c2s }: OpenSession, said: string | undefined): void {
    const reason = this.ofRemoved.has(c2s) ? ACCOUNT_REMOVED : said;
    this.forget(c2s);
    this.registry().ended(c2s, reason);
  }

  /** It is over on our side while its sm can not be told: that has it still, perhaps, when it is back. */
  leaveBehind(at: OpenSession): void {
    this.outbox.keepUntilAcknowledged(keyOf(at), at.name, dialect.session('end', at));
    this.over(at, away(at.name));
  }

  /** An sm has sent something to a session that is not here. Where we did not just end it, the sm must. */
  endUnknown(name: string, ids: Ids): void {
    if (!this.ended.has(ids.c2s)) this.tellEnd(name, ids);
    this.remember(ids.c2s);
  }

  /** An sm has a session that is over on our side. */
  tellEnd(name: string, ids: Ids): void {
    this.outbox.tellUntilAcknowledged(keyOf(ids), name, dialect.session('end', ids));
  }

  /** An sm has answered an end. */
  endAnswered(ids: Partial<Ids>): void {
    this.outbox.acknowledged(keyOf(ids));
  }

  /** Finds out whether the sm still has it: it says so where it has not. */
  probe(at: OpenSession): void {
    this.outbox.send(at.name, dialect.probe(at));
  }

  /** Tells its client that a stanza did not arrive, where he would miss it. */
  undelivered({ c2s, jid }: OpenSession, stanza: string): void {
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

function isOn(at: OpenSession, name: string): boolean {
  return at.name === name || at.domain === name;
}

/** What an end is owed by: an answer to it has no id. */
function keyOf({ c2s, sm }: Partial<Ids>): string {
  return `${c2s} ${sm}`;
}

const REFUSED = 'the sm refuses to start a session';

/**
 * How a session is asked for: by `<session action='start'/>`, and once more where the sm had to be told of its user
 * first. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 */
export class SessionRequests {
  constructor(
    private readonly outbox: Outbox,
    private readonly sessions: Sessions,
    private readonly users: Users,
  ) {}

  /**
   * @param c2s our id of the session
   * @param jid whose it is to be; his sm has the name of the domain
   */
  start(c2s: string, jid: string, domain: string): void {
    const starting = this.sessions.starting(c2s, jid, domain);
    this.ask(starting, () => void this.users.introduce(jid, (reason) => this.introduced(starting, reason)));
  }

  private introduced(starting: Starting, reason: string | undefined): void {
    if (reason === undefined) this.ask(starting, () => this.sessions.refused(starting, REFUSED));
    else this.sessions.refused(starting, reason);
  }

  private ask(starting: Starting, refused: () => void): void {
    const { c2s, jid, domain } = starting;
    const id = dialect.newId();
    this.outbox.ask(domain, dialect.session('start', { c2s }, jid, id), id, (answer) => {
      if (answer?.action === 'started' && answer.sm) this.sessions.started(starting, answer.from, answer.sm);
      else if (answer?.action === 'start') refused();
      else this.sessions.refused(starting, answer ? REFUSED : NO_ANSWER);
    });
  }
}
