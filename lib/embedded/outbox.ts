import type { Element } from '../xml/index.js';

/** Told once whether what was sent has left; where it has not, it comes back to who sent it. */
export type Settle = (left: boolean) => void;

/** One thing to write. */
export interface Item {
  readonly text: string;
  /** Is it of the stream itself? Then it is of no use to another stream. */
  readonly words?: true;
  /** The stanza in it that is for a client. */
  readonly stanza?: Element;
  readonly settle?: Settle;
}

/** What waits to leave by one stream, kept until it has left, so that nothing is lost with the stream. */
export class Outbox {
  private waiting: Item[] = [];
  private leaving: Item[] = [];
  /** Characters that have not left. */
  size = 0;

  push(item: Item): void {
    this.waiting.push(item);
    this.size += item.text.length;
  }

  /** Does anything wait that was not taken? */
  get waits(): boolean {
    return this.waiting.length > 0;
  }

  /**
   * The text of what waits, at least one item and no more than that where it has as many characters; `left` must be
   * called once the stream has taken it.
   */
  take(characters = Infinity): { text: string; left: () => void } {
    let count = 0;
    for (let sum = 0; count < this.waiting.length && sum < characters; count += 1) {
      sum += this.waiting[count].text.length;
    }
    const batch = this.waiting.splice(0, count);
    for (const item of batch) this.leaving.push(item);
    return { text: batch.map((item) => item.text).join(''), left: () => this.left(batch.length) };
  }

  /** Takes out and joins the words of the stream itself, which are of no use to another stream. */
  takeWords(): string {
    const words = this.waiting.filter((item) => item.words);
    this.waiting = this.waiting.filter((item) => !item.words);
    return words.map((item) => item.text).join('');
  }

  /** Forgets some of what waits: it tells of changes that are not to be. */
  unsay(items: ReadonlySet<Item>): void {
    this.waiting = this.waiting.filter((item) => !items.has(item));
    for (const item of items) {
      this.size -= item.text.length;
      item.settle?.(false);
    }
  }

  /** All packets that have not left, which are forgotten here. */
  empty(): Item[] {
    const items = [...this.leaving, ...this.waiting].filter((item) => !item.words);
    this.waiting = [];
    this.leaving = [];
    this.size = 0;
    return items;
  }

  /** Streams take what is written in the order it was written, so these are the oldest. */
  private left(count: number): void {
    for (const item of this.leaving.splice(0, count)) {
      this.size -= item.text.length;
      item.settle?.(true);
    }
  }
}
