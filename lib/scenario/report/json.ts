import { explain } from './failure.js';
import { count, whenOver, type Report, type Result, type Write } from './report.js';

/** One JSON object, when all is over. */
export function json(write: Write): Report {
  return whenOver(({ results, notes, cut }) =>
    write(`${JSON.stringify({ ...count(results), cut, notes, scripts: results.map(plain) }, null, 2)}\n`),
  );
}

function plain({ failure, milliseconds, ...result }: Result): object {
  return {
    ...result,
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
