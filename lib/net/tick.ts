/** An object whose output is written at the end of a turn of the event loop. */
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
 * Calls `flush()` after all reads of this turn of the event loop, so that everything they send to one socket leaves in
 * one write. To be called once per turn and object.
 */
export function atTickEnd(flushable: Flushable): void {
  if (due.push(flushable) === 1) setImmediate(flushAll);
}
