import { expect } from 'chai';
import { nameprep, nodeprep, resourceprep } from '../../lib/xmpp/stringprep.js';

describe('stringprep [RFC 3454]', () => {
  for (const [text, prepared] of [
    ['JuLiet', 'juliet'],
    ['gr\u00fc\u00df', 'gr\u00fcss'],
    ['\u0130stanbul', 'i\u0307stanbul'],
    ['\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2', '\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c3'],
    ['\uff2auliet\u2160', 'julieti'],
    ['ju\u00adli\u200bet\ufeff', 'juliet'],
    ['\u00ad', ''],
    ['', ''],
    ['e\u0301', '\u00e9'],
    ['\u05d0\u05d1', '\u05d0\u05d1'],
  ]) {
    it(`makes "${prepared}" of the user ${JSON.stringify(text)}`, () =>
      expect(nodeprep(text)).to.equal(prepared));
  }

  it('leaves what was no character in Unicode 3.2, or had no lower case then, as it is', () => {
    for (const text of ['\u1e9e', '\u023a', '\u{1f600}', '\u10a0', '\u13a0', '\u0131', '\u2132']) {
      expect(nodeprep(text), JSON.stringify(text)).to.equal(text);
    }
    expect(resourceprep('\u1d2c'), 'a form that was assigned later').to.equal('\u1d2c');
  });

  it('lets a user have no character that ends it, no space, and nothing without a shape', () => {
    for (const text of [...`"&'/:<>@ \u00a0\u3000\u0000\u007f\u0085\ue000\ufdd0\ufffd\u2ff0\u200e\ud800`]) {
      expect(nodeprep(text), JSON.stringify(text)).to.equal(undefined);
    }
  });

  it('keeps case and ASCII spaces of a resource', () => {
    expect(resourceprep('Ho me/@ <x>')).to.equal('Ho me/@ <x>');
    expect(resourceprep('\u00a0\u2003x')).to.equal('  x');
    expect(resourceprep('a\tb')).to.equal(undefined);
  });

  it('lets text run in one direction only', () => {
    expect(nodeprep('a\u05d0')).to.equal(undefined);
    expect(nodeprep('\u05d01')).to.equal(undefined);
    expect(nodeprep('\u05d01\u05d0')).to.equal('\u05d01\u05d0');
  });

  it('lets a part have 1023 bytes, before and after', () => {
    expect(nameprep('a'.repeat(1023))).to.equal('a'.repeat(1023));
    expect(nameprep('a'.repeat(1024))).to.equal(undefined);
    expect(resourceprep('\ufdfa'.repeat(31))).to.have.lengthOf(31 * 18);
    expect(resourceprep('\ufdfa'.repeat(32))).to.equal(undefined);
  });

  it('has nothing for what libidn composes in a way of its own [Unicode Corrigendum 5]', () => {
    expect(nodeprep('\u1100\u0323\u1161')).to.equal(undefined);
    expect(nodeprep('\u1100\u1161')).to.equal('\uac00');
  });
});
