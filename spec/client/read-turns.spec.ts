import { expect } from 'chai';
import { ReadTurns } from '../../lib/client/read-turns.js';
import { newSender } from '../../lib/session/manager.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('clients whose stanzas take long to read', () => {
  it('are read on one after the other, some in each turn of the event loop', async () => {
    let time = 0;
    const turns = new ReadTurns(() => time);
    const read: number[] = [];
    const waiters = [1, 2, 3, 4, 5].map((id) => ({
      sender: newSender(),
      turn: () => {
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
