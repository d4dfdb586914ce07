/** Received items that were not taken yet, in order. */
export class Inbox<T> {
  private items: T[] = [];
  private waiting: (() => void) | undefined;
  private endedBy: string | undefined;
  private closeOver: () => void = () => undefined;
  /** Resolves when no more items can come. */
  readonly over = new Promise<void>((resolve) => (this.closeOver = resolve));

  push(item: T): void {
    this.items.push(item);
    this.wake();
  }

  /** Says that no more items can come, and why. */
  end(reason: string): void {
    this.endedBy ??= reason;
    this.closeOver();
    this.wake();
  }

  /** Why no more items can come; undefined while they can. */
  get ended(): string | undefined {
    return this.endedBy;
  }

  get length(): number {
    return this.items.length;
  }

  /** The first item, or undefined when none has come after `milliseconds`, or none can come. */
  async take(milliseconds: number): Promise<T | undefined> {
    if (this.items.length === 0 && this.endedBy === undefined) await this.news(milliseconds);
    return this.items.shift();
  }

  /** All items, without waiting. */
  takeAll(): T[] {
    return this.items.splice(0);
  }

  /** Puts taken items back at the beginning. */
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
