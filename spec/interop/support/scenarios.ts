import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { program } from './front.js';
import { Running } from './running.js';

/** Scripts of ours, one story each. Found from the project root: tsc copies no scripts. */
export const FOLDER = path.resolve('spec/scenarios');

export const SCRIPTS: readonly string[] = readdirSync(FOLDER).filter((file) => file.endsWith('.scs'));

const { INTEROP_SCRIPTS = '' } = process.env;

/** The folder of Prosody's own scripts, which are not part of this project; `.ci/run` says where CI has them. */
export const GIVEN = INTEROP_SCRIPTS && path.resolve(INTEROP_SCRIPTS);

/** How long all scripts together may take, in milliseconds: each makes accounts, and removes them. */
export const ALL_SCRIPTS = 240_000;

/** Why they can not be tried. */
export const MISSING_GIVEN: readonly string[] = existsSync(GIVEN)
  ? []
  : [`scripts of Prosody's own (INTEROP_SCRIPTS=FOLDER)`];

/** Why a server does not do what a script is about, as its head says: `## prosody: REASON`. */
export function lacking(script: string, server: 'prosody' | 'jabberd2'): string | undefined {
  const text = readFileSync(path.join(FOLDER, script), 'utf8');
  return new RegExp(`^## ${server}: *(.*)$`, 'm').exec(text)?.[1];
}

export interface Played {
  readonly file: string;
  readonly outcome: string;
  readonly failure?: { readonly message: string; readonly nearest?: string };
}

/** Plays scripts on a server; what became of each, by its name. */
export async function play(
  port: number,
  scripts: readonly string[],
  ...options: readonly string[]
): Promise<Map<string, Played>> {
  const { lines } = await scenario(
    'run',
    ...scripts,
    '--to',
    `127.0.0.1:${port}`,
    '--format',
    'json',
    ...options,
  );
  const { scripts: results } = JSON.parse(lines.join('\n')) as { scripts: Played[] };
  return new Map(results.map((one) => [path.basename(one.file), one]));
}

export function mustPass(played: Played | undefined): void {
  const { message = 'it was not played', nearest = '' } = played?.failure ?? {};
  expect(played?.outcome, `${message}\n${nearest}`).to.equal('passed');
}

/** `sm-component scenario …`, to its end. */
export async function scenario(
  ...args: readonly string[]
): Promise<{ code: number | string; lines: string[] }> {
  const [file, ...all] = program('scenario', ...args);
  const running = new Running('the scenario runner', { file, args: all });
  const code = await running.ended(ALL_SCRIPTS);
  return { code, lines: running.lines };
}
