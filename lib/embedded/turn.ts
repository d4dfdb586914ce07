/** Something that writes what has gathered in a turn of the event loop. */
export interface Writer {
  flush(): void;
  /** Instead of `flush`, where what was to be told could not be stored. */
  abandon(): void;
}

/** The end of a turn of the event loop: first what was stored is committed, then what was said is written. */
export class Turn {
  private readonly writers = new Set<Writer>();

  /** @param commit makes the turn's changes last; answers false where they could not be stored */
  constructor(private readonly commit: () => boolean) {}

  /** Has `writer` flush at the end of this turn, once. */
  add(writer: Writer): void {
    if (this.writers.size === 0) setImmediate(() => this.end());
    this.writers.add(writer);
  }

  private end(): void {
    const writers = [...this.writers];
    this.writers.clear();
    const stored = this.commit();
    for (const writer of writers) {
      if (stored) writer.flush();
      else writer.abandon();
    }
  }
}
