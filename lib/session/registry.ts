import type { Log } from '../observe/log.js';
import type { Stanza } from '../xml/index.js';
import { canonical } from '../xmpp/address.js';
import { PendingLogins } from './pending-logins.js';
import { LivenessCheck } from './liveness.js';
import { closeReasonOf } from './close-reason.js';
import { FinalAcks } from './final-ack.js';
import type { Authenticator, SessionEvents, Upstream } from './upstream.js';
import { PACKET_BYTES, Session, type Client, type LoginRequest, type Packet } from './session.js';
import { Bounces } from './bounces.js';
import type { Condition } from '../xmpp/stanza-error.js';

/** Bytes (about) of packets that are kept for one session without a client. */
const MAX_KEPT_BYTES = 4_000_000;

interface Postponed {
  readonly session: Session;
  readonly request: LoginRequest;
  readonly login: string;
}

/**
 * The session registry: which socket address belongs to which session address, and how a
 * session ends once, for both sides.
 */
export class SessionRegistry implements SessionEvents {
  private readonly sessions = new Map<string, Session>();
  /** Authenticated sessions by canonical session address. */
  private readonly owners = new Map<string, Session>();
  /** Authenticated sessions by what they logged in with, the newest of each. */
  private readonly logins = new Map<string, Session>();
  private readonly pendingLogins = new PendingLogins((address) => this.released(address));
  private readonly liveness = new LivenessCheck(
    (session, question) => void session.upstream!.carry(question),
    (session) => this.lost(session),
  );
  private readonly finalAcks = new FinalAcks(
    (session, question) => void session.upstream!.carry(question),
    (session) => this.finishIfDecided(session),
  );
  private readonly bounces: Bounces;
  /** Logins, by canonical address, that wait until the session that has it has left. */
  private readonly postponed = new Map<string, Postponed[]>();
  /** Sessions opened for clients that had left, while another login for the same address is under way. */
  private readonly late = new Map<string, Packet>();

  constructor(
    private readonly upstream: Upstream,
    private readonly authenticator: Authenticator,
    private readonly log: Log,
  ) {
    this.bounces = new Bounces(
      upstream,
      (address) => this.owners.has(address) || this.pendingLogins.has(address),
      log,
    );
  }

  get size(): number {
    return this.sessions.size;
  }

  /** A client has connected. */
  open(descriptor: number, client: Client): Session {
    const session = new Session(this.upstream.newSocketAddress(descriptor), client);
    this.sessions.set(session.address, session);
    return session;
  }

  /**
   * Passes a request of a client in the unknown state on.
   *
   * @param login for an auth set: user, host and resource that would be logged in
   */
  ask(session: Session, request: LoginRequest, login?: string): void {
    if (login !== undefined) {
      session.login = login;
      if (this.postpone(session, request, login)) return;
      this.pendingLogins.add(session.address, login);
    }
    this.authenticator.ask(session, request);
  }

  /**
   * A login for an address whose session is leaving waits until that has left: whoever tries passwords would otherwise
   * keep it from leaving for as long as he likes.
   */
  private postpone(session: Session, request: LoginRequest, login: string): boolean {
    const address = canonical(login);
    const owner = this.owners.get(address);
    if (owner?.state !== 'leaving') return false;
    this.finalAcks.hurry(owner);
    const waiting = this.postponed.get(address) ?? [];
    waiting.push({ session, request, login });
    this.postponed.set(address, waiting);
    return true;
  }

  /** The login under way was refused. */
  refused(session: Session): void {
    this.pendingLogins.settle(session.address);
  }

  /**
   * The login under way was answered with a result: opens the session, and tells the client once it is open.
   *
   * @returns false when the answer is not to be believed
   */
  accepted(session: Session, packet: Packet): boolean {
    const address = this.upstream.granted(packet, session.login);
    if (address === undefined) return false;
    if (!this.upstream.open(session, address)) this.opened(session, address);
    return true;
  }

