import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { Scheduler, type Steps } from '../../../lib/embedded/routing/scheduler.js';

const OPEN = { hasRoom: true };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('embedded: the scheduler', () => {
  let time: number;
  let done: string[];
  let failures: unknown[];
  let schedule: Scheduler;
  beforeEach(() => {
    time = 0;
    done = [];
    failures = [];
    schedule = new Scheduler(
      (error) => failures.push(error),
      () => time,
    );
  });

  /** A task that takes so long, in milliseconds. */
  const add = (owner: string, cost: number, name = owner, gate = OPEN): void =>
    schedule.add(owner, gate, () => {
      time += cost;
      done.push(name);
    });

  function* steps(name: string, count: number, cost: number): Steps {
    for (let at = 1; at <= count; at += 1) {
      time += cost;
      done.push(`${name}${at}`);
      yield;
    }
  }

  async function untilIdle(): Promise<void> {
    schedule.work();
    while (schedule.waiting > 0) await turn();
  }

  it('few packets that take long wait for many that do not, whatever their length', async () => {
    for (let count = 0; count < 5; count += 1) add('flooder', 10);
    for (let count = 0; count < 5; count += 1) add('quiet', 0.1);
    await untilIdle();
    expect(done.slice(0, 6)).to.deep.equal(['flooder', ...Array.from({ length: 5 }, () => 'quiet')]);
    expect(done).to.have.length(10);
  });

  it('what is done is not kept in memory, though others still have much to do', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const packets: WeakRef<object>[] = [];
    for (let count = 0; count < 100; count += 1) {
      const packet = { size: 0 };
      packets.push(new WeakRef(packet));
      schedule.add(`user ${count % 2}`, OPEN, () => (packet.size += 1));
    }
    const closed = { hasRoom: false };
    add('user 0', 1, 'waits for room', closed);
    schedule.work();
    while (schedule.waiting > 1) await turn();
    await turn();
    collect();
    expect(packets.filter((packet) => packet.deref())).to.deep.equal([]);
  });

  it('two who have much to do get the same time, not the same number', async () => {
    for (let count = 0; count < 100; count += 1) add('slow', 8);
    for (let count = 0; count < 100; count += 1) add('fast', 1);
    await untilIdle();
    const fastBefore = done.slice(0, done.lastIndexOf('fast'));
    expect(fastBefore.filter((name) => name === 'slow').length).to.be.within(10, 15);
  });

  it('no more is done in a turn of the event loop than its slice and one step', async () => {
    for (let count = 0; count < 100; count += 1) add('flooder', 1);
    const slices: number[] = [];
    let before = 0;
    schedule.work();
    while (schedule.waiting > 0) {
      slices.push(time - before);
      before = time;
      await turn();
    }
    expect(Math.max(...slices)).to.be.at.most(6);
    expect(slices.length).to.be.greaterThan(15);
  });

  it('what goes on in steps comes before what the same user sends next, and others come between', async () => {
    schedule.add('romeo', OPEN, () => {
      schedule.goOn('romeo', OPEN, steps('broadcast', 3, 5));
      schedule.whenDone(OPEN, () => done.push('whole'));
    });
    add('romeo', 0, 'next');
    add('juliet', 0);
    await untilIdle();
    expect(done).to.deep.equal(['broadcast1', 'juliet', 'broadcast2', 'broadcast3', 'whole', 'next']);
  });

  it('what comes of a step has its place right behind it', async () => {
    schedule.add('romeo', OPEN, () => {
      schedule.goOn(
        'romeo',
        OPEN,
        (function* (): Steps {
          schedule.goOn('juliet', OPEN, steps('inner', 2, 0));
          yield;
          done.push('outer');
        })(),
      );
      schedule.whenDone(OPEN, () => done.push('whole'));
    });
    await untilIdle();
    expect(done).to.deep.equal(['outer', 'inner1', 'inner2', 'whole']);
  });

  it('who has no room waits, and keeps nobody else', async () => {
    const gate = { hasRoom: false };
    add('romeo', 0, 'romeo', gate);
    add('juliet', 0);
    schedule.work();
    await turn();
    expect(done).to.deep.equal(['juliet']);
    gate.hasRoom = true;
    schedule.roomAgain();
    await untilIdle();
    expect(done).to.deep.equal(['juliet', 'romeo']);
  });

  it('a fault costs one task or what goes on in steps, and nothing behind it', async () => {
    schedule.add('romeo', OPEN, () => {
      throw new Error('broken');
    });
    schedule.add('romeo', OPEN, () => {
      schedule.goOn(
        'romeo',
        OPEN,
        (function* (): Steps {
          throw new Error('broken');
        })(),
      );
    });
    add('romeo', 0);
    await untilIdle();
    expect(failures).to.have.length(2);
    expect(done).to.deep.equal(['romeo']);
  });

  it('at the end of a link all its tasks are done at once, and what must be done of what goes on in steps', () => {
    const other = { hasRoom: true };
    schedule.goOn('romeo', OPEN, steps('presence', 3, 1));
    schedule.first('romeo', OPEN, steps('back', 2, 1));
    for (let count = 0; count < 3; count += 1) add('romeo', 10);
    add('romeo', 0, 'of another link', other);
    schedule.finish(OPEN);
    expect(done).to.deep.equal(['back1', 'back2', 'romeo', 'romeo', 'romeo']);
    schedule.finish();
    expect(done.at(-1)).to.equal('of another link');
  });
});
