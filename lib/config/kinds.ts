import { isIP, isIPv6, SocketAddress } from 'node:net';
import path from 'node:path';
import { domainKey, normalizedDomain } from './domain.js';

/** One kind of value: how it is written, and which texts are valid. */
export interface Kind<T> {
  /** How help writes it: `HOST:PORT`. */
  readonly metavar: string;
  /** The valid numbers and their unit: `1 to 3600 seconds`. */
  readonly range?: string;
  /** Completes the sentence "… must be …". */
  readonly expected: string;
  /** The JSON types by which a configuration file may write it. */
  readonly json: readonly ('string' | 'number' | 'boolean')[];
  /** Present: an option of this kind may be given more than once, and its value is a list. */
  readonly list?: true;
  /** Present: on the command line the option stands alone, without a value. */
  readonly flag?: true;
  /** @returns undefined for an invalid text; `base` is the directory that relative paths start from */
  parse(text: string, base: string): T | undefined;
  /** Writes a value as `parse` reads it, but without its secrets; absent: `String(value)`. */
  print?(value: T): string;
}

/** A kind of which an option takes any number of values. */
export interface ListKind<T> extends Kind<T> {
  readonly list: true;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A range of addresses: all that share their first `prefix` bits with `address`. */
export interface Network {
  /** IPv4 or IPv6. */
  readonly address: string;
  readonly prefix: number;
}

/** What one client may say in a second: bytes and stanzas. */
export interface ClientRate {
  readonly bytes: number;
  readonly stanzas: number;
}

/** An old name of a host (empty: every other name) and the host. */
export type AliasPair = readonly [name: string, host: string];

/** A domain, and the realm of its accounts. */
export type RealmPair = readonly [domain: string, realm: string];

/** Where names and passwords are; paths are absolute. */
export type CredentialsSource =
  | { readonly store: 'embedded' }
  | { readonly store: 'sqlite'; readonly file: string; readonly passwordType: PasswordType }
  /** The URL may hold a password. */
  | { readonly store: 'postgres'; readonly url: string; readonly passwordType: PasswordType }
  /** A program and its arguments. */
  | { readonly store: 'pipe'; readonly command: readonly [program: string, ...args: string[]] };

/** How passwords are stored in the table of jabberd2. [jabberd2 2.7.0 c2s.xml password_type] */
export type PasswordType = 'plaintext' | 'crypt' | 'a1hash' | 'bcrypt';

/** The host part of an address in jabberd 1.x, which compares hosts in lower case. [jabberd 1.1.2] */
const HOST = /^[a-z0-9._-]{1,255}$/;

/** In lower case, otherwise spelled as given: the session manager knows that spelling. */
function host(text: string): string | undefined {
  const domain = normalizedDomain(text);
  return HOST.test(domainKey(domain)) ? domain : undefined;
}

export const componentName: Kind<string> = {
  metavar: 'NAME',
  expected: '1 to 255 characters of a-z, 0-9, ".", "_" and "-"',
  json: ['string'],
  parse: (text) => (HOST.test(text) ? text : undefined),
};

export const domains: ListKind<string> = {
  metavar: 'DOMAIN',
  expected: 'a domain name: letters, digits, ".", "_" and "-", at most 255 characters with A-labels (xn--…)',
  json: ['string'],
  list: true,
  parse: host,
};

export const aliases: ListKind<AliasPair> = {
  metavar: 'OLD=REAL',
  expected: 'OLD=REAL with two domain names, or *=REAL',
  json: ['string'],
  list: true,
  parse: (text) => {
    const [old = '', real = '', more] = text.split('=');
    const known = old === '*' ? '' : host(old);
    const served = host(real);
    return known === undefined || !served || more !== undefined ? undefined : [known, served];
  },
  print: ([old, real]) => `${old || '*'}=${real}`,
};

export const realms: ListKind<RealmPair> = {
  metavar: 'DOMAIN=REALM',
  expected: 'DOMAIN=REALM with a domain name and a realm of 1 to 256 bytes',
  json: ['string'],
  list: true,
  parse: (given) => {
    const equals = given.indexOf('=');
    const domain = host(given.slice(0, Math.max(equals, 0)));
    const realm = given.slice(equals + 1);
    return domain && realm && Buffer.byteLength(realm) <= 256 ? [domain, realm] : undefined;
  },
  print: (pair) => pair.join('='),
};

export const peer: Kind<Address> = {
  metavar: 'HOST:PORT',
  expected: 'HOST:PORT with a port from 1 to 65535 (IPv6 in brackets: "[::1]:5347")',
  json: ['string'],
  parse: (text) => {
    const address = parseAddress(text);
    return address?.host && address.port > 0 ? address : undefined;
  },
  print: printAddress,
};

const listener: Kind<Address> = {
  metavar: '[HOST:]PORT',
  expected:
    '[HOST:]PORT with a port from 0 (any free port) to 65535 (IPv6 in brackets: "[::1]:5222"; ' +
    'without HOST, it is 127.0.0.1)',
  json: ['string', 'number'],
  parse: (text) => {
    const address = parseAddress(text);
    return address && { ...address, host: address.host || '127.0.0.1' };
  },
  print: printAddress,
};

export const oneListener: Kind<Address> = listener;
export const listeners: ListKind<Address> = { ...listener, list: true };

export const networks: ListKind<Network> = {
  metavar: 'ADDRESS[/BITS]',
  expected: 'an IP address, or a network as 192.0.2.0/24 or 2001:db8::/32',
  json: ['string'],
  list: true,
  parse: (text) => {
    const [, address, bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    const most = { 0: -1, 4: 32, 6: 128 }[isIP(address ?? '')] ?? -1;
    const prefix = bits === undefined ? most : Number(bits);
    return address === undefined || prefix > most || most < 0 ? undefined : { address, prefix };
  },
  print: ({ address, prefix }) =>
    prefix === (isIPv6(address) ? 128 : 32) ? address : `${address}/${prefix}`,
};

/** The least rate lets through a stanza of the greatest size in some minutes. */
const MIN_RATE_BYTES = 4_096;

export const clientRate: Kind<ClientRate | 'off'> = {
  metavar: 'BYTES/STANZAS|off',
  expected: `BYTES/STANZAS, two whole numbers from ${MIN_RATE_BYTES} and from 1 to 1000000000, or "off"`,
  json: ['string'],
  parse: (text) => {
    if (text === 'off') return 'off';
    const [, ...numbers] = /^(\d{1,10})\/(\d{1,10})$/.exec(text) ?? [];
    const [bytes, stanzas] = numbers.map(Number);
    const isRate = bytes >= MIN_RATE_BYTES && stanzas >= 1 && Math.max(bytes, stanzas) <= 1_000_000_000;
    return isRate ? { bytes, stanzas } : undefined;
  },
  print: (rate) => (rate === 'off' ? rate : `${rate.bytes}/${rate.stanzas}`),
};

/** The URL may hold a password. */
export const redis: Kind<string> = {
  metavar: 'redis:URL',
  expected: '"redis:" and a URL like redis://user:password@host:6379/0, or rediss://… with TLS',
  json: ['string'],
  parse: (text) => {
    // "redis://…" alone is what every tool of Redis takes
    const url = text.replace(/^redis:(?=rediss?:)/, '');
    return /^rediss?:\/\/[^/]/.test(url) && isUrl(url) ? url : undefined;
  },
  print: (url) => `redis:${withoutPassword(url)}`,
};

export const text: Kind<string> = {
  metavar: 'TEXT',
  expected: 'a non-empty text',
  json: ['string'],
  parse: (given) => given || undefined,
};

export const texts: ListKind<string> = { ...text, list: true };

export const secret: Kind<string> = {
  metavar: 'TEXT',
  expected: 'a non-empty text',
  json: ['string'],
  // Secrets of Kubernetes and compose files often end with a line end by mistake.
  parse: (text) => text.replace(/[\r\n]+$/, '') || undefined,
};

export const file: Kind<string> = {
  metavar: 'FILE',
  expected: 'the path of a file',
  json: ['string'],
  parse: (text, base) => (text ? path.resolve(base, text) : undefined),
};

export const files: ListKind<string> = { ...file, list: true };

export const directory: Kind<string> = { ...file, metavar: 'DIR', expected: 'the path of a directory' };

const SWITCH: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['off', false],
]);

