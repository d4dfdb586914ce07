import type { Options, PositionalOptions } from 'yargs';
import { didYouMean } from '../config/error.js';
import type { CommandName } from '../config/options.js';

/** How the program ends. */
export const EXIT = { stopped: 0, failed: 1, usage: 2 } as const;

/** What a command was called with. */
export interface Call {
  /** Options of the configuration, by name, with all the texts each was given. */
  readonly options: Readonly<Record<string, readonly string[]>>;
  /** The command's own options, positionals and flags. */
  readonly own: Readonly<Record<string, string | undefined>>;
  /** Those of them that may be given more than once. */
  readonly lists: Readonly<Record<string, readonly string[] | undefined>>;
}

/** One command of the command line: one file beside this one. */
export interface Command {
  /** In the notation of yargs: `users <action> [account]`. */
  readonly usage: string | readonly string[];
  readonly help: string;
  /** Whose options of the configuration it takes; absent: none. */
  readonly configured?: CommandName;
  readonly options?: Readonly<Record<string, Options>>;
  readonly positionals?: Readonly<Record<string, PositionalOptions>>;
  /** Which of its own options and positionals may be given more than once. */
  readonly repeatable?: readonly string[];
  readonly examples?: readonly (readonly [command: string, what: string])[];
  /** @returns the exit code */
  run(call: Call): Promise<number> | number;
}

/** Wrong usage: what is wrong, and what would be right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * What a command is to do, named by its first positional.
 *
 * @throws {UsageError} that says what it takes
 */
export function actionOf<Action extends string>(
  { own: { action } }: Call,
  command: string,
  actions: readonly Action[],
): Action {
  const found = actions.find((one) => one === action);
  if (found) return found;
  const wanted = `${command} takes ${actions.join(', ')}`;
  const close = action === undefined ? '' : `, not "${action}"${didYouMean(action, actions)}`;
  throw new UsageError(wanted + close);
}

/** Something outside of the program failed: what, and what to do. */
export class Failure extends Error {
  override readonly name = 'Failure';
}
