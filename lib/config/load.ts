import { isIP } from 'node:net';
import type { Address, Config, Keepalive, Limits } from './config.js';
import { distinctDomains, domainKey } from './domain.js';
import { ConfigError } from './error.js';
import { printAddress } from './kinds.js';
import { JABBERD2_ONLY, NAMES, OPTIONS, TAKES, variable } from './options.js';
import type { Command, Option, OptionName, Values } from './options.js';
import { foreignVariables, fromArguments, fromEnvironment, fromFile, fromObject } from './sources.js';
import type { Environment, Given, Source } from './sources.js';
import { readLenient, readText } from './text.js';

/** Where options come from, the strongest first: arguments, environment, the file that one of them names, defaults. */
export interface Inputs {
  readonly command: Command;
  /** By option name, each with all the texts it was given. */
  readonly args?: Readonly<Record<string, readonly string[]>>;
  readonly env?: Environment;
}

/** Options after they were read, and for each where it came from. */
export interface Loaded {
  readonly values: Values;
  readonly origins: ReadonlyMap<OptionName, string>;
  /** Environment variables that look like options and are none: those that Kubernetes sets for a service of our name. */
  readonly foreign: readonly string[];
}

/** @throws {ConfigError} that names the first option that is wrong */
export function loadConfig(inputs: Inputs): Config {
  return toConfig(loadOptions(inputs));
}

/**
 * The configuration of a program that uses the library: options by their names, as a configuration file has them.
 *
 * @example configure({ sm: 'jabber.foo.com:15347', 'secret-file': '/etc/sm-secret', domain: ['foo.com'], listen: [5222] })
 * @throws {ConfigError}
 */
export function configure(options: Readonly<Record<string, unknown>> = {}): Config {
  const sources = [fromObject(options, 'configure()', process.cwd())];
  return toConfig({ ...resolve(sources, 'run'), foreign: [] });
}

/** @throws {ConfigError} */
export function loadOptions({ command, args = {}, env = {} }: Inputs): Loaded {
  const outer = [fromArguments(args), fromEnvironment(env)];
  const file = outer.map((source) => source.get('config')).find((given) => given !== undefined);
  const sources = file ? [...outer, fromFile(parse('config', file) as string, file.origin)] : outer;
  return { ...resolve(sources, command), foreign: foreignVariables(env) };
}

function resolve(sources: readonly Source[], command: Command): Omit<Loaded, 'foreign'> {
  const values: Partial<Record<OptionName, unknown>> = {};
  const origins = new Map<OptionName, string>();
  for (const name of NAMES) {
    // All that is given is checked, also what this command has no use for, or what a stronger source overrides.
    const given = sources.map((source) => source.get(name)).filter((one) => one !== undefined);
    const read = given.map((one) => parse(name, one));
    const taken = given.length > 0 && TAKES[command].includes(name);
    // A default may depend on options that stand before it in the table.
    values[name] = taken ? read[0] : defaultOf(name, values as Values, command);
    origins.set(name, taken ? given[0].origin : 'default');
  }
  checkTogether(values as Values, origins, command);
  return { values: Object.freeze(values as Values), origins };
}

function parse(name: OptionName, { texts, origin, base }: Given): Values[OptionName] {
  const option = OPTIONS[name] as Option<Values[OptionName]>;
  const items = texts.map((text) => {
    const value = option.kind.parse(text, base);
    if (value !== undefined) return value;
    const found = option.secret ? '' : `, not ${JSON.stringify(text)}`;
    throw new ConfigError(`${origin}: must be ${option.kind.expected}${found}`);
  });
  return (option.kind.list ? Object.freeze([...new Set(items)]) : items[0]) as Values[OptionName];
}

function defaultOf(name: OptionName, values: Values, command: Command): Values[OptionName] {
  const { default: fallback, kind } = OPTIONS[name];
  if (typeof fallback === 'object') return Object.freeze(fallback.from(values, command));
  if (fallback === undefined) return kind.list && Object.freeze([]);
  return parse(name, { texts: [fallback], origin: `default of --${name}`, base: process.cwd() });
}

/** Options that are right alone, and wrong with each other. */
function checkTogether(values: Values, origins: Loaded['origins'], command: Command): void {
  const { sm, name, domain } = values;
  const from = (option: OptionName): string => origins.get(option) ?? '';
  if (values.secret !== undefined && values['secret-file'] !== undefined) {
    throw new ConfigError(
      `${from('secret')} and ${from('secret-file')} exclude each other: give one of them`,
    );
  }
  if (command === 'users') return;
  checkListen(values, origins);
  if (domain.includes(name)) {
    throw new ConfigError(
      `--name and --domain must differ, and both are "${name}" (${from('name')}; ${from('domain')}): ` +
        'the session manager tells the socket manager from itself by them',
    );
  }
  if (sm !== undefined || command === 'session-manager') requireSecret(values, origins);
  if (command === 'session-manager') checkServed(values, origins);
  else checkRouter(values, origins);
  if (values['login-stanza-bytes'] > values['stanza-bytes']) {
    throw new ConfigError(
      `--login-stanza-bytes (${values['login-stanza-bytes']}, ${from('login-stanza-bytes')}) must not be over ` +
        `--stanza-bytes (${values['stanza-bytes']}, ${from('stanza-bytes')})`,
    );
  }
}

