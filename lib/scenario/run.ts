import { AccountProvisioner } from './account-provisioner.js';
import type { ScriptAccount } from './account-mapping.js';
import type { ServerAccess } from './login.js';
import { accountsOf, play, type ScriptFailure, type PlayOptions } from './play.js';
import { brief } from './print.js';
import type { ResultNote, Report, ScriptResult } from './report/report.js';
import type { Script } from './script.js';
import { excludedBy, type Candidate } from './select.js';

export interface RunOptions extends PlayOptions {
  readonly tags: readonly string[];
  /** Replace accounts that exist already. */
  readonly fresh: boolean;
  /** The server on which an account is registered and removed. */
  serverFor(account: ScriptAccount): ServerAccess;
  /** When it aborts, the current script ends, and its accounts are removed. */
  readonly signal?: AbortSignal;
}

/** For the stanzas skipped in one line; the others are only counted. */
const MAX_SKIPPED_NOTES = 10;

/** Plays scripts one after another, and reports on them. @returns whether none has failed */
export async function runScripts(
  candidates: readonly Candidate[],
  options: RunOptions,
  report: Report,
): Promise<boolean> {
  const accounts = new AccountProvisioner(
    (account) => options.serverFor(account),
    options.fresh,
    (text) => report.note(text),
  );
  const alone = hasOneServer(candidates, options);
  let passed = true;
  let played = 0;
  report.begin(candidates.length);
  for (const [at, candidate] of candidates.entries()) {
    const result =
      'error' in candidate
        ? unreadable(candidate.error)
        : await runOne(candidate.script, options, report, accounts);
    if (result.outcome === 'failed') passed = false;
    if (result.outcome !== 'skipped') played += 1;
    report.result(result);
    const left = candidates.length - at - 1;
    const cut = left === 0 ? undefined : whyCut(options, alone && result.failure?.noServer === true);
    if (cut !== undefined) {
      report.end(`${cut}: ${left === 1 ? 'one more script was' : `${left} more scripts were`} not played`);
      return false;
    }
  }
  report.end(played === 0 ? NOTHING_PLAYED : undefined);
  return passed && played > 0;
}

/** For instance because a tag is misspelt: that must not count as passed. */
export const NOTHING_PLAYED = 'nothing was played: --tags excludes all scripts';

function whyCut({ signal }: RunOptions, noServer: boolean): string | undefined {
  if (noServer) return 'there is no server to play on';
  return signal?.aborted ? 'interrupted' : undefined;
}

/** Do all characters connect to the same server? */
function hasOneServer(candidates: readonly Candidate[], options: RunOptions): boolean {
  const characters = candidates.flatMap((one) => ('script' in one ? one.script.characters : []));
  const places = characters.map((character) => {
    const { host, port } = options.serverOf(character);
    return `${host}:${port}`;
  });
  return new Set(places).size === 1;
}

function unreadable({ file, line, what }: { file: string; line: number; what: string }): ScriptResult {
  return { file, title: '', outcome: 'failed', failure: { line, what }, notes: [], milliseconds: 0 };
}

async function runOne(
  script: Script,
  options: RunOptions,
  report: Report,
  accounts: AccountProvisioner,
): Promise<ScriptResult> {
  const { file, title } = script;
  const unwanted = excludedBy(options.tags, script);
  if (unwanted !== undefined) {
    return { file, title, outcome: 'skipped', reason: `--tags ${unwanted}`, notes: [], milliseconds: 0 };
  }
  report.script?.(file, title);
  const began = performance.now();
  const notes: ResultNote[] = [...script.notes];
  await accounts.prepare(accountsOf(script, options.mapping));
  const failure = await perform(script, options, report, notes);
  await accounts.removeCreated();
  const outcome = failure ? 'failed' : 'passed';
  return { file, title, outcome, failure, notes, milliseconds: performance.now() - began };
}

async function perform(
  script: Script,
  options: RunOptions,
  report: Report,
  notes: ResultNote[],
): Promise<ScriptFailure | undefined> {
  const passedOver = new Map<number, number>();
  const { failures } = await play(script, options, {
    onAction: ({ line }) => report.line?.(line),
    onSkipped: (who, line, stanza) => {
      const count = (passedOver.get(line) ?? 0) + 1;
      passedOver.set(line, count);
      if (count <= MAX_SKIPPED_NOTES) notes.push({ line, text: `${who.name} skipped ${brief(stanza)}` });
    },
  });
  for (const [line, count] of passedOver) {
    if (count > MAX_SKIPPED_NOTES)
      notes.push({ line, text: `${count - MAX_SKIPPED_NOTES} more were skipped` });
  }
  return failures[0];
}
