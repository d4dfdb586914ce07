import type { Address, Alias, CredentialsSource, DialectName, Realm, RouterTls } from './config.js';
import * as kinds from './kinds.js';
import { printAddress, printCredentials } from './kinds.js';

/** What every option is after it was read, by the name it is written with everywhere. */
export interface Values {
  readonly config: string | undefined;
  readonly sm: Address | undefined;
  readonly dialect: DialectName | 'auto';
  readonly name: string;
  readonly secret: string | undefined;
  readonly 'secret-file': string | undefined;
  readonly 'router-user': string;
  readonly 'router-tls': RouterTls;
  readonly 'router-ca': string | undefined;
  readonly domain: readonly string[];
  readonly alias: readonly Alias[];
  readonly 'alias-replies': boolean;
  readonly listen: readonly Address[];
  readonly data: string;
  readonly registration: boolean;
  readonly credentials: CredentialsSource;
  readonly realm: readonly Realm[];
  readonly 'log-level': 'error' | 'warn' | 'info' | 'debug';
  readonly 'log-format': 'text' | 'json';
  readonly 'login-stanza-bytes': number;
  readonly 'stanza-bytes': number;
  readonly depth: number;
  readonly attributes: number;
  readonly 'stanza-timeout': number;
  readonly 'login-timeout': number;
  readonly 'login-attempts': number;
  readonly 'held-bytes': number;
  readonly 'client-queue-bytes': number;
  readonly 'link-queue-bytes': number;
  readonly 'keepalive-idle': number;
  readonly 'keepalive-interval': number;
  readonly 'keepalive-probes': number;
  readonly 'user-timeout': number;
  readonly 'whitespace-keepalive': number;
}

export type OptionName = keyof Values;

/** The headings of `--help` and of docs/options.md, in their order. */
export const GROUPS = [
  'Session manager',
  'Listening',
  'Embedded session manager',
  'Accounts in front of jabberd2',
  'Log and configuration',
  'Limits',
  'Keepalive',
] as const;

/** A default that depends on other options says in words what it is. */
export interface Depends<T> {
  readonly text: string;
  from(values: Pick<Values, 'sm' | 'dialect' | 'listen' | 'domain'>, command: Command): T;
}

export interface Option<T> {
  readonly group: (typeof GROUPS)[number];
  readonly kind: kinds.Kind<T extends readonly (infer Item)[] ? Item : Exclude<T, undefined>>;
  /** One sentence or a few, without the default and the range, which are added where it is shown. */
  readonly help: string;
  /** Written like a value on the command line (a list: like several); absent: the option has none. */
  readonly default?: string | Depends<T>;
  /** Never shown; `in part`: a wrong value is not shown, and of a right one not what is secret. */
  readonly secret?: true | 'in part';
  /** Makes no sense inside a configuration file. */
  readonly outsideFile?: true;
}

/** Who takes options, and some others of its own that are no configuration; `check-config` takes those of `run`. */
export type Command = 'run' | 'session-manager' | 'users' | 'sessions' | 'probe' | 'scenario';

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/;

