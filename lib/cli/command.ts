import type { Option, ValueOf } from '../config/option.js';
import type { CommandName } from '../config/options.js';

/** How the program ends. */
export const EXIT = { stopped: 0, failed: 1, usage: 2 } as const;

/** Options, or positional words, that one command has besides the options of the configuration, by name. */
export type OwnOptions = Readonly<Record<string, Option>>;

type None = Readonly<Record<never, never>>;

/** What a command was called with. */
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
  /** By whose rules the configuration is read, and which of its options are taken; absent: none. */
  readonly configured?: CommandName;
  /** The words that `usage` has in brackets. */
  readonly words?: Words;
  readonly own?: Own;
  readonly examples?: readonly (readonly [command: string, what: string])[];
  /** @returns the exit code */
  run(call: Call<Words & Own>): Promise<number> | number;
}

/** Commands under one word, each called by a second word, its action. */
export interface CommandGroup {
  readonly name: string;
  readonly help: string;
  readonly actions: readonly Command[];
}

/** A command whose `run` gets values of the types that its own options and words have. */
export function command<const Words extends OwnOptions = None, const Own extends OwnOptions = None>(
  definition: Command<Words, Own>,
): Command {
  return definition;
}

/** The word that a command, or an action, is called by. */
export const nameOf = (one: Command | CommandGroup): string =>
  'actions' in one ? one.name : [one.usage].flat()[0].split(' ', 1)[0];

/** Wrong usage: what is wrong, and what would be right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something outside of the program failed: what, and what to do. */
export class Failure extends Error {
  override readonly name = 'Failure';
}
