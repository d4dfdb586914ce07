import { isUtf8 } from 'node:buffer';
import { expect } from 'chai';
import {
  BAD,
  MORE,
  isNameByte,
  isNameStartByte,
  isPlainText,
  isPlainValue,
  isSpace,
  isUriByte,
} from '../../lib/xml/chars.js';
import { nameSequence, reference, sequence } from '../../lib/xml/chars.js';

const ASCII = Array.from({ length: 0x80 }, (_none, code) => String.fromCharCode(code));

/** The ASCII characters that a table takes. */
function taken(is: (byte: number) => boolean): string {
  return ASCII.filter((char) => is(char.charCodeAt(0))).join('');
}

const without = (chars: string): string =>
  ASCII.filter((char) => char >= ' ' && !chars.includes(char)).join('');

describe('The tables of bytes', () => {
  it('for names', () => {
    expect(taken(isNameStartByte))
      .to.match(/^:A[A-Z]*Z_a[a-z]*z$/)
      .and.have.length(54);
    expect(taken(isNameByte)).to.equal(`-.0123456789${taken(isNameStartByte)}`);
  });
  it('for white space', () => expect(taken(isSpace)).to.equal('\t\n\r '));
  it('for text', () => expect(taken(isPlainText)).to.equal(`\t\n\r${without('<&]')}`));
  it('for attribute values', () => expect(taken(isPlainValue)).to.equal(`\t\n\r${without(`<&'"`)}`));
  it('for URIs', () => expect(taken(isUriByte)).to.equal(without(' "<>\\^`{|}\x7f')));
  it('have nothing beyond ASCII', () => {
    for (let byte = 0x80; byte < 0x100; byte += 1) {
      for (const is of [isNameStartByte, isNameByte, isSpace, isPlainText, isPlainValue, isUriByte]) {
        expect(is(byte)).to.be.false;
      }
    }
  });
});

describe('sequence', () => {
  it('agrees with the decoder of the platform on all lead and second bytes', () => {
    const isGood = (bytes: Buffer): boolean => isUtf8(bytes) && !/[\ufffe\uffff]/.test(bytes.toString());
    for (let lead = 0x80; lead < 0x100; lead += 1) {
      for (let second = 0; second < 0x100; second += 1) {
        for (const rest of [[], [0x80], [0x80, 0x80], [0xbf], [0xbf, 0xbe], [0xbf, 0xbf], [0xbe]]) {
          const bytes = Buffer.from([lead, second, ...rest]);
          const length = sequence(bytes, 0, bytes.length);
          const good = isGood(length > 0 ? bytes.subarray(0, length) : bytes);
          if (good !== length > 0) expect.fail(`${bytes.toString('hex')}: ${length}`);
        }
      }
    }
  });

  it('takes each character, and waits for each of its bytes', () => {
    for (const char of [
      '\u0080',
      '\u07ff',
      '\u0800',
      '\ud7ff',
      '\ue000',
      '\ufffd',
      '\u{10000}',
      '\u{10ffff}',
    ]) {
      const bytes = Buffer.from(char);
      for (let end = 1; end < bytes.length; end += 1) expect(sequence(bytes, 0, end)).to.equal(MORE);
      expect(sequence(bytes, 0, bytes.length)).to.equal(bytes.length);
    }
  });
});

describe('nameSequence', () => {
  const length = (char: string, first: boolean): number => {
    const bytes = Buffer.from(char);
    return nameSequence(bytes, 0, bytes.length, first);
  };

  it('takes letters anywhere', () => {
    expect(length('é', true)).to.equal(2);
    expect(length('字', true)).to.equal(3);
  });
  it('takes combining characters inside only', () => {
    expect(length('\u0300', true)).to.equal(BAD);
    expect(length('\u0300', false)).to.equal(2);
  });
  it('takes nothing beyond the basic plane', () => {
    expect(length('\u{10000}', true)).to.equal(BAD);
    expect(length('\u{2f800}', false)).to.equal(BAD);
  });
  it('waits for a character that is not whole', () =>
    expect(nameSequence(Buffer.from('字'), 0, 2, true)).to.equal(MORE));
});

describe('reference', () => {
  const length = (text: string): number => reference(Buffer.from(text), 0, text.length);

  it('takes what stands for a character', () => {
    for (const text of [
      '&lt;',
      '&quot;',
      '&#9;',
      '&#x20;',
      '&#xD7FF;',
      '&#xe000;',
      '&#65533;',
      '&#x10FFFF;',
    ]) {
      expect(length(`${text}x`)).to.equal(text.length);
    }
  });
  it('waits for its end', () => {
    for (const text of ['&', '&l', '&lt', '&#', '&#x', '&#x4', '&foo']) expect(length(text)).to.equal(MORE);
  });
  it('refuses what stands for none', () => {
    for (const text of [
      '&;',
      '&lt ',
      '&&',
      '&<',
      '&foo;',
      '&#;',
      '&#x;',
      '&#xg;',
      '&#11;',
      '&#xDFFF;',
      '&#xFFFF;',
      '& ',
    ]) {
      expect(length(text), text).to.equal(BAD);
    }
  });
  it('gives up one that is too long before its end', () =>
    expect(length(`&${'a'.repeat(33)}`)).to.equal(BAD));
});
