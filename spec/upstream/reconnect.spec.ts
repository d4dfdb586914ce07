import { expect } from 'chai';
import { Reconnect } from '../../lib/upstream/reconnect.js';

describe('Reconnect', () => {
  let now: number;
  beforeEach(() => (now = 1000));

  const make = (random = 0.5, limited = true): Reconnect =>
    new Reconnect(
      limited,
      () => random,
      () => now,
    );

  it('waits longer after each failure, up to a limit', () => {
    const reconnect = make();
    const delays = Array.from({ length: 8 }, () => reconnect.delay());
    expect(delays).to.deep.equal([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
  });

  it('begins again after a success', () => {
    const reconnect = make();
    reconnect.delay();
    reconnect.delay();
    reconnect.succeeded();
    expect(reconnect.delay()).to.equal(500);
  });

  it('is a quarter more or less, by chance', () => {
    expect(make(0).delay()).to.equal(375);
    expect(make(1).delay()).to.equal(625);
  });

  for (const [what, random, works] of [
    ['a peer that refuses', 0, false],
    ['a peer that accepts and drops', 0, true],
    ['a peer that refuses, with luck', 1, false],
  ] as const) {
    it(`never makes more than five connects in 25 s: ${what}`, () => {
      const reconnect = make(random);
      const connects: number[] = [];
      for (let count = 0; count < 40; count += 1) {
        connects.push(now);
        reconnect.connecting();
        if (works) reconnect.succeeded();
        now += reconnect.delay();
      }
      for (let at = 5; at < connects.length; at += 1) {
        expect(connects[at] - connects[at - 5]).to.be.above(25_000);
      }
    });
  }

  it('has nothing but the growing delay for a peer without such a limit', () => {
    const reconnect = make(0.5, false);
    for (let count = 0; count < 40; count += 1) {
      reconnect.connecting();
      reconnect.succeeded();
      expect(reconnect.delay()).to.equal(500);
    }
  });

  it('is back within 30 s, so that jabberd still has what it kept [jabberd 1.1.2]', () => {
    const reconnect = make(1);
    for (let count = 0; count < 40; count += 1) {
      reconnect.connecting();
      const delay = reconnect.delay();
      expect(delay).to.be.below(30_000);
      now += delay;
    }
  });
});
