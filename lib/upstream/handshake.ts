import type { OwnHeader } from '../xmpp/framing/framing.js';
import type { Element, Stanza, Tag } from '../xml/index.js';

/** The link, as seen by the handshake that sets it up. */
export interface HandshakeLink {
  /** Sends text at once, also before the link is up. */
  send(text: string): void;
  /** Waits for the next step of the peer; `missing` begins the reason of a failure, as in "no challenge within 10 s". */
  expect(missing: string): void;
  /** Opens a new stream on the same connection. */
  restart(): void;
  /** Encrypts the connection, then opens a new stream on it. */
  encrypt(): void;
  /** The handshake is done: packets may be sent. */
  up(): void;
  /** The handshake has failed. */
  fail(reason: string): void;
  /** The handshake has failed, and would fail each time. */
  giveUp(reason: string): void;
}

/** The exchange with the peer from connect on until packets may be sent. One for each link. */
export interface Handshake {
  /** The peer's name in the log: "the router". */
  readonly peer: string;
  /** Our stream header. */
  header(): OwnHeader;
  /** The peer's header, after each of ours. */
  opened(header: Tag, link: HandshakeLink): void;
  /** A packet of the peer before the link is up. */
  received(packet: Stanza, link: HandshakeLink): void;
  /** Why the peer may have closed the connection before the link was up. */
  closedEarly(): string;
  /** The likely cause of a stream error before the link is up; undefined where the error says it. */
  explain(error: Element): string | undefined;
}
