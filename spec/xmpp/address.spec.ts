import { expect } from 'chai';
import {
  bareOf,
  canonical,
  hostOf,
  isHost,
  isOfThisLife,
  newSocketAddress,
  resourceOf,
  userOf,
} from '../../lib/xmpp/address.js';

describe('addresses', () => {
  it('of sockets are FD@NAME/TAG, with a tag that is never used twice', () => {
    const many = Array.from({ length: 1000 }, () => newSocketAddress(12, 'foo-sockets'));
    expect(new Set(many).size).to.equal(1000);
    for (const address of many) {
      expect(address).to.match(/^12@foo-sockets\/[0-9a-z]+$/);
      expect(address.length).to.be.below(64 + 'foo-sockets'.length);
    }
  });

  it('of this life are known', () => {
    expect(isOfThisLife(newSocketAddress(1, 'foo-sockets'))).to.equal(true);
    expect(isOfThisLife('12@foo-sockets/8A0001')).to.equal(false);
    expect(isOfThisLife('12@foo-sockets')).to.equal(false);
  });

  for (const [address, user, host, bare, resource] of [
    ['juliet@localhost/Balcony', 'juliet', 'localhost', 'juliet@localhost', 'Balcony'],
    ['juliet@localhost', 'juliet', 'localhost', 'juliet@localhost', ''],
    ['juliet@localhost/', 'juliet', 'localhost', 'juliet@localhost', ''],
    ['localhost', '', 'localhost', 'localhost', ''],
    ['localhost/a@b', '', 'localhost', 'localhost', 'a@b'],
    ['juliet@localhost/Ho me/@ &x', 'juliet', 'localhost', 'juliet@localhost', 'Ho me/@ &x'],
    ['@localhost/x', '', 'localhost', '@localhost', 'x'],
    ['', '', '', '', ''],
  ] as const) {
    it(`have user, host and resource: "${address}"`, () => {
      expect(userOf(address)).to.equal(user);
      expect(hostOf(address)).to.equal(host);
      expect(bareOf(address)).to.equal(bare);
      expect(resourceOf(address)).to.equal(resource);
    });
  }

  it('mean the same session without regard to case in user and host, and with regard to it in the resource', () => {
    expect(canonical('JULIET@LocalHost/Balcony')).to.equal('juliet@localhost/Balcony');
    expect(canonical('JULIET@LocalHost')).to.equal('juliet@localhost');
  });

  it('that are a host have no user and no resource', () => {
    for (const host of ['localhost', 'foo.com', 'a-b_c.d', '127.0.0.1'])
      expect(isHost(host), host).to.equal(true);
    for (const other of [
      '',
      'a@b',
      'a/b',
      '@',
      '/',
      'a b',
      "a'b",
      'a"b',
      'a<b',
      'a>b',
      'a&b',
      'x'.repeat(256),
    ]) {
      expect(isHost(other), other).to.equal(false);
    }
  });
});
