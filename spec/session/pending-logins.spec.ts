import { expect } from 'chai';
import { PendingLogins } from '../../lib/session/pending-logins.js';
import { Clock } from '../support/clock.js';

describe('PendingLogins', () => {
  const clock = new Clock();
  let released: string[];
  let logins: PendingLogins;

  beforeEach(() => {
    clock.install();
    released = [];
    logins = new PendingLogins((address) => released.push(address));
  });

  afterEach(() => {
    clock.advance(100_000);
    clock.uninstall();
  });

  it('know an address as long as a login for it is under way', () => {
    expect(logins.has('a@b/c')).to.equal(false);
    logins.add('1', 'a@b/c');
    expect(logins.has('a@b/c')).to.equal(true);
    expect(logins.has('a@b/d')).to.equal(false);
    logins.settle('1');
    expect(logins.has('a@b/c')).to.equal(false);
    expect(released).to.deep.equal(['a@b/c']);
  });

  it('release an address when the last of several logins is settled', () => {
    logins.add('1', 'a@b/c');
    logins.add('2', 'a@b/c');
    logins.settle('1');
    expect(released).to.deep.equal([]);
    expect(logins.has('a@b/c')).to.equal(true);
    logins.settle('2');
    expect(released).to.deep.equal(['a@b/c']);
  });

  it('are settled once', () => {
    logins.add('1', 'a@b/c');
    logins.add('2', 'a@b/c');
    logins.settle('1');
    logins.settle('1');
    logins.settle('3');
    expect(logins.has('a@b/c')).to.equal(true);
  });

  it('let go of the former address of one who logins another', () => {
    logins.add('1', 'a@b/c');
    logins.add('1', 'a@b/d');
    expect(released).to.deep.equal(['a@b/c']);
    expect(logins.has('a@b/d')).to.equal(true);
  });

  it('end after half a minute without an answer', () => {
    logins.add('1', 'a@b/c');
    clock.advance(29_999);
    expect(released).to.deep.equal([]);
    clock.advance(1);
    expect(released).to.deep.equal(['a@b/c']);
    logins.settle('1');
    expect(released).to.have.length(1);
  });
});
