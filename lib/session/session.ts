import { stanzaOf, type Element, type Stanza } from '../xml/index.js';
import type { CloseReason } from './close-reason.js';
import { newSender } from './upstream.js';

/** What a client may ask for before login. */
export type RequestKind = 'auth-get' | 'auth-set' | 'register';

/** A request of a client in the unknown state, as it goes to the session manager. */
export interface LoginRequest {
  readonly kind: RequestKind;
  readonly iq: Element;
  /** The host that the client has asked for. */
  readonly domain: string;
}

/**
 * What a packet is: a `stanza` for the client, the `answer` to a request made before login (where the dialect marks it;
 * otherwise that is a stanza, too), a session that was `opened` or, after a login that was accepted, `refused`, or the
 * word that session `from` has `ended`.
 */
export type PacketKind = 'stanza' | 'answer' | 'opened' | 'refused' | 'ended';

/** Stands for the whole of a packet that did not come in one. It is not ASCII, as the text beside it need not be. */
export const NOTHING: Stanza = stanzaOf('<nothing>\u2026</nothing>')!;

/** Bytes (about) that a packet keeps in memory besides its text. */
export const PACKET_BYTES = 512;

/** Something the session manager sent to one of our socket addresses. */
export interface Packet {
  readonly kind: PacketKind;
  /** Socket address. */
  readonly to: string;
  /** Address the session manager gave as its own. */
  readonly from: string;
  /** What the client is to see of it. */
  readonly text: string;
  /** The packet as it came, so that it can go back whole. */
  readonly whole: Stanza;
  /** Is `whole` only what carries the client's stanza, and not the stanza itself? */
  readonly carrier?: boolean;
  /** Why something ended, in the session manager's words, where it says so. */
  readonly reason?: string;
}

/** The client behind a session, as the session registry sees it. */
export interface Client {
  /** Something came while the session was in the unknown state. */
  answer(packet: Packet): void;
  /** The session has been opened: it is authenticated now. */
  opened(): void;
  /** A stanza came for the session. */
  deliver(packet: Packet): void;
  /** The session is over for the session manager: tell the client and close. */
  end(end: CloseReason): void;
}

/**
 * `unknown` and `authenticated` are the states of README.SM. A session that is `leaving` has lost its client, but the
 * session manager is not told yet (see {@link Desk.leave}). One that is `over` exists for neither side.
 */
export type SessionState = 'unknown' | 'authenticated' | 'leaving' | 'over';

/** One client connection in the session manager's eyes: the pair of socket address and session address. */
export class Session {
  state: SessionState = 'unknown';
  /** The session manager's name for the session, learnt once from its answer; empty while unknown. */
  sessionAddress = '';
  /** What the dialect writes on every stanza of this session, made once at login. */
  stamp = '';
  /** User, host and resource that the last auth set named: frozen there, whatever is asked for later. */
  login = '';
  /** Has another session logged in with the same? */
  replaced = false;
  /** Is the stamp ASCII only? */
  ascii = true;
  readonly sender = newSender();
  /** When it last said something, in milliseconds since 1970. */
  saidAt = 0;
  /** Packets for a client that is gone, kept while the session is leaving. */
  returns: Packet[] | undefined;
  /** Bytes (about) of what is kept there. */
  returnBytes = 0;

  /** @param address socket address */
  constructor(
    readonly address: string,
    readonly client: Client,
  ) {}
}
