import type { Failure } from '../play.js';

/** Something worth saying that is no failure; `line` where it is about a line of the script. */
export interface ResultNote {
  readonly line?: number;
  readonly text: string;
}

/** What became of one script. */
export interface Result {
  readonly file: string;
  readonly title: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped. */
  readonly reason?: string;
  readonly failure?: Failure;
  readonly remarks: readonly ResultNote[];
  readonly milliseconds: number;
}

/** Where a run is about: told of it as it goes, in this order. */
export interface Report {
  /** @param count how many scripts there will be */
  begin(count: number): void;
  /** A script begins. */
  starts?(file: string, title: string): void;
  /** It is at this line now. */
  at?(line: number): void;
  /** Something that is about no script: about the server or its accounts. */
  note(text: string): void;
  result(result: Result): void;
  /** @param cut why not all of them were played, where that is so */
  end(cut?: string): void;
}

/** Where a report is written to. */
export type Write = (text: string) => void;

export function count(results: readonly Result[]): Record<Result['outcome'], number> {
  const of = (outcome: Result['outcome']): number => results.filter((one) => one.outcome === outcome).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}

/** `11 passed, 1 failed, 2 skipped`. */
export function totals(results: readonly Result[]): string {
  const { passed, failed, skipped } = count(results);
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** All that was told of a run; `cut` as in {@link Report.end}. */
interface Told {
  readonly results: readonly Result[];
  readonly notes: readonly string[];
  readonly cut: string | undefined;
}

/** A report that is written at once, when all is over. */
export function whenOver(write: (told: Told) => void): Report {
  const results: Result[] = [];
  const notes: string[] = [];
  return {
    begin: () => undefined,
    note: (text) => void notes.push(text),
    result: (result) => void results.push(result),
    end: (cut) => write({ results, notes, cut }),
  };
}
