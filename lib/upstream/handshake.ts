import type { OwnHeader } from '../xmpp/framing/framing.js';
import type { Element, Stanza, Tag } from '../xml/index.js';

/** The link, as seen by the handshake that sets it up. */
export interface HandshakeLink {
  /** Sends text at once, also before the link is up. */
  send(text: string): void;
  /** Waits for the next step of the peer's; `missing` ends the sentence "… within 10 s". */
  expect(missing: string): void;
  /** Opens a new stream on the same connection. */
  restart(): void;
  /** Encrypts the connection, then opens a new stream on it. */
  encrypt(): void;
  /** All is said: packets may be sent. */
  up(): void;
  /** The link can not be. */
  fail(reason: string): void;
  /** The link can not be, and trying again would not change that. */
  giveUp(reason: string): void;
}

/** What is said to a peer from connect on until packets may be sent. One for each link. */
export interface Handshake {
  /** What the peer is called in the log: "the router". */
  readonly peer: string;
  /** Our stream header. */
  header(): OwnHeader;
  /** The peer's header, after each of ours. */
  opened(header: Tag, link: HandshakeLink): void;
  /** Something of the peer's before the link is up. */
  received(packet: Stanza, link: HandshakeLink): void;
  /** Why the peer may have closed the connection before the link was up. */
  closedEarly(): string;
  /** What a stream error means before the link is up, where it means more than it says. */
  explain(error: Element): string | undefined;
}
