import type { ScriptFailure } from '../play.js';

/** A note that is not a failure; `line` where it is about a line of the script. */
export interface ResultNote {
  readonly line?: number;
  readonly text: string;
}

/** The result of one script. */
export interface ScriptResult {
  readonly file: string;
  readonly title: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped. */
  readonly reason?: string;
  readonly failure?: ScriptFailure;
  readonly notes: readonly ResultNote[];
  readonly milliseconds: number;
}

/** Receives the events of a run, in this order. */
export interface Report {
  /** @param count the number of scripts */
  begin(count: number): void;
  /** A script begins. */
  script?(file: string, title: string): void;
  /** The script has reached this line. */
  line?(line: number): void;
  /** A note about the server or its accounts. */
  note(text: string): void;
  result(result: ScriptResult): void;
  /** @param cut why not all scripts were played; undefined: they were */
  end(cut?: string): void;
}

/** Where a report is written to. */
export type WriteReport = (text: string) => void;

export function count(results: readonly ScriptResult[]): Record<ScriptResult['outcome'], number> {
  const of = (outcome: ScriptResult['outcome']): number =>
    results.filter((one) => one.outcome === outcome).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}

/** `11 passed, 1 failed, 2 skipped`. */
export function totals(results: readonly ScriptResult[]): string {
  const { passed, failed, skipped } = count(results);
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** All results and notes of a run; `cut` as in {@link Report.end}. */
interface RunSummary {
  readonly results: readonly ScriptResult[];
  readonly notes: readonly string[];
  readonly cut: string | undefined;
}

/** A report that is written at the end of the run. */
export function reportAtEnd(write: (told: RunSummary) => void): Report {
  const results: ScriptResult[] = [];
  const notes: string[] = [];
  return {
    begin: () => undefined,
    note: (text) => void notes.push(text),
    result: (result) => void results.push(result),
    end: (cut) => write({ results, notes, cut }),
  };
}
