import { expect } from 'chai';
import { PendingLogins } from '../../lib/session/pending-logins.js';
import { Clock } from '../support/clock.js';

describe('Claims', () => {
  const clock = new Clock();
  let released: string[];
  let claims: PendingLogins;

  beforeEach(() => {
    clock.install();
    released = [];
    claims = new PendingLogins((address) => released.push(address));
  });

  afterEach(() => {
    clock.advance(100_000);
    clock.uninstall();
  });

  it('know an address as long as a login for it is under way', () => {
    expect(claims.has('a@b/c')).to.equal(false);
    claims.add('1', 'a@b/c');
    expect(claims.has('a@b/c')).to.equal(true);
    expect(claims.has('a@b/d')).to.equal(false);
    claims.settle('1');
    expect(claims.has('a@b/c')).to.equal(false);
    expect(released).to.deep.equal(['a@b/c']);
  });

  it('release an address when the last of several logins is settled', () => {
    claims.add('1', 'a@b/c');
    claims.add('2', 'a@b/c');
    claims.settle('1');
    expect(released).to.deep.equal([]);
    expect(claims.has('a@b/c')).to.equal(true);
    claims.settle('2');
    expect(released).to.deep.equal(['a@b/c']);
  });

  it('are settled once', () => {
    claims.add('1', 'a@b/c');
    claims.add('2', 'a@b/c');
    claims.settle('1');
    claims.settle('1');
    claims.settle('3');
    expect(claims.has('a@b/c')).to.equal(true);
  });

  it('let go of the former address of one who claims another', () => {
    claims.add('1', 'a@b/c');
    claims.add('1', 'a@b/d');
    expect(released).to.deep.equal(['a@b/c']);
    expect(claims.has('a@b/d')).to.equal(true);
  });

  it('end after half a minute without an answer', () => {
    claims.add('1', 'a@b/c');
    clock.advance(29_999);
    expect(released).to.deep.equal([]);
    clock.advance(1);
    expect(released).to.deep.equal(['a@b/c']);
    claims.settle('1');
    expect(released).to.have.length(1);
  });
});
