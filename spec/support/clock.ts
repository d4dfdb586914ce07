interface Timer {
  readonly due: number;
  readonly run: () => void;
}

const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

/** A clock that a spec moves by hand: the timers of the program run when the story says so. Sockets stay real. */
export class Clock {
  private now = 0;
  private readonly timers = new Map<object, Timer>();

  install(): void {
    const set = (callback: (...args: unknown[]) => void, delay = 0, ...args: unknown[]): object => {
      const handle = { ref: () => handle, unref: () => handle, hasRef: () => false };
      this.timers.set(handle, { due: this.now + delay, run: () => callback(...args) });
      return handle;
    };
    const clear = (handle?: object): void => {
      // a timer of before is a real one
      if (handle && !this.timers.delete(handle)) real.clearTimeout(handle as NodeJS.Timeout);
    };
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  }

  uninstall(): void {
    Object.assign(globalThis, real);
  }

  /** Lets this many milliseconds pass: what was due by then runs, in order. */
  advance(milliseconds: number): void {
    const until = this.now + milliseconds;
    for (;;) {
      const [handle, timer] = [...this.timers].sort(([, one], [, other]) => one.due - other.due)[0] ?? [];
      if (!handle || !timer || timer.due > until) break;
      this.now = timer.due;
      this.timers.delete(handle);
      timer.run();
    }
    this.now = until;
  }
}
