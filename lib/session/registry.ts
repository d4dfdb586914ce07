import { isAscii } from 'node:buffer';
import type { Log } from '../observe/log.js';
import { parse, type Stanza } from '../xml/index.js';
import { canonical } from '../xmpp/address.js';
import { PendingLogins } from './pending-logins.js';
import { LivenessCheck } from './liveness.js';
import { closeReasonOf } from './close-reason.js';
import { FinalAcks } from './final-ack.js';
import { newSender, type Authenticator, type Upstream, type Writer } from './upstream.js';
import { PACKET_BYTES, Session, type Client, type LoginRequest, type Packet } from './session.js';
import { BounceLoops, type BouncedAddress } from './bounce-loops.js';
import type { Condition } from '../xmpp/stanza-error.js';

/** How long packets are given back in one turn of the event loop. */
const RETURN_SLICE_MS = 2;

/** Bytes (about) of packets that are kept for one session that is leaving. */
const MAX_RETURN_BYTES = 4_000_000;

interface Postponed {
  readonly session: Session;
  readonly request: LoginRequest;
  readonly login: string;
}

/**
 * The session registry: which socket address belongs to which session address, and how a
 * session ends once, for both sides.
 */
export class SessionRegistry implements Writer {
  readonly sender = newSender();
  private readonly sessions = new Map<string, Session>();
  /** Authenticated sessions by canonical session address. */
  private readonly owners = new Map<string, Session>();
  /** Authenticated sessions by what they logged in with, the newest of each. */
  private readonly logins = new Map<string, Session>();
  private readonly pendingLogins = new PendingLogins((address) => this.released(address));
  private readonly liveness = new LivenessCheck(
    (session, question) => void this.upstream.carry(session, question),
    (session) => session.client.end({ kind: 'session-lost' }),
  );
  private readonly finalAcks = new FinalAcks(
    (session, question) => void this.upstream.carry(session, question),
    (session) => this.finishIfDecided(session),
  );
  /** Packets to give back, oldest first. */
  private readonly returning: Packet[] = [];
  private nextReturn: NodeJS.Immediate | undefined;
  private readonly bounceLoops = new BounceLoops(() => this.upstream.endsByBounce);
  /** Logins, by canonical address, that wait until the session that has it has left. */
  private readonly postponed = new Map<string, Postponed[]>();
  /** Sessions opened for clients that had left, while another login for the same address is under way. */
  private readonly late = new Map<string, Packet>();

  /** @param naming makes the address of a client's connection of its file descriptor */
  constructor(
    private readonly naming: (descriptor: number) => string,
    private readonly upstream: Upstream,
    private readonly authenticator: Authenticator,
    private readonly log: Log,
  ) {}

  get size(): number {
    return this.sessions.size;
  }

  /** A client has connected. */
  open(descriptor: number, client: Client): Session {
    const session = new Session(this.naming(descriptor), client);
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
    const address = canonical(sessionAddress);
    this.replaceOwner(address, session);
    const login = canonical(session.login);
    const former = this.logins.get(login);
    if (former) former.replaced = true;
    this.owners.set(address, session);
    this.logins.set(login, session);
    // A copy: a slice would keep the whole read that it came in, as long as the session lives.
    session.sessionAddress = Buffer.from(sessionAddress).toString();
    session.stamp = this.upstream.stamp(session);
    session.ascii = isAscii(Buffer.from(session.stamp));
    session.state = 'authenticated';
    this.pendingLogins.settle(session.address);
    session.client.opened();
  }

  /** A stanza of an authenticated client. @returns the condition it is refused with, where it can not be carried */
  carry(session: Session, stanza: Stanza): Condition | undefined {
    if (session.state !== 'authenticated' || this.authenticator.takes?.(session, stanza)) return undefined;
    session.saidAt = Date.now();
    return this.upstream.carry(session, stanza);
  }

  /**
   * The client is gone, or is being sent away by us. The session manager is told once, and only of a session that it
   * still has; where it would drop what the client has just said, not before it has handled that; and while a login for
   * the same address is under way, not before that is decided.
   */
  leave(session: Session): void {
    if (session.state === 'unknown') this.remove(session);
    if (session.state !== 'authenticated') return;
    session.state = 'leaving';
    session.returns = [];
    if (this.upstream.up && this.upstream.dropsAtEnd) this.finalAcks.begin(session);
    this.finishIfDecided(session);
  }

  private finishIfDecided(session: Session): void {
    if (session.state !== 'leaving' || this.finalAcks.has(session)) return;
    if (!this.pendingLogins.has(canonical(session.sessionAddress))) this.finish(session);
  }

  /** Packets that did not reach a client that has left. Call after {@link leave}. */
  giveBack(session: Session, packets: readonly Packet[]): void {
    if (session.state === 'leaving') (session.returns ??= []).push(...packets);
    else this.returning.push(...packets);
    this.returnSome();
  }

  /** There is room on the way to the session manager again. */
  relieved(): void {
    this.returnSome();
  }

  /** A packet from the session manager. */
  receive(packet: Packet): void {
    const session = this.sessions.get(packet.to);
    if (!session) return this.undeliverable(packet);
    // An end is no sign of life, not even where it brings our own question back.
    if (packet.kind === 'stanza' && this.liveness.active && this.liveness.heard(session, () => idOf(packet)))
      return;
    switch (session.state) {
      case 'authenticated':
        if (isEndOf(session, packet)) return this.ended(session, packet);
        return isForClient(packet) ? session.client.deliver(packet) : undefined;
      case 'unknown':
        return session.client.answer(packet);
      default:
        if (isEndOf(session, packet)) return this.drop(session);
        if (!this.finalAcks.heard(session, () => idOf(packet))) this.keepReturn(session, packet);
    }
  }

