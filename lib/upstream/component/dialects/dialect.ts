import type { Request } from '../../../session/requests.js';
import type { Packet, Session } from '../../../session/session.js';
import type { Stanza } from '../../../xml/index.js';

/**
 * What differs between the generations of jabberd, and nothing else: how a session is addressed on the link. Pure
 * functions from session and stanza to packet text, and from packet to event; no sockets, timers or state.
 */
export interface Dialect {
  /** Ask for a login, or for what is allowed before one. */
  ask(session: Session, request: Request): string;
  /**
   * What a `result` for a login grants: the address of the session that is now open, or of which one may be asked for.
   *
   * @param asked full JID of the login
   * @returns undefined where the packet cannot be the answer to it
   */
  granted(packet: Packet, asked: string): string | undefined;
  /** Ask for the session of an accepted login; absent where the login opens it. */
  open?(session: Session, address: string): string;
  /** What is written on each stanza of a session; made once, when it has been opened. */
  stamp(sessionAddress: string, socketAddress: string): string;
  /** Carry a stanza without session control; `stamp` is that of its session. */
  carry(stamp: string, stanza: Stanza): string;
  /** End a session. */
  end(sessionAddress: string, socketAddress: string): string;
  /** Give back an undeliverable packet whole; undefined for one that must not go back. */
  bounce(packet: Packet): string | undefined;
  /** Tell the sender of a message that it can not be delivered; undefined for what nobody waits for. */
  refuse(packet: Packet): string | undefined;
  /** A packet from an address of ours to itself, which the server sends back. */
  probe(address: string, id: string): string;
  /** The id of a probe that has come back, as it was or as an error; empty where it has none. */
  probeIdOf(packet: Stanza): string;
  /** What a packet from the link means; undefined for one that no client may see. */
  read(packet: Stanza): Packet | undefined;
  /**
   * Which session a packet to an unknown socket address belongs to, where the packet tells; absent where giving back the
   * packet ends that session.
   */
  staleSession?(packet: Packet): string | undefined;
}
