import { columns } from '../observe/columns.js';

/** Longest cell in characters: whoever chooses a name a kilobyte long does not spoil the table. */
const MAX_CELL_LENGTH = 60;
/** What would move the cursor, hide text or turn it round, in a name that a client has chosen. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

type Cell = string | number | undefined;

/** Rows of cells as columns of text; numbers stand right, what is not known is a dash. */
export function table(rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(printable));
  const numeric = [...rows[0].keys()].filter((at) => rows.some((row) => typeof row[at] === 'number'));
  return columns(texts, numeric).join('\n');
}

function printable(cell: Cell): string {
  const text = String(cell ?? '-').replace(UNPRINTABLE, '?');
  return text.length <= MAX_CELL_LENGTH ? text : `${text.slice(0, MAX_CELL_LENGTH - 1)}…`;
}
