import { expect } from 'chai';
import { tagsInside } from '../../lib/xml/inside.js';
import { ACCEPTED, HEADER } from './samples.js';
import { read } from './trace.js';

describe('tags inside', () => {
  for (const [form, body] of Object.entries(ACCEPTED)) {
    it(`are those that the tree has: ${form}`, () => {
      for (const stanza of read([HEADER, body]).stanzas) {
        const { elements } = stanza.element();
        for (const { localName } of elements) {
          const found = stanza.tagsInside(localName).map(({ begin, tag }) => [tag.name, begin] as const);
          const alike = elements.filter((child) => child.localName === localName);
          expect(found.map(([name]) => name)).to.deep.equal(alike.map(({ name }) => name));
          for (const [name, begin] of found)
            expect(stanza.source.slice(begin)).to.satisfy((s: string) => s.startsWith(`<${name}`));
        }
      }
    });
  }

  it('are found in one go, however many elements and colons there are', () => {
    const source = `<a>${'<x/>'.repeat(100_000)}${'<b><c:d/></b>'.repeat(100_000)}<c:x/></a>`;
    expect(tagsInside(source, 3, 'x')).to.have.length(100_001);
  });
});
