import { setTimeout as delay } from 'node:timers/promises';
import { isLocked, isUnwritable, sqliteCode } from '../../store/sqlite.js';
import type { Log } from '../../observe/log.js';
import type { Element } from '../../xml/index.js';
import { WaitingTasks, type Task } from './tasks.js';
import type { Store } from './store.js';

/** How long a task waits for another program's lock on the store before it fails and its sender is told. */
const LOCK_TIMEOUT_MS = 2000;
/** How often the lock is tried while tasks wait. */
const LOCK_RETRY_MS = 20;
/** How long waiting tasks are done in one turn of the event loop once the lock is free. */
const SLICE_MS = 10;
/** Characters of all tasks that may wait for a lock. */
const MAX_WAITING_CHARACTERS = 8 * 1024 * 1024;

/** The batch size, doubled with each success after a failure, from which on the store counts as healthy again. */
const MIN_HEALTHY_BATCH = 2 ** 10;

/** Called once with whether a packet has left. One that has not goes back to its sender. */
export type Settle = (left: boolean) => void;

/** A packet that waits to leave. */
export interface Item {
  readonly text: string;
  /** The stanza in it that is for a client. */
  readonly stanza?: Element;
  readonly settle?: Settle;
}

/** A receiver of packets, which gives them back as long as they have not left. */
export interface Output {
  takeBack(items: ReadonlySet<Item>): void;
}

/** What to do once the changes of a task are stored, or where they are undone. */
interface Effect {
  readonly stored?: () => void;
  readonly undone?: () => void;
}

/**
 * Does tasks one after the other. The packets that a task sends leave only after its changes are stored.
 *
 * The changes of many tasks are committed together, at the end of a turn of the event loop or before a task that changes
 * memory: so they wait for the disk once. Their packets leave after that. Where the commit fails, all changes are undone
 * and all packets taken back. Then the tasks are done again one by one, so that only those fail whose own changes cannot
 * be stored. Their senders are told.
 */
export class Journal {
  private readonly queue: Task[] = [];
  private readonly waiting = new WaitingTasks();
  /** The tasks whose changes are not committed, and all that were done since the first of them. */
  private batch: Task[] = [];
  /** The packets that these tasks have sent. */
  private sent: { readonly output: Output; readonly item: Item }[] = [];
  private effects: Effect[] = [];
  /** How many tasks may be committed together: one after a failure, and twice as many with each success. */
  private maxBatch = Infinity;
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

  /** Does a task: at once, or after the running one, or later where the store is locked. */
  do(task: Task): void {
    this.queue.push(task);
    this.exclusively(() => undefined);
  }

  /** Does something that changes memory and has no owner. A failure is logged and goes no further. */
  once(what: string, run: () => void): void {
    const failed = (error: unknown): void => this.log.error(`${what} failed`, { error: String(error) });
    this.do({ kind: 'once', size: 0, run, failed });
  }

  /**
   * Does something and stores it, before it returns.
   *
   * @throws Error when it could not be stored; its changes are undone then
   */
  now<Result>(run: () => Result): Result {
    const outcome: { result?: Result; error?: unknown } = {};
    const failed = (error: unknown): void => void (outcome.error = error);
    this.do({ kind: 'repeatable', size: 0, run: () => void (outcome.result = run()), failed });
    this.settle();
    if (outcome.error !== undefined) throw outcome.error as Error;
    return outcome.result!;
  }

  /** Calls back once the changes of the running task are stored; never where they are undone. */
  whenStored(action: () => void): void {
    if (this.state === 'repeatable') this.effects.push({ stored: action });
    else action();
  }

  /** Calls back where the changes of the running task are undone. */
  whenUndone(action: () => void): void {
    if (this.state === 'repeatable') this.effects.push({ undone: action });
  }

  /** Notes that the running task has sent a packet. */
  noteSent(output: Output, item: Item): void {
    if (this.state === 'repeatable') this.sent.push({ output, item });
  }

  /** Commits all open changes. After it every packet that was sent may leave. */
  settle(): void {
    if (this.batch.length > 0) this.exclusively(() => this.commit());
  }

  /** Resolves when no task waits for a lock any more: all are done, or have failed. */
  async done(): Promise<void> {
    while (!this.waiting.isEmpty) await delay(LOCK_RETRY_MS);
    this.settle();
  }

  /** Runs an action while no task runs, and then the tasks that were added meanwhile. */
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
    this.sent = [];
    this.maxBatch *= 2;
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

  /** @returns false where the task must wait for a lock */
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
    const [said, effects] = [this.sent.length, this.effects.length];
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
    if (isAwaited || this.batch.length >= this.maxBatch) this.settle();
    else if (this.batch.length === 1) setImmediate(() => this.settle());
  }

  /** Neither the task nor one before it has open changes. */
  private nothingOpen(): void {
    this.sent = [];
    for (const { stored } of this.effects.splice(0)) stored?.();
  }

  private notPerformed(task: Task, error: unknown): boolean {
    // Some errors undo the whole transaction, and with it the changes of other tasks.
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

  /** Undoes the changes of all these tasks, and does them again one by one. */
  private redo(tasks: readonly Task[], error: unknown): void {
    this.store.undo();
    this.undo(0, 0);
    this.batch = [];
    this.maxBatch = 1;
    this.failing(error);
    if (tasks.length === 1) return this.fail(tasks[0], error);
    const done = tasks.findIndex((task) => !this.perform(task));
    if (done >= 0) this.hold(tasks.slice(done));
  }

  private undo(said: number, effects: number): void {
    const items = new Map<Output, Set<Item>>();
    for (const { output, item } of this.sent.splice(said)) {
      const ofOutput = items.get(output);
      if (ofOutput) ofOutput.add(item);
      else items.set(output, new Set([item]));
    }
    for (const [output, ofOutput] of items) output.takeBack(ofOutput);
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

  /** Has tasks wait for a lock, before those that wait already. */
  private hold(tasks: readonly Task[]): void {
    for (const task of tasks.toReversed()) this.waiting.unshift(task);
    this.retrying ??= setTimeout(() => this.exclusively(() => this.retry()), LOCK_RETRY_MS);
  }

  /** Does the waiting tasks in order, until the store is locked again. */
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

  /** A full disk may still have room for a small change, so one success does not mean that it has room again. */
  private succeeded(): void {
    if (!this.isFailing || this.maxBatch < MIN_HEALTHY_BATCH) return;
    this.log.info('changes are stored again');
    this.isFailing = false;
  }
}
