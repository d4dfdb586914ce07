import { FairQueue, type FairQueueOptions } from './fair-queue.js';

export interface FairQueuesOptions extends Pick<FairQueueOptions, 'most'> {
  /** Sends a probe to a name: it has to come back from there, after all that was sent to it before. */
  readonly probe: (name: string, id: string) => void;
  /** Is the queue to that name closed, whatever its window allows? */
  readonly isBlocked: (name: string) => boolean;
  /** A name takes nothing, or takes packets again: see {@link Window.onStalled}. */
  readonly onStalled: (name: string, stalled: boolean) => void;
}

/**
 * One fair queue for each session manager behind a router, by its name. The router keeps what one of them has no time for,
 * and that costs the others nothing: so clients of a slow one are not in the way of the rest. [jabberd2 2.7.0 router]
 */
export class FairQueues {
  private readonly byName = new Map<string, FairQueue>();

  constructor(private readonly options: FairQueuesOptions) {}

  to(name: string): FairQueue {
    let queue = this.byName.get(name);
    if (!queue) this.byName.set(name, (queue = this.make(name)));
    return queue;
  }

  /** @returns whether that is the id of a probe in flight, which has now been taken */
  onProbeBack(id: string): boolean {
    for (const { window } of this.byName.values()) if (window.onProbeBack(id)) return true;
    return false;
  }

  /** Nothing is in flight to a name any more. */
  reset(name: string): void {
    this.byName.get(name)?.window.reset();
  }

  resetAll(): void {
    for (const { window } of this.byName.values()) window.reset();
  }

  /** There may be room again on all of them. */
  giveTurns(): void {
    for (const queue of this.byName.values()) queue.giveTurns();
  }

  private make(name: string): FairQueue {
    const { probe, isBlocked, onStalled, most } = this.options;
    return new FairQueue({
      probe: (id) => probe(name, id),
      isBlocked: () => isBlocked(name),
      onStalled: (stalled) => onStalled(name, stalled),
      most,
    });
  }
}
