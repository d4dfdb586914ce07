/** How long work is done in one turn of the event loop. */
const SLICE_MS = 4;
/** How long work is done for one user before the other users have a turn. */
const SHARE_MS = 2;

/** Work that is done step by step. Other work may be done between two steps. */
export type Steps = Generator<undefined, void>;

/** Where the packets of some work leave. The work waits while there is no room. */
export interface Gate {
  readonly hasRoom: boolean;
}

interface Task {
  readonly gate: Gate;
  run(): void;
}

interface Job {
  readonly gate: Gate;
  readonly steps: Steps;
  /** Must it be done also when the link or the session manager ends? */
  readonly must: boolean;
}

/** A user for whom work is done, or a client that is not logged in. */
interface Owner {
  readonly name: string;
  /** Work in steps that has begun: it is done in order, before the tasks. */
  jobs: Job[];
  tasks: Fifo<Task>;
  /** The rest of the share, in milliseconds. */
  left: number;
}

/**
 * Schedules the work of the session manager: a few milliseconds in each turn of the event loop, in which users take
 * turns. The work for one user is done in order; the order between users does not matter. Turns are measured in time,
 * because a small packet may cause much work.
 *
 * Users who have not used up their share come first. Of the others, one has a turn in each slice.
 */
export class Scheduler {
  private readonly owners = new Map<string, Owner>();
  private readonly fresh = new Fifo<Owner>();
  private readonly busy = new Fifo<Owner>();
  /** The users whose work waits for room. */
  private readonly parked = new Set<Owner>();
  /** The user for whom work is being done now. */
  private current: Owner | undefined;
  /** The place among the jobs of that user for work in steps that the running work begins. */
  private afterCurrent = 0;
  private next: NodeJS.Immediate | undefined;

