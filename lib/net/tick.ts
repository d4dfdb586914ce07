/** Something with output that waits for the end of the turn. */
export interface Flushable {
  flush(): void;
}

let due: Flushable[] = [];

function flushAll(): void {
  const now = due;
  due = [];
  for (const one of now) one.flush();
}

/**
 * Calls `flush()` once all reads of this turn of the event loop are through, so that everything they caused to be
 * sent to one socket leaves in one write. Ask once a turn for each object.
 */
export function atTickEnd(flushable: Flushable): void {
  if (due.push(flushable) === 1) setImmediate(flushAll);
}
