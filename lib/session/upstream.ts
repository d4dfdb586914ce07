import type { Stanza } from '../xml/index.js';
import type { LoginRequest, Packet, Session } from './session.js';
import type { Condition } from '../xmpp/stanza-error.js';

/** Who decides about logins: most session managers themselves, and for jabberd2, whose sms never see a password, we. */
export interface Authenticator {
  /** Takes an auth or register iq of a client in the unknown state; the answer comes as a packet. */
  ask(session: Session, request: LoginRequest): void;
  /** Is a stanza of an authenticated client for the authority (of its account)? Then it is taken and answered. */
  takes?(session: Session, stanza: Stanza): boolean;
}

/** What came of making a user: the session manager says yes, or no, or nothing. */
export type Registered = 'done' | 'refused' | 'unanswered';

/** Where users have to be made and removed besides their credentials. */
export interface UserProvisioning {
  /** @param user bare address */
  create(user: string, domain: string): Promise<Registered>;
  remove(user: string, domain: string): void;
}

/** Bytes that a client may say in a turn when there is not room for all, and each time that it is read again. */
export const QUANTUM_BYTES = 4096;

/** What somebody has said on a {@link OutboundQueue} that may still be on it, in two parts: first, and since. */
export interface Sender {
  /** The cost of a part, and what had been said on the way by all when its last packet had been. */
  first: number;
  firstAt: number;
  since: number;
  sinceAt: number;
}

export function newSender(): Sender {
  return { first: 0, firstAt: 0, since: 0, sinceAt: 0 };
}

/** Somebody who has more to say than there is room for. */
export interface Writer {
  readonly sender: Sender;
  /** May say a share of it now. */
  onTurn(): void;
}

/** The way to a session manager. All clients share it, so when it is full they take turns. */
export interface OutboundQueue {
  /** How much may be sent now, in bytes and some for each packet; none or less when it is full. */
  readonly room: number;
  /** The same for one of them: where the other side gives each user a turn, there is always room for a share of each. */
  roomFor(sender: Sender): number;
  /** A packet of that many characters, sent just now, was theirs. */
  sent(sender: Sender, length: number): void;
  /** Asks for one turn, once there is room. */
  wait(who: Writer): void;
  /** Asks for none any more. */
  leave(who: Writer): void;
}

/** The session manager, as the session registry sees it: a link and a dialect behind it. */
export interface Upstream {
  /** Is there a link that takes packets now? */
  readonly up: boolean;
  /** Does a session that ends take with it what it has said, and is not handled yet? */
  readonly dropsAtEnd: boolean;
  /** Does so much wait for the link that nothing should be given back? */
  readonly congested: boolean;
  /** The way that the stanzas of a session take. */
  queueFor(session: Session): OutboundQueue;
  /** The way that is taken by what is given back. */
  readonly returnQueue: OutboundQueue;
  /**
   * What a `result` for a login grants: the address of the session that is now open, or of which one may be asked for.
   *
   * @param asked user, host and resource of the login
   * @returns undefined where the packet can not be the answer to it
   */
  granted(packet: Packet, asked: string): string | undefined;
  /** Asks for the session of an accepted login; false where the login has opened it already. */
  open(session: Session, address: string): boolean;
  /** Prepares what is written on every stanza of a session that has just been opened. */
  stamp(session: Session): string;
  /** Sends a stanza. @returns the condition it is refused with, where the dialect has no safe way to carry it */
  carry(session: Session, stanza: Stanza): Condition | undefined;
  /** Tells the session manager that the client is gone. */
  end(session: Session): void;
  /** Tells the session manager that nobody is behind this pair of addresses (left over from an earlier life). */
  endStale(sessionAddress: string, socketAddress: string): void;
  /** Gives a packet back whole, as undeliverable. */
  bounce(packet: Packet): void;
  /** Does a packet that is given back always end the session that it was for? Then it does not come again. */
  readonly endsByBounce: boolean;
  /** Tells the sender of a message that it can not be delivered, instead of giving it back again. */
  refuse(packet: Packet): void;
  /** For a packet to an address of an earlier life: the session address it must belong to, where that can be told. */
  staleSession(packet: Packet): string | undefined;
}
