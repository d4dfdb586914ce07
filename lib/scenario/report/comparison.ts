import { columns } from '../../observe/columns.js';
import type { Element } from '../../xml/index.js';
import type { ScriptComparison, ComparedStanza } from '../compare.js';
import { tagOf, type Difference } from '../match.js';
import type { ScriptFailure } from '../play.js';
import { excerpt, pretty, short } from '../print.js';
import { CLIENT } from '../../xmpp/namespaces.js';

/** The differences of one script, stanza by stanza, as lines of text. */
export function comparisonLines({ file, title, same, rows, failures }: ScriptComparison): string[] {
  const alike = isPlayed(failures) ? `the same (${stanzas(same)})` : 'not played to its end';
  const verdict = rows.length === 0 ? alike : `${rows.length} of ${stanzas(same + rows.length)} differ`;
  return [
    `${title === '' ? file : `${file}: ${title}`}: ${verdict}`,
    ...expectations(failures.left, failures.right),
    ...rows.flatMap((row) => describe(file, row)),
  ];
}

const isPlayed = ({ left, right }: ScriptComparison['failures']): boolean =>
  ![...left, ...right].some(({ fatal }) => fatal);

const stanzas = (count: number): string => (count === 1 ? '1 stanza' : `${count} stanzas`);

/** The failures of the script, on both sides or on one. */
function expectations(left: readonly ScriptFailure[], right: readonly ScriptFailure[]): string[] {
  const tell = (side: string, some: readonly ScriptFailure[], others: readonly ScriptFailure[]): string[] =>
    some
      .filter(({ line }) => !others.some((other) => other.line === line))
      .map(({ line, what }) => `  only on the ${side} the script fails, line ${line}: ${what}`);
  const both = left
    .filter(({ line }) => right.some((other) => other.line === line))
    .map(({ line, what }) => `  on both the script fails, line ${line}: ${what}`);
  return [...both, ...tell('left', left, right), ...tell('right', right, left)];
}

function describe(file: string, { who, line, action, left, right, differences }: ComparedStanza): string[] {
  const head = `  ${file}:${line}: ${who}, while ${action}:`;
  if (!left) return [`${head} only on the right`, ...indented(right!)];
  if (!right) return [`${head} only on the left`, ...indented(left)];
  const marks = (side: 'expected' | 'received'): Set<Element> =>
    new Set(differences.map((one) => one[side]).filter((one) => one !== undefined));
  return [
    `${head} not the same`,
    '    left:',
    ...indented(left, marks('expected')),
    '    right:',
    ...indented(right, marks('received')),
    '    in short:',
    ...differences.map((one) => `      ${inWords(one)}`),
  ];
}

function inWords({ path, about, text }: Difference): string {
  switch (about.kind) {
    case 'attribute':
      return `${path}: ${about.name} is ${both(about.expected, about.received)}`;
    case 'text':
      return `${path}: the text is ${both(about.expected, about.received)}`;
    case 'missing':
      return `${path}: ${named(about.child)} is only on the left`;
    case 'unexpected':
      return `${path}: ${named(about.child)} is only on the right`;
    case 'element':
      return `${path}: ${text}`;
  }
}

function both(left: string | undefined, right: string | undefined): string {
  if (right === undefined) return `"${short(left!)}" on the left, and not there on the right`;
  if (left === undefined) return `not there on the left, and "${short(right)}" on the right`;
  return `"${short(left)}" on the left, and "${short(right)}" on the right`;
}

const named = (element: Element): string => {
  const { namespace } = element;
  return namespace === '' || namespace === CLIENT ? tagOf(element) : `${tagOf(element)} of ${namespace}`;
};

const indented = (stanza: Element, marks?: Set<Element>): string[] =>
  excerpt(pretty(stanza, marks)).map((line) => `      ${line}`);

const HEADINGS = ['script', 'same', 'different', 'left only', 'right only', 'left', 'right'] as const;

/** A table with one line per script, and one for all of them. */
export function comparisonTable(all: readonly ScriptComparison[]): string[] {
  const rows = all.map((one) => [
    one.file,
    ...counts([one]),
    one.failures.left.length === 0 ? 'passes' : `fails (line ${one.failures.left[0].line})`,
    one.failures.right.length === 0 ? 'passes' : `fails (line ${one.failures.right[0].line})`,
  ]);
  return columns([[...HEADINGS], ...rows, ['all', ...counts(all), '', '']], [1, 2, 3, 4]);
}

function counts(all: readonly ScriptComparison[]): string[] {
  const rows = all.flatMap((one) => one.rows);
  const sum = (fits: (row: ComparedStanza) => boolean): string => String(rows.filter(fits).length);
  return [
    String(all.reduce((total, { same }) => total + same, 0)),
    sum(({ left, right }) => left !== undefined && right !== undefined),
    sum(({ right }) => right === undefined),
    sum(({ left }) => left === undefined),
  ];
}
