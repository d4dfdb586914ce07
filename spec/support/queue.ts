/** Real timers, taken before any spec puts a clock of its own in their place. */
const { setTimeout, clearTimeout } = globalThis;

/** How long something that must come may take, in milliseconds, before the spec says what it waited for. */
const PATIENCE = 4000;

/** What has come and was not looked at yet, in order; `next()` waits for it. */
export class Queue<T> {
  private readonly items: T[] = [];
  private readonly takers: ((item: T) => void)[] = [];

  /**
   * @param what for the message when nothing comes
   * @param patience in milliseconds
   */
  constructor(
    private readonly what: string,
    private readonly patience = PATIENCE,
  ) {}

  push(item: T): void {
    const taker = this.takers.shift();
    if (taker) taker(item);
    else this.items.push(item);
  }

  get length(): number {
    return this.items.length;
  }

  next(): Promise<T> {
    if (this.items.length > 0) return Promise.resolve(this.items.shift()!);
    return new Promise((resolve, reject) => {
      const taker = (item: T): void => {
        clearTimeout(timer);
        resolve(item);
      };
      const timer = setTimeout(() => {
        this.takers.splice(this.takers.indexOf(taker), 1);
        reject(new Error(`nothing came: ${this.what}`));
      }, this.patience);
      this.takers.push(taker);
    });
  }
}

/** The promise, or an error that says what did not happen. */
export async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`did not happen: ${what}`)), PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
