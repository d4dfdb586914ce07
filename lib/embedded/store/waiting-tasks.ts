import type { Task } from './journal.js';

/** Tasks that wait, in the order of their owners, who take turns. */
export class HeldTasks {
  private readonly byOwner = new Map<string, Task[]>();
  /** Characters of all. */
  size = 0;

  get isEmpty(): boolean {
    return this.byOwner.size === 0;
  }

  /** Does something of that owner wait? */
  has(owner: string | undefined): boolean {
    return owner !== undefined && this.byOwner.has(owner);
  }

  /** Behind what waits of its owner. */
  push(task: Task): void {
    this.of(task).push(task);
  }

  /** Before what waits of its owner. */
  unshift(task: Task): void {
    this.of(task).unshift(task);
  }

  /** The next one of the owner whose turn it is. */
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
