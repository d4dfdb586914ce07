import { explain } from './failure.js';
import { totals, type ResultNote, type Report, type ScriptResult, type WriteReport } from './report.js';

/** The Test Anything Protocol, version 13: one test per script. [https://testanything.org/tap-version-13-specification.html] */
export function tap(write: WriteReport): Report {
  const results: ScriptResult[] = [];
  const line = (text: string): void => write(`${text}\n`);
  return {
    begin(count) {
      line('TAP version 13');
      line(`1..${count}`);
    },
    note: (text) => line(`# ${oneLine(text)}`),
    result(result) {
      for (const note of result.notes) line(`# ${oneLine(where(result, note))}`);
      results.push(result);
      const ok = result.outcome === 'failed' ? 'not ok' : 'ok';
      const skip = result.outcome === 'skipped' ? ` # SKIP ${oneLine(result.reason ?? '')}` : '';
      line(`${ok} ${results.length} - ${named(result)}${skip}`);
      for (const one of diagnostics(result)) line(one);
    },
    end(cut) {
      line(`# ${totals(results)}`);
      if (cut !== undefined) line(`Bail out! ${oneLine(cut)}`);
    },
  };
}

const oneLine = (text: string): string => text.replace(/\s*[\r\n]+\s*/g, ' ');

/** A `#` would begin a directive. */
function named({ file, title }: ScriptResult): string {
  return oneLine(title === '' ? file : `${file}: ${title}`).replaceAll('#', '\\#');
}

export function where({ file }: ScriptResult, { line, text }: ResultNote): string {
  return line === undefined ? text : `${file}:${line}: ${text}`;
}

/** A block of YAML. Every text is quoted or a literal, so that it cannot be read as something else. */
function diagnostics({ file, failure, milliseconds }: ScriptResult): string[] {
  if (!failure) return [];
  const { message, expected, heading, nearest, differences } = explain(file, failure);
  return [
    '  ---',
    `  message: ${JSON.stringify(message)}`,
    `  at: ${JSON.stringify(`${file}:${failure.line}`)}`,
    `  duration_ms: ${Math.round(milliseconds)}`,
    ...literal('expected', expected),
    ...literal(heading, nearest),
    ...(differences.length === 0
      ? []
      : ['  differs in:', ...differences.map((one) => `    - ${JSON.stringify(one)}`)]),
    ...(failure.expected && !failure.nearest ? ['  came instead: nothing'] : []),
    '  ...',
  ];
}

function literal(name: string, content: readonly string[]): string[] {
  // Lines may begin with white space, so the indentation must be given.
  return content.length === 0 ? [] : [`  ${name}: |2`, ...content.map((one) => `    ${one}`)];
}
