import { SHARE, type Waiter, type Way } from '../session/manager.js';
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
  private next: NodeJS.Immediate | undefined;

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

  /**
   * Whoever still has something to say behind his share waits again, at the end: this goes round while there is room.
   * Who does not is read again, and says a share before anybody asks for room: so no more are let go at once than there
   * is room for, and the others when it is known what those have said.
   */
  giveTurns(): void {
    let promised = 0;
    for (const who of this.waiting) {
      const { room } = this;
      if (room <= 0) return;
      if (room <= promised) return this.giveTurnsLater();
      this.waiting.delete(who);
      who.turn();
      if (!this.waiting.has(who)) promised += SHARE;
    }
  }

  private giveTurnsLater(): void {
    this.next ??= setImmediate(() => {
      this.next = undefined;
      this.giveTurns();
    });
  }
}