  /**
   * @param failed called with the error of a step that threw; its job is over then
   * @param now a clock, in milliseconds
   */
  constructor(
    private readonly failed: (error: unknown) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Adds a task for a user, after all other work for that user. */
  add(owner: string, gate: Gate, run: () => void): void {
    this.of(owner).tasks.push({ gate, run });
  }

  /**
   * Has the running work go on in steps, before the next task of the same user.
   *
   * @param owner the user, where the running work is not done for one
   * @param when whether the steps are done also when everything ends; else they are dropped then
   */
  goOn(owner: string, gate: Gate, steps: Steps, when?: 'also at the end'): void {
    this.put(this.current ?? this.of(owner), { gate, steps, must: when !== undefined });
  }

  /** Adds work in steps for a user, before the next task; it is done also when everything ends. */
  first(owner: string, gate: Gate, steps: Steps): void {
    this.put(this.of(owner), { gate, steps, must: true });
  }

  /** Calls back when the running work is done, with the steps that it has begun. */
  whenDone(gate: Gate, done: () => void): void {
    if (!this.current || this.current.jobs.length === 0) done();
    else this.goOn(this.current.name, gate, once(done));
  }

  /** Does work for the time of one slice now, and the rest later. */
  work(): void {
    if (!this.next) this.slice();
  }

  /** To be called when there may be room again at a gate. */
  roomAgain(): void {
    if (this.parked.size === 0) return;
    for (const owner of this.parked) this.queue(owner);
    this.parked.clear();
    this.schedule();
  }

  /** Does all tasks of a gate, or of all, at once: it ends. Of the work in steps only that which must be done is done. */
  finish(gate?: Gate): void {
    for (const owner of [...this.owners.values()]) {
      this.finishJobs(owner);
      const tasks = owner.tasks.empty();
      for (const task of tasks) {
        if (gate === undefined || task.gate === gate)
          this.attempt(owner, owner.jobs.length, () => task.run());
        else owner.tasks.push(task);
      }
    }
    this.schedule();
  }

  /** How many tasks and jobs wait. */
  get waiting(): number {
    let count = 0;
    for (const { jobs, tasks } of this.owners.values()) count += jobs.length + tasks.length;
    return count;
  }

  private finishJobs(owner: Owner): void {
    for (const job of owner.jobs.filter(({ must }) => must)) {
      while (this.attempt(owner, owner.jobs.length, () => job.steps.next().done) === false);
      owner.jobs.splice(owner.jobs.indexOf(job), 1);
    }
  }

  private put(owner: Owner, job: Job): void {
    if (owner === this.current) {
      owner.jobs.splice(this.afterCurrent, 0, job);
      this.afterCurrent += 1;
    } else owner.jobs.push(job);
    this.schedule();
  }

  private of(name: string): Owner {
    let owner = this.owners.get(name);
    if (!owner) {
      owner = { name, jobs: [], tasks: new Fifo(), left: SHARE_MS };
      this.owners.set(name, owner);
      this.fresh.push(owner);
    }
    return owner;
  }

  private slice(): void {
    const until = this.now() + SLICE_MS;
    let servedBusy = false;
    for (let isOver = false; !isOver; isOver = this.now() >= until) {
      const fresh = this.fresh.shift();
      if (fresh) this.serve(fresh, until);
      else if (!this.serveBusy(until)) return;
      else servedBusy = true;
    }
    if (!servedBusy) this.serveBusy(until);
    if (this.fresh.length + this.busy.length > 0) this.schedule();
  }

  /** @returns false where there is no such user */
  private serveBusy(until: number): boolean {
    const owner = this.busy.shift();
    if (!owner) return false;
    owner.left += SHARE_MS;
    // A user whose last step took longer than a share misses as many turns.
    if (owner.left > 0) this.serve(owner, until);
    else this.busy.push(owner);
    return true;
  }

  private serve(owner: Owner, until: number): void {
    for (let at = this.now(); ;) {
      const next = owner.jobs[0] ?? owner.tasks.first;
      if (!next) return void this.owners.delete(owner.name);
      if (!next.gate.hasRoom) return void this.parked.add(owner);
      this.step(owner);
      const then = this.now();
      owner.left -= then - at;
      at = then;
      if (owner.left <= 0 || at >= until) return this.queueOrForget(owner);
    }
  }

  private queueOrForget(owner: Owner): void {
    if (owner.jobs.length === 0 && !owner.tasks.first) this.owners.delete(owner.name);
    else this.queue(owner);
  }

  private queue(owner: Owner): void {
    (owner.left > 0 ? this.fresh : this.busy).push(owner);
  }

  private step(owner: Owner): void {
    const [job] = owner.jobs;
    if (!job) {
      const task = owner.tasks.shift()!;
      this.attempt(owner, 0, () => task.run());
    } else if (this.attempt(owner, 1, () => job.steps.next().done) !== false) owner.jobs.shift();
  }

  private attempt<Result>(owner: Owner, place: number, action: () => Result): Result | undefined {
    const before = this.current;
    this.current = owner;
    this.afterCurrent = place;
    try {
      return action();
    } catch (error) {
      this.failed(error);
      return undefined;
    } finally {
      this.current = before;
    }
  }

  private schedule(): void {
    this.next ??= setImmediate(() => {
      this.next = undefined;
      this.slice();
    });
  }
}

function* once(action: () => void): Generator<undefined, void> {
  action();
}

/** How many free places at the beginning of the array are kept at most. */
const MAX_FREE_PLACES = 1024;

/** A queue whose operations cost the same for any number of items. */
class Fifo<Item> {
  private items: (Item | undefined)[] = [];
  private at = 0;

  get length(): number {
    return this.items.length - this.at;
  }

  get first(): Item | undefined {
    return this.items[this.at];
  }

  push(item: Item): void {
    this.items.push(item);
  }

  shift(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.at];
    // An item that was taken must not stay in memory until its place is freed.
    this.items[this.at] = undefined;
    this.at += 1;
    if (this.at > MAX_FREE_PLACES && this.at * 2 > this.items.length) this.items = this.empty();
    return item;
  }

  /** Takes out all items. */
  empty(): Item[] {
    const items = this.items.slice(this.at) as Item[];
    this.items = [];
    this.at = 0;
    return items;
  }
}
