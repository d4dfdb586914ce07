/** How long work is done in one turn of the event loop; then everything else has its turn. */
const SLICE_MS = 4;
/** How long it is done for one user before the others have their turn. */
const SHARE_MS = 2;

/** Work that is done step by step: whatever comes between two of them. */
export type Steps = Generator<undefined, void>;

/** Where what is said because of some work goes. The work waits while there is no room. */
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
  /** Must it be done even where everything ends? */
  readonly must: boolean;
}

/** A user, or whoever else work is done for. */
interface Owner {
  readonly name: string;
  /** What is under way and goes on in steps: it comes before the tasks, in its order. */
  jobs: Job[];
  tasks: Fifo<Task>;
  /** What is left of the share, in milliseconds. */
  left: number;
}

/**
 * All work of the session manager, by who it is done for: a few milliseconds of it in each turn of the event loop, and
 * of those a share for each user in turn. What is done for one user is done in its order; between the work of two users
 * there is none to keep. Time is what counts: a packet of few characters may cost much of it.
 *
 * Who has not used up a share comes before those who have, and of those one has a turn in each slice.
 */
export class Scheduler {
  private readonly owners = new Map<string, Owner>();
  private readonly fresh = new Fifo<Owner>();
  private readonly busy = new Fifo<Owner>();
  /** Who waits for room. */
  private readonly parked = new Set<Owner>();
  /** For whom something is being done right now. */
  private current: Owner | undefined;
  /** Where, among its jobs, what goes on in steps because of that has its place. */
  private behindCurrent = 0;
  private next: NodeJS.Immediate | undefined;

  /**
   * @param failed told of a step that threw; the job is over then
   * @param now a clock, in milliseconds
   */
  constructor(
    private readonly failed: (error: unknown) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Has something done for a user, behind what was to be done for it before. */
  add(owner: string, gate: Gate, run: () => void): void {
    this.of(owner).tasks.push({ gate, run });
  }

  /**
   * Has what is being done now go on in steps, before the next task of the same user.
   *
   * @param owner whom it is done for where that is no work of a user
   * @param when is it dropped where everything ends, or done?
   */
  goOn(owner: string, gate: Gate, steps: Steps, when?: 'also at the end'): void {
    this.put(this.current ?? this.of(owner), { gate, steps, must: when !== undefined });
  }

  /** Has something done for a user, in steps, before the next task: also where everything ends. */
  first(owner: string, gate: Gate, steps: Steps): void {
    this.put(this.of(owner), { gate, steps, must: true });
  }

  /** Calls back when what is being done now is done, with all that goes on in steps. */
  whenDone(gate: Gate, done: () => void): void {
    if (!this.current || this.current.jobs.length === 0) done();
    else this.goOn(this.current.name, gate, once(done));
  }

  /** Does what there is time for now, the rest later. */
  work(): void {
    if (!this.next) this.slice();
  }

  /** There may be room again somewhere. */
  roomAgain(): void {
    if (this.parked.size === 0) return;
    for (const owner of this.parked) this.queue(owner);
    this.parked.clear();
    this.schedule();
  }

  /** Does all tasks of a gate at once, or all there are: it is at its end. Of what goes on in steps only what must be done. */
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

  /** How much there is still to do, for who watches. */
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
      owner.jobs.splice(this.behindCurrent, 0, job);
      this.behindCurrent += 1;
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

  /** @returns false where there is nobody */
  private serveBusy(until: number): boolean {
    const owner = this.busy.shift();
    if (!owner) return false;
    owner.left += SHARE_MS;
    // Whose last step took longer than a share sits out as many turns.
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
    this.behindCurrent = place;
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

/** How many places at the beginning may be left behind before they are given back. */
const MAX_BEHIND = 1024;

/** First in, first out, however many there are. */
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
    // What is done must not be kept in memory until its place is given back.
    this.items[this.at] = undefined;
    this.at += 1;
    if (this.at > MAX_BEHIND && this.at * 2 > this.items.length) this.items = this.empty();
    return item;
  }

  /** Takes all out. */
  empty(): Item[] {
    const items = this.items.slice(this.at) as Item[];
    this.items = [];
    this.at = 0;
    return items;
  }
}
