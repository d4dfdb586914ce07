import { randomBytes } from 'node:crypto';
import type { Element } from '../../xml/index.js';
import type { Jid } from '../../xmpp/jid.js';
import type { ComponentStream } from '../component-stream.js';
import type { ServerDialect } from '../dialects/dialect.js';
import type { Settle } from '../store/journal.js';
import type { AccountRoster } from '../store/rosters.js';

/** Identifies this run of the program: a socket manager may still know sessions of an earlier one. */
const RUN = randomBytes(6).toString('hex');
let made = 0;

/** A tag for a session address, never used twice. */
function newTag(): string {
  made += 1;
  return `${RUN}${made.toString(16)}`.toUpperCase();
}

/**
 * One login of a user, with the names of Prosody's session document (doc/session.txt): a connected resource from the
 * start, with `presence` an available resource, with `interested` an interested resource [RFC6121 2.2]. To the socket
 * manager it is a session, and has a session address.
 */
export class ConnectedResource {
  readonly type = 'c2s';
  readonly username: string;
  readonly host: string;
  readonly resource: string;
  readonly fullJid: string;
  readonly bareJid: string;
  /** The session address: what the socket manager calls the session. */
  readonly address: string;
  /** The addressing of packets to the client, see {@link ServerDialect.stamp}. */
  private readonly stamp: string;
  /** The last presence that was broadcast; undefined while the resource is not available. */
  presence: Element | undefined;
  /** When that presence came, in milliseconds since 1970. */
  presenceSince = 0;
  priority = 0;
  /** Has it requested the roster? Then it is sent the changes. */
  interested = false;
  /** Full and bare addresses that were sent directed presence, and must be told when the resource goes. [RFC6121 4.6] */
  readonly directed = new Set<string>();
  /** When the user logged in, in milliseconds since 1970. */
  readonly since = Date.now();
  /** Stanzas of the client. */
  received = 0;
  /** Stanzas to the client. */
  sent = 0;

  /**
   * @param conn the link it is reached by; replaced when the client's socket manager speaks on another one
   * @param socket the socket address, which packets for the client are sent to
   */
  constructor(
    public conn: ComponentStream,
    readonly socket: string,
    jid: Jid,
    private readonly dialect: ServerDialect,
    /** The user's roster, from the moment that the resource is bound. */
    readonly roster: AccountRoster,
  ) {
    this.username = jid.user!;
    this.host = jid.host;
    this.resource = jid.resource!;
    this.fullJid = jid.full;
    this.bareJid = jid.bare;
    this.address = dialect.sessionAddress(jid, newTag());
    this.stamp = dialect.stamp(this);
  }

  /** Is it an available resource? */
  get available(): boolean {
    return this.presence !== undefined;
  }

  /** The `<show/>` of its presence: `away`, `chat`, `dnd`, `xa`, or undefined. [RFC6121 4.7.2.1] */
  get show(): string | undefined {
    return this.presence?.childText('show');
  }

  /** Is it sent messages to the bare address? [RFC6121 8.5.2.1] */
  get takesMessages(): boolean {
    return this.available && this.priority >= 0;
  }

  /** Keeps what disconnecting changes. @returns a function that restores it */
  remember(): () => void {
    const { presence, priority, directed } = this;
    const addresses = [...directed];
    return () => {
      Object.assign(this, { presence, priority });
      for (const address of addresses) directed.add(address);
    };
  }

  /** See {@link ComponentStream.hasRoom}; of the link it is reached by now. */
  get hasRoom(): boolean {
    return this.conn.hasRoom;
  }

  /** Sends a stanza to the client. @returns false where it is too long to be sent */
  send(stanza: Element, settle?: Settle): boolean {
    this.sent += 1;
    return this.conn.send(this.dialect.carry(this.stamp, stanza), stanza, settle);
  }
}

/** All connected resources: by full JID, by account, and by session address. */
export class ConnectedResources {
  private readonly byFullJid = new Map<string, ConnectedResource>();
  private readonly byAddress = new Map<string, ConnectedResource>();
  private readonly byAccount = new Map<string, Set<ConnectedResource>>();

  add(resource: ConnectedResource): void {
    this.byFullJid.set(resource.fullJid, resource);
    this.byAddress.set(resource.address, resource);
    const ofAccount = this.byAccount.get(resource.bareJid);
    if (ofAccount) ofAccount.add(resource);
    else this.byAccount.set(resource.bareJid, new Set([resource]));
  }

  /** @returns false where the resource is not connected (any more) */
  delete(resource: ConnectedResource): boolean {
    if (this.byFullJid.get(resource.fullJid) !== resource) return false;
    this.byFullJid.delete(resource.fullJid);
    this.byAddress.delete(resource.address);
    const ofAccount = this.byAccount.get(resource.bareJid)!;
    ofAccount.delete(resource);
    if (ofAccount.size === 0) this.byAccount.delete(resource.bareJid);
    return true;
  }

  get(fullJid: string): ConnectedResource | undefined {
    return this.byFullJid.get(fullJid);
  }

  /** The resource that has that session address. */
  at(address: string): ConnectedResource | undefined {
    return this.byAddress.get(address);
  }

  /** The connected resources of an account, by its bare address. */
  of(bareJid: string): ConnectedResource[] {
    return [...(this.byAccount.get(bareJid) ?? [])];
  }

  /** The available resources of an account. */
  available(bareJid: string): ConnectedResource[] {
    return this.of(bareJid).filter((resource) => resource.available);
  }

  [Symbol.iterator](): IterableIterator<ConnectedResource> {
    return [...this.byFullJid.values()].values();
  }
}
