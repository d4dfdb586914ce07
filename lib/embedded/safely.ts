import type { Log } from '../observe/log.js';

/** Does what has nobody to tell of a failure (a timer, an event of a stream); a failure is logged and goes no further. */
export function safely(log: Log, what: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    log.error(`${what} failed`, { error: String(error) });
  }
}
