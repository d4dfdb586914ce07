import { expect } from 'chai';
import { Window } from '../../../lib/upstream/flow/window.js';
import { Clock } from '../../support/clock.js';

const KB = 1024;
const MOST = 4096 * KB;

/** A window whose probes and time are in the hands of the spec. */
class Watched {
  readonly probes: string[] = [];
  readonly clock = new Clock();
  reliefs = 0;
  now = 10_000;
  readonly window = new Window(
    (id) => this.probes.push(id),
    () => (this.reliefs += 1),
    MOST,
    () => this.now,
  );

  constructor() {
    this.clock.install();
  }

  /** Packets of 768 characters, each a cost of a kilobyte. */
  send(kilobytes: number): void {
    for (let count = 0; count < kilobytes; count += 1) this.window.add(768);
  }

  /** The oldest probe comes back so many milliseconds later than now. */
  return(after = 0): void {
    this.pass(after);
    expect(this.window.onProbeBack(this.probes.shift()!)).to.equal(true);
  }

  /** All that are under way now come back. */
  returnAll(): void {
    for (let { length } = this.probes; length > 0; length -= 1) this.return();
  }

  pass(milliseconds: number): void {
    this.now += milliseconds;
    this.clock.advance(milliseconds);
  }
}

function watched(body: (watched: Watched) => void): () => void {
  return () => {
    const one = new Watched();
    try {
      body(one);
    } finally {
      one.clock.uninstall();
    }
  };
}

