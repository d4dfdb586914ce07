import { isAscii } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { Log } from '../../observe/log.js';
import type { End } from '../../session/end.js';
import { Jid } from '../../session/jid.js';
import type { Manager, Registrar, Registered, Way } from '../../session/manager.js';
import { NOTHING, type Packet, type PacketKind, type Session } from '../../session/session.js';
import { element, type Stanza } from '../../xml/index.js';
import type { ManagerEvents } from '../events.js';
import { Line, type LineOptions } from '../line.js';
import { SharedWay } from '../way.js';
import { answers } from './answers.js';
import * as dialect from './dialect.js';
import type { Action, Carried, Ids, Routed } from './dialect.js';
import { RouterGreeting, type RouterOptions } from './greeting.js';
import { Held } from './held.js';
import { Names } from './names.js';
import { Owed } from './owed.js';
import { Requests } from './requests.js';

export interface RouterManagerOptions extends Omit<LineOptions, 'greeting' | 'limited'>, RouterOptions {
  /** Domains that clients are to find here; where there are none, whatever the router has. */
  readonly domains: readonly string[];
  /** Has somebody of that name credentials now? Then an sm that does not know him is told of him when he logs in. */
  readonly hasCredentials: (user: string, domain: string) => Promise<boolean>;
}

/** How long something is waited for, in milliseconds. */
const TIMES = {
  /** An answer of an sm: neither side has a limit of its own. */
  answer: 10_000,
  /** The names that are served, after the first bind. */
  names: 1_000,
  /** The names that sessions are on, after the link was lost. */
  grace: 10_000,
} as const;

/** Sessions of which is remembered that they are over: what still comes for them is late, and no reason to worry. */
const MOST_ENDED = 10_000;

/** A session that was asked for. */
interface Starting {
  readonly state: 'starting';
  readonly domain: string;
  readonly jid: string;
}

/** A session that an sm has. */
interface Open {
  readonly state: 'open';
  readonly domain: string;
  readonly jid: string;
  /** The name of the sm: where its packets go. */
  readonly name: string;
  /** The sm's id of the session. */
  readonly sm: string;
  /** Is all ASCII that goes around its stanzas? */
  readonly ascii: boolean;
}

/**
 * The session managers of jabberd2 behind one router. We are one of its c2s: who logs in is checked on our side, and the
 * sms are asked for sessions. A session has two ids, one of either side's; which sm has it is told when it is started.
 * [docs/dev/sm-c2s-protocol] [jabberd2 2.7.0]
 */
export class RouterManager implements Manager, Registrar {
  private readonly line: Line;
  private readonly names = new Names();
  private readonly sessions = new Map<string, Starting | Open>();
  private readonly requests = new Requests<Action>(TIMES.answer);
  private readonly held = new Held();
  private readonly owed = new Owed();
  /** The ways to the sms, by name, and that of those who have no session yet. */
  private readonly ways = new Map<string, SharedWay>();
  private readonly wayIn: SharedWay;
  private readonly ended = new Set<string>();
  /** The opening tags of routes, by where they go. */
  private readonly heads = new Map<string, string>();
  /** Runs from the bind until the link is opened. */
  private settling: NodeJS.Timeout | undefined;
  /** Runs from the bind on, while a session may get its sm back. */
  private grace: NodeJS.Timeout | undefined;
  /** Names that are gone, while it is found out whether the router is going as well. */
  private doubted: Set<string> | undefined;

  constructor(
    private readonly options: RouterManagerOptions,
    private readonly events: ManagerEvents,
    private readonly log: Log,
  ) {
    this.line = new Line(
      { ...options, limited: false, greeting: () => new RouterGreeting(options) },
      {
        linked: () => this.bound(),
        packet: (packet) => this.received(packet),
        failed: ({ reason, final }) => {
          this.unbound();
          events.failed(reason, final);
        },
        down: () => events.down(),
        relieved: () => this.relieve(),
      },
      log,
    );
    this.wayIn = this.newWay('');
  }

