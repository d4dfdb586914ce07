/** Limits of the resources that peers and users of the embedded session manager may use. */
export interface EmbeddedLimits {
  /** Seconds from a stream's first byte, or from {@link SessionManager.accept}, to its handshake. [jabberd 1.1.2: 5] */
  readonly handshakeTimeout: number;
  /** Seconds that sessions are kept after their link is lost. [jabberd 1.1.2: packets wait for 30] */
  readonly linkAwayTimeout: number;
  /** Bytes of one packet, in either direction. [jabberd 1.1.2: about 1,000,000] */
  readonly packetBytes: number;
  /** Nested elements. [jabberd 1.1.2: 100] */
  readonly depth: number;
  /** Attributes of one element. */
  readonly attributes: number;
  /** Characters that may wait for a link that does not read; above that it is closed. */
  readonly linkQueue: number;
  /** Characters waiting for a link from which on its packets are not handled, because the answers would wait after them. */
  readonly linkHold: number;
  /** Bytes (about) of packets that wait to be handled, from which on the link is not read. */
  readonly linkBacklog: number;
  /** Accepted logins of one link whose session was not requested yet; above that the oldest is forgotten. */
  readonly loginTickets: number;
  /** Sessions of one account at a time. */
  readonly sessions: number;
  /** Characters of a presence, which may be sent to every contact. */
  readonly presenceCharacters: number;
  /** Offline messages of one account. */
  readonly offlineMessages: number;
  /** Characters of the offline messages of one account, as XML. */
  readonly offlineCharacters: number;
  /** Contacts of one account, with the strangers who request a subscription. */
  readonly contacts: number;
  /** Characters of all contacts of one account, with names and groups: a roster must fit into a packet. */
  readonly rosterCharacters: number;
  /** Groups of one contact. */
  readonly groups: number;
  /** Characters of a contact's name, or of a group's. */
  readonly nameCharacters: number;
  /** Addresses to which one resource has sent directed presence. */
  readonly directedPresences: number;
  /** Private documents of one account. */
  readonly documents: number;
  /** Characters of one document. */
  readonly documentCharacters: number;
}

export const DEFAULT_LIMITS: EmbeddedLimits = {
  handshakeTimeout: 5,
  linkAwayTimeout: 30,
  packetBytes: 1_000_000,
  depth: 100,
  attributes: 100,
  linkQueue: 64 * 1024 * 1024,
  linkHold: 256 * 1024,
  linkBacklog: 16 * 1024 * 1024,
  loginTickets: 10_000,
  sessions: 50,
  presenceCharacters: 16 * 1024,
  offlineMessages: 1000,
  offlineCharacters: 16 * 1024 * 1024,
  contacts: 1000,
  rosterCharacters: 200_000,
  groups: 100,
  nameCharacters: 1023,
  directedPresences: 1000,
  documents: 100,
  documentCharacters: 256 * 1024,
};
