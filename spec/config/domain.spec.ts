import { expect } from 'chai';
import {
  distinctDomains,
  domainKey,
  normalizedDomain,
  sameDomain,
  withULabels,
} from '../../lib/config/domain.js';

const SPELLINGS = [
  'b\u00fccher.example',
  'B\u00dcCHER.Example',
  'bu\u0308cher.example',
  'xn--bcher-kva.example',
  'XN--Bcher-KVA.EXAMPLE',
  'b\u00fccher\u3002example',
];

describe('an internationalized domain', () => {
  for (const spelling of SPELLINGS) {
    it(`is one, spelt ${spelling}`, () => {
      expect(domainKey(spelling)).to.equal('xn--bcher-kva.example');
      expect(withULabels(spelling)).to.equal('b\u00fccher.example');
    });
  }

  it('keeps the labels that it is written with, in one form', () => {
    expect(SPELLINGS.map(normalizedDomain)).to.deep.equal([
      ...['b\u00fccher.example', 'b\u00fccher.example', 'b\u00fccher.example'],
      ...['xn--bcher-kva.example', 'xn--bcher-kva.example', 'b\u00fccher.example'],
    ]);
  });

  it('is found among others, and stands once', () => {
    const names = ['localhost', 'xn--bcher-kva.example'];
    expect(SPELLINGS.map((spelling) => sameDomain(spelling, names))).to.deep.equal(
      SPELLINGS.map(() => 'xn--bcher-kva.example'),
    );
    expect(sameDomain('b\u00fccher.example.org', names)).to.equal(undefined);
    expect(distinctDomains(['a', ...SPELLINGS])).to.deep.equal(['a', 'b\u00fccher.example']);
  });

  it('is none where no A-labels can be made: it is compared as it is, ASCII apart', () => {
    for (const host of ['xn--a', 'xn--', '\uff11.\uff12', '\u00fc b.example', '\u212a.example/']) {
      expect(domainKey(host.toUpperCase()), host).to.be.a('string').and.not.equal('');
    }
    expect(domainKey('\uff11.\uff12')).to.equal('\uff11.\uff12');
    expect(domainKey('LocalHost')).to.equal('localhost');
    expect(withULabels('[::1]')).to.equal('[::1]');
  });
});