  start(): void {
    this.line.start();
  }

  /** Gives the name back, and closes the link after what waits. */
  stop(): Promise<void> {
    clearTimeout(this.settling);
    clearTimeout(this.grace);
    const { name } = this.options;
    if (this.line.up) this.line.send(element('unbind', { xmlns: dialect.COMPONENT, name }).toString());
    return this.line.stop();
  }

  get up(): boolean {
    return this.line.up;
  }

  get congested(): boolean {
    return this.held.size > this.options.queueBytes || this.line.congested;
  }

  /** The router keeps what an sm has no time for, so each sm has a way of its own. */
  way({ address }: Session): Way {
    const at = this.sessions.get(address);
    return at?.state === 'open' ? this.wayTo(at.name) : this.wayIn;
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

  // --- sessions ---------------------------------------------------------------------------------------------------

  /** What a session is asked for with is the address that was logged in with: nobody else names one here. */
  granted({ kind }: Packet, asked: string): string | undefined {
    const jid = kind === 'answer' ? Jid.parse(asked)?.full : undefined;
    return jid !== undefined && dialect.isBearable(jid) ? jid : undefined;
  }

  open(session: Session, jid: string): boolean {
    const { host: domain } = Jid.parse(jid)!;
    const c2s = session.address;
    const starting: Starting = { state: 'starting', domain, jid };
    // As it stands in the sm's own log.
    session.login = jid;
    this.sessions.set(c2s, starting);
    this.startSession(c2s, starting, () => void this.introduce(c2s, starting));
    return true;
  }

  private startSession(c2s: string, starting: Starting, refused: () => void): void {
    const { domain, jid } = starting;
    const request = newId();
    this.ask(domain, dialect.session('start', { c2s }, jid, request), request, (answer) => {
      if (answer?.action === 'started' && answer.sm) this.started(c2s, starting, answer, answer.sm);
      else if (answer?.action === 'start') refused();
      else this.refuseStart(c2s, jid, answer ? REFUSED : NO_ANSWER);
    });
  }

  /**
   * An sm without auto-create refuses a session to whom it does not know. Where the account was not registered in-band
   * nobody has told it, and it is told now; but not of one that has been removed since the password was looked at. That
   * it knows him meanwhile (by another login) is as good. [jabberd2 2.7.0 sm.xml user]
   */
  private async introduce(c2s: string, starting: Starting): Promise<void> {
    const { jid } = starting;
    const { user, host, bare } = Jid.parse(jid)!;
    const isThere = await this.options.hasCredentials(user!, host).catch((error: Error) => error);
    if (isThere instanceof Error) return this.refuseStart(c2s, jid, isThere.message);
    if (!isThere) return this.refuseStart(c2s, jid, 'its account was removed meanwhile');
    const id = newId();
    this.ask(host, dialect.session('create', {}, bare, id), id, (answer) => {
      // The account is there, so that a late answer is none that had to be undone.
      if (!answer) this.requests.forget(id);
      if (!answer) return this.refuseStart(c2s, jid, NO_ANSWER);
      if (answer.action === 'created')
        this.log.info('user made at the sm, which did not know it', { user: bare });
      this.startSession(c2s, starting, () => this.refuseStart(c2s, jid, REFUSED));
    });
  }

  stamp({ address }: Session): string {
    const at = this.sessions.get(address);
    return at?.state === 'open' ? dialect.stampOf({ c2s: address, sm: at.sm }) : '';
  }

  carry(session: Session, stanza: Stanza): boolean {
    const at = this.sessions.get(session.address);
    const payload = dialect.stamped(stanza, session.stamp);
    if (payload === undefined) return false;
    if (at?.state !== 'open') return true;
    if (this.names.has(at.name)) this.send(at.name, payload, stanza.ascii && at.ascii);
    else this.held.stanza(at.name, { c2s: session.address, payload });
    return true;
  }

  end({ address }: Session): void {
    this.endSession(address);
  }

  /**
   * What did not reach its client. A session that was opened for nobody is ended. A stanza goes back into the router as
   * its sender wrote it, to be stored or refused by the sm: there is no session any more that it could belong to.
   */
  bounce({ kind, to, text }: Packet): void {
    this.endSession(to);
    if (kind === 'stanza') this.giveBack(text);
  }

  /** @returns undefined: all that comes names its session, and is looked at where it comes in */
  staleSession(): undefined {
    return undefined;
  }

  endStale(): void {
    // There is nothing to end but what `bounce` ends.
  }

  refuse(): void {
    // What is given back does not come again: the sm has no session that it would go to.
  }

  private endSession(c2s: string): void {
    const at = this.sessions.get(c2s);
    if (at?.state !== 'open') return;
    this.forget(c2s);
    this.tellEnd(at.name, { c2s, sm: at.sm });
  }

  /** Contacts go on to see a user whose session was not ended, and what is sent to him comes here. */
  private tellEnd(name: string, ids: Ids): void {
    this.tellOwed(keyOf(ids), name, dialect.session('end', ids));
  }

  /** Now, and again whenever the name comes, until it has answered. */
  private tellOwed(key: string, name: string, payload: string): void {
    this.owed.add(key, name, payload);
    if (this.names.has(name)) this.send(name, payload);
  }

  // --- users ------------------------------------------------------------------------------------------------------

  create(user: string, domain: string): Promise<Registered> {
    const id = newId();
    return new Promise((resolve) => {
      this.ask(domain, dialect.session('create', {}, user, id), id, (answer) => {
        if (answer?.action === 'created') resolve('done');
        else resolve(answer ? 'refused' : 'unanswered');
      });
    });
  }

  /**
   * An sm that is away is told when it is back. One that has no session of the user keeps him in memory, and his name for
   * ever: so one is opened for the purpose, which the removal ends. [jabberd2 2.7.0 sm/user.c]
   */
  remove(user: string, domain: string): void {
    if (!this.names.has(domain) || this.hasSession(user)) return this.delete(user, domain);
    const [c2s, request] = [newId(), newId()];
    const start = dialect.session('start', { c2s }, `${user}/${c2s}`, request);
    this.ask(domain, start, request, () => this.delete(user, domain));
  }

  private delete(user: string, domain: string): void {
    const id = newId();
    this.tellOwed(id, domain, dialect.session('delete', {}, user, id));
  }

  private hasSession(user: string): boolean {
    for (const at of this.sessions.values()) {
      if (at.state === 'open' && at.jid.startsWith(`${user}/`)) return true;
    }
    return false;
  }

  // --- the link ---------------------------------------------------------------------------------------------------

  /** The router tells right behind the bind which names it has. Those that are needed are waited for a little. */
  private bound(): void {
    this.settling = setTimeout(() => this.settle(), TIMES.names);
    this.allowGrace();
  }

  private allowGrace(): void {
    clearTimeout(this.grace);
    this.grace = setTimeout(() => this.giveUpMissing(), TIMES.grace);
  }

  private unbound(): void {
    clearTimeout(this.settling);
    clearTimeout(this.grace);
    this.settling = undefined;
    this.doubted = undefined;
    this.names.clear();
    this.requests.giveUp();
    for (const way of this.ways.values()) way.window.reset();
  }

  private needed(): Set<string> {
    const needed = new Set(this.options.domains);
    for (const at of this.sessions.values()) {
      if (at.state === 'open') needed.add(at.name).add(at.domain);
    }
    return needed;
  }

  /** With nothing in particular to wait for, the names that come in one read are as good as all of them. */
  private settleWhenComplete(): void {
    if (!this.settling) return;
    const needed = this.needed();
    if (needed.size === 0) setImmediate(() => this.settle());
    else if ([...needed].every((name) => this.names.has(name))) this.settle();
  }

  private settle(): void {
    if (!this.settling) return;
    clearTimeout(this.settling);
    this.settling = undefined;
    this.line.open();
    this.events.up();
    this.line.flush();
  }

  /** The router may have been restarted, and the sms may be slower to find it again than we were; but not for ever. */
  private giveUpMissing(): void {
    for (const name of this.needed()) if (!this.names.has(name)) this.giveUp(name);
  }

  private received(packet: Stanza): void {
    const said = dialect.read(packet);
    if (said?.kind === 'stanza') this.deliver(said, packet);
    else if (said) this.heard(said);
    else this.log.debug('a packet for no client', { name: packet.name, from: packet.attribute('from') });
  }

  private heard(said: Exclude<Routed, Carried>): void {
    switch (said.kind) {
      case 'advert':
        return said.available ? this.came(said.name) : this.gone(said.name);
      case 'action':
        return this.action(said);
      case 'bounced':
        return this.bounced(said);
      case 'undeliverable':
        return this.undelivered(said);
    }
  }

  private deliver({ c2s, sm, from, text }: Carried, whole: Stanza): void {
    const at = this.sessions.get(c2s);
    if (at?.state === 'open' && at.sm === sm) return this.emit('stanza', c2s, at.jid, { text, whole });
    this.log.debug('a stanza for a session that is over', { socket: c2s });
    if (at) return;
    if (!this.ended.has(c2s)) this.tellEnd(from, { c2s, sm });
    this.remember(c2s);
    this.giveBack(text);
  }

  private giveBack(text: string): void {
    const returned = dialect.returned(text);
    if (returned) this.tell(returned.to, returned.payload);
  }

  // --- what sms say -----------------------------------------------------------------------------------------------

  private action(said: Action): void {
    this.settleOwed(said);
    if (said.id !== undefined && this.requests.answer(said.id, said)) return;
    const { c2s, sm, action, from } = said;
    const at = c2s === undefined ? undefined : this.sessions.get(c2s);
    const isKnown = at?.state === 'open' && at.sm === sm;
    if (action === 'replaced' && isKnown) return this.over(c2s!, at, 'replaced');
    if (action !== 'ended' || !isKnown) return this.tooLate(said);
    // Where a limit of the sm's storage ended it, the sm still has it. [jabberd2 2.7.0 sm]
    this.tell(from, dialect.session('end', { c2s, sm }));
    this.over(c2s!, at, undefined);
  }

  /** An end that failed is one: there was no such session any more. */
  private settleOwed({ action, c2s, sm, id }: Action): void {
    if (action === 'ended' || action === 'end') this.owed.settle(keyOf({ c2s, sm }));
    else if (action === 'deleted' && id !== undefined) this.owed.settle(id);
  }

  private started(c2s: string, { domain, jid }: Starting, { from: name }: Action, sm: string): void {
    const ascii = isAscii(Buffer.from(name + sm));
    this.sessions.set(c2s, { state: 'open', domain, jid, name, sm, ascii });
    this.emit('opened', c2s, jid);
  }

  /** An answer that came when nobody waited for it any more: what was made by it is undone. */
  private tooLate({ action, failed, from, c2s, sm, target, id }: Action): void {
    if (failed || id === undefined || !this.requests.wasGivenUp(id)) return;
    if (action === 'started' && c2s !== undefined && !this.isAskedAgain(c2s, sm, target)) {
      this.tellEnd(from, { c2s, sm });
    }
    const user = action === 'created' ? Jid.parse(target) : undefined;
    if (user) this.remove(user.bare, user.host);
  }

  /**
   * The same client may have asked for the same session again: that replaces the first one, and may have both its ids.
   * [jabberd2 2.7.0: the sm's id is made of the address and the second]
   */
  private isAskedAgain(c2s: string | undefined, sm: string | undefined, target: string | undefined): boolean {
    const at = c2s === undefined ? undefined : this.sessions.get(c2s);
    if (at?.jid !== Jid.parse(target)?.full) return false;
    return at?.state === 'starting' || at?.sm === sm;
  }

  private refuseStart(c2s: string, jid: string, reason: string): void {
    this.log.warn(`no session for a login: ${reason}`, { socket: c2s, user: jid });
    // There may be one all the same, where the answer was lost: what comes for it ends it.
    this.sessions.delete(c2s);
    this.emit('refused', c2s, jid, { reason });
  }

  /** The session is over on the other side. */
  private over(c2s: string, { jid }: Open, reason: string | undefined): void {
    this.forget(c2s);
    this.emit('ended', c2s, jid, { reason });
  }

  /**
   * The sm does not know a session any more. Its client hears of each stanza that did not arrive; behind the last one
   * comes a probe back, which ends the session.
   */
  private bounced({ c2s, sm, text }: Ids & { text: string }): void {
    if (this.isMark(c2s)) return;
    const at = this.sessions.get(c2s);
    if (at?.state !== 'open' || at.sm !== sm) return;
    if (dialect.isProbe(text)) return this.over(c2s, at, 'Invalid Session');
    this.tellUndelivered(c2s, at, text);
    this.send(at.name, dialect.probe({ c2s, sm }));
  }

  private tellUndelivered(c2s: string, { jid }: Open, stanza: string): void {
    const text = dialect.undeliveredTo(jid, stanza);
    if (text !== undefined) this.emit('stanza', c2s, jid, { text });
  }

  // --- what the router says ---------------------------------------------------------------------------------------

  private came(name: string): void {
    if (!this.names.add(name)) return;
    if (this.doubted?.delete(name)) this.giveUp(name);
    for (const payload of [...this.held.take(name), ...this.owed.to(name)]) this.send(name, payload);
    this.probeSessions(name);
    this.relieve();
    this.settleWhenComplete();
  }

  /**
   * The sms end our sessions when they hear that our name is gone, and hear nothing when the whole router was: which of
   * the two it was, nobody says. Sessions that are on a name when it comes are older than it.
   */
  private probeSessions(name: string): void {
    for (const [c2s, at] of this.sessions) {
      if (at.state === 'open' && at.name === name) this.send(name, dialect.probe({ c2s, sm: at.sm }));
    }
  }

  private gone(name: string): void {
    if (!this.names.delete(name)) return;
    this.ways.get(name)?.window.reset();
    if (!this.hasSessionsOn(name)) return this.giveUp(name);
    if (this.doubted) this.doubted.add(name);
    else void this.doubt(new Set([name]));
  }

  private hasSessionsOn(name: string): boolean {
    for (const at of this.sessions.values()) if (isOn(at, name)) return true;
    return false;
  }

  /**
   * A router that is being stopped takes no new connections any more, then parts from one component after the other, and
   * tells the rest: but their sms live on, with all sessions. [jabberd2 2.7.0 router/main.c]
   */
  private async doubt(names: Set<string>): Promise<void> {
    this.doubted = names;
    const isThere = await answers(this.options.connect, new RouterGreeting(this.options).header());
    if (this.doubted !== names) return;
    this.doubted = undefined;
    if (isThere) for (const name of names) this.giveUp(name);
    else this.allowGrace();
  }

  /** An sm that only lost its link has its sessions still when it is back, and they must be ended then. */
  private giveUp(name: string): void {
    this.requests.giveUp((request) => request.about === name);
    for (const { c2s, payload } of this.held.takeStanzas(name)) {
      const at = this.sessions.get(c2s);
      if (at?.state === 'open') this.tellUndelivered(c2s, at, payload);
    }
    for (const [c2s, at] of this.sessions) {
      if (isOn(at, name)) this.leaveBehind(c2s, at);
    }
    this.relieve();
  }

  private relieve(): void {
    this.wayIn.giveTurns();
    for (const way of this.ways.values()) way.giveTurns();
    this.events.relieved();
  }

  private wayTo(name: string): SharedWay {
    let way = this.ways.get(name);
    if (!way) this.ways.set(name, (way = this.newWay(name)));
    return way;
  }

  /** What is for a session that nobody has comes back from the sm, behind all that was sent to it before. */
  private newWay(name: string): SharedWay {
    return new SharedWay({
      mark: (id) => this.line.send(this.routed(name, dialect.probe({ c2s: id, sm: id }))),
      blocked: () => this.congested,
      most: this.options.queueBytes,
    });
  }

  private isMark(id: string): boolean {
    for (const { window } of this.ways.values()) if (window.back(id)) return true;
    return false;
  }

  private leaveBehind(c2s: string, at: Open): void {
    const ids = { c2s, sm: at.sm };
    this.owed.add(keyOf(ids), at.name, dialect.session('end', ids));
    this.over(c2s, at, away(at.name));
  }

  private undelivered(said: Extract<Routed, { kind: 'undeliverable' }>): void {
    const { code, name, action, id, c2s, sm, text } = said;
    this.log.debug('the router can not deliver a packet', { to: name, error: code, action });
    if (code === '401') return this.line.fail('the router does not know our name any more');
    if (id !== undefined && this.requests.answer(id, undefined)) return;
    const at = c2s === undefined ? undefined : this.sessions.get(c2s);
    if (action !== undefined || at?.state !== 'open' || at.sm !== sm) return;
    this.tellUndelivered(c2s!, at, text);
    // Any other reason is one against this stanza, and not against the session.
    if (code === '404') this.leaveBehind(c2s!, at);
  }

  // ----------------------------------------------------------------------------------------------------------------

  /** Asks an sm; `settle` gets undefined where it does not answer. */
  private ask(
    domain: string,
    payload: string,
    id: string,
    settle: (answer: Action | undefined) => void,
  ): void {
    this.requests.add(id, domain, settle);
    if (this.up && this.names.has(domain)) this.send(domain, payload);
    else setImmediate(() => this.requests.answer(id, undefined));
  }

  /** Tells an sm something: now, or when it is there. */
  private tell(name: string, payload: string): void {
    if (this.names.has(name)) this.send(name, payload);
    else this.held.tell(name, payload);
  }

  private send(name: string, payload: string, ascii = false): void {
    const packet = this.routed(name, payload);
    this.line.send(packet, ascii);
    if (this.up) this.wayTo(name).window.add(packet.length);
  }

  private routed(name: string, payload: string): string {
    return `${this.head(name)}${payload}</route>`;
  }

  private head(name: string): string {
    let head = this.heads.get(name);
    if (head === undefined) this.heads.set(name, (head = dialect.routeTo(name, this.options.name)));
    return head;
  }

  private emit(kind: PacketKind, to: string, from: string, more: Partial<Packet> = {}): void {
    this.events.packet({ kind, to, from, text: '', whole: NOTHING, carrier: true, ...more });
  }

  private forget(c2s: string): void {
    if (this.sessions.delete(c2s)) this.remember(c2s);
  }

  private remember(c2s: string): void {
    if (this.ended.size >= MOST_ENDED) this.ended.clear();
    this.ended.add(c2s);
  }
}

const REFUSED = 'the sm refuses to start a session';
const NO_ANSWER = 'no answer of the sm';

function isOn(at: Starting | Open, name: string): at is Open {
  return at.state === 'open' && (at.name === name || at.domain === name);
}

function keyOf({ c2s, sm }: Partial<Ids>): string {
  return `${c2s} ${sm}`;
}

function newId(): string {
  return randomUUID().replaceAll('-', '');
}

function away(name: string): string {
  return `${name} is not connected to the router`;
}
