import type { Limits } from '../config/config.js';
import type { CertificateStore } from '../net/certificate-store.js';
import type { Log } from '../observe/log.js';
import type { CloseReason } from '../session/close-reason.js';
import type { OutboundQueue } from '../session/outbound-queue.js';
import type { SessionRegistry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import type { Aliases } from './alias.js';
import type { Backlog } from './backlog.js';
import type { LoginLimits } from './login-limits.js';
import type { RateLimit } from './rate-limit.js';
import type { ReadScheduler } from './read-scheduler.js';
import type { ClientStream } from './stream.js';

/** What all client streams of a server share. */
export interface ClientContext {
  readonly registry: SessionRegistry;
  /** Failed logins and registrations of all connections. */
  logins(): LoginLimits;
  readonly log: Log;
  readonly limits: Limits;
  /** Our component name: what is sent there comes back to us. */
  readonly name: string;
  /** Hosts that are served, lower case; empty: whatever clients ask for. */
  readonly domains: readonly string[];
  /** May accounts be made before login? */
  mayRegister(): boolean;
  /** The domains that clients can ask for, as the session manager spells them, as far as that is known. */
  served(): readonly string[];
  /** The configured ones of them that can be spelt in more ways than one. */
  readonly internationalized: readonly string[];
  /** Old names of hosts, by {@link domainKey}. */
  readonly aliases: Aliases;
  /** Do stanzas to clients name their host as the client does? */
  readonly aliasReplies: boolean;
  /** The certificates that clients are shown; called only where a listener has TLS. */
  certificates(): CertificateStore;
  /** Why clients of a host cannot be served now; undefined where they can. */
  unserved(domain: string): CloseReason | undefined;
  /** The queue that the stanzas of a client go to; when it is full the client waits for its turn. */
  queueFor(session: Session): OutboundQueue;
  /** Turns of clients whose stanzas take long to read. */
  readonly readScheduler: ReadScheduler;
  /** What a client may say in the long run; undefined where that is not bounded. */
  readonly rate: RateLimit | undefined;
  /** What waits for all clients together. */
  readonly backlog: Backlog;
  /** The connection is over. */
  gone(stream: ClientStream, end: CloseReason): void;
  /** A client has logged in. */
  loggedIn(stream: ClientStream): void;
}
