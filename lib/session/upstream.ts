import type { Stanza } from '../xml/index.js';
import type { CloseReason } from './close-reason.js';
import type { OutboundQueue } from './outbound-queue.js';
import type { Answer, Request } from './requests.js';
import type { Packet, Session, UpstreamSession } from './session.js';

/** Decides about logins: most session managers do that themselves; for jabberd2, whose sms never see a password, we do. */
export interface Authenticator {
  /**
   * Takes a request of a client that is not logged in.
   *
   * @param onAnswer called at most once; not where the answer comes in a packet, which {@link read} knows
   */
  ask(session: Session, request: Request, onAnswer: (answer: Answer) => void): void;
  /** The answer to a request, where a packet is one. Absent where no answers come in packets. */
  read?(request: Request, packet: Packet): Answer | undefined;
  /** Is a stanza of an authenticated client about its own account? Then it is taken here, and the client told of it. */
  takes?(session: Session, stanza: Stanza): boolean;
}

/** The answer of a session manager to the request to create a user. */
export type Registered = 'done' | 'refused' | 'unanswered';

/** Creates and removes users at a session manager that keeps no passwords. */
export interface UserProvisioning {
  /** @param user bare address */
  create(user: string, domain: string): Promise<Registered>;
  remove(user: string, domain: string): void;
}

/**
 * Sessions that the session manager has and we do not. Where it keeps such a session, a packet that is given back to it is
 * delivered to the same socket address again, and again, until the session is ended.
 */
export interface StaleSessions {
  /** Does a packet that is given back end its session? Then it does not come again. */
  readonly endedByBounce: boolean;
  /** The session address that a packet to an unknown socket address belongs to, where that can be told. */
  of(packet: Packet): string | undefined;
  /** Tells the session manager that nobody has this pair of addresses. */
  end(sessionAddress: string, socketAddress: string): void;
  /** Tells the sender of a message that it cannot be delivered, instead of giving it back again. */
  refuse(packet: Packet): void;
}

/** The session manager, for the session registry and the clients. Capabilities that not all session managers have are optional. */
export interface Upstream {
  /** Is the link up? */
  readonly up: boolean;
  /** The queue of clients without a session: nothing is sent on it, but it is closed while the link is full. */
  readonly loginQueue: OutboundQueue;
  /** The queue of the packets that are given back; it is closed while there is no room for them. */
  readonly returnQueue: OutboundQueue;
  /** Does it drop stanzas that it has not handled when their session ends? Then a final acknowledgement is asked for first. */
  readonly dropsAtEnd: boolean;
  /** May it have lost sessions without notice while the link was lost? Then they are checked once the link is back. */
  readonly forgetsSessions: boolean;
  /** There where the session manager checks logins; else they are checked here. */
  readonly authenticator?: Authenticator;
  /** There where users have to be created and removed besides their credentials. */
  readonly provisioning?: UserProvisioning;
  /** There where packets that are given back may come again. */
  readonly staleSessions?: StaleSessions;
  /** The names that the link reaches now, where the peer announces them: they include the domains that are served. */
  readonly names?: readonly string[];
  /** Why nobody can log in at a domain now; undefined where one can. */
  refusal(domain: string): CloseReason | undefined;
  /** A new socket address, for the connection with that file descriptor. */
  newSocketAddress(descriptor: number): string;
  /**
   * Asks for the session of an accepted login, {@link Session.fullJid}. Absent where the login opens it.
   *
   * @returns false where there can be none
   */
  open?(session: Session): boolean;
  /** Makes the upstream's half of a session that has just been opened. */
  attach(session: Session): UpstreamSession;
  /** Gives a packet back whole, as undeliverable. */
  bounce(packet: Packet): void;
}

/** The session registry, for an upstream. */
export interface SessionEvents {
  /** The session of a socket address, where there is one. */
  find(socketAddress: string): Session | undefined;
  /**
   * A packet from the session manager.
   *
   * @param session the session of the packet's socket address, where that was found already
   */
  receive(packet: Packet, session?: Session): void;
  /**
   * A session that was asked for is open.
   *
   * @returns false where nobody waits for it any more: the session manager is to be told
   */
  opened(socketAddress: string, sessionAddress: string): boolean;
  /** A login was right, and there is no session for it now. */
  refused(socketAddress: string): void;
  /** The session is over at the session manager, for a reason that it may have said. */
  ended(socketAddress: string, reason: string | undefined): void;
  /** A stanza that was made here, for the client. */
  tell(socketAddress: string, text: string): void;
  /** There is a link again. */
  linked(): void;
  /** The link was lost. */
  unlinked(): void;
}
