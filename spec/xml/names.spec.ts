import { expect } from 'chai';
import { isNameChar, isNameStart } from '../../lib/xml/names.js';

describe('Characters of names beyond ASCII [XML 1.0 4th ed., Appendix B]', () => {
  const cases: [code: number, start: boolean, char: boolean, what: string][] = [
    [0xb7, false, true, 'the middle dot'],
    [0xbf, false, false, 'an inverted question mark'],
    [0xc0, true, true, 'the first letter of Latin-1'],
    [0xd7, false, false, 'the multiplication sign'],
    [0xf7, false, false, 'the division sign'],
    [0x131, true, true, 'a dotless i'],
    [0x132, false, false, 'a ligature that only the fifth edition takes'],
    [0x221, false, false, 'a letter newer than the fourth edition'],
    [0x300, false, true, 'a combining grave accent'],
    [0x37e, false, false, 'the Greek question mark'],
    [0x660, false, true, 'an Arabic digit'],
    [0x3007, true, true, 'the ideographic zero'],
    [0x3005, false, true, 'the ideographic iteration mark'],
    [0x4e00, true, true, 'the first ideograph'],
    [0x9fa5, true, true, 'the last ideograph'],
    [0x9fa6, false, false, 'an ideograph newer than the fourth edition'],
    [0xac00, true, true, 'the first Hangul syllable'],
    [0xd7a3, true, true, 'the last Hangul syllable'],
    [0xd7a4, false, false, 'what comes behind the Hangul syllables'],
    [0xe000, false, false, 'private use'],
    [0xff21, false, false, 'a fullwidth letter'],
    [0x10000, false, false, 'a letter beyond the basic plane'],
    [0x10ffff, false, false, 'the last character'],
  ];
  for (const [code, start, char, what] of cases) {
    it(`U+${code.toString(16).toUpperCase().padStart(4, '0')}, ${what}`, () => {
      expect(isNameStart(code)).to.equal(start);
      expect(isNameChar(code)).to.equal(char);
    });
  }

  it('may stand inside of a name wherever they may begin one', () => {
    for (let code = 0x80; code < 0x10000; code += 1) {
      if (isNameStart(code)) expect(isNameChar(code)).to.be.true;
    }
  });
});
