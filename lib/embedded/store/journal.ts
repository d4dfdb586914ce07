import { setTimeout as delay } from 'node:timers/promises';
import { isLocked, isUnwritable, sqliteCode } from '../../store/sqlite.js';
import type { Log } from '../../observe/log.js';
import type { Element } from '../../xml/index.js';
import { WaitingTasks, type Task } from './tasks.js';
import type { Store } from './store.js';

/** How long a task waits for a lock that another program has on the store, in milliseconds; then its sender is told. */
const LOCK_TIMEOUT_MS = 2000;
/** How often the lock is tried meanwhile. */
const LOCK_RETRY_MS = 20;
/** How long tasks that have waited are done in one turn of the event loop, in milliseconds. */
const SLICE_MS = 10;
/** Characters of all tasks that may wait for a lock. */
const MAX_WAITING_CHARACTERS = 8 * 1024 * 1024;

/** How many may be committed together after a failure when all is well again: it doubles with each success. */
const ALL_IS_WELL = 2 ** 10;

/** Told once whether a packet has left; where it has not, it comes back to its sender. */
export type Settle = (left: boolean) => void;

/** A packet that waits to leave. */
export interface Item {
  readonly text: string;
  /** The stanza in it that is for a client. */
  readonly stanza?: Element;
  readonly settle?: Settle;
}

/** What packets are said to, and can be taken back from while they have not left. */
export interface Output {
  unsay(items: ReadonlySet<Item>): void;
}

/** What is to happen once a task's changes are stored; what, should they be undone. */
interface Effect {
  readonly stored?: () => void;
  readonly undone?: () => void;
}

/**
 * Does tasks one after the other, and sees to it that nothing is said that is not stored.
 *
 * The changes of many tasks are committed together: one wait for the disk at the end of a turn of the event loop, or
 * before a task that changes what is in memory. What they say leaves after that. Where the commit fails, all of it is
 * undone, in the store and in what was said, and the tasks are done again one by one, so that only those fail that can
 * not be stored. Their senders are told.
 */
export class Journal {
  private readonly queue: Task[] = [];
  private readonly waiting = new WaitingTasks();
  /** Those whose changes are not committed, and all that were done since the first of them. */
  private batch: Task[] = [];
  /** What they have said. */
  private said: { readonly output: Output; readonly item: Item }[] = [];
  private effects: Effect[] = [];
  /** How many may be committed together: after a failure few, and more with each success. */
  private most = Infinity;
  private state: 'idle' | 'between tasks' | 'once' | 'repeatable' = 'idle';
  private lockedSince: number | undefined;
  private retrying: NodeJS.Timeout | undefined;
  private isFailing = false;

  constructor(
    private readonly store: Store,
    private readonly log: Log,
  ) {
    store.doNotWait();
  }

  /** Does a task: at once, or after the one that is being done, or (for a locked store) a little later. */
  do(task: Task): void {
    this.queue.push(task);
    this.exclusively(() => undefined);
  }

  /** Does what changes sessions or presence, and belongs to nobody. A failure is logged, and goes no further. */
  once(what: string, run: () => void): void {
    const failed = (error: unknown): void => this.log.error(`${what} failed`, { error: String(error) });
    this.do({ kind: 'once', size: 0, run, failed });
  }

  /**
   * Does it and stores it, now.
   *
   * @throws Error when it could not be stored; all of it is undone then
   */
  now<Result>(run: () => Result): Result {
    const outcome: { result?: Result; error?: unknown } = {};
    const failed = (error: unknown): void => void (outcome.error = error);
    this.do({ kind: 'repeatable', size: 0, run: () => void (outcome.result = run()), failed });
    this.settle();
    if (outcome.error !== undefined) throw outcome.error as Error;
    return outcome.result!;
  }

  /** Has it done once what the running task changes is stored, and never where that fails. */
  whenStored(action: () => void): void {
    if (this.state === 'repeatable') this.effects.push({ stored: action });
    else action();
  }

  /** Has it done where what the running task changes is not stored. */
  whenUndone(action: () => void): void {
    if (this.state === 'repeatable') this.effects.push({ undone: action });
  }

  /** The running task has said this. */
  noteSaid(output: Output, item: Item): void {
    if (this.state === 'repeatable') this.said.push({ output, item });
  }

  /** Commits what is not. From then on all that was said may leave. */
  settle(): void {
    if (this.batch.length > 0) this.exclusively(() => this.commit());
  }

  /** Resolves when nothing waits for a lock any more: it is there, or has been waited for long enough. */
  async done(): Promise<void> {
    while (!this.waiting.isEmpty) await delay(LOCK_RETRY_MS);
    this.settle();
  }

  /** Does something while no task is done, and then the tasks that came meanwhile. */
  private exclusively(action: () => void): void {
    if (this.state !== 'idle') return action();
    this.state = 'between tasks';
    try {
      action();
      for (let next = this.queue.shift(); next; next = this.queue.shift()) this.take(next);
    } finally {
      this.state = 'idle';
    }
  }