/** The system gives an address out once: not again to us, and not as a part of "every address". */
function checkListen({ listen }: Values, origins: Loaded['origins']): void {
  for (const [at, address] of listen.entries()) {
    const other = listen.find((one, place) => place !== at && covers(one, address));
    if (other === undefined || address.port === 0) continue;
    const [wide, narrow] = [printAddress(other), printAddress(address)];
    const why = wide === narrow ? `${wide} stands there twice` : `${wide} listens on ${narrow} as well`;
    throw new ConfigError(`${origins.get('listen')}: ${why}; give one of them`);
  }
}

/** IPv4 and IPv6 of one port are two addresses, also where each is "every address". */
function covers(one: Address, other: Address): boolean {
  if (one.port !== other.port) return false;
  return one.host === other.host || (EVERY.has(one.host) && isIP(one.host) === isIP(other.host));
}

const EVERY: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

function requireSecret(
  { sm, dialect, secret, 'secret-file': file }: Values,
  origins: Loaded['origins'],
): void {
  if (secret !== undefined || file) return;
  const peer = dialect === 'jabberd2' ? 'router' : 'session manager';
  const why = sm
    ? `for the ${peer} at ${printAddress(sm)} (${origins.get('sm')})`
    : 'for socket managers to log in';
  throw new ConfigError(`a secret is needed ${why}: give --secret-file FILE, or ${variable('secret')}`);
}

/** Who asks can find out what the other side speaks; who answers can not, and is no router. */
function checkServed({ dialect }: Values, origins: Loaded['origins']): void {
  if (dialect === 'sto-sfrom' || dialect === 'route') return;
  const from = origins.get('dialect') ?? '';
  throw new ConfigError(`${from}: session-manager must be told what to serve, "sto-sfrom" or "route"`);
}

function checkRouter({ dialect, sm }: Values, origins: Loaded['origins']): void {
  if (dialect !== 'jabberd2' || sm !== undefined) return;
  throw new ConfigError(`${origins.get('dialect')}: jabberd2 needs --sm HOST:PORT, which is its router`);
}

function readWhole(file: string | undefined, origin: string, read = readText): string | undefined {
  if (file === undefined) return undefined;
  try {
    return read(file);
  } catch (error) {
    throw new ConfigError(`${origin}: the file can not be read: ${(error as Error).message}`);
  }
}

function readSecret(values: Values, origin: string): string {
  const file = values['secret-file'];
  const text = readWhole(file, origin);
  if (text === undefined) return values.secret ?? '';
  // What an editor leaves behind it is not seen, and would make it another secret.
  const secret = text.split(/\r?\n/, 1)[0].trimEnd();
  if (secret === '')
    throw new ConfigError(`${origin}: the first line of ${file} must be the secret, and it is empty`);
  return secret;
}

/** Options that were given where nothing asks for them: a sentence for who gave them; undefined where there is none. */
export function withoutEffect({ values, origins }: Loaded): string | undefined {
  if (values.dialect === 'jabberd2') return undefined;
  const given = JABBERD2_ONLY.map((name) => origins.get(name)).filter((origin) => origin !== 'default');
  return given.length > 0 ? `of no effect without --dialect jabberd2: ${given.join(', ')}` : undefined;
}

/** What was passed over as no option, a sentence for who wonders; undefined where there was nothing. */
export function passedOver({ foreign }: Loaded): string | undefined {
  if (foreign.length === 0) return undefined;
  return `no options, but variables that Kubernetes sets for a service: ${foreign.join(', ')}`;
}

/** @throws {ConfigError} where a file that is named can not be read */
export function toConfig({ values, origins }: Loaded): Config {
  return Object.freeze({
    sm: values.sm,
    dialect: values.dialect,
    name: values.name,
    secret: readSecret(values, origins.get('secret-file') ?? ''),
    router: Object.freeze({
      user: values['router-user'],
      tls: values['router-tls'],
      ca: readWhole(values['router-ca'], origins.get('router-ca') ?? '', readLenient),
    }),
    domains: Object.freeze(distinctDomains(values.domain)),
    aliases: new Map(values.alias.map(([old, real]) => [domainKey(old), real])),
    aliasReplies: values['alias-replies'],
    listen: values.listen,
    data: values.data,
    registration: values.registration,
    credentials: values.credentials,
    realms: new Map(values.realm),
    logLevel: values['log-level'],
    logFormat: values['log-format'],
    limits: limitsOf(values),
    keepalive: keepaliveOf(values),
  });
}

function limitsOf(values: Values): Limits {
  return Object.freeze({
    loginStanzaBytes: values['login-stanza-bytes'],
    stanzaBytes: values['stanza-bytes'],
    depth: values.depth,
    attributes: values.attributes,
    stanzaTimeout: values['stanza-timeout'],
    loginTimeout: values['login-timeout'],
    loginAttempts: values['login-attempts'],
    heldBytes: values['held-bytes'],
    clientQueueBytes: values['client-queue-bytes'],
    linkQueueBytes: values['link-queue-bytes'],
  });
}

function keepaliveOf(values: Values): Keepalive {
  return Object.freeze({
    idle: values['keepalive-idle'],
    interval: values['keepalive-interval'],
    probes: values['keepalive-probes'],
    userTimeout: values['user-timeout'],
    whitespace: values['whitespace-keepalive'],
  });
}
