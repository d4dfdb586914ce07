import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseScript } from './parse.js';
import { ScriptError, type Script } from './script.js';

/** A script, or why it cannot be played. */
export type Candidate = { readonly script: Script } | { readonly error: ScriptError };

/** The named files, and all `.scs` files in named folders, at any depth, sorted. @throws the system's error */
export function findScripts(paths: readonly string[]): string[] {
  const found = paths.flatMap((one) => (statSync(one).isDirectory() ? within(one) : [one]));
  return [...new Set(found)];
}

function within(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.scs'))
    .sort()
    .map((name) => path.join(directory, name))
    .filter((file) => !statSync(file).isDirectory());
}

/** @throws the system's error */
export function readScript(file: string): Candidate {
  const bytes = readFileSync(file);
  try {
    return { script: parseScript(file, decode(file, bytes)) };
  } catch (error) {
    if (error instanceof ScriptError) return { error };
    throw error;
  }
}

/** @throws {ScriptError} where it is not UTF-8: the stanzas would have other letters than the author wrote */
function decode(file: string, bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let line = 1;
  for (let from = 0, to; (to = bytes.indexOf('\n', from)) >= 0 && isUtf8(bytes.subarray(from, to)); line += 1)
    from = to + 1;
  throw new ScriptError(file, line, 'this is not UTF-8');
}

/**
 * Does `--tags` exclude a script?
 *
 * @param wanted `slow`, `status: stable`, or either after a `!` for scripts without that tag; a script must fulfil all
 * @returns the first one that the script does not fulfil
 */
export function excludedBy(wanted: readonly string[], { tags }: Script): string | undefined {
  return wanted.find((one) => {
    const not = one.startsWith('!');
    const [, name, value] = /^\s*([^:]*?)\s*(?::\s*(.*?)\s*)?$/.exec(not ? one.slice(1) : one)!;
    const has = tags.has(name) && (value === undefined || tags.get(name) === value);
    return has === not;
  });
}
