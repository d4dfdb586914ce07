/** What peers and users may cost the embedded session manager. */
export interface EmbeddedLimits {
  /** Seconds from a stream's first byte, or from {@link SessionManager.accept}, to its handshake. [jabberd 1.1.2: 5] */
  readonly handshakeTimeout: number;
  /** Seconds that sessions outlive their link. [jabberd 1.1.2: packets wait for 30] */
  readonly linkAwayTimeout: number;
  /** Bytes of one packet, in either direction. [jabberd 1.1.2: about 1,000,000] */
  readonly packetBytes: number;
  /** Elements inside each other. [jabberd 1.1.2: 100] */
  readonly depth: number;
  /** Attributes of one element. */
  readonly attributes: number;
  /** Characters waiting for a link that does not read; then it is dropped. */
  readonly linkQueue: number;
  /** Characters waiting for a link from which on no more packets of it are taken: whatever is said next waits behind them. */
  readonly linkHold: number;
  /** Bytes (about) of packets of a link that wait to be taken from which on no more are read. */
  readonly linkBacklog: number;
  /** Logins of one link that were accepted and wait for their session to be asked for; then the oldest is forgotten. */
  readonly loginTickets: number;
  /** Sessions of one account at a time. */
  readonly sessions: number;
  /** Characters of a presence, which may go to as many as there are contacts. */
  readonly presenceCharacters: number;
  /** Messages waiting for one account. */
  readonly offlineMessages: number;
  /** Characters of XML waiting for one account. */
  readonly offlineCharacters: number;
  /** Contacts of one account, strangers who ask included. */
  readonly contacts: number;
  /** Characters of all contacts of one account, names and groups included: a roster must fit into a packet. */
  readonly rosterCharacters: number;
  /** Groups of one contact. */
  readonly groups: number;
  /** Characters of a contact's name, or of a group's. */
  readonly nameCharacters: number;
  /** Addresses that one session has sent its presence to directly. */
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
