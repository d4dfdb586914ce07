import { expect } from 'chai';
import { Jid, prepareAccountName } from '../../lib/xmpp/jid.js';

const full = (text: string): string | undefined => Jid.parse(text)?.full;

describe('embedded: jid [RFC7622]', () => {
  it('folds user and host, and leaves the resource', () => {
    expect(full('JuLiet@LocalHost/BalCony')).to.equal('juliet@localhost/BalCony');
    expect(full('LOCALHOST')).to.equal('localhost');
    expect(full('Ｊuliet@localhost')).to.equal('juliet@localhost');
    expect(full('GRÜẞ@localhost')).to.equal('grüß@localhost');
  });

  it('leaves out the dot behind a host, and composes the characters of a resource', () => {
    expect(full('juliet@localhost./Balcony')).to.equal('juliet@localhost/Balcony');
    expect(full('foo.com.')).to.equal('foo.com');
    expect(full('juliet@localhost/Cafe\u0301')).to.equal('juliet@localhost/Caf\u00e9');
    expect(full('juliet@localhost/\ufb01')).to.equal('juliet@localhost/\ufb01');
    expect(full(`a@b/${'\u0958'.repeat(341)}`), 'longer when composed').to.equal(undefined);
  });

  it('takes A-labels and U-labels for one host [RFC7622 3.2]', () => {
    for (const text of [
      'b\u00fccher.example',
      'B\u00dcCHER.example',
      'xn--bcher-kva.example.',
      'XN--BCHER-KVA.example',
    ]) {
      expect(full(`a@${text}/r`), text).to.equal('a@b\u00fccher.example/r');
    }
  });

  it('reads an address the same way whether or not it is in its one spelling already', () => {
    const hosts = ['localhost', 'a-b.c_d', 'a..b', '.a', 'a.', 'xn--a', 'x.xn--bcher-kva', 'b\u00fccher'];
    const users = ['', 'juliet@', 'a.b=c+d@', '@', 'a&b@', 'a b@', 'j\u00fcliet@', 'a@b@'];
    const resources = ['', '/', '/r', '/a b/c@d', '/~!"', '/\u007f', '/\u0301'];
    for (const user of users) {
      for (const host of hosts) {
        for (const resource of resources) {
          const text = user + host + resource;
          // In upper case it is not in its one spelling.
          expect(full(text), text).to.equal(full(user.toUpperCase() + host.toUpperCase() + resource));
        }
      }
    }
  });

  it('takes an IPv6 address in brackets for a host', () => {
    expect(full('a@[::1]')).to.equal('a@[::1]');
    expect(full('a@[2001:DB8::1]/r')).to.equal('a@[2001:db8::1]/r');
    for (const text of ['a@[]', 'a@[::1', 'a@::1', 'a@[1.2.3.4]', 'a@[::g]', 'a@[::1].b']) {
      expect(full(text), text).to.equal(undefined);
    }
  });

  it('takes any text as the resource, 1023 bytes at most', () => {
    expect(full('juliet@localhost/Ho me/@ &x')).to.equal('juliet@localhost/Ho me/@ &x');
    expect(full(`a@b/${'r'.repeat(1023)}`)).to.be.a('string');
    expect(full(`a@b/${'r'.repeat(1024)}`)).to.equal(undefined);
    expect(full(`a@b/${'€'.repeat(342)}`)).to.equal(undefined);
  });

  for (const text of [
    '',
    '@',
    '@localhost',
    'a@',
    'a@b/',
    'a b@c',
    'a@b c',
    'a@b@c',
    'a"@c',
    "a'@c",
    'a<b@c',
    'a@b..c',
    'a@b..',
    'a@.',
    '.',
  ]) {
    it(`finds no address in "${text}"`, () => expect(full(text)).to.equal(undefined));
  }

  it('finds none in control characters and in characters without a shape', () => {
    for (const text of ['a\u0000@b', 'a\u200b@b', 'a\u{e000}@b', 'a@b/\u0007', 'a\ud800@b', 'a@b/\ud800']) {
      expect(full(text), JSON.stringify(text)).to.equal(undefined);
    }
  });

  it('knows its parts', () => {
    const jid = Jid.parse('juliet@localhost/Balcony')!;
    expect(jid).to.include({
      user: 'juliet',
      host: 'localhost',
      resource: 'Balcony',
      bare: 'juliet@localhost',
    });
  });

  it('lets no account have a name of more than 64 bytes [jabberd 1.1.2]', () => {
    expect(prepareAccountName('a'.repeat(64))).to.equal('a'.repeat(64));
    expect(prepareAccountName('a'.repeat(65))).to.equal(undefined);
    expect(prepareAccountName('ü'.repeat(33))).to.equal(undefined);
  });
});
