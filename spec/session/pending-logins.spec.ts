import { expect } from 'chai';
import { PendingLogins } from '../../lib/session/pending-logins.js';
import type { Login } from '../../lib/session/login.js';
import type { Packet } from '../../lib/session/session.js';
import { Clock } from '../support/clock.js';
import { login } from './notes.js';

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
    logins.add('1', login('a@b/c'));
    expect(logins.has('a@b/c')).to.equal(true);
    expect(logins.has('a@b/d')).to.equal(false);
    logins.settle('1');
    expect(logins.has('a@b/c')).to.equal(false);
    expect(released).to.deep.equal(['a@b/c']);
  });

  it('release an address when the last of several logins is settled', () => {
    logins.add('1', login('a@b/c'));
    logins.add('2', login('a@b/c'));
    logins.settle('1');
    expect(released).to.deep.equal([]);
    expect(logins.has('a@b/c')).to.equal(true);
    logins.settle('2');
    expect(released).to.deep.equal(['a@b/c']);
  });

  it('are settled once', () => {
    logins.add('1', login('a@b/c'));
    logins.add('2', login('a@b/c'));
    logins.settle('1');
    logins.settle('1');
    logins.settle('3');
    expect(logins.has('a@b/c')).to.equal(true);
  });

  it('let go of the former address of one who logins another', () => {
    logins.add('1', login('a@b/c'));
    logins.add('1', login('a@b/d'));
    expect(released).to.deep.equal(['a@b/c']);
    expect(logins.has('a@b/d')).to.equal(true);
  });

  it('end after half a minute without an answer', () => {
    logins.add('1', login('a@b/c'));
    clock.advance(29_999);
    expect(released).to.deep.equal([]);
    clock.advance(1);
    expect(released).to.deep.equal(['a@b/c']);
    logins.settle('1');
    expect(released).to.have.length(1);
  });

  it('resume those that wait for an address, once, and not while another one for it is under way', () => {
    const resumed: string[] = [];
    const waiting = (name: string): Login => ({ resume: () => void resumed.push(name) }) as unknown as Login;
    logins.postpone('a@b/c', waiting('one'));
    logins.postpone('a@b/c', waiting('two'));
    logins.add('1', login('a@b/c'));
    logins.resume('a@b/c');
    expect(resumed).to.deep.equal([]);
    logins.settle('1');
    logins.resume('a@b/c');
    logins.resume('a@b/c');
    expect(resumed).to.deep.equal(['one', 'two']);
  });

  it('keep a packet that came too late until the address is released', () => {
    const late = { text: 'late' } as Packet;
    const given: unknown[] = [];
    logins = new PendingLogins((_key, packet) => void given.push(packet));
    expect(logins.keepLate('a@b/c', late)).to.equal(false);
    logins.add('1', login('a@b/c'));
    expect(logins.keepLate('a@b/c', late)).to.equal(true);
    logins.settle('1');
    logins.add('1', login('a@b/c'));
    logins.settle('1');
    expect(given).to.deep.equal([late, undefined]);
  });
});