export const onOff: Kind<boolean> = {
  metavar: 'on|off',
  expected: '"on" or "off"',
  json: ['string', 'boolean'],
  parse: (text) => SWITCH.get(text),
  print: (on) => (on ? 'on' : 'off'),
};

/** An option without a value on the command line; its default is `false`. */
export const flag: Kind<boolean> = {
  metavar: 'true|false',
  expected: '"true" or "false"',
  json: ['boolean'],
  flag: true,
  parse: (given) => (given === 'true' ? true : given === 'false' ? false : undefined),
};

/** The password types of jabberd2 for each store: only its modules for database servers know bcrypt. [jabberd2 2.7.0 authreg_*.c] */
const PASSWORD_TYPES = {
  sqlite: ['plaintext', 'crypt', 'a1hash'],
  postgres: ['plaintext', 'crypt', 'a1hash', 'bcrypt'],
} as const satisfies Record<string, readonly PasswordType[]>;

export const credentials: Kind<CredentialsSource> = {
  metavar: 'embedded|sqlite:PATH|postgres:URL|pipe:COMMAND',
  expected:
    '"embedded", "sqlite:PATH", "postgres:URL" with a URL like postgresql://user:password@host/database, or ' +
    '"pipe:COMMAND"; PATH or URL may end with ?password_type=plaintext, crypt, a1hash or (postgres) bcrypt',
  json: ['string'],
  parse: (text, base) => {
    if (text === 'embedded') return { store: 'embedded' };
    // the URL alone, as PostgreSQL's own tools take it
    if (/^postgres(?:ql)?:\/\//.test(text)) return postgres(text);
    const [, store, rest] = /^(sqlite|postgres|pipe):(.+)$/s.exec(text) ?? [];
    if (store === 'sqlite') return sqlite(rest, base);
    if (store === 'postgres') return postgres(rest);
    return store === 'pipe' ? pipe(rest, base) : undefined;
  },
  print: printCredentials,
};

function sqlite(text: string, base: string): CredentialsSource | undefined {
  const [, name, query = ''] = /^([^?]+)(?:\?(.*))?$/s.exec(text) ?? [];
  const parameters = new URLSearchParams(query);
  const passwordType = takePasswordType(parameters, PASSWORD_TYPES.sqlite);
  if (!name || !passwordType || parameters.size > 0) return undefined;
  return { store: 'sqlite', file: path.resolve(base, name), passwordType };
}

/** `password_type` is our parameter; the others are for the server. */
function postgres(text: string): CredentialsSource | undefined {
  if (!/^postgres(?:ql)?:\/\//.test(text) || !isUrl(text)) return undefined;
  const url = new URL(text);
  const passwordType = takePasswordType(url.searchParams, PASSWORD_TYPES.postgres);
  return passwordType && { store: 'postgres', url: url.href, passwordType };
}

/** Each %XX in it must be part of a valid character, since the database library decodes them. */
function isUrl(text: string): boolean {
  try {
    return decodeURIComponent(text) !== '' && URL.canParse(text);
  } catch {
    return false;
  }
}

function takePasswordType(from: URLSearchParams, known: readonly PasswordType[]): PasswordType | undefined {
  const given = from.getAll('password_type');
  from.delete('password_type');
  if (given.length > 1) return undefined;
  return known.find((type) => type === (given[0] ?? 'plaintext'));
}

/** Words are separated by spaces; no shell reads them. A program without a slash is searched for in PATH. */
function pipe(text: string, base: string): CredentialsSource | undefined {
  const [program, ...args] = text.split(' ').filter((word) => word !== '');
  if (program === undefined || text.includes('\0')) return undefined;
  const found = program.includes('/') ? path.resolve(base, program) : program;
  return { store: 'pipe', command: [found, ...args] };
}

/** As `--credentials` takes it, but with `***` for the password of a URL. */
export function printCredentials(source: CredentialsSource): string {
  if (source.store === 'embedded') return source.store;
  if (source.store === 'pipe') return `pipe:${source.command.join(' ')}`;
  const type = source.passwordType === 'plaintext' ? '' : `password_type=${source.passwordType}`;
  if (source.store === 'sqlite') return `sqlite:${source.file}${type && `?${type}`}`;
  const url = new URL(withoutPassword(source.url));
  if (type) url.searchParams.set('password_type', source.passwordType);
  return `postgres:${url.href}`;
}

/** The URL of a database server for the log. */
export function withoutPassword(text: string): string {
  const url = new URL(text);
  if (url.password) url.password = '***';
  if (url.searchParams.has('password')) url.searchParams.set('password', '***');
  return url.href;
}

export function oneOf<T extends string>(...words: readonly T[]): Kind<T> {
  const quoted = words.map((word) => `"${word}"`);
  return {
    metavar: words.join('|'),
    expected: words.length === 1 ? `${quoted[0]}` : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`,
    json: ['string'],
    parse: (text) => words.find((word) => word === text),
  };
}

export type Unit =
  | 'bytes'
  | 'seconds'
  | 'days'
  | 'elements'
  | 'attributes'
  | 'logins'
  | 'probes'
  | 'clients'
  | 'connections'
  | 'registrations';

export function whole(unit: Unit, least: number, most: number): Kind<number> {
  return {
    metavar: 'N',
    range: `${least} to ${most} ${unit}`,
    expected: `a whole number of ${unit} from ${least} to ${most}`,
    json: ['number', 'string'],
    parse: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
      return value >= least && value <= most ? value : undefined;
    },
  };
}

/** Reads `PORT`, `HOST:PORT` or `[IPV6]:PORT`; without a host that is empty. */
function parseAddress(text: string): Address | undefined {
  const found = /^(?:(?:\[([^\]]*)\]|([^\s:[\]]+)):)?(\d{1,5})$/.exec(text);
  if (!found || Number(found[3]) > 65535) return undefined;
  if (found[1] !== undefined && !isIPv6(found[1])) return undefined;
  return { host: canonical(found[1]) ?? found[2] ?? '', port: Number(found[3]) };
}

/** `0:0::` is `::`. An address with a zone (`fe80::1%eth0`) is kept as it was written. */
function canonical(ipv6: string | undefined): string | undefined {
  return ipv6?.includes('%') === false ? new SocketAddress({ address: ipv6, family: 'ipv6' }).address : ipv6;
}

/** `HOST:PORT`, with brackets around an IPv6 address. */
export function printAddress({ host: name, port }: Address): string {
  return name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`;
}
