import type { Log } from '../observe/log.js';
import type { Stanza } from '../xml/index.js';
import { canonical } from '../xmpp/address.js';
import type { Condition } from '../xmpp/stanza-error.js';
import { Bounces } from './bounces.js';
import { Departures } from './departures.js';
import { Endings } from './endings.js';
import { LivenessCheck } from './liveness.js';
import { Logins } from './logins.js';
import { PendingLogins } from './pending-logins.js';
import type { Outcome, Request } from './requests.js';
import { SessionTable } from './session-table.js';
import { Session, type Client, type Packet } from './session.js';
import type { Authenticator, SessionEvents, Upstream } from './upstream.js';

/** How long the session manager may take for each answer that is waited for at the end of the program. */
const STOP_STEP_TIMEOUT_MS = 1_000;

/** The session registry: which socket address belongs to which session address. It passes on what comes for each session. */
export class SessionRegistry implements SessionEvents {
  private readonly table = new SessionTable();
  private readonly pending = new PendingLogins((key, late) => this.logins.released(key, late));
  private readonly bounces: Bounces;
  private readonly endings: Endings;
  private readonly departures: Departures;
  private readonly logins: Logins;
  private readonly liveness = new LivenessCheck(
    (session, question) => void session.upstream!.carry(question),
    (session) => this.lost(session),
  );

  constructor(
    private readonly upstream: Upstream,
    private readonly authenticator: Authenticator,
    log: Log,
  ) {
    const { table, pending } = this;
    const isTaken = (key: string): boolean => table.owner(key) !== undefined || pending.has(key);
    this.bounces = new Bounces(upstream, isTaken, log);
    this.endings = new Endings(table, pending, this.bounces, (session) => this.forget(session));
    const finish = (session: Session): void => this.endings.finish(session);
    this.departures = new Departures(upstream, pending, this.bounces, finish, log);
    this.logins = new Logins(upstream, authenticator, pending, table, this.departures, this.endings);
  }

  get size(): number {
    return this.table.size;
  }

  // --- what clients do ----------------------------------------------------------------------------------------------

  /** A client has connected. */
  connect(descriptor: number, client: Client): Session {
    const session = new Session(this.upstream.newSocketAddress(descriptor), client);
    this.logins.begin(session);
    this.table.add(session);
    return session;
  }

  /** Passes on a request of a client that is not logged in. See {@link Login.request}. */
  request(session: Session, request: Request, onOutcome: (outcome: Outcome) => void): void {
    session.login?.request(request, onOutcome);
  }

  /** A stanza of an authenticated client. @returns the condition it is refused with, where it cannot be carried */
  carry(session: Session, stanza: Stanza): Condition | undefined {
    if (session.state !== 'authenticated' || this.authenticator.takes?.(session, stanza)) return undefined;
    session.saidAt = Date.now();
    return session.upstream!.carry(stanza);
  }

  /**
   * The client is gone, or is being ended by us. The session manager is told once, and only if it still has the session:
   * not before it has handled what the client has just sent, where it would drop that; and not while a login for the same
   * address is under way.
   */
  leave(session: Session): void {
    if (session.state === 'unknown') this.endings.remove(session);
    else this.departures.leave(session);
  }

  /**
   * The client is gone, and may come back by another stream: the session goes on without it, and keeps what comes.
   *
   * @param unsent packets that did not reach the client
   * @returns false for a session that is not open
   */
  detach(session: Session, unsent: readonly Packet[]): boolean {
    return this.departures.detach(session, unsent);
  }

  /**
   * Gives a detached session another client, which first gets what came meanwhile.
   *
   * @returns false for a session that is not detached: it may have ended
   */
  attach(session: Session, client: Client): boolean {
    return this.departures.attach(session, client);
  }

  /** Packets that did not reach a client that has left. Call after {@link leave}. */
  giveBack(session: Session, packets: readonly Packet[]): void {
    this.departures.giveBack(session, packets);
  }

  // --- what the session manager says --------------------------------------------------------------------------------

  find(socketAddress: string): Session | undefined {
    return this.table.at(socketAddress);
  }

  receive(packet: Packet, session = this.table.at(packet.to)): void {
    if (!session) return this.undeliverable(packet);
    // An end does not show that the session is alive, not even one that brings our own question back.
    if (packet.kind === 'stanza' && this.liveness.active && this.liveness.heard(session, packet)) return;
    if (session.state === 'unknown') return session.login!.receive(packet);
    if (isEndOf(session, packet)) return this.endings.endedThere(session, packet.reason);
    if (session.state === 'authenticated') {
      if (isForClient(packet)) session.client!.deliver(packet);
    } else if (session.state === 'leaving' || isForClient(packet)) this.departures.receive(session, packet);
  }

  opened(socketAddress: string, sessionAddress: string): boolean {
    if (this.table.at(socketAddress)?.login?.started(sessionAddress)) return true;
    this.pending.settle(socketAddress);
    return false;
  }

  refused(socketAddress: string): void {
    this.table.at(socketAddress)?.login?.sessionRefused();
    this.pending.settle(socketAddress);
  }

  ended(socketAddress: string, reason: string | undefined): void {
    const session = this.table.at(socketAddress);
    if (session && session.state !== 'unknown') this.endings.endedThere(session, reason);
  }

  tell(socketAddress: string, text: string): void {
    this.table.at(socketAddress)?.tell(text);
  }

  // --- the link -----------------------------------------------------------------------------------------------------

  /** All sessions are kept, but the session manager may have lost them. */
  linked(): void {
    if (!this.upstream.forgetsSessions) return;
    this.liveness.begin([...this.table.opened()].filter(({ state }) => state !== 'leaving'));
  }

  unlinked(): void {
    this.liveness.end();
    this.departures.unlinked();
  }

  // --- the end of the program ---------------------------------------------------------------------------------------

  /**
   * Ends all sessions, while their clients leave: first those whose clients have left, once the session manager has
   * handled what these said. A login under way is waited for as well, so that no session is left behind by it.
   *
   * @param allGone resolves when no client is connected any more
   */
  async stop(allGone: () => Promise<void>): Promise<void> {
    await within(STOP_STEP_TIMEOUT_MS, this.departures.acknowledged());
    this.close();
    await allGone();
    await within(STOP_STEP_TIMEOUT_MS, this.pending.idle());
    this.bounces.flush();
  }

  /** Ends the sessions that are leaving, without waiting any more. */
  close(): void {
    this.liveness.end();
    for (const session of this.table.opened()) if (session.state === 'leaving') this.endings.finish(session);
  }

  // ------------------------------------------------------------------------------------------------------------------

  private undeliverable(packet: Packet): void {
    if (!this.logins.keepsLate(packet) && packet.kind !== 'ended') this.bounces.undeliverable(packet);
  }

  /** The session manager has lost a session. */
  private lost(session: Session): void {
    if (session.client) session.client.end({ kind: 'session-lost' });
    else this.leave(session);
  }

  private forget(session: Session): void {
    this.liveness.forget(session);
    this.departures.forget(session);
  }
}

/** Resolves with a promise, or when that takes too long. */
async function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds).unref()));
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}

/** Is it an end of this session? Other users can plant a 510 in a stanza, but that comes from a bare address. */
function isEndOf(session: Session, { kind, from }: Packet): boolean {
  return kind === 'ended' && canonical(from) === session.key;
}

/** Is it a stanza for the client? A 510 that is no end of this session may be one that another user has planted in one. */
function isForClient({ kind, envelope }: Packet): boolean {
  return kind === 'stanza' || (kind === 'ended' && envelope === 'none');
}
