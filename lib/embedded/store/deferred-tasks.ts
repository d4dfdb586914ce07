import type { Log } from '../../observe/log.js';
import { isUnwritable } from '../../store/sqlite.js';
import type { Journal } from './journal.js';

/** How long to wait after a failure, in milliseconds. */
const RETRY_MS = 1000;
/** Chores that are done together, at most. */
const MAX_TOGETHER = 500;

interface Chore {
  readonly change: () => void;
  readonly stored: () => void;
}

/**
 * Changes of the store that nobody waits for an answer to: they are made at the end of a turn of the event loop, and
 * where the store can not take them again and again until it can.
 */
export class Chores {
  private readonly waiting = new Map<string, Chore>();
  private together = MAX_TOGETHER;
  private timer: NodeJS.Timeout | undefined;
  private scheduled: NodeJS.Immediate | undefined;

  constructor(
    private readonly journal: Journal,
    private readonly log: Log,
  ) {}

  /**
   * @param name a chore takes the place of the one of its name
   * @param change changes the store, and nothing else; may be called more than once
   * @param stored told once that is for good
   */
  add(name: string, change: () => void, stored: () => void): void {
    this.waiting.set(name, { change, stored });
    if (!this.timer) this.schedule();
  }

  /** Does all that waits, now, and forgets what can not be done: it is the end. */
  finish(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    while (this.waiting.size > 0 && !this.timer) this.work();
    clearTimeout(this.timer);
    clearImmediate(this.scheduled);
    if (this.waiting.size > 0) this.log.error('small changes are not stored', { changes: this.waiting.size });
    this.waiting.clear();
  }

  /** Whatever waits by that name is of no use any more. */
  drop(name: string): void {
    this.waiting.delete(name);
  }

  private giveUp(chore: string, error: unknown): void {
    this.log.error('a small change could not be made', { chore, error: String(error) });
    this.waiting.delete(chore);
  }

  private schedule(): void {
    this.scheduled ??= setImmediate(() => {
      this.scheduled = undefined;
      this.work();
    });
  }

  private next(): (readonly [string, Chore])[] {
    const chores: (readonly [string, Chore])[] = [];
    for (const chore of this.waiting) {
      if (chores.length === this.together) break;
      chores.push(chore);
    }
    return chores;
  }

  private work(): void {
    const chores = this.next();
    if (chores.length === 0) return;
    this.journal.do({
      kind: 'repeatable',
      size: 0,
      run: () => {
        for (const [, { change }] of chores) change();
        this.journal.whenStored(() => this.done(chores));
      },
      failed: (error) => this.failed(chores, error),
    });
  }

  private done(chores: readonly (readonly [string, Chore])[]): void {
    this.together = Math.min(this.together * 2, MAX_TOGETHER);
    for (const [name, chore] of chores) {
      if (this.waiting.get(name) === chore) this.waiting.delete(name);
      chore.stored();
    }
    if (this.waiting.size > 0) this.schedule();
  }

  /** One that fails for a reason of its own must not keep the others waiting: they go one by one, and it is given up. */
  private failed(chores: readonly (readonly [string, Chore])[], error: unknown): void {
    this.together = 1;
    if (!isUnwritable(error)) {
      if (chores.length === 1) this.giveUp(chores[0][0], error);
      return this.schedule();
    }
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.work();
    }, RETRY_MS).unref();
  }
}
