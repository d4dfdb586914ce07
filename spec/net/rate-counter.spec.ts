import { expect } from 'chai';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import { RateCounter, type SharedCounts } from '../../lib/net/rate-counter.js';

/** Counts that nodes share, of which every operation fails. */
class Broken implements SharedCounts {
  isUp = true;
  failures = 0;

  limiter(): RateLimiterAbstract {
    const fail = (): Promise<never> => Promise.reject(new Error('away'));
    return { get: fail, penalty: fail, set: fail, delete: fail } as unknown as RateLimiterAbstract;
  }

  onAnswered(): void {
    throw new Error('nothing is answered');
  }

  onFailed(): void {
    this.failures += 1;
  }
}

describe('a rate counter', () => {
  it('counts by key, begins anew and forgets', async () => {
    const counter = new RateCounter({ name: 'spec', seconds: 60 });
    expect(await counter.count('a')).to.equal(0);
    expect(await counter.add('a')).to.equal(1);
    expect(await counter.add('a')).to.equal(2);
    expect(await counter.count('a')).to.equal(2);
    expect(await counter.count('b')).to.equal(0);
    await counter.restart('a', 7);
    expect(await counter.add('a')).to.equal(8);
    await counter.forget('a');
    expect(await counter.count('a')).to.equal(0);
  });

  it('begins a count anew after its time', async () => {
    const counter = new RateCounter({ name: 'spec', seconds: 1 });
    await counter.add('a');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await counter.add('a')).to.equal(1);
  });

  it('keeps a bounded number of counts, however many keys there are', async () => {
    const counter = new RateCounter({ name: 'spec', seconds: 60 });
    for (let key = 0; key < 200_000; key++) await counter.add(`key ${key}`);
    const { storage } = (counter as unknown as { memory: { dump(): { storage: unknown[] } } }).memory.dump();
    expect(storage.length).to.be.within(50_000, 65_536);
  });

  it('counts in memory where what nodes share is away', async () => {
    const shared = new Broken();
    const counter = new RateCounter({ name: 'spec', seconds: 60 }, shared);
    expect(await counter.add('a')).to.equal(1);
    expect(await counter.add('a')).to.equal(2);
    expect(shared.failures).to.equal(2);
    shared.isUp = false;
    expect(await counter.count('a')).to.equal(2);
    expect(shared.failures, 'what is known to be away is not asked').to.equal(2);
  });
});
