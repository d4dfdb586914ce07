/** The whole configuration of a run, checked and frozen. One field for each option of `options.ts`. */
export interface Config {
  /** The session manager to connect to; absent: the embedded one. */
  readonly sm: Address | undefined;
  /** How it addresses sessions; `auto`: found out from what it answers. */
  readonly dialect: DialectName | 'auto';
  /** Our component name, the host part of every socket address. */
  readonly name: string;
  /** Secret shared with the session manager. */
  readonly secret: string;
  /** With jabberd2: who we are to the router, and how we talk to it. */
  readonly router: RouterConfig;
  /** Names the session manager serves, as it spells them, lower case; the first serves clients that name none. Empty: whatever clients ask for. */
  readonly domains: readonly string[];
  /** Old names of hosts, by `domainKey`, and the hosts they stand for, lower case; under the empty name: for every other name, and for none. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Do clients that came by an old name see it also in what comes back? */
  readonly aliasReplies: boolean;
  readonly listen: readonly Address[];
  /** Directory of the embedded store. */
  readonly data: string;
  /** Are accounts made in-band before login? */
  readonly registration: boolean;
  /** Where the accounts are for which the session manager takes our word (jabberd2). */
  readonly credentials: CredentialsSource;
  /** The realm that accounts of a domain are kept under, where that is not the domain. */
  readonly realms: ReadonlyMap<string, string>;
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug';
  readonly logFormat: 'text' | 'json';
  readonly limits: Limits;
  readonly keepalive: Keepalive;
}

/** Dialects of component streams. */
export type ComponentDialect = 'sto-sfrom' | 'route';

export type DialectName = ComponentDialect | 'jabberd2';

/** Is the link to the router of jabberd2 encrypted: where the router offers it, never, or always? */
export type RouterTls = 'auto' | 'off' | 'required';

/** Where names and passwords are; paths are absolute. */
export type CredentialsSource =
  | { readonly store: 'embedded' }
  | { readonly store: 'sqlite'; readonly file: string; readonly passwordType: PasswordType }
  /** The URL may hold a password. */
  | { readonly store: 'postgres'; readonly url: string; readonly passwordType: PasswordType }
  /** A program and its arguments. */
  | { readonly store: 'pipe'; readonly command: readonly [program: string, ...args: string[]] };

/** How passwords stand in the table of jabberd2. [jabberd2 2.7.0 c2s.xml password_type] */
export type PasswordType = 'plaintext' | 'crypt' | 'a1hash' | 'bcrypt';

/** A domain, and the realm of its accounts. */
export type Realm = readonly [domain: string, realm: string];

/** An old name of a host (empty: every other one) and the host. */
export type Alias = readonly [name: string, host: string];

export interface RouterConfig {
  /** User of the router, whose secret is `secret`. */
  readonly user: string;
  readonly tls: RouterTls;
  /** PEM of the authorities that its certificate must be signed by; absent: it is not looked at. */
  readonly ca: string | undefined;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What one client, or the link, may cost. */
export interface Limits {
  /** Bytes of one stanza before login. */
  readonly loginStanzaBytes: number;
  /** Seconds in which a stanza that a client has begun must be whole, or at least 16 kB longer. */
  readonly stanzaTimeout: number;
  /** Bytes of one stanza after login. */
  readonly stanzaBytes: number;
  /** Elements inside each other in one stanza. */
  readonly depth: number;
  /** Attributes of one element. */
  readonly attributes: number;
  /** Seconds from connect to a successful login. */
  readonly loginTimeout: number;
  /** Failed logins of one connection. */
  readonly loginAttempts: number;
  /** Bytes held of what a client sends behind its login. */
  readonly heldBytes: number;
  /** Bytes waiting for a client that does not read; then it is ended. */
  readonly clientQueueBytes: number;
  /** Bytes waiting for the link; then clients are not read until it has room. */
  readonly linkQueueBytes: number;
}

/** How a dead peer is noticed. Seconds throughout. */
export interface Keepalive {
  /** TCP keepalive: idle time before the first probe; 0 turns it off. */
  readonly idle: number;
  /** TCP keepalive: time between probes. */
  readonly interval: number;
  /** TCP keepalive: probes without an answer before the connection is dropped. */
  readonly probes: number;
  /** TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged; 0 leaves it to the system. */
  readonly userTimeout: number;
  /** A space to a client after this long without writing to it; 0 turns it off. */
  readonly whitespace: number;
}
