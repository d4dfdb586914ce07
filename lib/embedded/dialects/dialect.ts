import { element, type Element, type Node, type ParseError, type Stanza } from '../../xml/index.js';
import type { OwnHeader } from '../../xmpp/framing/framing.js';
import type { Jid } from '../../xmpp/jid.js';

/** What every packet of a socket manager says. */
interface Addressed {
  /** The session, the account or the server that the packet is for. */
  readonly to: Jid;
  /** The socket address that it came from. */
  readonly socket: string;
  /** The packet as it came. */
  readonly packet: Stanza;
}

/** From a client that has no session: a login, or what else is allowed before one. */
export interface PreLoginRequest extends Addressed {
  readonly kind: 'login';
  readonly stanza: Element;
}

/** Asks for the session of a login that was accepted. */
export interface OpenRequest extends Addressed {
  readonly kind: 'open';
}

/** From a client that has a session, or believes so. */
export interface ClientStanza extends Addressed {
  readonly kind: 'stanza';
  readonly stanza: Element;
}

/** The client is gone. */
export interface EndNotice extends Addressed {
  readonly kind: 'end';
  /** The stanza that could not be delivered to the client, as it was sent. */
  readonly undelivered?: Element;
}

export type Incoming = PreLoginRequest | OpenRequest | ClientStanza | EndNotice;

/** Why a packet is given back. */
export type Rejection = 'no session' | 'no user' | 'not logged in' | 'unknown host' | 'wrong name';

/** The names by which both sides know a session. */
export interface SessionNames {
  /** The session address: our name for the session. */
  readonly address: string;
  readonly bareJid: string;
  /** The socket address: the socket manager's name for the client connection. */
  readonly socket: string;
}

/** Why a request before login is refused, with code and text of jabberd 1.1.2. */
export const REFUSALS = {
  badRequest: ['400', 'Bad Request'],
  unauthorized: ['401', 'Unauthorized'],
  noResource: ['401', 'Unauthorized'],
  notAllowed: ['405', 'Not Allowed'],
  notAcceptable: ['406', 'Not Acceptable'],
  nameTaken: ['409', 'Username Not Available'],
  noCredentials: ['500', 'Internal Server Error'],
  noStreamId: ['500', 'Internal Server Error'],
  internal: ['500', 'Internal Server Error'],
} as const;

export type LegacyRefusal = keyof typeof REFUSALS;

/** Code and text of each refusal. */
export type Refusals = Readonly<Record<LegacyRefusal, readonly [code: string, text: string]>>;

export function legacyError(refusals: Refusals, refusal: LegacyRefusal): Element {
  const [code, text] = refusals[refusal];
  return element('error', { code }, text);
}

/** What is written on the stream itself: how it begins and ends, and what its errors say. */
export interface StreamWords {
  /** Answers a stream header of that namespace, with an error where the namespace is not served. */
  header(namespace: string | undefined, name: string, id: string): OwnHeader | { readonly error: string };
  /** Is the stream closed with a closing tag? Else only the connection is closed. */
  readonly closes: boolean;
  readonly wrongSecret: string;
  readonly noHandshake: string;
  /** Answers a packet that comes before the handshake. */
  readonly tooEarly: string;
  /** Does a packet before the handshake end the stream? */
  readonly tooEarlyEnds: boolean;
  badXml(fault: ParseError): string;
  /** Ends a link that a newer one replaces; absent where a component may have several links. */
  readonly override?: string;
}

/** The attributes of a socket manager's packet that name the receiver, and the socket that it came from. */
export interface AddressAttributes {
  readonly to: string;
  readonly socket: string;
}

/**
 * A dialect from the session manager's side: how a session is addressed on the link, and what is written on the stream
 * itself. Nothing else differs between the generations of jabberd. Pure functions; no sockets, timers or state.
 */
export interface ServerDialect {
  readonly addresses: AddressAttributes;
  readonly words: StreamWords;
  readonly refusals: Refusals;
  /** Reads a packet; undefined for one whose receiver or sender is not named. */
  read(packet: Stanza): Incoming | undefined;
  /** Answers a client that has no session. `session` is the address of the session that the answer opens. */
  answer(request: PreLoginRequest, type: 'result' | 'error', content: Node[], session?: string): Element;
  /** Answers a request for a session; absent where the result of the login opens the session. */
  opened?(session: SessionNames, request: OpenRequest): Element;
  /** The address of a new session. `tag` is never used twice. */
  sessionAddress(jid: Jid, tag: string): string;
  /** The addressing of every packet to that session, as text for {@link carry}. */
  stamp(session: SessionNames): string;
  /** The packet that carries a stanza to a client, as text. The stanza is not changed. */
  carry(stamp: string, stanza: Element): string;
  /** Tells a socket that its session has ended, and why; without a reason, `Disconnected`. */
  ended(sessionAddress: string, socket: string, why?: string): Element;
  /** Gives a packet back whole. */
  giveBack(packet: Element, why: Rejection): Element;
  /**
   * Is a socket that ends its session told that the session has ended? Needed where a client's stanza may be taken for
   * an end: its socket manager must not go on with a session that is over.
   */
  readonly confirmsEnds?: true;
}
