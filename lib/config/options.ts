import { distinctDomains, domainKey } from './domain.js';
import * as kinds from './kinds.js';
import type { Option, ValueOf } from './option.js';
import { readLenient, readNamed } from './text.js';

/** The headings in `--help` and in docs/options.md, in this order. */
export const GROUPS = [
  'Session manager',
  'Listening',
  'Encryption',
  'Embedded session manager',
  'Accounts in front of jabberd2',
  'Log and configuration',
  'Limits',
  'Limits per address',
  'Keepalive',
] as const;

/** Dialects of component streams. */
export const COMPONENT_DIALECT_NAMES = ['sto-sfrom', 'route'] as const;

export const DIALECT_NAMES = [...COMPONENT_DIALECT_NAMES, 'jabberd2'] as const;

export type DialectName = (typeof DIALECT_NAMES)[number];

/** Commands that take some of the options; `run` takes all, and `check-config` takes those of `run`. */
export const COMMANDS_WITH_OPTIONS = ['session-manager', 'users', 'sessions', 'probe'] as const;

/** A command by whose rules a configuration is read and checked. */
export type CommandName = 'run' | (typeof COMMANDS_WITH_OPTIONS)[number];

/** One entry of the table of options. */
export interface ConfigOption extends Option {
  readonly group: (typeof GROUPS)[number];
  readonly default?: string | DependentDefault;
  /**
   * The commands besides `run` that take it on their command line. In the environment and in a file it may be given for
   * every command; the others ignore it.
   */
  readonly commands?: readonly (typeof COMMANDS_WITH_OPTIONS)[number][];
  /** Without this dialect it has no effect, and a warning says so. */
  readonly onlyWith?: DialectName;
  /** Must not stand inside a configuration file. */
  readonly outsideFile?: true;
  /** Its field of the configuration, after its section if it is in one: `limits.depth`; absent: it has no field. */
  readonly field?: string;
  /** Converts the value to that of the field; absent: they are the same. `origin` says where the value was given. */
  readonly toField?: (value: never, origin: string) => unknown;
}

/** A default that depends on the command, or on options before it in the table. */
export interface DependentDefault {
  /** How help and docs describe it. */
  readonly text: string;
  /** @returns texts as on the command line; exactly one, unless the option is a list */
  from(before: ValuesBefore, command: CommandName): readonly string[];
}

