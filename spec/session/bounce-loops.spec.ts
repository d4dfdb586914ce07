import { expect } from 'chai';
import type { Packet } from '../../lib/session/session.js';
import { BounceLoops } from '../../lib/session/bounce-loops.js';

describe('BounceLoops', () => {
  it('forgets an address that nothing has come for in a minute, and no other', () => {
    let now = 0;
    const table = new BounceLoops(
      () => false,
      () => now,
    );
    const again = (to: string, text = '<message/>'): number => table.take({ to, text } as Packet).again;
    for (let count = 0; count < 1_000; count += 1) again('gone@foo-sockets/1', `<message id='${count}'/>`);
    expect(again('loop@foo-sockets/2')).to.equal(0);
    now = 40_000;
    expect(again('loop@foo-sockets/2')).to.equal(1);
    expect(table.size).to.equal(1_001);
    now = 70_000;
    expect(again('loop@foo-sockets/2')).to.equal(2);
    expect(table.size).to.equal(1);
    now = 131_000;
    expect(again('loop@foo-sockets/2')).to.equal(0);
    expect(table.size).to.equal(1);
  });
});
