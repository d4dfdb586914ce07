import { Accounts } from './accounts.js';
import type { Account } from './casting.js';
import type { Server } from './login.js';
import { accountsOf, play, type Failure, type Stage } from './play.js';
import { brief } from './print.js';
import type { Remark, Report, Result } from './report/report.js';
import type { Script } from './script.js';
import { unwantedBy, type Candidate } from './select.js';

export interface RunOptions extends Stage {
  readonly tags: readonly string[];
  /** Replace accounts that are there already. */
  readonly fresh: boolean;
  /** Where an account is made and removed. */
  serverFor(account: Account): Server;
  /** Stops before the next script, and gives its accounts back. */
  readonly signal?: AbortSignal;
}

/** Plays scripts one after the other, and tells a report. @returns whether none failed */
export async function run(
  candidates: readonly Candidate[],
  options: RunOptions,
  report: Report,
): Promise<boolean> {
  const accounts = new Accounts(
    (account) => options.serverFor(account),
    options.fresh,
    (text) => report.note(text),
  );
  let passed = true;
  report.begin(candidates.length);
  for (const candidate of candidates) {
    const result =
      'error' in candidate
        ? unreadable(candidate.error)
        : await runOne(candidate.script, options, report, accounts);
    if (result.outcome === 'failed') passed = false;
    report.result(result);
    if (options.signal?.aborted) return false;
  }
  report.end();
  return passed;
}

function unreadable({ file, line, what }: { file: string; line: number; what: string }): Result {
  return { file, title: '', outcome: 'failed', failure: { line, what }, remarks: [], milliseconds: 0 };
}

async function runOne(
  script: Script,
  options: RunOptions,
  report: Report,
  accounts: Accounts,
): Promise<Result> {
  const { file, title } = script;
  const unwanted = unwantedBy(options.tags, script);
  if (unwanted !== undefined) {
    return { file, title, outcome: 'skipped', reason: `--tags ${unwanted}`, remarks: [], milliseconds: 0 };
  }
  report.starts?.(file, title);
  const began = performance.now();
  const remarks: Remark[] = [...script.notes];
  await accounts.prepare(accountsOf(script, options.casting));
  const failure = await perform(script, options, report, remarks);
  await accounts.clear();
  const outcome = failure ? 'failed' : 'passed';
  return { file, title, outcome, failure, remarks, milliseconds: performance.now() - began };
}

async function perform(
  script: Script,
  options: RunOptions,
  report: Report,
  remarks: Remark[],
): Promise<Failure | undefined> {
  const { failures } = await play(script, options, {
    acts: ({ line }) => report.at?.(line),
    discarded: (who, line, stanza) =>
      remarks.push({ line, text: `${who.name} passed over ${brief(stanza)}` }),
  });
  return failures[0];
}
