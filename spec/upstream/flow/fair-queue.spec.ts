import { expect } from 'chai';
import { FairQueue } from '../../../lib/upstream/flow/fair-queue.js';
import { newSender, QUANTUM_BYTES } from '../../../lib/session/outbound-queue.js';

/** The room of an empty queue, in quanta. */
const QUANTA = 64;
const COUNT = 1_000;

/** Clients that wait until they may be read again. Each then sends that many bytes at once. */
function crowd(queue: FairQueue, bytes: number): number[] {
  const readAgain: number[] = [];
  for (let id = 0; id < COUNT; id += 1) {
    queue.wait({
      sender: newSender(),
      onTurn: () => {
        readAgain.push(id);
        if (bytes > 0) process.nextTick(() => queue.window.add(bytes));
      },
    });
  }
  return readAgain;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('writers that wait in the queue to a session manager', () => {
  const newQueue = (): FairQueue =>
    new FairQueue({ probe: () => undefined, isBlocked: () => false, most: QUANTA * QUANTUM_BYTES });

  it('are not all read at once where there is room for some: each sends a quantum before it asks', async () => {
    const queue = newQueue();
    const readAgain = crowd(queue, QUANTUM_BYTES);
    queue.giveTurns();
    for (let turns = 0; turns < 50; turns += 1) await turn();
    expect(queue.room).to.be.within(-QUANTA * 256 - QUANTUM_BYTES, 0);
    // The first packets after a while are not counted.
    expect(readAgain.length).to.be.within(QUANTA / 2, QUANTA * 1.5);
  });

  it('are read one after the other while they have nothing to send, and none is forgotten', async () => {
    const queue = newQueue();
    const readAgain = crowd(queue, 0);
    queue.giveTurns();
    expect(readAgain).to.have.lengthOf(QUANTA);
    while (readAgain.length < COUNT) await turn();
    for (const [at, id] of readAgain.entries()) expect(id).to.equal(at);
  });
});

describe('the queue to a session manager that gives each user a turn', () => {
  const silent = { probe: () => undefined, isBlocked: () => false, most: 1_000_000 };
  const fill = (queue: FairQueue): void => {
    const flooder = newSender();
    while (queue.room > 0 || queue.roomFor(flooder) > 0) {
      queue.window.add(1_000);
      queue.sent(flooder, 1_000);
    }
    expect(queue.roomFor(flooder)).to.be.at.most(0);
  };

  it('has room for a client that has sent nothing, however much another one has in flight', () => {
    const queue = new FairQueue({ ...silent, fair: true });
    fill(queue);
    expect(queue.roomFor(newSender())).to.be.at.least(QUANTUM_BYTES);
    const other = new FairQueue(silent);
    while (other.room > 0) other.window.add(1_000);
    expect(other.roomFor(newSender())).to.be.at.most(0);
  });

  it('has room again and again for a client that sends little, as its packets are taken', () => {
    const probes: string[] = [];
    const queue = new FairQueue({ ...silent, probe: (id) => probes.push(id), fair: true });
    fill(queue);
    const quiet = newSender();
    for (let count = 0; count < 200; count += 1) {
      expect(queue.roomFor(quiet)).to.be.above(0);
      queue.window.add(500);
      queue.sent(quiet, 500);
      // Each time something of the flooder is taken, and it sends as much again.
      queue.window.add(2_000);
      if (probes.length > 3) queue.window.onProbeBack(probes.shift()!);
    }
  });

  it('gives a turn to a writer that has room, although others that wait have none', () => {
    const queue = new FairQueue({ ...silent, fair: true });
    fill(queue);
    const flooder = newSender();
    queue.window.add(100_000);
    queue.sent(flooder, 100_000);
    const turns: string[] = [];
    queue.wait({ sender: flooder, onTurn: () => turns.push('flooder') });
    queue.wait({ sender: newSender(), onTurn: () => turns.push('quiet') });
    queue.giveTurns();
    expect(turns).to.deep.equal(['quiet']);
  });
});
