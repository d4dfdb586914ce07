import path from 'node:path';
import { ConfigError, didYouMean } from './error.js';
import { isOfService } from './kubernetes.js';
import { argument, type GivenTexts } from './option.js';
import { isOptionName, NAMES, optionOf, PREFIX, variable, type OptionName } from './options.js';
import { readText } from './text.js';

export type Source = ReadonlyMap<OptionName, GivenTexts>;

type Mutable = Map<OptionName, GivenTexts>;

/** Reads the command line, by option name. Names that are not options are ignored: cli/arguments.ts refuses them. */
export function fromArguments(args: Readonly<Record<string, readonly string[]>>): Source {
  const source: Mutable = new Map();
  for (const [name, texts] of Object.entries(args)) {
    if (!isOptionName(name)) continue;
    source.set(name, argument(name, optionOf(name), texts));
  }
  return source;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const OPTION_OF = new Map(NAMES.map((name) => [variable(name), name]));

/** Reads environment variables. Lists are separated by commas. An empty variable counts as unset, as in compose files and units. */
export function fromEnvironment(env: Environment): Source {
  const source: Mutable = new Map();
  for (const [key, text] of Object.entries(env)) {
    if (!key.startsWith(PREFIX) || !text || isForeign(key, text)) continue;
    const name = OPTION_OF.get(key);
    if (!name) {
      const near = didYouMean(key, [...OPTION_OF.keys()]);
      throw new ConfigError(`unknown environment variable ${key}${near}`);
    }
    const texts = optionOf(name).kind.list ? text.split(',').map((item) => item.trim()) : [text];
    source.set(name, { texts, origin: `environment variable ${key}`, base: process.cwd() });
  }
  return source;
}

/** Variables with our prefix that are not options: Kubernetes sets them where a service has our name. */
export function foreignVariables(env: Environment): string[] {
  return Object.keys(env).filter((key) => key.startsWith(PREFIX) && isForeign(key, env[key] ?? ''));
}

const isForeign = (key: string, text: string): boolean => !OPTION_OF.has(key) && isOfService(key, text);

/** Reads a file with a JSON object of options. Relative paths in it start from the directory of the file. */
export function fromFile(file: string, origin: string): Source {
  return fromObject(readObject(file, origin), `file ${file}`, path.dirname(path.resolve(file)));
}

function readObject(file: string, origin: string): object {
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    throw new ConfigError(`${origin}: the file cannot be read: ${(error as Error).message}`);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`file ${file} is not JSON: ${withLine((error as Error).message, text)}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new ConfigError(`file ${file} must contain one JSON object: { "option": value, … }`);
  }
  return content;
}

/** Adds the line to a message of JSON.parse: that of Node 20 has only a position. */
function withLine(message: string, text: string): string {
  const position = /at position (\d+)$/.exec(message)?.[1];
  if (position === undefined) return message;
  return `${message} (line ${text.slice(0, Number(position)).split('\n').length})`;
}

/** Reads an object of options; `where` names it in messages. */
export function fromObject(content: object, where: string, base: string): Source {
  const source: Mutable = new Map();
  for (const [name, value] of Object.entries(content) as [string, unknown][]) {
    const origin = `${where}, key "${name}"`;
    if (value === undefined) continue;
    if (!isOptionName(name) || optionOf(name).outsideFile) throw unknownKey(name, where);
    source.set(name, { texts: textsOf(name, value, origin), origin, base });
  }
  return source;
}

function unknownKey(name: string, where: string): ConfigError {
  const names = NAMES.filter((known) => !optionOf(known).outsideFile);
  const near = didYouMean(name, names, (found) => `"${found}"`);
  return new ConfigError(`unknown key "${name}" in ${where}${near}`);
}

function textsOf(name: OptionName, value: unknown, origin: string): string[] {
  const { kind } = optionOf(name);
  const items: unknown[] = kind.list && Array.isArray(value) ? value : [value];
  return items.map((item) => {
    if (typeof item === 'boolean' && kind.json.includes('boolean')) return item ? 'on' : 'off';
    if (typeof item === 'string' && kind.json.includes('string')) return item;
    if (typeof item === 'number' && kind.json.includes('number')) return String(item);
    const list = kind.list ? ', or a list of such values' : '';
    throw new ConfigError(`${origin}: must be ${kind.expected}, as a JSON ${kind.json.join(' or ')}${list}`);
  });
}
