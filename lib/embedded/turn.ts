/** Something that writes what has gathered in a turn of the event loop. */
export interface Writer {
  flush(): void;
}

/** The end of a turn of the event loop: first what was stored is committed, then what was said is written. */
export class Turn {
  private readonly writers = new Set<Writer>();

  /** @param settle makes the turn's changes last, and takes back what was said of those that can not */
  constructor(private readonly settle: () => void) {}

  /** Has `writer` flush at the end of this turn, once. */
  add(writer: Writer): void {
    if (this.writers.size === 0) setImmediate(() => this.end());
    this.writers.add(writer);
  }

  private end(): void {
    this.settle();
    const writers = [...this.writers];
    this.writers.clear();
    for (const writer of writers) writer.flush();
  }
}
