import { ConfigError } from './error.js';
import type { Kind, ListKind } from './kinds.js';

/** One option, of the configuration or of a single command: what its values are, and what help says of it. */
export interface Option {
  readonly kind: Kind<unknown>;
  /** One sentence or a few. The form of the value and the default are added where it is shown. */
  readonly help: string;
  /** Written as on the command line; absent: there is no default. */
  readonly default?: string | { readonly text: string };
  /** The command does not run without it. */
  readonly required?: true;
  /** The value is never shown; `in part`: an invalid value is not shown, and a valid one without its secrets. */
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

/** The texts that one source gives for one option. */
export interface GivenTexts {
  /** As on the command line; exactly one, unless the option is a list. */
  readonly texts: readonly string[];
  /** "argument --name", "environment variable SM_COMPONENT_NAME", `file /etc/sm.json, key "name"`. */
  readonly origin: string;
  /** The directory that relative paths start from. */
  readonly base: string;
}

/**
 * The texts that the command line gives for an option.
 *
 * @throws {ConfigError} where it is given more than once and is not a list
 */
export function argument(name: string, { kind }: Option, texts: readonly string[]): GivenTexts {
  if (texts.length > 1 && !kind.list)
    throw new ConfigError(`argument --${name} is given ${texts.length} times; give it once`);
  return { texts, origin: `argument --${name}`, base: process.cwd() };
}

/**
 * The value of an option. Without a text it is undefined, or an empty list.
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

/** A value as on the command line, without the secrets in it; empty for undefined. */
export function printOption({ kind }: Option, value: unknown): string {
  const print = (item: unknown): string => kind.print?.(item) ?? String(item);
  if (kind.list) return (value as readonly unknown[]).map(print).join(', ');
  return value === undefined ? '' : print(value);
}

/** The text of `--help`: what the option is for, and the form of its value. */
export function helpText({ kind, help, required }: Option): string {
  const form = kind.flag ? '' : ` (${kind.range ?? kind.metavar})`;
  return `${help}${form}${kind.list ? ' Repeatable.' : ''}${required ? ' Required.' : ''}`;
}

/** The default as help shows it. */
export function defaultText({ default: initial }: Option): string | undefined {
  return typeof initial === 'object' ? initial.text : initial;
}
