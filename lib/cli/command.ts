import type { Option, ValueOf } from '../config/option.js';
import type { CommandName } from '../config/options.js';

/** The exit codes of the program. */
export const EXIT = { stopped: 0, failed: 1, usage: 2 } as const;

/** Options or positional words of a single command, by name; they are not part of the configuration. */
export type OwnOptions = Readonly<Record<string, Option>>;

type None = Readonly<Record<never, never>>;

/** The arguments of a command. */
export interface Call<Own extends OwnOptions = OwnOptions> {
  /** Options of the configuration, by name, with all the texts each was given. */
  readonly options: Readonly<Record<string, readonly string[]>>;
  /** The values of the command's own options and of its positional words. */
  readonly own: { readonly [Name in keyof Own]: ValueOf<Own[Name]> };
}

/** One command, or one action of a command. */
export interface Command<Words extends OwnOptions = OwnOptions, Own extends OwnOptions = OwnOptions> {
  /** Its name and its positional words, in the notation of yargs: `add [account]`. */
  readonly usage: string | readonly string[];
  readonly help: string;
  /** The name by which options of the configuration are taken, read and checked; absent: it takes none. */
  readonly configured?: CommandName;
  /** The words that `usage` has in brackets. */
  readonly words?: Words;
  readonly own?: Own;
  readonly examples?: readonly (readonly [command: string, what: string])[];
  /** @returns the exit code */
  run(call: Call<Words & Own>): Promise<number> | number;
}

/** Commands that share their first word. The second word is the action. */
export interface CommandGroup {
  readonly name: string;
  readonly help: string;
  readonly actions: readonly Command[];
}

/** Defines a command: `run` gets values of the types that the options and words have. */
export function command<const Words extends OwnOptions = None, const Own extends OwnOptions = None>(
  definition: Command<Words, Own>,
): Command {
  return definition;
}

/** The word by which a command or an action is called. */
export const nameOf = (one: Command | CommandGroup): string =>
  'actions' in one ? one.name : [one.usage].flat()[0].split(' ', 1)[0];

/** Wrong usage. The message says what is wrong, and what would be right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something outside of the program failed. The message says what, and what to do. */
export class Failure extends Error {
  override readonly name = 'Failure';
}
