import { lines } from './failure.js';
import { totals, type Report, type ScriptResult, type WriteReport } from './report.js';
import { where } from './tap.js';

const MARKS = {
  passed: '\x1b[32m✔\x1b[0m',
  failed: '\x1b[31m✘\x1b[0m',
  skipped: '\x1b[33m-\x1b[0m',
} as const;
const PLAIN = { passed: '✔', failed: '✘', skipped: '-' } as const;
const CLEAR = '\r\x1b[K';

/**
 * A list for a person at a terminal, with a line for the current script below it.
 *
 * @param columns the current width of the terminal
 */
export function live(write: WriteReport, columns: () => number, colors: boolean): Report {
  const results: ScriptResult[] = [];
  const marks = colors ? MARKS : PLAIN;
  const began = performance.now();
  let all = 0;
  let current = '';
  const progress = (line?: number): void => {
    const { length } = results;
    const text = `  ${length + 1}/${all} ${current}${line === undefined ? '' : `:${line}`}`;
    write(CLEAR + text.slice(0, Math.max(10, columns() - 1)));
  };
  const print = (text: string): void => write(`${CLEAR}${text}\n`);
  return {
    begin: (count) => void (all = count),
    script(file) {
      current = file;
      progress();
    },
    line: progress,
    note: (text) => print(`  ${text}`),
    result(result) {
      results.push(result);
      print(`${marks[result.outcome]} ${summary(result)}`);
      if (result.outcome !== 'failed') return;
      for (const note of result.notes) print(`    ${where(result, note)}`);
      for (const line of lines(result.file, result.failure!)) print(`    ${line}`);
    },
    end(cut) {
      print(`\n${totals(results)} in ${seconds(performance.now() - began)}`);
      if (cut !== undefined) print(`${marks.failed} ${cut}`);
    },
  };
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

function summary({ file, title, outcome, reason, milliseconds }: ScriptResult): string {
  const name = title === '' ? file : `${file}: ${title}`;
  return outcome === 'skipped' ? `${name} (skipped: ${reason})` : `${name} (${seconds(milliseconds)})`;
}