  /** The session manager has opened a session. A session that had the same address is thereby replaced. */
  opened(session: Session, sessionAddress: string): void {
    session.opened(sessionAddress);
    this.replaceOwner(session.key, session);
    this.owners.set(session.key, session);
    this.logins.set(session.loginKey, session);
    session.upstream = this.upstream.attach(session);
    this.pendingLogins.settle(session.address);
    session.client?.opened();
  }

  /** A stanza of an authenticated client. @returns the condition it is refused with, where it can not be carried */
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
    if (session.state !== 'authenticated' && session.state !== 'detached') return;
    session.state = 'leaving';
    session.client = undefined;
    if (this.upstream.up && this.upstream.dropsAtEnd) this.finalAcks.begin(session);
    this.finishIfDecided(session);
  }

  private finishIfDecided(session: Session): void {
    if (session.state !== 'leaving' || this.finalAcks.has(session)) return;
    if (!this.pendingLogins.has(session.key)) this.finish(session);
  }

  /**
   * The client is gone, and may come back by another stream: the session goes on without it, and keeps what comes.
   *
   * @param unsent packets that did not reach the client
   * @returns false for a session that is not open
   */
  detach(session: Session, unsent: readonly Packet[]): boolean {
    if (session.state !== 'authenticated') return false;
    session.state = 'detached';
    session.client = undefined;
    session.keep(unsent);
    return true;
  }

  /**
   * Gives a detached session another client, which first gets what came meanwhile.
   *
   * @returns false for a session that is not detached: it may have ended
   */
  attach(session: Session, client: Client): boolean {
    if (session.state !== 'detached') return false;
    session.state = 'authenticated';
    session.client = client;
    const packets = session.takeUndelivered();
    let delivered = 0;
    // The client may be ended by what it gets.
    while (delivered < packets.length && session.client === client) client.deliver(packets[delivered++]);
    this.giveBack(session, packets.slice(delivered));
    return true;
  }

  /** Packets that did not reach a client that has left. Call after {@link leave}. */
  giveBack(session: Session, packets: readonly Packet[]): void {
    if (session.state !== 'leaving') return this.bounces.add(packets);
    session.keep(packets);
  }

  find(socketAddress: string): Session | undefined {
    return this.sessions.get(socketAddress);
  }

  receive(packet: Packet, session = this.sessions.get(packet.to)): void {
    if (!session) return this.undeliverable(packet);
    // An end is no sign of life, not even where it brings our own question back.
    if (packet.kind === 'stanza' && this.liveness.active && this.liveness.heard(session, packet)) return;
    this.pass(session, packet);
  }

  private pass(session: Session, packet: Packet): void {
    switch (session.state) {
      case 'authenticated':
        if (isEndOf(session, packet)) return this.ended(session, packet);
        return isForClient(packet) ? session.client!.deliver(packet) : undefined;
      case 'unknown':
        return session.client!.answer(packet);
      case 'detached':
        if (isEndOf(session, packet)) return this.ended(session, packet);
        return isForClient(packet) ? this.keep(session, packet) : undefined;
      default:
        if (isEndOf(session, packet)) return this.drop(session);
        if (!this.finalAcks.heard(session, packet)) this.keep(session, packet);
    }
  }

  /** What is known about sessions is kept, but they may be gone on the other side. */
  linked(): void {
    if (!this.upstream.forgetsSessions) return;
    this.liveness.begin([...this.owners.values()].filter((session) => session.state !== 'leaving'));
  }

  unlinked(): void {
    this.liveness.end();
    this.finalAcks.giveUp();
  }

  /** Resolves when the session manager has handled what those who have left said. */
  acknowledged(): Promise<void> {
    return this.finalAcks.idle();
  }

  /** Resolves when no login is under way: then no session is opened any more for a client that has left. */
  idle(): Promise<void> {
    return this.pendingLogins.idle();
  }

  /** Ends what is still leaving: nobody waits for a decision any more. */
  close(): void {
    this.liveness.end();
    for (const session of this.owners.values()) if (session.state === 'leaving') this.finish(session);
  }

  /** Gives back at once all that waits for it. */
  flush(): void {
    this.bounces.flush();
  }

  private remove(session: Session): void {
    session.state = 'over';
    session.client = undefined;
    this.liveness.forget(session);
    this.finalAcks.forget(session);
    this.sessions.delete(session.address);
    if (this.owners.get(session.key) === session) this.owners.delete(session.key);
    if (this.logins.get(session.loginKey) === session) this.logins.delete(session.loginKey);
  }

  /** The end of a session whose client has left: first the end, then what goes back. */
  private finish(session: Session): void {
    this.remove(session);
    session.upstream!.end();
    this.left(session);
  }

  private ended(session: Session, { reason }: Packet): void {
    const replaced = this.hasSuccessor(session) || this.pendingLogins.has(session.key);
    const { client } = session;
    this.remove(session);
    client?.end(replaced ? { kind: 'replaced' } : closeReasonOf(reason));
    this.bounces.add(session.takeUndelivered());
  }

  /** Has another session logged in with the same? */
  private hasSuccessor(session: Session): boolean {
    return this.logins.get(session.loginKey) !== session;
  }

  private lost(session: Session): void {
    if (session.client) session.client.end({ kind: 'session-lost' });
    else this.leave(session);
  }

  /** The end of a session that is over on the other side as well: nothing is left to say. */
  private drop(session: Session): void {
    this.remove(session);
    this.left(session);
  }

  /** What has waited until the session is over goes on. */
  private left(session: Session): void {
    this.bounces.add(session.takeUndelivered());
    this.askPostponed(session.loginKey);
  }

  private replaceOwner(address: string, by: Session | undefined): void {
    const former = this.owners.get(address);
    if (!former || former === by) return;
    const { client } = former;
    this.drop(former);
    client?.end({ kind: 'replaced' });
  }

  /** No login for this address is under way any more, and none succeeded: who was leaving may go. */
  private released(address: string): void {
    const late = this.late.get(address);
    this.late.delete(address);
    if (late && !this.owners.has(address)) this.upstream.bounce(late);
    const session = this.owners.get(address);
    if (session?.state === 'leaving') this.finishIfDecided(session);
    else this.askPostponed(address);
  }

  /** Not while another login for the address is under way. */
  private askPostponed(address: string): void {
    if (this.pendingLogins.has(address)) return;
    const postponed = this.postponed.get(address) ?? [];
    this.postponed.delete(address);
    for (const { session, request, login } of postponed) {
      if (session.state === 'unknown') this.ask(session, request, login);
    }
  }

  /** For a session without a client. Where too much comes for one that is detached, nobody waits for its client any more. */
  private keep(session: Session, packet: Packet): void {
    session.undeliveredBytes += packet.text.length + PACKET_BYTES;
    const isTooMuch = session.undeliveredBytes > MAX_KEPT_BYTES;
    if (isTooMuch && session.state === 'leaving') {
      this.log.warn('a packet for a client that is gone is dropped: too many wait', {
        socket: session.address,
      });
      return;
    }
    session.keep([packet]);
    if (isTooMuch) this.leave(session);
  }

  private undeliverable(packet: Packet): void {
    const login = this.pendingLogins.of(packet.to);
    if (login !== undefined) {
      // The client left before its login was answered: the session goes as it came, but it has replaced another.
      const address = isResult(packet) ? this.upstream.granted(packet, login) : undefined;
      if (address !== undefined) this.replaceOwner(canonical(address), undefined);
      this.pendingLogins.settle(packet.to);
      if (address !== undefined && this.pendingLogins.has(canonical(address))) {
        this.late.set(canonical(address), packet);
        return;
      }
    }
    if (packet.kind !== 'ended' && packet.kind !== 'refused') this.bounces.undeliverable(packet);
  }
}

/** An end is one only with the session's own address: users can plant 510s, but those come from a bare one. */
function isEndOf(session: Session, { kind, from }: Packet): boolean {
  return kind === 'ended' && canonical(from) === session.key;
}

/** What is no end of this session may be a 510 that another user has planted in a stanza; the client gets that. */
function isForClient({ kind, carrier }: Packet): boolean {
  return kind === 'stanza' || (kind === 'ended' && !carrier);
}

function isResult({ whole }: Packet): boolean {
  return whole.name === 'iq' && whole.attribute('type') === 'result';
}
