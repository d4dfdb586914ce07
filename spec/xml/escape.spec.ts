import { expect } from 'chai';
import { escape, escapeValue, unescape } from '../../lib/xml/index.js';
import { unescapeValue } from '../../lib/xml/escape.js';

describe('escape', () => {
  it('leaves ordinary text alone', () => {
    expect(escape('löc ]]\t\n😀')).to.equal('löc ]]\t\n😀');
  });

  it('escapes what XML keeps for itself', () => {
    expect(escape(`<a b='c' d="e">&amp;]]>`)).to.equal(
      '&lt;a b=&apos;c&apos; d=&quot;e&quot;&gt;&amp;amp;]]&gt;',
    );
  });

  it('escapes carriage returns, which would be read as line feeds', () => {
    expect(escape('a\r\nb')).to.equal('a&#13;\nb');
  });

  it('escapes all white space but the space in values', () => {
    expect(escapeValue(`\r\n\t '`)).to.equal('&#13;&#10;&#9; &apos;');
  });

  it('is undone by unescape', () => {
    const text = `<>&'"\r\n\t😀 &amp;`;
    expect(unescape(escape(text))).to.equal(text);
    expect(unescapeValue(escapeValue(text))).to.equal(text);
  });
});

describe('unescape', () => {
  it('resolves entities and characters, once', () => {
    expect(unescape('&amp;lt;&lt;&gt;&apos;&quot;&#65;&#x1f600;&#x1F600;')).to.equal(`&lt;<>'"A😀😀`);
  });

  it('reads the white space of values as spaces, and references to it as what they are', () => {
    expect(unescapeValue('a\r\nb\tc\r\rd&#13;&#10;')).to.equal('a b c  d\r\n');
  });
});
