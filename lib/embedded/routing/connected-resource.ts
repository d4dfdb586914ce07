import { randomBytes } from 'node:crypto';
import type { Element } from '../../xml/index.js';
import type { ComponentStream } from '../component-stream.js';
import type { Dialect } from '../dialects/dialect.js';
import type { Jid } from '../../xmpp/jid.js';
import type { Settle } from '../outbox.js';
import type { AccountRoster } from '../store/rosters.js';

/** Why a session has ended. */
export type SessionEnd =
  'disconnected' | 'replaced' | 'undeliverable' | 'account removed' | 'link lost' | 'stopped';

/** This life of the program: a socket manager may still know sessions of an earlier one. */
const LIFE = randomBytes(6).toString('hex');
let given = 0;

/** A tag for the address of a session, never used twice. */
function newTag(): string {
  given += 1;
  return `${LIFE}${given.toString(16)}`.toUpperCase();
}

/**
 * One login of a user, in the shape of Prosody's session document (doc/session.txt): a "connected resource" from the
 * start, with `presence` an "available resource", with `interested` an "interested resource" [RFC6121 2.2]. What is
 * `notopen` or `c2s_unauthed` there is a connection of the socket manager here, and no session yet.
 */
export class Session {
  readonly type = 'c2s';
  readonly username: string;
  readonly host: string;
  readonly resource: string;
  readonly fullJid: string;
  readonly bareJid: string;
  /** What the socket manager calls the session. */
  readonly address: string;
  /** The last presence sent to all; undefined while the user is not available. */
  presence: Element | undefined;
  /** When that came, in milliseconds since 1970. */
  presenceSince = 0;
  priority = 0;
  /** Has it asked for the roster? Then it is told of changes. */
  interested = false;
  /** Addresses that were sent a presence of their own, and must be told when it goes. [RFC6121 4.6] */
  readonly directed = new Set<string>();
  /** When the user logged in, in milliseconds since 1970. */
  readonly since = Date.now();
  /** Stanzas of the client. */
  received = 0;
  /** Stanzas to the client. */
  sent = 0;

  /**
   * @param conn the link it is reached by; another one once the client's socket manager speaks by that
   * @param socket the socket address, which answers go to
   */
  constructor(
    public conn: ComponentStream,
    readonly socket: string,
    jid: Jid,
    private readonly dialect: Dialect,
    /** The user's roster, there from the moment that the resource is bound. */
    readonly roster: AccountRoster,
  ) {
    this.username = jid.user!;
    this.host = jid.host;
    this.resource = jid.resource!;
    this.fullJid = jid.full;
    this.bareJid = jid.bare;
    this.address = dialect.sessionAddress(jid, newTag());
  }

  /** Is it an available resource? */
  get available(): boolean {
    return this.presence !== undefined;
  }

  /** What the user's presence says of them: `away`, `chat`, `dnd`, `xa`, or nothing. [RFC6121 4.7.2.1] */
  get show(): string | undefined {
    return this.presence?.childText('show');
  }

  /** Does a message to the bare address come here? [RFC6121 8.5.2.1] */
  get takesMessages(): boolean {
    return this.available && this.priority >= 0;
  }

  /** Keeps what the end of the session changes. @returns a function that puts it back */
  remember(): () => void {
    const { presence, priority, directed } = this;
    const addresses = [...directed];
    return () => {
      Object.assign(this, { presence, priority });
      for (const address of addresses) directed.add(address);
    };
  }

  /** See {@link ComponentStream.hasRoom}; by whatever link it is reached. */
  get hasRoom(): boolean {
    return this.conn.hasRoom;
  }

  /** Sends a stanza to the client. @returns false where it is too long to be sent */
  send(stanza: Element, settle?: Settle): boolean {
    this.sent += 1;
    return this.conn.send(this.dialect.carry(this, stanza), stanza, settle);
  }
}