describe('the in-flight window', () => {
  it(
    'sends probes where much is sent in a second, and not where little is',
    watched((it) => {
      for (let second = 0; second < 100; second += 1) {
        it.send(32);
        it.pass(1_000);
      }
      expect(it.probes).to.deep.equal([]);
      expect(it.window.room).to.be.above(200 * KB);
      it.send(64);
      expect(it.probes).to.have.lengthOf(1);
    }),
  );

  it(
    'is a quarter of a megabyte until the first probe is back',
    watched((it) => {
      it.send(255 + 32);
      expect(it.window.room).to.equal(KB);
      it.send(2);
      expect(it.window.room).to.equal(-KB);
      expect(it.probes, 'no more are sent before it is known that they come back').to.have.lengthOf(1);
    }),
  );

  it(
    'is probed again after the first probe is back, where all wait',
    watched((it) => {
      while (it.window.room > 0) it.send(1);
      expect(it.probes).to.have.lengthOf(1);
      it.return();
      expect(it.probes).to.have.lengthOf(1);
      it.return();
      expect(it.window.room).to.be.at.least(256 * KB);
    }),
  );

  it(
    'counts as in flight all that was sent after the last probe that came back, whichever that is',
    watched((it) => {
      it.send(64);
      it.return();
      it.send(190);
      expect(it.probes).to.have.lengthOf(5);
      const last = it.probes.at(-1)!;
      expect(it.window.onProbeBack(last)).to.equal(true);
      expect(it.window.room).to.be.above(220 * KB);
      expect(it.window.onProbeBack(last), 'twice').to.equal(false);
      expect(it.window.onProbeBack(it.probes[0]), 'an older one').to.equal(false);
    }),
  );

  it(
    'is not changed by what is no probe of it',
    watched((it) => {
      it.send(300);
      const { room } = it.window;
      for (const id of ['', 'x', it.probes[0].replace(/-.*/, '-2'), `${it.probes[0]} `]) {
        expect(it.window.onProbeBack(id)).to.equal(false);
      }
      expect(it.window.room).to.equal(room);
      expect(it.reliefs).to.equal(0);
    }),
  );

  it(
    'grows to its maximum while probes come back at once, where that is needed',
    watched((it) => {
      for (let round = 0; round < 200; round += 1) {
        while (it.window.room > 0) it.send(1);
        it.returnAll();
      }
      while (it.window.room > 0) it.send(1);
      const before = it.window.room;
      it.return(2);
      expect(it.window.room - before).to.be.within(0, MOST);
      it.returnAll();
      expect(it.window.room).to.be.within(MOST / 2, MOST);
    }),
  );

  it(
    'shrinks while probes take longer than the network does, but never to nothing',
    watched((it) => {
      it.send(64);
      it.return(40);
      for (let round = 0; round < 50; round += 1) {
        while (it.window.room > 0) it.send(1);
        it.pass(500);
        it.returnAll();
      }
      it.send(1);
      expect(it.window.room).to.be.within(32 * KB, 64 * KB);
    }),
  );

  it(
    'shrinks once for all that was sent before the slow probe came back',
    watched((it) => {
      it.send(64);
      it.return();
      while (it.window.room > 0) it.send(1);
      it.pass(500);
      it.returnAll();
      expect(it.window.room).to.be.within(90 * KB, 128 * KB);
    }),
  );

  it(
    'does not shrink because the network is slow',
    watched((it) => {
      for (let round = 0; round < 50; round += 1) {
        while (it.window.room > 0) it.send(1);
        it.pass(400);
        it.returnAll();
      }
      expect(it.window.room).to.be.above(200 * KB);
    }),
  );

  it(
    'is unlimited after a second for a server that sends no probes back; a late one counts',
    watched((it) => {
      it.send(300);
      it.pass(900);
      expect(it.window.room).to.be.below(0);
      it.pass(200);
      expect(it.window.room).to.equal(Infinity);
      expect(it.reliefs).to.equal(1);
      it.send(1_000);
      expect(it.probes).to.have.lengthOf(1);
      it.return();
      expect(it.window.room).to.be.below(0);
    }),
  );

  it(
    'is limited again when the first probe comes back late: the time that it took is not that of the network',
    watched((it) => {
      it.send(300);
      it.pass(1_500);
      expect(it.window.room).to.equal(Infinity);
      it.return(20_000);
      it.returnAll();
      for (let round = 0; round < 20; round += 1) {
        while (it.window.room > 0) it.send(1);
        it.pass(3_000);
        it.returnAll();
      }
      while (it.window.room > 0) it.send(1);
      it.returnAll();
      expect(it.window.room).to.be.at.most(128 * KB);
    }),
  );

  it(
    'is limited again although the first probe was lost: now and then another one is sent',
    watched((it) => {
      it.send(300);
      it.pass(1_500);
      expect(it.probes).to.have.lengthOf(1);
      it.probes.length = 0;
      for (let second = 0; second < 31; second += 1) {
        it.pass(999);
        it.send(100);
      }
      expect(it.probes).to.have.lengthOf(1);
      expect(it.window.room).to.equal(Infinity);
      it.return();
      expect(it.window.room).to.be.at.most(256 * KB);
    }),
  );

  it(
    'sends no more than two probes a minute to a server that sends none back',
    watched((it) => {
      it.send(300);
      for (let second = 0; second < 600; second += 1) {
        it.pass(999);
        it.send(100);
      }
      expect(it.probes.length).to.be.within(15, 25);
    }),
  );

  it(
    'allows one window more each half a minute where a server that had sent probes back hangs',
    watched((it) => {
      it.send(64);
      it.return();
      it.send(300);
      it.pass(29_000);
      expect(it.window.room).to.be.below(0);
      it.pass(2_000);
      expect(it.window.room).to.be.within(200 * KB, 512 * KB);
      expect(it.reliefs).to.equal(2);
    }),
  );

  it(
    'says once that a server that had sent probes back has stalled, and once that it goes on',
    watched((it) => {
      const said: boolean[] = [];
      it.window.onStalled = (stalled) => void said.push(stalled);
      it.send(64);
      it.return();
      it.send(300);
      it.pass(31_000);
      it.send(300);
      it.pass(31_000);
      expect(said).to.deep.equal([true]);
      it.send(300);
      it.probes.splice(0, it.probes.length - 1);
      it.return();
      expect(said).to.deep.equal([true, false]);
    }),
  );

  it(
    'begins anew with a new link',
    watched((it) => {
      it.send(64);
      it.return();
      it.send(300);
      it.return(500);
      expect(it.window.room, 'it has shrunk').to.be.below(0);
      it.window.reset();
      expect(it.window.room).to.equal(256 * KB);
      expect(it.window.onProbeBack(it.probes[0])).to.equal(false);
      it.pass(60_000);
      expect(it.window.room).to.equal(256 * KB);
    }),
  );
});
