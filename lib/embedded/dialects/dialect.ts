import type { Element, ParseError, Node } from '../../xml/index.js';
import type { Jid } from '../../xmpp/jid.js';
import type { Refusals } from '../refusals.js';

/** A packet of a socket manager: for whom it is, and the socket address it came from. */
interface Addressed {
  readonly to: Jid;
  readonly socket: string;
  /** The packet as it came. */
  readonly whole: Element;
}

/** From a client that has no session: a login, or what is allowed before one. */
export interface Asked extends Addressed {
  readonly kind: 'ask';
  readonly stanza: Element;
}

/** Asks for the session of an accepted login. */
export interface Opening extends Addressed {
  readonly kind: 'open';
}

/** From a client that has a session, or thinks so. */
export interface Carried extends Addressed {
  readonly kind: 'stanza';
  readonly stanza: Element;
}

/** The client is gone. */
export interface Ending extends Addressed {
  readonly kind: 'end';
  /** What could not be delivered to it, the way it was sent. */
  readonly undelivered?: Element;
}

export type Incoming = Asked | Opening | Carried | Ending;

/** Why a packet cannot be taken. */
export type Rejection = 'no session' | 'no user' | 'not logged in' | 'unknown host' | 'wrong name';

/** The names of a session that both sides know it by. */
export interface Names {
  readonly address: string;
  readonly bareJid: string;
  readonly socket: string;
}

/** The words of the stream itself. An empty text closes it without one. */
export interface StreamWords {
  /** Answers a header of that namespace; undefined where that is not served. */
  header(namespace: string | undefined, name: string, id: string): string | undefined;
  readonly wrongNamespace: string;
  readonly wrongSecret: string;
  readonly noHandshake: string;
  /** To a packet before the handshake. */
  readonly tooEarly: string;
  /** Is that the end of the stream? */
  readonly tooEarlyEnds: boolean;
  badXml(fault: ParseError): string;
  /** To a peer that has closed its stream. */
  readonly goodbye: string;
  /** To a link whose place another one takes; absent where there may be several at a time. */
  readonly override?: string;
}

export interface Addresses {
  readonly to: string;
  readonly socket: string;
}

/**
 * What differs between the generations of jabberd on the session manager's side, and nothing else: how a session is
 * addressed on the link, and the words of the stream. Pure functions; no sockets, timers or state.
 */
export interface Dialect {
  /** The attributes of a packet of a socket manager that say for whom it is, and which socket it came from. */
  readonly addresses: Addresses;
  readonly words: StreamWords;
  readonly refusals: Refusals;
  /** What a packet means; undefined for one that is for nobody here, or has nobody to answer. */
  read(packet: Element): Incoming | undefined;
  /** Answers a client that has no session. `session` is the address of the session that is open now. */
  answer(asked: Asked, type: 'result' | 'error', content: Node[], session?: string): Element;
  /** Answers who has asked for a session; absent where the result of the login does, and opens it. */
  opened?(session: Names, request: Element): Element;
  /** The name of a new session. `tag` is never used twice. */
  sessionAddress(jid: Jid, tag: string): string;
  /** Carries a stanza to a client. */
  carry(session: Names, stanza: Element): Element;
  /** Tells a socket that its session has ended, and why: `Disconnected` where nothing is said. */
  ended(sessionAddress: string, socket: string, why?: string): Element;
  /** Gives a packet back whole. */
  giveBack(packet: Element, why: Rejection): Element;
  /**
   * Is a socket that ends its session told that it has ended? Where what a client says may be taken for an end: its socket
   * manager must not go on with a session that is over.
   */
  readonly confirmsEnds?: true;
}
