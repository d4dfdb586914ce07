import type { Log } from '../../observe/log.js';
import { isUnwritable } from '../../store/sqlite.js';
import type { Journal } from './journal.js';

/** How long to wait after a failure before the next attempt. */
const RETRY_MS = 1000;
/** How many deferred tasks are done in one transaction. */
const MAX_TOGETHER = 500;

interface DeferredTask {
  readonly change: () => void;
  readonly stored: () => void;
}

/**
 * Changes of the store for whose outcome nobody waits. They are made at the end of a turn of the event loop. While the
 * store cannot be written they are tried again and again.
 */
export class DeferredTasks {
  private readonly waiting = new Map<string, DeferredTask>();
  private together = MAX_TOGETHER;
  private timer: NodeJS.Timeout | undefined;
  private scheduled: NodeJS.Immediate | undefined;

  constructor(
    private readonly journal: Journal,
    private readonly log: Log,
  ) {}

  /**
   * @param name a task replaces the one that waits by the same name
   * @param change changes the store, and nothing else; may be called more than once
   * @param stored called once, when the change is committed
   */
  add(name: string, change: () => void, stored: () => void): void {
    this.waiting.set(name, { change, stored });
    if (!this.timer) this.schedule();
  }

  /** Does all that waits, now, and forgets what cannot be done: the session manager stops. */
  finish(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    while (this.waiting.size > 0 && !this.timer) this.work();
    clearTimeout(this.timer);
    clearImmediate(this.scheduled);
    if (this.waiting.size > 0)
      this.log.error('small changes were not stored', { changes: this.waiting.size });
    this.waiting.clear();
  }

  /** Forgets the task that waits by that name. */
  drop(name: string): void {
    this.waiting.delete(name);
  }

  private giveUp(name: string, error: unknown): void {
    this.log.error('a small change could not be stored', { change: name, error: String(error) });
    this.waiting.delete(name);
  }

  private schedule(): void {
    this.scheduled ??= setImmediate(() => {
      this.scheduled = undefined;
      this.work();
    });
  }

  private next(): (readonly [string, DeferredTask])[] {
    const tasks: (readonly [string, DeferredTask])[] = [];
    for (const task of this.waiting) {
      if (tasks.length === this.together) break;
      tasks.push(task);
    }
    return tasks;
  }

  private work(): void {
    const tasks = this.next();
    if (tasks.length === 0) return;
    this.journal.do({
      kind: 'repeatable',
      size: 0,
      run: () => {
        for (const [, { change }] of tasks) change();
        this.journal.whenStored(() => this.done(tasks));
      },
      failed: (error) => this.failed(tasks, error),
    });
  }

  private done(tasks: readonly (readonly [string, DeferredTask])[]): void {
    this.together = Math.min(this.together * 2, MAX_TOGETHER);
    for (const [name, task] of tasks) {
      if (this.waiting.get(name) === task) this.waiting.delete(name);
      task.stored();
    }
    if (this.waiting.size > 0) this.schedule();
  }

  /** One task whose own change fails must not delay the others: they are done one by one, and that one is given up. */
  private failed(tasks: readonly (readonly [string, DeferredTask])[], error: unknown): void {
    this.together = 1;
    if (!isUnwritable(error)) {
      if (tasks.length === 1) this.giveUp(tasks[0][0], error);
      return this.schedule();
    }
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.work();
    }, RETRY_MS).unref();
  }
}
