import { expect } from 'chai';
import { NagleDetector } from '../../lib/net/nagle.js';

/** A connection on which something is read; what is to be acknowledged is. */
class Reads {
  private now = 0;
  private answered = false;
  private readonly heldBack = new NagleDetector(() => this.now);

  /** @returns whether the read that comes after that pause is acknowledged */
  after(pause: number): boolean {
    this.now += pause;
    return (this.answered = this.heldBack.read(this.answered));
  }

  /** Something else is sent. */
  answer(): void {
    this.answered = true;
  }
}

describe('what a peer says that waits for acknowledgments', () => {
  let reads: Reads;

  beforeEach(() => (reads = new Reads()));

  it('is not acknowledged at once while it comes without delay', () => {
    for (let count = 0; count < 100; count += 1) expect(reads.after(2)).to.equal(false);
  });

  it('is, once it came as late as our system acknowledges by itself, and goes on to be', () => {
    expect(reads.after(1)).to.equal(false);
    expect(reads.after(40)).to.equal(true);
    for (let count = 0; count < 20; count += 1) expect(reads.after(1)).to.equal(true);
  });

  it('is after a long pause, too', () => {
    reads.after(1);
    reads.after(200);
    expect(reads.after(3_600_000)).to.equal(true);
  });

  it('is not where somebody has just nothing to say for long', () => {
    for (let count = 0; count < 100; count += 1) expect(reads.after(5_000)).to.equal(false);
  });

  it('is not where it was answered anyway: that says nothing about who waits', () => {
    for (let count = 0; count < 100; count += 1) {
      expect(reads.after(40)).to.equal(false);
      reads.answer();
    }
  });

  it('is no more once it came without being waited for: that is tried now and then', () => {
    reads.after(1);
    expect(reads.after(40)).to.equal(true);
    let acknowledged = 0;
    while (reads.after(1)) acknowledged += 1;
    expect(acknowledged).to.be.within(20, 60);
    for (let count = 0; count < 100; count += 1) expect(reads.after(1)).to.equal(false);
  });
});