export const OPTIONS: { readonly [Name in OptionName]: Option<Values[Name]> } = {
  sm: {
    group: 'Session manager',
    kind: kinds.peer,
    help: 'The session manager to connect to; with jabberd2 its router. Without it the embedded one is used.',
  },
  dialect: {
    group: 'Session manager',
    kind: kinds.oneOf('sto-sfrom', 'route', 'jabberd2', 'auto'),
    help: 'How the session manager addresses sessions; of session-manager, how it serves them itself. "sto-sfrom": jabberd up to 1.1 (README.SM). "route": jabberd 1.4, and the old protocol of 1.6. "jabberd2": --sm is its router, and accounts are checked here (--credentials). "auto": the first or the second, found out from what it answers.',
    default: {
      text: 'sto-sfrom; of probe auto',
      from: (_values, command) => (command === 'probe' ? 'auto' : 'sto-sfrom'),
    },
  },
  name: {
    group: 'Session manager',
    kind: kinds.componentName,
    help: 'The name of the socket manager, as the session manager knows it (jabber.xml: <host>); with jabberd2 the name that is bound at the router, another one than that of its c2s.',
    default: 'foo-sockets',
  },
  secret: {
    group: 'Session manager',
    kind: kinds.secret,
    help: 'The secret shared with the session manager; with jabberd2 that of --router-user. Other users of the machine can read arguments: better use --secret-file.',
    secret: true,
  },
  'secret-file': {
    group: 'Session manager',
    kind: kinds.file,
    help: 'A file whose first line is the secret shared with the session manager; blanks at its end are no part of it.',
  },
  'router-user': {
    group: 'Session manager',
    kind: kinds.text,
    help: 'With jabberd2: the user of the router that --secret belongs to (router-users.xml).',
    default: 'jabberd',
  },
  'router-tls': {
    group: 'Session manager',
    kind: kinds.oneOf('auto', 'off', 'required'),
    help: 'With jabberd2: is the link to the router encrypted? "auto": where the router offers it.',
    default: 'auto',
  },
  'router-ca': {
    group: 'Session manager',
    kind: kinds.file,
    help: 'With jabberd2: a PEM file of authorities; the certificate of the router must be signed by one of them, and be for the host of --sm. Without it, it is not looked at.',
  },
  domain: {
    group: 'Session manager',
    kind: kinds.domains,
    help: 'A domain that the session manager serves, as it spells it: bücher.example or xn--bcher-kva.example. Clients may use either. The first serves clients that name none. With --sm and without --domain whatever clients name is passed on; with jabberd2, what the router has.',
    default: {
      text: 'localhost; with --sm none',
      from: ({ sm }) => (sm ? [] : ['localhost']),
    },
  },
  alias: {
    group: 'Session manager',
    kind: kinds.aliases,
    help: 'An old name of a domain, and the domain: clients that ask for the one are served by the other. "*" is every other name, and none.',
  },
  'alias-replies': {
    group: 'Session manager',
    kind: kinds.onOff,
    help: 'Do clients that came by an old name see it also in what comes back? jabberd showed them the real one: "off" does as well.',
    default: 'on',
  },
  listen: {
    group: 'Listening',
    kind: kinds.listeners,
    help: 'Where to listen: for clients, or with session-manager for socket managers. "[::]:5222" takes IPv4 as well, unless an IPv4 address of that port is given too.',
    default: {
      text: '127.0.0.1:5222; of session-manager 127.0.0.1:5347',
      from: (_values, command) => [{ host: '127.0.0.1', port: command === 'session-manager' ? 5347 : 5222 }],
    },
  },
  data: {
    group: 'Embedded session manager',
    kind: kinds.directory,
    help: 'Where the embedded session manager keeps accounts, rosters and stored messages, where the accounts of --credentials embedded are, and where a running instance has its control socket (see sessions). Made if missing.',
    default: './data',
  },
  registration: {
    group: 'Embedded session manager',
    kind: kinds.onOff,
    help: 'May clients make accounts before login (in-band registration)? With --sm, "on" leaves it to that session manager; with jabberd2 they are made in --credentials.',
    default: {
      text: 'on with --sm (but for jabberd2) or where only loopback addresses are listened on, else off',
      from: ({ sm, dialect, listen }) =>
        (sm !== undefined && dialect !== 'jabberd2') || listen.every(({ host }) => LOOPBACK.test(host)),
    },
  },
  credentials: {
    group: 'Accounts in front of jabberd2',
    kind: kinds.credentials,
    help: 'Where names and passwords are, with --dialect jabberd2: its session manager leaves them to the socket manager. "embedded": a store of our own in --data. "sqlite:PATH", "postgres:URL": the table authreg of jabberd2. "pipe:COMMAND": a program that speaks with jabberd2 as its module pipe does; COMMAND is a program and its arguments, without quotes. Passwords are in the table as c2s.xml says: ?password_type=crypt.',
    default: 'embedded',
    secret: 'in part',
  },
  realm: {
    group: 'Accounts in front of jabberd2',
    kind: kinds.realms,
    help: 'The realm that the accounts of a domain are kept under, where c2s.xml gives one (<id realm=…>). Without it, it is the domain.',
  },
  'log-level': {
    group: 'Log and configuration',
    kind: kinds.oneOf('error', 'warn', 'info', 'debug'),
    help: 'How much is logged, on standard error.',
    default: 'info',
  },
  'log-format': {
    group: 'Log and configuration',
    kind: kinds.oneOf('text', 'json'),
    help: 'Log lines for people, or a JSON object a line.',
    default: 'text',
  },
  config: {
    group: 'Log and configuration',
    kind: kinds.file,
    help: 'A JSON file with options, by the names they have here (without --). Arguments and environment variables win over it.',
    outsideFile: true,
  },
  'login-stanza-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 1024, 900_000),
    help: 'Size of one stanza before login.',
    default: '16384',
  },
  'stanza-bytes': {
    group: 'Limits',
    // jabberd 1.1.2 takes about 1,000,000 bytes a packet, and what we add to a stanza must fit too
    kind: kinds.whole('bytes', 1024, 900_000),
    help: 'Size of one stanza after login.',
    default: '262144',
  },
  depth: {
    group: 'Limits',
    // jabberd 1.1.2 takes a depth of 100, and a bounced stanza may come back with elements around it
    kind: kinds.whole('elements', 4, 90),
    help: 'Elements inside each other in one stanza.',
    default: '64',
  },
  attributes: {
    group: 'Limits',
    kind: kinds.whole('attributes', 8, 500),
    help: 'Attributes of one element.',
    default: '64',
  },
  'stanza-timeout': {
    group: 'Limits',
    kind: kinds.whole('seconds', 1, 3600),
    help: 'Time in which a stanza that a client has begun after login must be whole, or have grown by 16 kB: who is slow may take long for a big one, but it does not stand still.',
    default: '120',
  },
  'login-timeout': {
    group: 'Limits',
    kind: kinds.whole('seconds', 1, 3600),
    help: 'Time from connect to a successful login.',
    default: '60',
  },
  'login-attempts': {
    group: 'Limits',
    kind: kinds.whole('logins', 1, 1000),
    help: 'Failed logins of one connection before it is closed.',
    default: '5',
  },
  'held-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 0, 16_777_216),
    help: 'What a client may send behind its login before the answer is there.',
    default: '65536',
  },
  'client-queue-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 65_536, 1_073_741_824),
    help: 'What may wait for a client that does not read; over it, a client that has taken nothing for 5 seconds is ended and its packets go back. Over 16 times as much, any.',
    default: '1048576',
  },
  'link-queue-bytes': {
    group: 'Limits',
    kind: kinds.whole('bytes', 65_536, 1_073_741_824),
    help: 'What may wait for the session manager; over it clients are not read until there is room.',
    default: '4194304',
  },
  'keepalive-idle': {
    group: 'Keepalive',
    // 32767 s and 127 probes are the most that Linux takes
    kind: kinds.whole('seconds', 0, 32_767),
    help: 'TCP keepalive: silence before the first probe; 0 turns probes off.',
    default: '120',
  },
  'keepalive-interval': {
    group: 'Keepalive',
    kind: kinds.whole('seconds', 1, 32_767),
    help: 'TCP keepalive: time between probes.',
    default: '30',
  },
  'keepalive-probes': {
    group: 'Keepalive',
    kind: kinds.whole('probes', 1, 127),
    help: 'TCP keepalive: probes without an answer before the connection counts as lost.',
    default: '4',
  },
  'user-timeout': {
    group: 'Keepalive',
    kind: kinds.whole('seconds', 0, 86_400),
    help: 'TCP_USER_TIMEOUT: how long what was sent may stay unacknowledged; 0 leaves it to the system.',
    default: '120',
  },
  'whitespace-keepalive': {
    group: 'Keepalive',
    kind: kinds.whole('seconds', 0, 86_400),
    help: 'A space to a client after this long without writing to it; 0 turns it off.',
    default: '0',
  },
};

