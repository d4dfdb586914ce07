import type { Log } from '../observe/log.js';
import type { Stanza } from '../xml/index.js';
import { canonical } from '../xmpp/address.js';
import type { Condition } from '../xmpp/stanza-error.js';
import { Bounces } from './bounces.js';
import { closeReasonOf } from './close-reason.js';
import { Departures } from './departures.js';
import { LivenessCheck } from './liveness.js';
import { Login, type LoginContext } from './login.js';
import { PendingLogins } from './pending-logins.js';
import type { Outcome, Request } from './requests.js';
import { SessionTable } from './session-table.js';
import { Session, type Client, type Packet } from './session.js';
import type { Authenticator, SessionEvents, Upstream } from './upstream.js';

/** How long the session manager may take for each answer that is waited for at the end of the program. */
const STOP_STEP_TIMEOUT_MS = 1_000;

/**
 * The session registry: which socket address belongs to which session address, and that a session ends once, for both
 * sides.
 */
export class SessionRegistry implements SessionEvents {
  private readonly table = new SessionTable();
  private readonly pending = new PendingLogins((key, late) => this.released(key, late));
  private readonly bounces: Bounces;
  private readonly departures: Departures;
  private readonly liveness = new LivenessCheck(
    (session, question) => void session.upstream!.carry(question),
    (session) => this.lost(session),
  );
  private readonly logins: LoginContext;

  constructor(
    private readonly upstream: Upstream,
    private readonly authenticator: Authenticator,
    log: Log,
  ) {
    const { pending } = this;
    this.bounces = new Bounces(upstream, (key) => this.isTaken(key), log);
    const onFinished = (session: Session): void => this.finish(session);
    this.departures = new Departures(upstream, pending, this.bounces, onFinished, log);
    this.logins = {
      upstream,
      authenticator,
      pending,
      postpones: (key, login) => this.postpones(key, login),
      onOpened: (session, sessionAddress) => this.open(session, sessionAddress),
    };
  }

  get size(): number {
    return this.table.size;
  }

  // --- what clients do ----------------------------------------------------------------------------------------------

  /** A client has connected. */
  connect(descriptor: number, client: Client): Session {
    const session = new Session(this.upstream.newSocketAddress(descriptor), client);
    session.login = new Login(session, this.logins);
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
   * The client is gone, or is being sent away by us. The session manager is told once, and only of a session that it
   * still has; where it would drop what the client has just said, not before it has handled that; and while a login for
   * the same address is under way, not before that is decided.
   */
  leave(session: Session): void {
    if (session.state === 'unknown') this.remove(session);
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
    // An end is no sign of life, not even where it brings our own question back.
    if (packet.kind === 'stanza' && this.liveness.active && this.liveness.heard(session, packet)) return;
    if (session.state === 'unknown') return session.login!.receive(packet);
    if (isEndOf(session, packet)) return this.end(session, packet.reason);
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
    if (session && session.state !== 'unknown') this.end(session, reason);
  }

  tell(socketAddress: string, text: string): void {
    this.table.at(socketAddress)?.tell(text);
  }

  // --- the link -----------------------------------------------------------------------------------------------------

  /** What is known about sessions is kept, but they may be gone on the other side. */
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

  /** Ends what is still leaving: nobody waits for a decision any more. */
  close(): void {
    this.liveness.end();
    for (const session of this.table.opened()) if (session.state === 'leaving') this.finish(session);
  }

  // ------------------------------------------------------------------------------------------------------------------

  private isTaken(key: string): boolean {
    return this.table.owner(key) !== undefined || this.pending.has(key);
  }

  private postpones(key: string, login: Login): boolean {
    const owner = this.table.owner(key);
    if (owner?.state !== 'leaving') return false;
    this.departures.hurry(owner);
    this.pending.postpone(key, login);
    return true;
  }

  /** The session manager has opened a session. One that had the same address is thereby replaced. */
  private open(session: Session, sessionAddress: string): void {
    session.opened(sessionAddress);
    this.replaceOwner(session.key);
    this.table.own(session);
    session.upstream = this.upstream.attach(session);
    session.login = undefined;
    this.pending.settle(session.address);
  }

  private replaceOwner(key: string): void {
    const former = this.table.owner(key);
    if (!former) return;
    const { client } = former;
    this.drop(former);
    client?.end({ kind: 'replaced' });
  }

  /** The end of a session whose client has left: first the end, then what goes back. */
  private finish(session: Session): void {
    this.remove(session);
    session.upstream!.end();
    this.goOn(session);
  }

  /** The session manager has ended a session. */
  private end(session: Session, reason: string | undefined): void {
    const { client } = session;
    const isReplaced = this.table.hasSuccessor(session) || this.pending.has(session.key);
    if (!client) return this.drop(session);
    this.remove(session);
    client.end(isReplaced ? { kind: 'replaced' } : closeReasonOf(reason));
  }

  /** The session manager has lost a session, or what it had of us. */
  private lost(session: Session): void {
    if (session.client) session.client.end({ kind: 'session-lost' });
    else this.leave(session);
  }

  /** The end of a session that is over on the other side as well: nothing is left to say. */
  private drop(session: Session): void {
    this.remove(session);
    this.goOn(session);
  }

  private remove(session: Session): void {
    session.login?.left();
    session.login = undefined;
    session.state = 'over';
    session.client = undefined;
    this.liveness.forget(session);
    this.table.remove(session);
  }

  /** What has waited until a session is over goes on. */
  private goOn(session: Session): void {
    this.departures.over(session);
    this.pending.resume(session.loginKey);
  }

  /** No login for this address is under way any more, and none succeeded: a session that was leaving may go. */
  private released(key: string, late: Packet | undefined): void {
    const owner = this.table.owner(key);
    if (late && !owner) this.upstream.bounce(late);
    if (owner?.state === 'leaving') this.departures.finishIfDecided(owner);
    else this.pending.resume(key);
  }

  private undeliverable(packet: Packet): void {
    const request = this.pending.of(packet.to);
    if (request && this.isLate(packet, request)) return;
    if (packet.kind !== 'ended') this.bounces.undeliverable(packet);
  }

  /**
   * The client left before its login was answered: the session goes as it came, but it has replaced another. It does not
   * go while another login for the address is under way: that may have replaced it already.
   */
  private isLate(packet: Packet, request: Request): boolean {
    const answer = this.authenticator.read?.(request, packet);
    const key = answer?.kind === 'opened' ? canonical(answer.sessionAddress) : undefined;
    if (key !== undefined) this.replaceOwner(key);
    this.pending.settle(packet.to);
    return key !== undefined && this.pending.keepLate(key, packet);
  }
}

/** Resolves with a promise, or when that takes too long. */
async function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds).unref()));
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}

/** An end is one only with the session's own address: users can plant 510s, but those come from a bare one. */
function isEndOf(session: Session, { kind, from }: Packet): boolean {
  return kind === 'ended' && canonical(from) === session.key;
}

/** What is no end of this session may be a 510 that another user has planted in a stanza; the client gets that. */
function isForClient({ kind, envelope }: Packet): boolean {
  return kind === 'stanza' || (kind === 'ended' && envelope === 'none');
}
