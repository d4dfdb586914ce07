import type { Request } from '../../../session/requests.js';
import type { Packet, Session } from '../../../session/session.js';
import type { Stanza } from '../../../xml/index.js';

/**
 * How sessions are addressed on the link, in which the generations of jabberd differ. Pure functions from session and stanza
 * to the text of a packet, and from packet to event; no sockets, timers or state.
 */
export interface Dialect {
  /** Asks for a login, or makes another request that is allowed before login. */
  ask(session: Session, request: Request): string;
  /**
   * What a `result` for a login grants: the address of the session that is now open, or of which one may be asked for.
   *
   * @param asked full JID of the login
   * @returns undefined where the packet cannot be the answer to it
   */
  granted(packet: Packet, asked: string): string | undefined;
  /** Asks for the session of an accepted login; absent where the login opens it. */
  open?(session: Session, address: string): string;
  /** The addressing on each stanza of a session; made once, when it has been opened. */
  stamp(sessionAddress: string, socketAddress: string): string;
  /** Carries a stanza, which has no session control; `stamp` is that of its session. */
  carry(stamp: string, stanza: Stanza): string;
  /** Ends a session. */
  end(sessionAddress: string, socketAddress: string): string;
  /** Gives an undeliverable packet back whole; undefined for one that must not go back. */
  bounce(packet: Packet): string | undefined;
  /** Tells the sender of a message that it cannot be delivered; undefined for other packets. */
  refuse(packet: Packet): string | undefined;
  /** A packet from an address of ours to itself, which the server returns. */
  probe(address: string, id: string): string;
  /** The id of a probe that has come back, as it was or as an error; empty where it has none. */
  probeIdOf(packet: Stanza): string;
  /** What a packet on the link means; undefined for one without a client. */
  read(packet: Stanza): Packet | undefined;
  /**
   * The session that a packet to an unknown socket address belongs to, where the packet tells; absent where that session
   * ends when the packet is given back.
   */
  staleSession?(packet: Packet): string | undefined;
}
