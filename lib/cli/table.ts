/** Longest cell in characters: whoever chooses a name a kilobyte long does not spoil the table. */
const LONGEST = 60;
/** What would move the cursor, hide text or turn it round, in a name that a client has chosen. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

type Cell = string | number | undefined;

/** Rows of cells as columns of text; numbers stand right, what is not known is a dash. */
export function table(rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(printable));
  const widths = texts[0].map((_heading, column) => Math.max(...texts.map((row) => row[column].length)));
  const isNumeric = widths.map((_width, column) => rows.some((row) => typeof row[column] === 'number'));
  const line = (row: readonly string[]): string =>
    row.map((text, at) => (isNumeric[at] ? text.padStart(widths[at]) : text.padEnd(widths[at]))).join('  ');
  return texts.map((row) => line(row).trimEnd()).join('\n');
}

function printable(cell: Cell): string {
  const text = String(cell ?? '-').replace(UNPRINTABLE, '?');
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
