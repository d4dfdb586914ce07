import { distinctDomains, domainKey } from './domain.js';
import * as kinds from './kinds.js';
import type { Option, ValueOf } from './option.js';
import { readLenient, readNamed } from './text.js';

/** The headings in `--help` and in docs/options.md, in this order. */
export const GROUPS = [
  'Session manager',
  'Listening',
  'Embedded session manager',
  'Accounts in front of jabberd2',
  'Log and configuration',
  'Limits',
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
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/;

/**
 * Every option of the configuration. Types, the configuration file, environment variables, checks, `--help` and
 * docs/options.md follow from this table: a new option is a new entry.
 */
export const OPTIONS = {
  sm: {
    group: 'Session manager',
    kind: kinds.peer,
    help: 'The session manager to connect to; with jabberd2 its router. Without it the embedded one is used.',
    commands: ['probe'],
    field: 'sm',
  },
  dialect: {
    group: 'Session manager',
    kind: kinds.oneOf(...DIALECT_NAMES, 'auto'),
    help: 'How the session manager addresses sessions; of session-manager, how it serves them itself. "sto-sfrom": jabberd up to 1.1 (README.SM). "route": jabberd 1.4, and the old protocol of 1.6. "jabberd2": --sm is its router, and accounts are checked here (--credentials). "auto": the first or the second, found out from what it answers.',
    default: {
      text: 'sto-sfrom; of probe auto',
      from: (_before, command) => [command === 'probe' ? 'auto' : 'sto-sfrom'],
    },
    commands: ['session-manager', 'users', 'probe'],
    field: 'dialect',
  },
  name: {
    group: 'Session manager',
    kind: kinds.componentName,
    help: 'The name of the socket manager, as the session manager knows it (jabber.xml: <host>); with jabberd2 the name that is bound at the router, another one than that of its c2s.',
    default: 'foo-sockets',
    commands: ['session-manager', 'probe'],
    field: 'name',
  },
  secret: {
    group: 'Session manager',
    kind: kinds.secret,
    help: 'The secret shared with the session manager; with jabberd2 that of --router-user. Other users of the machine can read arguments: better use --secret-file.',
    secret: true,
    commands: ['session-manager', 'probe'],
    field: 'secret',
    toField: (secret: string | undefined): string => secret ?? '',
  },
  'secret-file': {
    group: 'Session manager',
    kind: kinds.file,
    help: 'A file whose first line is the secret shared with the session manager; blanks at its end are no part of it.',
    commands: ['session-manager', 'probe'],
  },
  'router-user': {
    group: 'Session manager',
    kind: kinds.text,
    help: 'With jabberd2: the user of the router that --secret belongs to (router-users.xml).',
    default: 'jabberd',
    commands: ['probe'],
    onlyWith: 'jabberd2',
    field: 'router.user',
  },
  'router-tls': {
    group: 'Session manager',
    kind: kinds.oneOf('auto', 'off', 'required'),
    help: 'With jabberd2: is the link to the router encrypted? "auto": where the router offers it.',
    default: 'auto',
    commands: ['probe'],
    onlyWith: 'jabberd2',
    field: 'router.tls',
  },
  'router-ca': {
    group: 'Session manager',
    kind: kinds.file,
    help: 'With jabberd2: a PEM file of authorities; the certificate of the router must be signed by one of them, and be for the host of --sm. Without it, it is not looked at.',
    commands: ['probe'],
    onlyWith: 'jabberd2',
    field: 'router.ca',
    toField: (file: string | undefined, origin: string) => readNamed(file, origin, readLenient),
  },
  domain: {
    group: 'Session manager',
    kind: kinds.domains,
    help: 'A domain that the session manager serves, as it spells it: bücher.example or xn--bcher-kva.example. Clients may use either. The first serves clients that name none. With --sm and without --domain whatever clients name is passed on; with jabberd2, what the router has.',
    default: {
      text: 'localhost; with --sm none',
      from: ({ sm }) => (sm ? [] : ['localhost']),
    },
    commands: ['session-manager', 'users', 'probe'],
    field: 'domains',
    toField: (names: readonly string[]): readonly string[] => Object.freeze(distinctDomains(names)),
  },
  alias: {
    group: 'Session manager',
    kind: kinds.aliases,
    help: 'An old name of a domain, and the domain: clients that ask for the one are served by the other. "*" is every other name, and none.',
    field: 'aliases',
    toField: (pairs: readonly kinds.AliasPair[]): ReadonlyMap<string, string> =>
      new Map(pairs.map(([old, real]) => [domainKey(old), real])),
  },
  'alias-replies': {
    group: 'Session manager',
    kind: kinds.onOff,
    help: 'Do clients that came by an old name see it also in what comes back? jabberd showed them the real one: "off" does as well.',
    default: 'on',
    field: 'aliasReplies',
  },
  listen: {
    group: 'Listening',
    kind: kinds.listeners,
    help: 'Where to listen: for clients, or with session-manager for socket managers. "[::]:5222" takes IPv4 as well, unless an IPv4 address of that port is given too.',
    default: {
      text: '127.0.0.1:5222; of session-manager 127.0.0.1:5347',
      from: (_before, command) => [command === 'session-manager' ? '127.0.0.1:5347' : '127.0.0.1:5222'],
    },
    commands: ['session-manager'],
    field: 'listen',
  },
  data: {
    group: 'Embedded session manager',
    kind: kinds.directory,
    help: 'Where the embedded session manager keeps accounts, rosters and stored messages, where the accounts of --credentials embedded are, and where a running instance has its control socket (see sessions). Made if missing.',
    default: './data',
    commands: ['session-manager', 'users', 'sessions', 'probe'],
    field: 'data',
  },
  registration: {
    group: 'Embedded session manager',
    kind: kinds.onOff,
    help: 'May clients make accounts before login (in-band registration)? With --sm, "on" leaves it to that session manager; with jabberd2 they are made in --credentials.',
    default: {
      text: 'on with --sm (but for jabberd2) or where only loopback addresses are listened on, else off',
      from: ({ sm, dialect, listen }) =>
        (sm !== undefined && dialect !== 'jabberd2') || listen.every(({ host }) => LOOPBACK.test(host))
          ? ['on']
          : ['off'],
    },
    commands: ['session-manager'],
    field: 'registration',
  },
  credentials: {
    group: 'Accounts in front of jabberd2',
    kind: kinds.credentials,
    help: 'Where names and passwords are, with --dialect jabberd2: its session manager leaves them to the socket manager. "embedded": a store of our own in --data. "sqlite:PATH", "postgres:URL": the table authreg of jabberd2. "pipe:COMMAND": a program that speaks with jabberd2 as its module pipe does; COMMAND is a program and its arguments, without quotes. Passwords are in the table as c2s.xml says: ?password_type=crypt.',
    default: 'embedded',
    secret: 'in part',
    commands: ['users', 'probe'],
    onlyWith: 'jabberd2',
    field: 'credentials',
  },
  realm: {
    group: 'Accounts in front of jabberd2',
    kind: kinds.realms,
    help: 'The realm that the accounts of a domain are kept under, where c2s.xml gives one (<id realm=…>). Without it, it is the domain.',
    commands: ['users', 'probe'],
    onlyWith: 'jabberd2',
    field: 'realms',
    toField: (pairs: readonly kinds.RealmPair[]): ReadonlyMap<string, string> => new Map(pairs),
  },
  'log-level': {
    group: 'Log and configuration',
    kind: kinds.oneOf('error', 'warn', 'info', 'debug'),
    help: 'How much is logged, on standard error.',
    default: 'info',
    commands: ['session-manager'],
    field: 'logLevel',
  },
  'log-format': {
    group: 'Log and configuration',
    kind: kinds.oneOf('text', 'json'),
    help: 'Log lines for people, or a JSON object a line.',
    default: 'text',
    commands: ['session-manager'],
    field: 'logFormat',
  },
  config: {
    group: 'Log and configuration',
    kind: kinds.file,
    help: 'A JSON file with options, by the names they have here (without --). Arguments and environment variables win over it.',
    outsideFile: true,
    commands: ['session-manager', 'users', 'sessions', 'probe'],
  },
  'login-stanza-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 1024, 900_000),
    help: 'Size of one stanza before login.',
    default: '16384',
    field: 'limits.loginStanzaBytes',
  },
  'stanza-bytes': {
    group: 'Limits',
    // jabberd 1.1.2 accepts packets of about 1,000,000 bytes, with all that we add to a stanza
    kind: kinds.whole('bytes', 1024, 900_000),
    help: 'Size of one stanza after login.',
    default: '262144',
    field: 'limits.stanzaBytes',
  },
  depth: {
    group: 'Limits',
    // jabberd 1.1.2 accepts a depth of 100, and a bounced stanza may come back inside of other elements
    kind: kinds.whole('elements', 4, 90),
    help: 'Elements inside each other in one stanza.',
    default: '64',
    field: 'limits.depth',
  },
  attributes: {
    group: 'Limits',
    kind: kinds.whole('attributes', 8, 500),
    help: 'Attributes of one element.',
    default: '64',
    field: 'limits.attributes',
  },
  'stanza-timeout': {
    group: 'Limits',
    kind: kinds.whole('seconds', 1, 3600),
    help: 'Time in which a stanza that a client has begun after login must be whole, or have grown by 16 kB: who is slow may take long for a big one, but it does not stand still.',
    default: '120',
    field: 'limits.stanzaTimeout',
  },
  'login-timeout': {
    group: 'Limits',
    kind: kinds.whole('seconds', 1, 3600),
    help: 'Time from connect to a successful login.',
    default: '60',
    field: 'limits.loginTimeout',
  },
  'login-attempts': {
    group: 'Limits',
    kind: kinds.whole('logins', 1, 1000),
    help: 'Failed logins of one connection before it is closed.',
    default: '5',
    field: 'limits.loginAttempts',
  },
  'held-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 0, 16_777_216),
    help: 'What a client may send behind its login before the answer is there.',
    default: '65536',
    field: 'limits.heldBytes',
  },
  'client-queue-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 65_536, 1_073_741_824),
    help: 'What may wait for a client that does not read; over it, a client that has taken nothing for 5 seconds is ended and its packets go back. Over 16 times as much, any.',
    default: '1048576',
    field: 'limits.clientQueueBytes',
  },
  'link-queue-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 65_536, 1_073_741_824),
    help: 'What may wait for the session manager; over it clients are not read until there is room.',
    default: '4194304',
    commands: ['session-manager'],
    field: 'limits.linkQueueBytes',
  },
  'keepalive-idle': {
    group: 'Keepalive',
    // 32767 s and 127 probes are the maximum of Linux
    kind: kinds.whole('seconds', 0, 32_767),
    help: 'TCP keepalive: silence before the first probe; 0 turns probes off.',
    default: '120',
    field: 'keepalive.idle',
  },
  'keepalive-interval': {
    group: 'Keepalive',
    kind: kinds.whole('seconds', 1, 32_767),
    help: 'TCP keepalive: time between probes.',
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
    help: 'TCP_USER_TIMEOUT: how long what was sent may stay unacknowledged; 0 leaves it to the system.',
    default: '120',
    field: 'keepalive.userTimeout',
  },
  'whitespace-keepalive': {
    group: 'Keepalive',
    kind: kinds.whole('seconds', 0, 86_400),
    help: 'A space to a client after this long without writing to it; 0 turns it off.',
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