/** Values that defaults depend on. */
interface ValuesBefore {
  readonly sm: kinds.Address | undefined;
  readonly dialect: DialectName | 'auto';
  readonly listen: readonly kinds.Address[];
  readonly 'listen-tls': readonly kinds.Address[];
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** Is an address that is listened on reached from this machine only? */
export const isLoopback = ({ host }: kinds.Address): boolean => LOOPBACK.test(host);

/**
 * Every option of the configuration. Types, the configuration file, environment variables, checks, `--help` and
 * docs/options.md follow from this table: a new option is a new entry.
 */
export const OPTIONS = {
  sm: {
    group: 'Session manager',
    kind: kinds.peer,
    help: 'The session manager to connect to; with jabberd2, its router. Without this option, the embedded session manager is used.',
    commands: ['probe'],
    field: 'sm',
  },
  dialect: {
    group: 'Session manager',
    kind: kinds.oneOf(...DIALECT_NAMES, 'auto'),
    help: 'How the session manager addresses sessions; with the command session-manager, how it serves socket managers itself. "sto-sfrom": jabberd up to 1.1 (README.SM). "route": jabberd 1.4, and the old protocol of 1.6. "jabberd2": --sm is its router, and sm-component checks the passwords (--credentials). "auto": "sto-sfrom" or "route", detected from the answers of the session manager.',
    default: {
      text: 'sto-sfrom; for probe auto',
      from: (_before, command) => [command === 'probe' ? 'auto' : 'sto-sfrom'],
    },
    commands: ['session-manager', 'users', 'probe'],
    field: 'dialect',
  },
  name: {
    group: 'Session manager',
    kind: kinds.componentName,
    help: 'The name of the socket manager at the session manager: in jabber.xml the <host> (jabberd up to 1.1) or the id of the <service> (1.4). With jabberd2, the name to bind at the router; it must differ from the name of its c2s.',
    default: 'foo-sockets',
    commands: ['session-manager', 'probe'],
    field: 'name',
  },
  secret: {
    group: 'Session manager',
    kind: kinds.secret,
    help: 'The secret shared with the session manager; with jabberd2, the secret of --router-user. Other users of the machine can read arguments: use --secret-file instead.',
    secret: true,
    commands: ['session-manager', 'probe'],
    field: 'secret',
    toField: (secret: string | undefined): string => secret ?? '',
  },
  'secret-file': {
    group: 'Session manager',
    kind: kinds.file,
    help: 'A file whose first line is the secret shared with the session manager; blanks at the end of the line are removed.',
    commands: ['session-manager', 'probe'],
  },
  'router-user': {
    group: 'Session manager',
    kind: kinds.text,
    help: 'With jabberd2: the user at the router (router-users.xml), whose secret is --secret.',
    default: 'jabberd',
    commands: ['probe'],
    onlyWith: 'jabberd2',
    field: 'router.user',
  },
  'router-tls': {
    group: 'Session manager',
    kind: kinds.oneOf('auto', 'off', 'required'),
    help: 'With jabberd2: whether the link to the router is encrypted. "auto": if the router offers it.',
    default: 'auto',
    commands: ['probe'],
    onlyWith: 'jabberd2',
    field: 'router.tls',
  },
  'router-ca': {
    group: 'Session manager',
    kind: kinds.file,
    help: 'With jabberd2: a PEM file with certificate authorities. One of them must have signed the certificate of the router, which must be for the host of --sm. Without this option, the certificate is not verified.',
    commands: ['probe'],
    onlyWith: 'jabberd2',
    field: 'router.ca',
    toField: (file: string | undefined, origin: string) => readNamed(file, origin, readLenient),
  },
  domain: {
    group: 'Session manager',
    kind: kinds.domains,
    help: 'A domain that the session manager serves, in the spelling of the session manager: bücher.example or xn--bcher-kva.example. Clients may use either spelling. Clients that name no domain get the first one. With --sm and without --domain, every domain that a client names is passed on; with jabberd2, every domain on the router.',
    default: {
      text: 'localhost; none with --sm',
      from: ({ sm }) => (sm ? [] : ['localhost']),
    },
    commands: ['session-manager', 'users', 'probe'],
    field: 'domains',
    toField: (names: readonly string[]): readonly string[] => Object.freeze(distinctDomains(names)),
  },
  alias: {
    group: 'Session manager',
    kind: kinds.aliases,
    help: 'An old name of a domain, and its real name: clients that ask for OLD get REAL. "*" stands for every other name, and for clients that name no domain.',
    field: 'aliases',
    toField: (pairs: readonly kinds.AliasPair[]): ReadonlyMap<string, string> =>
      new Map(pairs.map(([old, real]) => [domainKey(old), real])),
  },
  'alias-replies': {
    group: 'Session manager',
    kind: kinds.onOff,
    help: 'Whether clients that asked for an old name also see it in the stanzas that they receive. With "off" they see the real name, as with jabberd.',
    default: 'on',
    field: 'aliasReplies',
  },
  listen: {
    group: 'Listening',
    kind: kinds.listeners,
    help: 'The address to listen on for clients; with the command session-manager, for socket managers. "[::]:5222" also accepts IPv4, unless an IPv4 address with the same port is given too.',
    default: {
      text: '127.0.0.1:5222; for session-manager 127.0.0.1:5347',
      from: (_before, command) => [command === 'session-manager' ? '127.0.0.1:5347' : '127.0.0.1:5222'],
    },
    commands: ['session-manager'],
    field: 'listen',
  },
  'proxy-from': {
    group: 'Listening',
    kind: kinds.networks,
    help: 'Where proxies connect from that say for which client they do (PROXY protocol, version 1 or 2: "send-proxy" of haproxy, "protocol = proxy" of stunnel). From there every connection must begin so; from everywhere else none may.',
    field: 'proxyFrom',
  },
  'proxy-tls': {
    group: 'Listening',
    kind: kinds.onOff,
    help: 'Is a client encrypted that has come to such a proxy by TLS ("send-proxy-v2-ssl" of haproxy)? Then it is not asked for STARTTLS. Say "on" where nobody can listen between the proxy and this machine.',
    default: 'off',
    field: 'proxyTls',
  },
  'listen-tls': {
    group: 'Encryption',
    kind: kinds.listeners,
    help: 'Where to listen for clients that begin with TLS, without STARTTLS (port 5223 as a rule). "[::]:5223" takes IPv4 as well, unless an IPv4 address of that port is given too.',
    field: 'tls.listen',
  },
  'tls-cert': {
    group: 'Encryption',
    kind: kinds.files,
    help: 'A PEM file with a certificate and those of its authorities; its private key may be in it too. With more than one, the host that a client asks for chooses. Clients on --listen get STARTTLS then. Changed files are read again by themselves, and at SIGHUP. "sm-component certificate DOMAIN" makes one for trying.',
    field: 'tls.certificates',
  },
  'tls-key': {
    group: 'Encryption',
    kind: kinds.files,
    help: 'A PEM file with private keys that are not in the files of --tls-cert. Which key belongs to which certificate is found out.',
    field: 'tls.keys',
  },
  tls: {
    group: 'Encryption',
    kind: kinds.oneOf('auto', 'required', 'optional', 'off'),
    help: 'STARTTLS on --listen. "required": no login and no registration before it. "auto": with a certificate required, but optional on loopback addresses; without one off.',
    default: 'auto',
    field: 'tls.policy',
  },
  'tls-min-version': {
    group: 'Encryption',
    kind: kinds.oneOf('TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'),
    help: 'The oldest version of TLS that clients may use. TLSv1 and TLSv1.1 are for old devices: they also allow ciphers, keys and hashes that are weak today.',
    default: 'TLSv1.2',
    field: 'tls.minVersion',
  },
  'tls-ciphers': {
    group: 'Encryption',
    kind: kinds.text,
    help: 'Ciphers that clients may use, the best first, as OpenSSL writes them. Without it, those of Node.js; with an old --tls-min-version, DEFAULT@SECLEVEL=0.',
    field: 'tls.ciphers',
  },
  'tls-client-ca': {
    group: 'Encryption',
    kind: kinds.file,
    help: 'A PEM file of authorities: clients are asked for a certificate that one of them has signed. Clients without one get in as well.',
    field: 'tls.clientCa',
  },
  data: {
    group: 'Embedded session manager',
    kind: kinds.directory,
    help: 'The directory for the accounts, rosters and messages of the embedded session manager, for the accounts of --credentials embedded, and for the control socket of a running instance (see sessions). It is made if it does not exist.',
    default: './data',
    commands: ['session-manager', 'users', 'sessions', 'probe'],
    field: 'data',
  },
  registration: {
    group: 'Embedded session manager',
    kind: kinds.onOff,
    help: 'Whether clients may make accounts before login (in-band registration). With --sm, "on" lets that session manager decide; with jabberd2, accounts are made in --credentials.',
    default: {
      text: 'on with --sm (except for jabberd2) or if --listen and --listen-tls have only loopback addresses, else off',
      from: ({ sm, dialect, listen, 'listen-tls': direct }) =>
        (sm !== undefined && dialect !== 'jabberd2') || [...listen, ...direct].every(isLoopback)
          ? ['on']
          : ['off'],
    },
    commands: ['session-manager'],
    field: 'registration',
  },
  credentials: {
    group: 'Accounts in front of jabberd2',
    kind: kinds.credentials,
    help: 'Where names and passwords are kept, with --dialect jabberd2: there the socket manager checks them, not the session manager. "embedded": a store of our own in --data. "sqlite:PATH", "postgres:URL": the table authreg of jabberd2; add ?password_type=crypt if c2s.xml has that password type. "pipe:COMMAND": a program for the module pipe of jabberd2; COMMAND is the program and its arguments, without quotes.',
    default: 'embedded',
    secret: 'in part',
    commands: ['users', 'probe'],
    onlyWith: 'jabberd2',
    field: 'credentials',
  },
  realm: {
    group: 'Accounts in front of jabberd2',
    kind: kinds.realms,
    help: 'The realm of the accounts of a domain, if c2s.xml has one (<id realm=…>). Without this option, the realm is the domain.',
    commands: ['users', 'probe'],
    onlyWith: 'jabberd2',
    field: 'realms',
    toField: (pairs: readonly kinds.RealmPair[]): ReadonlyMap<string, string> => new Map(pairs),
  },
  'log-level': {
    group: 'Log and configuration',
    kind: kinds.oneOf('error', 'warn', 'info', 'debug'),
    help: 'How much is logged to standard error.',
    default: 'info',
    commands: ['session-manager'],
    field: 'logLevel',
  },
  'log-format': {
    group: 'Log and configuration',
    kind: kinds.oneOf('text', 'json'),
    help: 'Log lines for people, or one JSON object per line.',
    default: 'text',
    commands: ['session-manager'],
    field: 'logFormat',
  },
  config: {
    group: 'Log and configuration',
    kind: kinds.file,
    help: 'A JSON file with options, by their names without --. Arguments and environment variables override it.',
    outsideFile: true,
    commands: ['session-manager', 'users', 'sessions', 'probe'],
  },
  'login-stanza-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 1024, 900_000),
    help: 'Maximum size of a stanza before login.',
    default: '16384',
    field: 'limits.loginStanzaBytes',
  },
  'stanza-bytes': {
    group: 'Limits',
    // jabberd 1.1.2 accepts packets of about 1,000,000 bytes, with all that we add to a stanza
    kind: kinds.whole('bytes', 1024, 900_000),
    help: 'Maximum size of a stanza after login.',
    default: '262144',
    field: 'limits.stanzaBytes',
  },
  depth: {
    group: 'Limits',
    // jabberd 1.1.2 accepts a depth of 100, and a bounced stanza may come back inside of other elements
    kind: kinds.whole('elements', 4, 90),
    help: 'Maximum nesting of elements in a stanza.',
    default: '64',
    field: 'limits.depth',
  },
  attributes: {
    group: 'Limits',
    kind: kinds.whole('attributes', 8, 500),
    help: 'Maximum number of attributes of an element.',
    default: '64',
    field: 'limits.attributes',
  },
  'stanza-timeout': {
    group: 'Limits',
    kind: kinds.whole('seconds', 1, 3600),
    help: 'Time for a client to finish a stanza after login, or to send another 16 kB of it: a slow client may take longer for a large stanza, but must not stop.',
    default: '120',
    field: 'limits.stanzaTimeout',
  },
  'login-timeout': {
    group: 'Limits',
    kind: kinds.whole('seconds', 1, 3600),
    help: 'Time from the connection to a successful login.',
    default: '60',
    field: 'limits.loginTimeout',
  },
  'login-attempts': {
    group: 'Limits',
    kind: kinds.whole('logins', 1, 1000),
    help: 'Failed logins on one connection before it is closed.',
    default: '5',
    field: 'limits.loginAttempts',
  },
  'held-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 0, 16_777_216),
    help: 'Bytes buffered from a client between its login request and the reply.',
    default: '65536',
    field: 'limits.heldBytes',
  },
  'client-queue-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 65_536, 1_073_741_824),
    help: 'Bytes that may wait for a client that does not read. Above this size, a client that has accepted nothing for 5 seconds is disconnected, and its packets go back to the session manager. Above 16 times this size, the client is disconnected at once.',
    default: '1048576',
    field: 'limits.clientQueueBytes',
  },
  'link-queue-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 65_536, 1_073_741_824),
    help: 'Bytes that may wait for the session manager. Above this size, nothing is read from clients until there is room.',
    default: '4194304',
    commands: ['session-manager'],
    field: 'limits.linkQueueBytes',
  },
  'max-clients': {
    group: 'Limits',
    kind: kinds.whole('clients', 1, 1_000_000),
    help: 'Clients that are connected at a time. Without it, as many as there are file descriptors for.',
    field: 'limits.maxClients',
  },
  'client-rate': {
    group: 'Limits',
    kind: kinds.clientRate,
    help: 'What a client may say in a second in the long run, in bytes and in stanzas. What it says over that is read later, and nothing is lost.',
    default: '262144/200',
    field: 'limits.clientRate',
  },
  'client-burst': {
    group: 'Limits',
    kind: kinds.whole('seconds', 1, 3600),
    help: 'How much of --client-rate a client that has been quiet may say at once: that of so many seconds.',
    default: '10',
    field: 'limits.clientBurst',
  },
  'max-clients-per-address': {
    group: 'Limits per address',
    kind: kinds.whole('clients', 0, 1_000_000),
    help: 'Clients that are connected at a time from one IPv4 address, or one IPv6 network (/64); 0: any number.',
    default: '500',
    field: 'perAddress.maxClients',
  },
  'connects-per-second': {
    group: 'Limits per address',
    kind: kinds.whole('connections', 0, 1_000_000),
    help: 'New connections from one address in a second, in the mean of 10 seconds; 0: any number.',
    default: '50',
    field: 'perAddress.connectsPerSecond',
  },
  'failed-logins-per-account': {
    group: 'Limits per address',
    kind: kinds.whole('logins', 0, 1_000_000),
    help: 'Failed logins to one account from one address. After the third each one more takes longer, and after the last its logins to that account are refused for --failed-login-seconds; 0: any number. An account that is guessed at from many addresses is slow, and refused to no other address.',
    default: '10',
    field: 'perAddress.failedLoginsPerAccount',
  },
  'failed-logins-per-address': {
    group: 'Limits per address',
    kind: kinds.whole('logins', 0, 1_000_000),
    help: 'Failed logins from one address to whatever accounts; then all its logins are refused for --failed-login-seconds. 0: any number.',
    default: '50',
    field: 'perAddress.failedLoginsPerAddress',
  },
  'failed-login-seconds': {
    group: 'Limits per address',
    kind: kinds.whole('seconds', 1, 86_400),
    help: 'How long failed logins are counted, and how long logins are refused then.',
    default: '900',
    field: 'perAddress.failedLoginSeconds',
  },
  'registrations-per-hour': {
    group: 'Limits per address',
    kind: kinds.whole('registrations', 0, 1_000_000),
    help: 'Accounts that clients may ask for from one address in an hour; 0: any number.',
    default: '10',
    field: 'perAddress.registrationsPerHour',
  },
  'limits-exempt': {
    group: 'Limits per address',
    kind: kinds.networks,
    help: 'Addresses that nothing is counted against: of a proxy that does not say for whom it connects, of bots of your own. Give all, this machine too: the default is replaced.',
    default: { text: '127.0.0.0/8, ::1', from: () => ['127.0.0.0/8', '::1'] },
    field: 'perAddress.exempt',
  },
  'shared-limits': {
    group: 'Limits per address',
    kind: kinds.redis,
    help: 'A Redis at which several nodes count failed logins and registrations together. While it is away each node counts by itself, and nobody is refused for that. Connections are counted by each node.',
    secret: 'in part',
    field: 'perAddress.shared',
  },
  'keepalive-idle': {
    group: 'Keepalive',
    // 32767 s and 127 probes are the maximum of Linux
    kind: kinds.whole('seconds', 0, 32_767),
    help: 'TCP keepalive: idle time before the first probe; 0 turns probes off.',
    default: '120',
    field: 'keepalive.idle',
  },
  'keepalive-interval': {
    group: 'Keepalive',
    kind: kinds.whole('seconds', 1, 32_767),
    help: 'TCP keepalive: time between two probes.',
    default: '30',
    field: 'keepalive.interval',
  },
  'keepalive-probes': {
    group: 'Keepalive',
    kind: kinds.whole('probes', 1, 127),
    help: 'TCP keepalive: probes without an answer before the connection counts as lost.',
    default: '4',
    field: 'keepalive.probes',
  },
  'user-timeout': {
    group: 'Keepalive',
    kind: kinds.whole('seconds', 0, 86_400),
    help: 'TCP_USER_TIMEOUT: how long sent data may stay unacknowledged; 0 leaves this to the system.',
    default: '120',
    field: 'keepalive.userTimeout',
  },
  'whitespace-keepalive': {
    group: 'Keepalive',
    kind: kinds.whole('seconds', 0, 86_400),
    help: 'Send a space to a client after this time without other data for it; 0 turns this off.',
    default: '0',
    field: 'keepalive.whitespace',
  },
} as const satisfies Readonly<Record<string, ConfigOption>>;

export type OptionName = keyof typeof OPTIONS;

/** The value of every option, by its name. */
export type Values = { readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]> };

export const NAMES = Object.keys(OPTIONS) as OptionName[];

export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

/** An entry of the table. */
export const optionOf = (name: OptionName): ConfigOption => OPTIONS[name];

/** Does this command take the option on its command line? */
export function takes(command: CommandName, name: OptionName): boolean {
  return command === 'run' || optionOf(name).commands?.includes(command) === true;
}

export const PREFIX = 'SM_COMPONENT_';

/** `SM_COMPONENT_LOG_LEVEL` for `log-level`. */
export function variable(name: OptionName): string {
  return PREFIX + name.toUpperCase().replaceAll('-', '_');
}
