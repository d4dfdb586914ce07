import { expect } from 'chai';
import { SharedWay } from '../../lib/manager/way.js';
import { SHARE } from '../../lib/session/manager.js';

/** What there is room for, in shares, on a way on which nothing was said yet. */
const SHARES = 64;
const COUNT = 1_000;

/** Clients that wait until they may be read again. Each then says that much at once, as one that is read may. */
function crowd(way: SharedWay, says: number): number[] {
  const readAgain: number[] = [];
  for (let id = 0; id < COUNT; id += 1) {
    way.wait({
      turn: () => {
        readAgain.push(id);
        if (says > 0) process.nextTick(() => way.window.add(says));
      },
    });
  }
  return readAgain;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('those who wait for room on the way to a session manager', () => {
  const newWay = (): SharedWay =>
    new SharedWay({ mark: () => undefined, blocked: () => false, most: SHARES * SHARE });

  it('are not all read at once where there is room for some: each of them says a share before it asks', async () => {
    const way = newWay();
    const readAgain = crowd(way, SHARE);
    way.giveTurns();
    for (let turns = 0; turns < 50; turns += 1) await turn();
    expect(way.room).to.be.within(-SHARES * 256 - SHARE, 0);
    // The first of what is sent in a while is not counted.
    expect(readAgain.length).to.be.within(SHARES / 2, SHARES * 1.5);
  });

  it('are read one after the other while they have nothing to say, and none is forgotten', async () => {
    const way = newWay();
    const readAgain = crowd(way, 0);
    way.giveTurns();
    expect(readAgain).to.have.lengthOf(SHARES);
    while (readAgain.length < COUNT) await turn();
    for (const [at, id] of readAgain.entries()) expect(id).to.equal(at);
  });
});
