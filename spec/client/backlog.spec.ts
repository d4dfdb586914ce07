import { expect } from 'chai';
import { Backlog } from '../../lib/client/backlog.js';

const MB = 1_000_000;

class Reader {
  waiting = 0;
  ended = false;

  constructor(private readonly backlog: Backlog) {}

  get(bytes: number): void {
    this.waiting += bytes;
    this.backlog.sent(this, bytes);
  }

  tooMuch(): void {
    this.ended = true;
    this.waiting = 0;
  }
}

describe('what waits for all clients together', () => {
  it('has a bound: those for whom most waits are ended, and no others', () => {
    const backlog = new Backlog(10 * MB);
    const deaf = Array.from({ length: 48 }, () => new Reader(backlog));
    const slow = new Reader(backlog);
    slow.get(100_000);
    for (let count = 0; count < 10; count += 1)
      for (const reader of deaf) if (!reader.ended) reader.get(250_000);
    const waiting = [...deaf, slow].reduce((sum, reader) => sum + reader.waiting, 0);
    expect(waiting).to.be.at.most(11 * MB);
    expect(slow.ended).to.equal(false);
    expect(deaf.some(({ ended }) => ended)).to.equal(true);
  });

  it('is what still waits: who has read it counts no more', () => {
    const backlog = new Backlog(10 * MB);
    const readers = Array.from({ length: 100 }, () => new Reader(backlog));
    for (const reader of readers) {
      reader.get(500_000);
      reader.waiting = 0;
    }
    expect(readers.filter(({ ended }) => ended)).to.deep.equal([]);
  });

  it('is a part of the heap where nothing is said, and more than nothing', () => {
    const reader = new Reader(new Backlog());
    reader.get(MB);
    expect(reader.ended).to.equal(false);
  });
});