  /** The link is back: what is known about sessions is kept, but they may be gone on the other side. */
  relinked(): void {
    this.liveness.begin([...this.owners.values()].filter((session) => session.state === 'authenticated'));
  }

  /** The link was lost. */
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
    clearImmediate(this.nextReturn);
    this.nextReturn = undefined;
    this.upstream.returnQueue.leave(this);
    for (const packet of this.returning.splice(0)) this.upstream.bounce(packet);
  }

  private remove(session: Session): void {
    session.state = 'over';
    this.liveness.forget(session);
    this.finalAcks.forget(session);
    this.sessions.delete(session.address);
    const address = canonical(session.sessionAddress);
    if (this.owners.get(address) === session) this.owners.delete(address);
    const login = canonical(session.login);
    if (this.logins.get(login) === session) this.logins.delete(login);
  }

  /** The end of a session whose client has left: first the end, then what goes back. */
  private finish(session: Session): void {
    this.remove(session);
    this.upstream.end(session);
    this.left(session);
  }

  private ended(session: Session, { reason }: Packet): void {
    const replaced = session.replaced || this.pendingLogins.has(canonical(session.sessionAddress));
    this.remove(session);
    session.client.end(replaced ? { kind: 'replaced' } : closeReasonOf(reason));
  }

  /** The end of a session that is over on the other side as well: nothing is left to say. */
  private drop(session: Session): void {
    this.remove(session);
    this.left(session);
  }

  /** What has waited until the session is over goes on. */
  private left(session: Session): void {
    this.returnAll(session);
    this.askPostponed(canonical(session.login));
  }

  private replaceOwner(address: string, by: Session | undefined): void {
    const former = this.owners.get(address);
    if (!former || former === by) return;
    const wasLeaving = former.state === 'leaving';
    this.drop(former);
    if (!wasLeaving) former.client.end({ kind: 'replaced' });
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

  private keepReturn(session: Session, packet: Packet): void {
    session.returnBytes += packet.text.length + PACKET_BYTES;
    if (session.returnBytes <= MAX_RETURN_BYTES) {
      (session.returns ??= []).push(packet);
      return;
    }
    this.log.warn('a packet for a client that is gone is dropped: too many wait', {
      socket: session.address,
    });
  }

  private returnAll(session: Session): void {
    this.returning.push(...(session.returns ?? []));
    session.returns = undefined;
    this.returnSome();
  }

  /** There is room for something that goes back. */
  onTurn(): void {
    this.returnOne();
    this.returnSome();
  }

  /**
   * Gives back what waits for it, in turn with what clients say and a part in each turn of the event loop: many slow
   * clients that end at once must not delay the others.
   */
  private returnSome(): void {
    if (this.nextReturn) return;
    const queue = this.upstream.returnQueue;
    const until = performance.now() + RETURN_SLICE_MS;
    while (this.returning.length > 0 && !this.upstream.congested) {
      if (queue.roomFor(this.sender) <= 0) return queue.wait(this);
      if (performance.now() >= until) return this.returnLater();
      this.returnOne();
    }
  }

  private returnOne(): void {
    const packet = this.returning.shift();
    if (!packet) return;
    this.upstream.bounce(packet);
    this.upstream.returnQueue.sent(this.sender, packet.text.length);
  }

  private returnLater(): void {
    this.nextReturn = setImmediate(() => {
      this.nextReturn = undefined;
      this.returnSome();
    });
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
    if (packet.kind !== 'ended' && packet.kind !== 'refused') this.bounceToNobody(packet);
  }

  /**
   * Gives back a packet for an address that nobody has. If the session manager still believes in the session behind it,
   * what comes back is delivered to the same address again; so its session is ended, where the packet tells which one
   * that is and no living client has it.
   */
  private bounceToNobody(packet: Packet): void {
    const { bounced, again } = this.bounceLoops.take(packet);
    this.endStale(packet, bounced, again);
    if (bounced.isLoop(again)) return this.refuse(packet, bounced);
    // Behind what goes back already: messages to one client stay in their order.
    this.returning.push(packet);
    this.returnSome();
  }

  private endStale(packet: Packet, bounced: BouncedAddress, again: number): void {
    const session = this.upstream.staleSession(packet);
    if (session === undefined || this.isWanted(canonical(session))) return;
    if (!bounced.isToBeEnded(canonical(session), again)) return;
    bounced.hasEnded(canonical(session));
    this.upstream.endStale(session, packet.to);
    this.log.info('ended a session that nobody has', { session, socket: packet.to });
  }

  private refuse(packet: Packet, bounced: BouncedAddress): void {
    if (!bounced.refused) {
      this.log.warn('a packet for a socket that is gone keeps coming back: such are refused from now on', {
        socket: packet.to,
      });
    }
    bounced.refused = true;
    this.upstream.refuse(packet);
  }

  private isWanted(address: string): boolean {
    return this.owners.has(address) || this.pendingLogins.has(address);
  }
}

/** An end is one only with the session's own address: users can plant 510s, but those come from a bare one. */
function isEndOf(session: Session, { kind, from }: Packet): boolean {
  return kind === 'ended' && canonical(from) === canonical(session.sessionAddress);
}

/** What is no end of this session may be a 510 that another user has planted in a stanza; the client gets that. */
function isForClient({ kind, carrier }: Packet): boolean {
  return kind === 'stanza' || (kind === 'ended' && !carrier);
}

/** The id of the stanza that a packet is, or carries. */
function idOf({ text, whole, carrier }: Packet): string | undefined {
  return carrier ? parse(text).attribute('id') : whole.attribute('id');
}

function isResult({ whole }: Packet): boolean {
  return whole.name === 'iq' && whole.attribute('type') === 'result';
}
