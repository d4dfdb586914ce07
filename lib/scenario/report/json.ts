import { explain } from './failure.js';
import { count, reportAtEnd, type Report, type ScriptResult, type WriteReport } from './report.js';

/** One JSON object, at the end of the run. */
export function json(write: WriteReport): Report {
  return reportAtEnd(({ results, notes, cut }) =>
    write(`${JSON.stringify({ ...count(results), cut, notes, scripts: results.map(plain) }, null, 2)}\n`),
  );
}

function plain({ failure, milliseconds, notes, ...result }: ScriptResult): object {
  return {
    ...result,
    remarks: notes,
    milliseconds: Math.round(milliseconds),
    failure: failure && {
      line: failure.line,
      what: failure.what,
      message: explain(result.file, failure).message,
      expected: failure.expected?.toString(),
      nearest: failure.nearest?.stanza.toString(),
      came: failure.came ?? 0,
      differences: failure.nearest?.differences.map(({ path, text }) => ({ path, text })) ?? [],
    },
  };
}
