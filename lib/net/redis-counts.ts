import { RLWrapperTimeouts, RateLimiterRedis, type RateLimiterAbstract } from 'rate-limiter-flexible';
import { createClient } from '@redis/client';
import type { Log } from '../observe/log.js';
import type { RateCounterOptions, SharedCounts } from './rate-counter.js';

/** How long a login waits for an answer, in milliseconds. */
const ANSWER_TIMEOUT_MS = 500;
/** How long nothing is asked of a Redis that has not answered, in milliseconds. */
const AWAY_MS = 5_000;
/** From one try to connect to the next, in milliseconds. */
const MAX_RECONNECT_MS = 5_000;

/** Before every key, so that others may use the same Redis. */
const PREFIX = 'sm-component:';

/**
 * Counts that several nodes share. A Redis that is away stops nobody: the log says so once, and each node counts by itself
 * until it is there again.
 */
export class RedisCounts implements SharedCounts {
  private readonly client;
  private awayUntil = 0;
  private isSaidToBe: 'unknown' | 'up' | 'away' = 'unknown';

  /** @param url `redis://[user:password@]host[:port][/database]`, or `rediss:` for TLS */
  constructor(
    url: string,
    private readonly log: Log,
  ) {
    this.client = createClient({
      url,
      disableOfflineQueue: true,
      socket: { reconnectStrategy: (tries) => Math.min(100 * 2 ** tries, MAX_RECONNECT_MS) },
    });
    this.client.on('ready', () => this.say('up'));
    this.client.on('error', (error: Error) => this.say('away', error.message || error.name));
    // It is tried again for ever, and what goes wrong is said by the events.
    this.client.connect().catch(() => undefined);
  }

  get isUp(): boolean {
    return this.client.isReady && performance.now() >= this.awayUntil;
  }

  limiter({ name, seconds }: RateCounterOptions): RateLimiterAbstract {
    const limiter = new RateLimiterRedis({
      storeClient: this.client,
      useRedisPackage: true,
      keyPrefix: PREFIX + name,
      points: 1,
      duration: seconds,
    });
    return new RLWrapperTimeouts({ limiter, timeoutMs: ANSWER_TIMEOUT_MS });
  }

  onAnswered(): void {
    this.say('up');
  }

  onFailed(error: unknown): void {
    this.awayUntil = performance.now() + AWAY_MS;
    this.say('away', error instanceof Error ? error.message : String(error));
  }

  close(): void {
    this.client.destroy();
  }

  private say(state: 'up' | 'away', error?: string): void {
    if (state === this.isSaidToBe) return;
    this.isSaidToBe = state;
    if (state === 'up') this.log.info('limits are shared with other nodes');
    else
      this.log.warn('the Redis of --shared-limits is away: limits are counted on this node only', { error });
  }
}
