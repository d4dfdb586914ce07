/** The rows of the command `sessions`: connections of the socket manager, and sessions of the embedded session manager. */

/** What the socket manager knows about the connection of a client. */
export interface ConnectionFacts {
  readonly socketAddress: string;
  readonly ip: string;
  readonly state: 'opening' | 'unknown' | 'authenticated' | 'closed';
  /** The full JID of the session; empty before login. */
  readonly user: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** From the client. */
  readonly stanzasIn: number;
  /** To the client. */
  readonly stanzasOut: number;
}

/** What the embedded session manager knows about a session. */
export interface SessionFacts {
  readonly socket: string;
  readonly fullJid: string;
  readonly priority: number;
  readonly available: boolean;
  readonly show: string | undefined;
  readonly interested: boolean;
  readonly since: number;
  readonly received: number;
  readonly sent: number;
}

/**
 * One connection. Names and meanings are those of Prosody's session document (doc/session.txt), where it has them. What
 * is not known is absent.
 */
export interface SessionRow {
  /** The socket address. */
  readonly socket: string;
  readonly ip?: string;
  /**
   * The connection: `opening` (no stream yet), `unknown` (not logged in), `closing`; then the session: `authenticated`,
   * or, where more is known, `connected` or `available` like its resource.
   */
  readonly state: 'opening' | 'unknown' | 'closing' | 'authenticated' | 'connected' | 'available';
  readonly type: 'c2s_unauthed' | 'c2s';
  /** Present while the stream has not been opened. */
  readonly notopen?: true;
  readonly username?: string;
  readonly host?: string;
  readonly resource?: string;
  readonly full_jid?: string;
  readonly priority?: number;
  readonly show?: string;
  /** Has it asked for the roster? */
  readonly interested?: boolean;
  /** ISO 8601. */
  readonly since: string;
  readonly stanzas_in: number;
  readonly stanzas_out: number;
}

/** One row for each connection, with what the embedded session manager, if there is one, knows about its session. */
export function* connectionRows(
  connections: Iterable<ConnectionFacts>,
  sessions: Iterable<SessionFacts> = [],
): Iterable<SessionRow> {
  const bySocket = new Map([...sessions].map((session) => [session.socket, session]));
  for (const connection of connections)
    yield connectionRow(connection, bySocket.get(connection.socketAddress));
}

/** One row for each session of an embedded session manager whose clients connect to socket managers elsewhere. */
export function* sessionRows(sessions: Iterable<SessionFacts>): Iterable<SessionRow> {
  for (const session of sessions) {
    yield {
      socket: session.socket,
      type: 'c2s',
      ...knownTo(session),
      ...named(session.fullJid),
      ...counted(session.since, session.received, session.sent),
    };
  }
}

const STATES = {
  opening: 'opening',
  unknown: 'unknown',
  authenticated: 'authenticated',
  closed: 'closing',
} as const;

function connectionRow(connection: ConnectionFacts, session: SessionFacts | undefined): SessionRow {
  const { socketAddress, ip, state, user, since, stanzasIn, stanzasOut } = connection;
  return {
    socket: socketAddress,
    ip,
    state: STATES[state],
    type: user === '' ? 'c2s_unauthed' : 'c2s',
    ...(state === 'opening' ? { notopen: true as const } : {}),
    ...(session && state === 'authenticated' ? knownTo(session) : {}),
    ...(user === '' ? {} : named(session?.fullJid ?? user)),
    ...counted(since, stanzasIn, stanzasOut),
  };
}

function knownTo({ available, priority, show, interested }: SessionFacts) {
  return { state: available ? 'available' : 'connected', priority, show, interested } as const;
}

function named(fullJid: string) {
  const slash = fullJid.indexOf('/');
  const [username, host] = fullJid.slice(0, slash).split('@');
  return { username, host, resource: fullJid.slice(slash + 1), full_jid: fullJid };
}

function counted(since: number, stanzasIn: number, stanzasOut: number) {
  return { since: new Date(since).toISOString(), stanzas_in: stanzasIn, stanzas_out: stanzasOut };
}
