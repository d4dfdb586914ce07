import { FairQueue, type FairQueueOptions } from './fair-queue.js';

export interface FairQueuesOptions extends Pick<FairQueueOptions, 'most'> {
  /** Sends a probe to a name: it has to come back from there, behind all that was sent to it before. */
  readonly probe: (name: string, id: string) => void;
  /** Is there no room in front of that name, whatever is behind? */
  readonly blocked: (name: string) => boolean;
  /** A name takes nothing, or does again: see {@link Window.onStalled}. */
  readonly stalled: (name: string, stalled: boolean) => void;
}

/**
 * The ways to the sms. The router keeps what an sm has no time for, and that costs the others nothing: so each sm has a
 * queue of its own, by its name, and who waits for one that is slow is not in the way of the rest. [jabberd2 2.7.0 router]
 */
export class FairQueues {
  private readonly byName = new Map<string, FairQueue>();

  constructor(private readonly options: FairQueuesOptions) {}

  to(name: string): FairQueue {
    let queue = this.byName.get(name);
    if (!queue) this.byName.set(name, (queue = this.make(name)));
    return queue;
  }

  /** @returns whether that is the id of a probe, which is now known to have been there */
  back(id: string): boolean {
    for (const { window } of this.byName.values()) if (window.onProbeBack(id)) return true;
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
    for (const queue of this.byName.values()) queue.giveTurns();
  }

  private make(name: string): FairQueue {
    const { probe, blocked, stalled, most } = this.options;
    return new FairQueue({
      probe: (id) => probe(name, id),
      blocked: () => blocked(name),
      stalled: (isStalled) => stalled(name, isStalled),
      most,
    });
  }
}
