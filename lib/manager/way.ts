import type { Waiter, Way } from '../session/manager.js';
import { Window } from './window.js';

export interface WayOptions {
  /** Sends a mark for the {@link Window}. */
  readonly mark: (id: string) => void;
  /** Is there no room in front of it, whatever is behind? */
  readonly blocked: () => boolean;
  /** What may be on its way at most, as cost. */
  readonly most: number;
}

/** The way to a session manager, and those who wait for room on it: first come, first served, a share each. */
export class SharedWay implements Way {
  readonly window: Window;
  private readonly waiting = new Set<Waiter>();

  constructor(private readonly options: WayOptions) {
    this.window = new Window(options.mark, () => this.giveTurns(), options.most);
  }

  get room(): number {
    return this.options.blocked() ? 0 : this.window.room;
  }

  wait(who: Waiter): void {
    this.waiting.add(who);
  }

  leave(who: Waiter): void {
    this.waiting.delete(who);
  }

  /** Whoever still has something to say behind his share waits again, at the end: this goes round while there is room. */
  giveTurns(): void {
    for (const who of this.waiting) {
      if (this.room <= 0) return;
      this.waiting.delete(who);
      who.turn();
    }
  }
}
