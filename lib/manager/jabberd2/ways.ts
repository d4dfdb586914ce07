import { SharedWay, type WayOptions } from '../way.js';

export interface WaysOptions extends Pick<WayOptions, 'most'> {
  /** Sends a mark to a name: it has to come back from there, behind all that was sent to it before. */
  readonly mark: (name: string, id: string) => void;
  /** Is there no room in front of that name, or of the link where none is given, whatever is behind? */
  readonly blocked: (name?: string) => boolean;
  /** A name takes nothing, or does again: see {@link Window.onStalled}. */
  readonly stalled: (name: string, stalled: boolean) => void;
}

/**
 * The ways to the sms. The router keeps what an sm has no time for, and that costs the others nothing: so each sm has a
 * way of its own, by its name, and who waits for one that is slow is not in the way of the rest. [jabberd2 2.7.0 router]
 */
export class Ways {
  /** That of who has no session yet: nothing goes out on it, but it is closed where the link is full. */
  readonly in: SharedWay;
  private readonly byName = new Map<string, SharedWay>();

  constructor(private readonly options: WaysOptions) {
    this.in = this.make('', () => options.blocked());
  }

  to(name: string): SharedWay {
    let way = this.byName.get(name);
    if (!way) this.byName.set(name, (way = this.make(name, () => this.options.blocked(name))));
    return way;
  }

  /** @returns whether that is the id of a mark, which is now known to have been there */
  back(id: string): boolean {
    for (const { window } of this.byName.values()) if (window.back(id)) return true;
    return false;
  }

  /** Nothing is on its way to a name any more. */
  reset(name: string): void {
    this.byName.get(name)?.window.reset();
  }

  resetAll(): void {
    for (const { window } of this.byName.values()) window.reset();
  }

  /** There may be room again in front of all of them. */
  giveTurns(): void {
    this.in.giveTurns();
    for (const way of this.byName.values()) way.giveTurns();
  }

  private make(name: string, blocked: () => boolean): SharedWay {
    const { mark, stalled, most } = this.options;
    return new SharedWay({
      mark: (id) => mark(name, id),
      blocked,
      stalled: (isStalled) => stalled(name, isStalled),
      most,
    });
  }
}
