import { expect } from 'chai';
import { FairQueue } from '../../../lib/upstream/flow/fair-queue.js';
import { newSender, QUANTUM_BYTES } from '../../../lib/session/outbound-queue.js';

/** What there is room for, in shares, on a way on which nothing was said yet. */
const SHARES = 64;
const COUNT = 1_000;

/** Clients that wait until they may be read again. Each then says that much at once, as one that is read may. */
function crowd(way: FairQueue, says: number): number[] {
  const readAgain: number[] = [];
  for (let id = 0; id < COUNT; id += 1) {
    way.wait({
      sender: newSender(),
      onTurn: () => {
        readAgain.push(id);
        if (says > 0) process.nextTick(() => way.window.add(says));
      },
    });
  }
  return readAgain;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('those who wait for room on the way to a session manager', () => {
  const newWay = (): FairQueue =>
    new FairQueue({ probe: () => undefined, blocked: () => false, most: SHARES * QUANTUM_BYTES });

  it('are not all read at once where there is room for some: each of them says a share before it asks', async () => {
    const way = newWay();
    const readAgain = crowd(way, QUANTUM_BYTES);
    way.giveTurns();
    for (let turns = 0; turns < 50; turns += 1) await turn();
    expect(way.room).to.be.within(-SHARES * 256 - QUANTUM_BYTES, 0);
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

describe('the way to a session manager that gives each user a turn', () => {
  const silent = { probe: () => undefined, blocked: () => false, most: 1_000_000 };
  const fill = (way: FairQueue): void => {
    const flooder = newSender();
    while (way.room > 0 || way.roomFor(flooder) > 0) {
      way.window.add(1_000);
      way.sent(flooder, 1_000);
    }
    expect(way.roomFor(flooder)).to.be.at.most(0);
  };

  it('has room for who has said nothing, however much another one has on it', () => {
    const way = new FairQueue({ ...silent, fair: true });
    fill(way);
    expect(way.roomFor(newSender())).to.be.at.least(QUANTUM_BYTES);
    const other = new FairQueue(silent);
    while (other.room > 0) other.window.add(1_000);
    expect(other.roomFor(newSender())).to.be.at.most(0);
  });

  it('has it again and again for who says little, as what they said is taken', () => {
    const marks: string[] = [];
    const way = new FairQueue({ ...silent, probe: (id) => marks.push(id), fair: true });
    fill(way);
    const quiet = newSender();
    for (let count = 0; count < 200; count += 1) {
      expect(way.roomFor(quiet)).to.be.above(0);
      way.window.add(500);
      way.sent(quiet, 500);
      // Each time some of what the flooder has said is taken, and it says as much again.
      way.window.add(2_000);
      if (marks.length > 3) way.window.onProbeBack(marks.shift()!);
    }
  });

  it('gives a turn to who has room, though others who wait have none', () => {
    const way = new FairQueue({ ...silent, fair: true });
    fill(way);
    const flooder = newSender();
    way.window.add(100_000);
    way.sent(flooder, 100_000);
    const turns: string[] = [];
    way.wait({ sender: flooder, onTurn: () => turns.push('flooder') });
    way.wait({ sender: newSender(), onTurn: () => turns.push('quiet') });
    way.giveTurns();
    expect(turns).to.deep.equal(['quiet']);
  });
});
