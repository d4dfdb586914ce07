/** One thing to do, whole or not at all. */
export interface Task {
  /**
   * `repeatable`: it changes the store and sends packets, and nothing else, so it can be undone and done again. `once`:
   * it changes what is in memory (connected resources, presence), and does not write to the store.
   */
  readonly kind: 'repeatable' | 'once';
  /** Whom the task is for: the tasks of one owner are done in order. A task without an owner does not wait for a lock. */
  readonly owner?: string | undefined;
  /** Characters that the task keeps in memory. */
  readonly size: number;
  run(): void;
  /** Called when the task could not be done. Its changes and packets are undone by then. */
  failed(error: unknown): void;
}

/** Tasks that wait for the store, in order for each owner. The owners take turns. */
export class WaitingTasks {
  private readonly byOwner = new Map<string, Task[]>();
  /** Characters of all tasks. */
  size = 0;

  get isEmpty(): boolean {
    return this.byOwner.size === 0;
  }

  /** Does a task of that owner wait? */
  has(owner: string | undefined): boolean {
    return owner !== undefined && this.byOwner.has(owner);
  }

  /** Adds a task after the others of its owner. */
  push(task: Task): void {
    this.of(task).push(task);
  }

  /** Adds a task before the others of its owner. */
  unshift(task: Task): void {
    this.of(task).unshift(task);
  }

  /** Takes the next task of the owner whose turn it is. */
  shift(): Task | undefined {
    for (const [owner, tasks] of this.byOwner) {
      const task = tasks.shift()!;
      this.byOwner.delete(owner);
      if (tasks.length > 0) this.byOwner.set(owner, tasks);
      this.size -= task.size;
      return task;
    }
    return undefined;
  }

  private of({ owner = '', size }: Task): Task[] {
    this.size += size;
    let tasks = this.byOwner.get(owner);
    if (!tasks) this.byOwner.set(owner, (tasks = []));
    return tasks;
  }
}
