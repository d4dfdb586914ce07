import { expect } from 'chai';
import { ReadScheduler } from '../../lib/client/read-scheduler.js';
import { newSender } from '../../lib/session/outbound-queue.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('clients whose stanzas take long to read', () => {
  it('are read on one after the other, some in each turn of the event loop', async () => {
    let time = 0;
    const turns = new ReadScheduler(() => time);
    const read: number[] = [];
    const waiters = [1, 2, 3, 4, 5].map((id) => ({
      sender: newSender(),
      onTurn: () => {
        time += 2;
        read.push(id);
        if (read.length < 10) turns.wait(waiters[id - 1]);
      },
    }));
    for (const waiter of waiters) turns.wait(waiter);
    turns.leave(waiters[4]);
    await turn();
    expect(read).to.deep.equal([1, 2]);
    for (let count = 0; count < 10; count += 1) await turn();
    expect(read).to.deep.equal([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1]);
  });
});