  private commit(): void {
    const tasks = this.batch;
    try {
      this.store.commit();
    } catch (error) {
      return this.redo(tasks, error);
    }
    this.batch = [];
    this.said = [];
    this.most *= 2;
    this.succeeded();
    for (const { stored } of this.effects.splice(0)) stored?.();
  }

  private take(task: Task): void {
    if (this.waiting.isEmpty || !this.waiting.has(task.owner)) return this.attempt(task);
    this.waiting.push(task);
    if (this.waiting.size > MAX_WAITING_CHARACTERS) this.lockedSince = -Infinity;
  }

  private attempt(task: Task): void {
    if (!this.perform(task)) this.hold([task]);
  }

  /** @returns false where it must wait for a lock */
  private perform(task: Task): boolean {
    if (task.kind === 'repeatable') return this.performRepeatable(task);
    this.settle();
    const before = this.state;
    this.state = 'once';
    try {
      task.run();
    } catch (error) {
      task.failed(error);
    } finally {
      this.state = before;
    }
    return true;
  }

  private performRepeatable(task: Task): boolean {
    const [said, effects] = [this.said.length, this.effects.length];
    const before = this.state;
    this.state = 'repeatable';
    try {
      this.store.gather(() => task.run());
    } catch (error) {
      this.state = before;
      this.undo(said, effects);
      return this.notPerformed(task, error);
    }
    this.state = before;
    this.performed(task, this.effects.length > effects);
    return true;
  }

  private performed(task: Task, isAwaited: boolean): void {
    if (!this.store.isOpen) return this.nothingOpen();
    this.lockedSince = undefined;
    this.batch.push(task);
    if (isAwaited || this.batch.length >= this.most) this.settle();
    else if (this.batch.length === 1) setImmediate(() => this.settle());
  }

  /** The task has changed nothing, nor has one before it whose changes are open. */
  private nothingOpen(): void {
    this.said = [];
    for (const { stored } of this.effects.splice(0)) stored?.();
  }

  private notPerformed(task: Task, error: unknown): boolean {
    // Some errors undo the whole transaction, and with it what other tasks have changed.
    if (this.batch.length > 0 && !this.store.isOpen) {
      this.redo([...this.batch, task], error);
      return true;
    }
    if (this.batch.length === 0) this.store.undo();
    if (isLocked(error) && this.mayWait(task)) return false;
    if (isUnwritable(error)) this.failing(error);
    this.fail(task, error);
    return true;
  }

  /** Undoes all, and does it again one by one. */
  private redo(tasks: readonly Task[], error: unknown): void {
    this.store.undo();
    this.undo(0, 0);
    this.batch = [];
    this.most = 1;
    this.failing(error);
    if (tasks.length === 1) return this.fail(tasks[0], error);
    const done = tasks.findIndex((task) => !this.perform(task));
    if (done >= 0) this.hold(tasks.slice(done));
  }

  private undo(said: number, effects: number): void {
    const items = new Map<Output, Set<Item>>();
    for (const { output, item } of this.said.splice(said)) {
      const ofOutput = items.get(output);
      if (ofOutput) ofOutput.add(item);
      else items.set(output, new Set([item]));
    }
    for (const [output, ofOutput] of items) output.unsay(ofOutput);
    for (const { undone } of this.effects.splice(effects).reverse()) undone?.();
  }

  private fail(task: Task, error: unknown): void {
    try {
      task.failed(error);
    } catch (another) {
      this.log.error('a failure could not be reported', { error: String(another) });
    }
  }

  private mayWait(task: Task): boolean {
    this.lockedSince ??= performance.now();
    return task.owner !== undefined && performance.now() - this.lockedSince < LOCK_TIMEOUT_MS;
  }

  /** They wait for a lock, before whatever waits already. */
  private hold(tasks: readonly Task[]): void {
    for (const task of tasks.toReversed()) this.waiting.unshift(task);
    this.retrying ??= setTimeout(() => this.exclusively(() => this.retry()), LOCK_RETRY_MS);
  }

  /** Does what has waited, in order, until the store is found locked again. */
  private retry(): void {
    this.retrying = undefined;
    const until = performance.now() + SLICE_MS;
    for (let task = this.waiting.shift(); task; task = this.waiting.shift()) {
      this.attempt(task);
      if (this.retrying) return;
      if (performance.now() >= until) break;
    }
    if (!this.waiting.isEmpty) this.retrying = setTimeout(() => this.exclusively(() => this.retry()), 0);
  }

  private failing(error: unknown): void {
    if (!this.isFailing) {
      const code = sqliteCode(error);
      this.log.error('changes could not be stored; their senders get an error', {
        error: String(error),
        code,
      });
    }
    this.isFailing = true;
  }

  /** On a full disk there is room for something small now and then: one success is no news yet. */
  private succeeded(): void {
    if (!this.isFailing || this.most < ALL_IS_WELL) return;
    this.log.info('changes are stored again');
    this.isFailing = false;
  }
}
