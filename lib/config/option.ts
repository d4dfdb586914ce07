import { ConfigError } from './error.js';
import type { Kind, ListKind } from './kinds.js';

/** One option, of the configuration or of a single command: what its values are, and what help says of it. */
export interface Option {
  readonly kind: Kind<unknown>;
  /** One sentence or a few, without the form of a value and the default: both are added where it is shown. */
  readonly help: string;
  /** Written as on the command line; absent: the option has none. */
  readonly default?: string | { readonly text: string };
  /** The command does not run without it. */
  readonly required?: true;
  /** Never shown; `in part`: an invalid value is not shown, and of a valid one all but what is secret. */
  readonly secret?: true | 'in part';
}

/**
 * The value of an option. A list may be empty; an option that is not a list, not required and has no default may be
 * undefined.
 */
export type ValueOf<O extends Option> =
  O['kind'] extends ListKind<infer Item>
    ? readonly Item[]
    : O['kind'] extends Kind<infer Value>
      ? O extends { default: unknown } | { required: true }
        ? Value
        : Value | undefined
      : never;

/** What one source says of one option. */
export interface GivenTexts {
  /** As they would stand on the command line; other than one only for a list. */
  readonly texts: readonly string[];
  /** "argument --name", "environment variable SM_COMPONENT_NAME", `file /etc/sm.json, key "name"`. */
  readonly origin: string;
  /** The directory that relative paths start from. */
  readonly base: string;
}

/**
 * What an argument says of an option.
 *
 * @throws {ConfigError} where it stands there more than once, and the option takes one value
 */
export function argument(name: string, { kind }: Option, texts: readonly string[]): GivenTexts {
  if (texts.length > 1 && !kind.list)
    throw new ConfigError(`argument --${name} stands there ${texts.length} times; give it once`);
  return { texts, origin: `argument --${name}`, base: process.cwd() };
}

/**
 * The value of an option; undefined for no text, and a list for an option that may be repeated.
 *
 * @throws {ConfigError} that says what would be valid
 */
export function readOption({ kind, secret }: Option, { texts, origin, base }: GivenTexts): unknown {
  const items = texts.map((text) => {
    const value = kind.parse(text, base);
    if (value !== undefined) return value;
    const found = secret ? '' : `, not ${JSON.stringify(text)}`;
    throw new ConfigError(`${origin}: must be ${kind.expected}${found}`);
  });
  return kind.list ? items : items[0];
}

/** A value as it is written on the command line; empty where there is none. Secrets inside it are left out. */
export function printOption({ kind }: Option, value: unknown): string {
  const print = (item: unknown): string => kind.print?.(item) ?? String(item);
  if (kind.list) return (value as readonly unknown[]).map(print).join(', ');
  return value === undefined ? '' : print(value);
}

/** The line of `--help`: what an option is for, and how it is written. */
export function helpText({ kind, help, required }: Option): string {
  const form = kind.flag ? '' : ` (${kind.range ?? kind.metavar})`;
  return `${help}${form}${kind.list ? ' Repeatable.' : ''}${required ? ' Required.' : ''}`;
}

/** A default in words. */
export function defaultText({ default: initial }: Option): string | undefined {
  return typeof initial === 'object' ? initial.text : initial;
}
