import { AccountMapping } from '../../../lib/scenario/account-mapping.js';
import { parseScript } from '../../../lib/scenario/parse.js';
import type { ScriptFailure } from '../../../lib/scenario/play.js';
import type { Report, ScriptResult } from '../../../lib/scenario/report/report.js';
import { runScripts, type RunOptions } from '../../../lib/scenario/run.js';
import type { ScriptedServer } from './server.js';

/** The top of a script with these clients, each `user` with the password `secret`. */
export function cast(...names: readonly string[]): string {
  const clients = names.map(
    (name) => `[Client] ${name}\n\tjid: ${name.toLowerCase()}@localhost\n\tpassword: secret\n`,
  );
  return `# A story\n\n${clients.join('\n')}\n-----\n\n`;
}

/** What a run told. */
export interface Told {
  readonly results: ScriptResult[];
  readonly notes: string[];
  /** Why not all of them were played. */
  readonly cut: string | undefined;
}

/** Plays scripts on a server; each is named by its number, `1.scs` being the first. */
export async function perform(
  { port }: ScriptedServer,
  scripts: readonly string[],
  options: Partial<RunOptions> = {},
): Promise<Told> {
  const told: { -readonly [name in keyof Told]: Told[name] } = { results: [], notes: [], cut: undefined };
  const report: Report = {
    begin: () => undefined,
    note: (text) => void told.notes.push(text),
    result: (result) => void told.results.push(result),
    end: (cut) => void (told.cut = cut),
  };
  const server = { host: '127.0.0.1', port, auth: 'auto', tls: 'auto' } as const;
  const candidates = scripts.map((text, at) => ({ script: parseScript(`${at + 1}.scs`, text) }));
  const all: RunOptions = {
    mapping: new AccountMapping(),
    exact: false,
    timeout: 200,
    continueAfterFailure: false,
    tags: [],
    fresh: false,
    serverOf: () => server,
    serverFor: () => server,
    ...options,
  };
  await runScripts(candidates, all, report);
  return told;
}

/** Plays one script. @returns why it failed */
export async function failureOf(
  server: ScriptedServer,
  script: string,
  options?: Partial<RunOptions>,
): Promise<ScriptFailure | undefined> {
  return (await perform(server, [script], options)).results[0].failure;
}
