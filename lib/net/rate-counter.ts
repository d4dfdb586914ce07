/** Counts of what may be done only so often in a time: in memory, or at a Redis that several nodes share. */
import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { RateLimiterAbstract, RateLimiterMemory } from 'rate-limiter-flexible';

const require = createRequire(import.meta.url);
// The package as a whole takes 40 ms to load, most of that for databases that are not used here.
const Memory = require('rate-limiter-flexible/lib/RateLimiterMemory.js') as typeof RateLimiterMemory;

/**
 * Counts that one counter keeps in memory at most, each about 300 bytes: so nobody who has many addresses, or makes up many
 * names, can fill it. Keys that meet share a count; which do, nobody outside can know.
 */
const MAX_COUNTS = 65_536;
const SALT = randomBytes(16);

export interface RateCounterOptions {
  /** What is counted: keys of different counters do not meet. */
  readonly name: string;
  /** A count begins anew this long after its first one, in seconds. */
  readonly seconds: number;
}

/** Where counts are kept that nodes share. */
export interface SharedCounts {
  /** @returns what counts there; its operations fail where they cannot be done in time */
  limiter(options: RateCounterOptions): RateLimiterAbstract;
  /** Does it answer, as far as is known? */
  readonly isUp: boolean;
  onAnswered(): void;
  onFailed(error: unknown): void;
}

/** How often something has been done, by key. */
export class RateCounter {
  private readonly memory: RateLimiterAbstract;
  private readonly distant: RateLimiterAbstract | undefined;
  private addedAt = -Infinity;

  constructor(
    private readonly options: RateCounterOptions,
    private readonly shared?: SharedCounts,
  ) {
    this.memory = new Memory({ keyPrefix: options.name, points: 1, duration: options.seconds });
    this.distant = shared?.limiter(options);
  }

  /** Is every count 0, as is known without looking? So it is on most days, for most logins. */
  get isQuiet(): boolean {
    return !this.shared && performance.now() - this.addedAt > this.options.seconds * 1_000;
  }

  async count(key: string): Promise<number> {
    const found = await this.at(key, (limiter, at) => limiter.get(at));
    return found?.consumedPoints ?? 0;
  }

  /** Counts one more. @returns how many that makes */
  async add(key: string): Promise<number> {
    this.addedAt = performance.now();
    const { consumedPoints } = await this.at(key, (limiter, at) => limiter.penalty(at));
    return consumedPoints;
  }

  /** Begins a count anew, with this number. */
  async restart(key: string, count: number): Promise<void> {
    this.addedAt = performance.now();
    await this.at(key, (limiter, at) => limiter.set(at, count, this.options.seconds));
  }

  async forget(key: string): Promise<void> {
    await this.at(key, (limiter, at) => limiter.delete(at));
  }

  /** What nodes share may be away: then each counts by itself. */
  private async at<T>(
    key: string,
    operation: (limiter: RateLimiterAbstract, key: string) => Promise<T>,
  ): Promise<T> {
    const { shared, distant } = this;
    if (shared?.isUp && distant) {
      try {
        const result = await operation(distant, key);
        shared.onAnswered();
        return result;
      } catch (error) {
        shared.onFailed(error);
      }
    }
    return operation(this.memory, slotOf(key));
  }
}

/** Which of the counts in memory a key has. */
function slotOf(key: string): string {
  const hash = createHash('sha1').update(SALT).update(key).digest();
  return String(hash.readUInt32BE() % MAX_COUNTS);
}
