import { isIP } from 'node:net';
import type { Address, Config } from './config.js';
import { ConfigError } from './error.js';
import { printAddress } from './kinds.js';
import { readOption, type GivenTexts } from './option.js';
import { NAMES, optionOf, OPTIONS, takes, variable } from './options.js';
import type { CommandName, OptionName, Values } from './options.js';
import { foreignVariables, fromArguments, fromEnvironment, fromFile, fromObject } from './sources.js';
import type { Environment, Source } from './sources.js';
import { readNamed } from './text.js';

/** The sources of options. Arguments win over the environment, that over the file that one of them names, and that over defaults. */
export interface Inputs {
  readonly command: CommandName;
  /** By option name, each with all the texts it was given. */
  readonly args?: Readonly<Record<string, readonly string[]>>;
  readonly env?: Environment;
}

/** The value of each option, and its source. */
export interface Loaded {
  readonly values: Values;
  readonly origins: ReadonlyMap<OptionName, string>;
  /** Environment variables with our prefix that are not options: Kubernetes sets them for a service of our name. */
  readonly foreign: readonly string[];
}

/** @throws {ConfigError} that names the first invalid option */
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
  const sources = file
    ? [...outer, fromFile(readOption(OPTIONS.config, file) as string, file.origin)]
    : outer;
  return { ...resolve(sources, command), foreign: foreignVariables(env) };
}

function resolve(sources: readonly Source[], command: CommandName): Omit<Loaded, 'foreign'> {
  const values: Partial<Record<OptionName, unknown>> = {};
  const origins = new Map<OptionName, string>();
  for (const name of NAMES) {
    // Every given value is checked, also of options that this command ignores, and values that another source overrides.
    const given = sources.map((source) => source.get(name)).filter((one) => one !== undefined);
    const read = given.map((one) => readOnce(name, one));
    const taken = given.length > 0 && takes(command, name);
    values[name] = taken ? read[0] : defaultOf(name, values as Values, command);
    origins.set(name, taken ? given[0].origin : 'default');
  }
  checkTogether(values as Values, origins, command);
  return { values: Object.freeze(values as Values), origins };
}

/** @param before the values of the options that stand before it in the table */
function defaultOf(name: OptionName, before: Values, command: CommandName): unknown {
  const { default: initial } = optionOf(name);
  const texts = typeof initial === 'object' ? initial.from(before, command) : initial;
  return readOnce(name, {
    texts: [texts ?? []].flat(),
    origin: `default of --${name}`,
    base: process.cwd(),
  });
}

/** Reads a value; in a list each item stands once. */
function readOnce(name: OptionName, given: GivenTexts): unknown {
  const value = readOption(optionOf(name), given);
  return Array.isArray(value) ? Object.freeze([...new Set<unknown>(value)]) : value;
}

/** @throws {ConfigError} where valid options contradict each other */
function checkTogether(values: Values, origins: Loaded['origins'], command: CommandName): void {
  const { sm, name, domain } = values;
  const from = (option: OptionName): string => origins.get(option) ?? '';
  if (values.secret !== undefined && values['secret-file'] !== undefined) {
    throw new ConfigError(
      `${from('secret')} and ${from('secret-file')} exclude each other: give one of them`,
    );
  }
  if (command === 'users') return;
  checkListen(values, origins);
  if (command === 'run') checkTls(values, origins);
  if (domain.includes(name)) {
    throw new ConfigError(
      `--name and --domain must differ, but both are "${name}" (${from('name')}; ${from('domain')}): ` +
        'the session manager could not distinguish the socket manager from itself',
    );
  }
  if (sm !== undefined || command === 'session-manager') requireSecret(values, origins);
  if (command === 'session-manager') checkServed(values, origins);
  else checkRouter(values, origins);
  if (values['login-stanza-bytes'] > values['stanza-bytes']) {
    throw new ConfigError(
      `--login-stanza-bytes (${values['login-stanza-bytes']}, ${from('login-stanza-bytes')}) must not be more than ` +
        `--stanza-bytes (${values['stanza-bytes']}, ${from('stanza-bytes')})`,
    );
  }
}

