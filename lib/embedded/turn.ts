/** Something that writes what has gathered in a turn of the event loop. */
export interface Writer {
  flush(): void;
  /** Instead of `flush`, where what was to be told could not be stored. */
  abandon(error: unknown): void;
}

/** The end of a turn of the event loop: first what was stored is committed, then what was said is written. */
export class Turn {
  private readonly writers = new Set<Writer>();

  /** @param commit makes the turn's changes last; throws where they cannot */
  constructor(private readonly commit: () => void) {}

  /** Has `writer` flush at the end of this turn, once. */
  add(writer: Writer): void {
    if (this.writers.size === 0) setImmediate(() => this.end());
    this.writers.add(writer);
  }

  private end(): void {
    const writers = [...this.writers];
    this.writers.clear();
    const failure = this.failure();
    for (const writer of writers) {
      if (failure) writer.abandon(failure.error);
      else writer.flush();
    }
  }

  private failure(): { error: unknown } | undefined {
    try {
      this.commit();
      return undefined;
    } catch (error) {
      return { error };
    }
  }
}
