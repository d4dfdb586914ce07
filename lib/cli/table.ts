import { columns } from '../observe/columns.js';

/** In characters, so that a client with a very long name does not spoil the table. */
const MAX_CELL_LENGTH = 60;
/** Characters in names of clients that would move the cursor, hide text or reverse it. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

type Cell = string | number | undefined;

/** Rows of cells as columns of text. Numbers are aligned to the right; a dash stands for an unknown value. */
export function table(rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(printable));
  const numeric = [...rows[0].keys()].filter((at) => rows.some((row) => typeof row[at] === 'number'));
  return columns(texts, numeric).join('\n');
}

function printable(cell: Cell): string {
  const text = String(cell ?? '-').replace(UNPRINTABLE, '?');
  return text.length <= MAX_CELL_LENGTH ? text : `${text.slice(0, MAX_CELL_LENGTH - 1)}…`;
}
