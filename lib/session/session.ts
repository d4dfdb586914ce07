import type { Stanza } from '../xml/index.js';
import { canonical } from '../xmpp/address.js';
import type { CloseReason } from './close-reason.js';
import type { Login } from './login.js';
import type { Condition } from '../xmpp/stanza-error.js';
import { newSender, type OutboundQueue } from './outbound-queue.js';

/**
 * What a packet is: a `stanza` for the client, the `answer` to a request made before login (where the dialect marks it;
 * otherwise that is a stanza, too), a session that was `opened`, or the word that session `from` has `ended`.
 */
export type PacketKind = 'stanza' | 'answer' | 'opened' | 'ended';

/** Bytes (about) that a packet keeps in memory besides its text. */
export const PACKET_BYTES = 512;

/** Something that the session manager has sent to one of our socket addresses. What is made here is no packet. */
export interface Packet {
  readonly kind: PacketKind;
  /** Socket address. */
  readonly to: string;
  /** The address that the session manager has given as its own. */
  readonly from: string;
  /** The stanza in it, for the client. */
  readonly text: string;
  /** The packet as it came, so that it can go back whole. */
  readonly whole: Stanza;
  /** What `whole` is: the stanza itself, or a `<route/>` around it. */
  readonly envelope: 'none' | 'route';
  /** Why something ended, in the session manager's words, where it says so. */
  readonly reason?: string;
}

/** The upstream's half of an open session: it takes the stanzas of the client to the session manager. */
export interface UpstreamSession {
  /** The queue that its stanzas go out on. */
  readonly queue: OutboundQueue;
  /** Sends a stanza. @returns the condition it is refused with, where the dialect has no safe way to carry it */
  carry(stanza: Stanza): Condition | undefined;
  /** Tells the session manager that the client is gone. */
  end(): void;
}

/** The client of a session, as the session registry sees it. */
export interface Client {
  /** A stanza came for the session. */
  deliver(packet: Packet): void;
  /** A stanza for the client that was made here. */
  tell(text: string): void;
  /** The session is over for the session manager: the client is told, and its stream closed. */
  end(end: CloseReason): void;
}

/**
 * `unknown` and `authenticated` are the states of README.SM. A session that is `detached` has no client for a while, and
 * the session manager does not know; it may get another client. One that is `leaving` has lost its client for good, and
 * the session manager is not told yet (see {@link SessionRegistry.leave}). One that is `over` exists for neither side.
 */
export type SessionState = 'unknown' | 'authenticated' | 'detached' | 'leaving' | 'over';

/** A packet, or a stanza that was made here. */
export type Undelivered = Packet | string;

/** A session of a client with the session manager: the pair of socket address and session address. It outlives its stream. */
export class Session {
  state: SessionState = 'unknown';
  /** There in the states `unknown` and `authenticated`. */
  client: Client | undefined;
  /** The session manager's name for the session, learnt once from its answer; empty while unknown. */
  sessionAddress = '';
  /** The same in its canonical form. */
  key = '';
  /** The upstream's half of it, from its opening on. */
  upstream: UpstreamSession | undefined;
  /** How the client logs in; there while the state is `unknown`. */
  login: Login | undefined;
  /** The full JID that the client logs in with. */
  fullJid = '';
  /** The same in its canonical form, once the session is open. */
  loginKey = '';
  readonly sender = newSender();
  /** When the client last sent a stanza, in milliseconds since 1970. */
  saidAt = 0;
  /** What no client has got, oldest first; absent where that is nothing. */
  private undelivered: Undelivered[] | undefined;
  /** Bytes (about) of what came for it while it had no client. */
  undeliveredBytes = 0;

  /** @param address socket address */
  constructor(
    readonly address: string,
    client: Client,
  ) {
    this.client = client;
  }

  /** The session manager has opened it. */
  opened(sessionAddress: string): void {
    // A copy: a slice would keep the whole read that it came in, as long as the session lives.
    this.sessionAddress = Buffer.from(sessionAddress).toString();
    this.key = canonical(this.sessionAddress);
    this.loginKey = canonical(this.fullJid);
    this.state = 'authenticated';
  }

  /** Gives the client a stanza that was made here; a detached session keeps it for the next client. */
  tell(text: string): void {
    if (this.client) this.client.tell(text);
    else if (this.state === 'detached') this.keep([text]);
  }

  /** Keeps what no client has got. */
  keep(undelivered: readonly Undelivered[]): void {
    this.undelivered ??= [];
    for (const one of undelivered) this.undelivered.push(one);
  }

  /** Takes what was kept, oldest first. */
  takeUndelivered(): readonly Undelivered[] {
    const undelivered = this.undelivered ?? [];
    this.undelivered = undefined;
    this.undeliveredBytes = 0;
    return undelivered;
  }
}
