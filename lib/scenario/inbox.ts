/** What has come and was not looked at yet, in order. */
export class Inbox<T> {
  private items: T[] = [];
  private waiting: (() => void) | undefined;
  private endedBy: string | undefined;
  private closeOver: () => void = () => undefined;
  /** Resolves when nothing comes any more. */
  readonly over = new Promise<void>((resolve) => (this.closeOver = resolve));

  push(item: T): void {
    this.items.push(item);
    this.wake();
  }

  /** Nothing comes any more, and why. */
  end(reason: string): void {
    this.endedBy ??= reason;
    this.closeOver();
    this.wake();
  }

  /** Why nothing comes any more; undefined while something may. */
  get ended(): string | undefined {
    return this.endedBy;
  }

  get length(): number {
    return this.items.length;
  }

  /** The first item, waited for up to `milliseconds`; undefined when none came in time, or none can come. */
  async take(milliseconds: number): Promise<T | undefined> {
    if (this.items.length === 0 && this.endedBy === undefined) await this.news(milliseconds);
    return this.items.shift();
  }

  /** All that is there, without waiting. */
  takeAll(): T[] {
    return this.items.splice(0);
  }

  /** What was taken and is not wanted goes back to where it was. */
  putBack(items: readonly T[]): void {
    this.items.unshift(...items);
  }

  private news(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, milliseconds));
      this.waiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private wake(): void {
    this.waiting?.();
    this.waiting = undefined;
  }
}