/** An address can be listened on only once, also where one of two addresses is "every address". */
function checkListen({ listen, 'listen-tls': listenTls }: Values, origins: Loaded['origins']): void {
  const all = [
    ...listen.map((address) => ({ address, option: 'listen' as const })),
    ...listenTls.map((address) => ({ address, option: 'listen-tls' as const })),
  ];
  for (const [at, { address, option }] of all.entries()) {
    const other = all.find((one, place) => place !== at && covers(one.address, address))?.address;
    if (other === undefined || address.port === 0) continue;
    const [wide, narrow] = [printAddress(other), printAddress(address)];
    const why = wide === narrow ? `${wide} is given twice` : `${wide} listens on ${narrow} as well`;
    throw new ConfigError(`${origins.get(option)}: ${why}; give one of them`);
  }
}

/** Options that have no effect without a certificate. */
const NEEDS_CERTIFICATE = ['listen-tls', 'tls-key', 'tls-client-ca', 'tls-ciphers'] as const;

function checkTls(values: Values, origins: Loaded['origins']): void {
  if (values['tls-cert'].length > 0) return;
  const given = NEEDS_CERTIFICATE.find((name) => origins.get(name) !== 'default');
  const insists = values.tls === 'required' || values.tls === 'optional';
  const option = given ?? (insists ? 'tls' : undefined);
  if (option === undefined) return;
  throw new ConfigError(
    `${origins.get(option)}: that needs a certificate: give --tls-cert FILE; ` +
      '"sm-component certificate DOMAIN" makes one for trying',
  );
}

/** Does one address include another? "Every address" of IPv4 does not include IPv6 addresses, nor the other way round. */
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

/** Only the side that connects can detect a dialect; and the embedded session manager is no router of jabberd2. */
function checkServed({ dialect }: Values, origins: Loaded['origins']): void {
  if (dialect === 'sto-sfrom' || dialect === 'route') return;
  const from = origins.get('dialect') ?? '';
  throw new ConfigError(`${from}: session-manager needs a dialect, "sto-sfrom" or "route"`);
}

function checkRouter({ dialect, sm }: Values, origins: Loaded['origins']): void {
  if (dialect !== 'jabberd2' || sm !== undefined) return;
  throw new ConfigError(
    `${origins.get('dialect')}: jabberd2 needs --sm HOST:PORT, the address of its router`,
  );
}

function readSecret(values: Values, origin: string): string {
  const file = values['secret-file'];
  const text = readNamed(file, origin);
  if (text === undefined) return values.secret ?? '';
  // White space at the end is not visible in an editor, and would make it another secret.
  const secret = text.split(/\r?\n/, 1)[0].trimEnd();
  if (secret === '')
    throw new ConfigError(`${origin}: the first line of ${file} must be the secret, but it is empty`);
  return secret;
}

/** A sentence that names the given options without effect in this dialect; undefined where there are none. */
export function withoutEffect({ values, origins }: Loaded): string | undefined {
  const idle = NAMES.filter((name) => ![undefined, values.dialect].includes(optionOf(name).onlyWith));
  const given = idle.filter((name) => origins.get(name) !== 'default');
  if (given.length === 0) return undefined;
  const dialects = new Set(given.map((name) => optionOf(name).onlyWith));
  const where = given.map((name) => origins.get(name)).join(', ');
  return `no effect without --dialect ${[...dialects].join(' or ')}: ${where}`;
}

/** A sentence that names the variables that were ignored (see {@link Loaded.foreign}); undefined where there are none. */
export function ignoredVariables({ foreign }: Loaded): string | undefined {
  if (foreign.length === 0) return undefined;
  return `ignored, because Kubernetes sets these variables for a service: ${foreign.join(', ')}`;
}

/** @throws {ConfigError} where a file that an option names cannot be read */
export function toConfig({ values: given, origins }: Loaded): Config {
  const values = { ...given, secret: readSecret(given, origins.get('secret-file') ?? '') };
  const fields: Record<string, unknown> = {};
  for (const name of NAMES) {
    const { field, toField } = optionOf(name);
    if (field === undefined) continue;
    const value: unknown = values[name];
    setField(fields, field, toField ? toField(value as never, origins.get(name) ?? '') : value);
  }
  return Object.freeze(fields) as unknown as Config;
}

/** @param path `name`, or `section.name`; sections are frozen */
function setField(fields: Record<string, unknown>, path: string, value: unknown): void {
  const [first, second] = path.split('.');
  const section = fields[first] as object | undefined;
  fields[first] = second === undefined ? value : Object.freeze({ ...section, [second]: value });
}