export const NAMES = Object.keys(OPTIONS) as OptionName[];

export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

/** What each command takes on its command line. In the environment and in a file the others are allowed, and ignored. */
export const TAKES: Readonly<Record<Command, readonly OptionName[]>> = {
  run: NAMES,
  'session-manager': [
    'listen',
    'dialect',
    'name',
    'secret',
    'secret-file',
    'domain',
    'data',
    'registration',
    'link-queue-bytes',
    'log-level',
    'log-format',
    'config',
  ],
  users: ['data', 'domain', 'dialect', 'credentials', 'realm', 'config'],
  sessions: ['data', 'config'],
  probe: [
    'credentials',
    'realm',
    'data',
    'sm',
    'dialect',
    'name',
    'secret',
    'secret-file',
    'router-user',
    'router-tls',
    'router-ca',
    'domain',
    'config',
  ],
  scenario: [],
};

/** What nothing but the router of jabberd2 has a use for. */
export const JABBERD2_ONLY: readonly OptionName[] = [
  'router-user',
  'router-tls',
  'router-ca',
  'credentials',
  'realm',
];

/** `SM_COMPONENT_LOG_LEVEL` for `log-level`. */
export function variable(name: OptionName): string {
  return PREFIX + name.toUpperCase().replaceAll('-', '_');
}

export const PREFIX = 'SM_COMPONENT_';

/** A value the way it is written on the command line. */
export function printValue(value: Values[OptionName]): string {
  return Array.isArray(value) ? value.map(printItem).join(', ') : printItem(value as Item | undefined);
}

type Item = string | number | boolean | Address | Alias | CredentialsSource;

function printItem(item: Item | undefined): string {
  if (item === undefined) return '';
  if (typeof item === 'boolean') return item ? 'on' : 'off';
  if (typeof item !== 'object') return String(item);
  if ('store' in item) return printCredentials(item);
  return 'port' in item ? printAddress(item) : `${item[0] || '*'}=${item[1]}`;
}
