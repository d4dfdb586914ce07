import { expect } from 'chai';
import { Scan, Scanner } from '../../lib/xml/scanner.js';
import { ACCEPTED, CLOSE, HEADER, ODD_NAMESPACES, REFUSED } from './samples.js';
import { read } from './trace.js';

describe('What the scanner refuses', () => {
  for (const { why, body, condition } of REFUSED) {
    it(`${why}: ${condition}`, () => {
      const trace = read([HEADER, body, '<after/>', CLOSE]);
      expect(trace.fault?.condition).to.equal(condition);
      expect(trace.closed).to.be.false;
      expect(trace.events.at(-1)).to.match(/^fault/);
      expect(trace.stanzas.map((stanza) => stanza.name)).not.to.include('after');
    });
  }

  it('what has no namespaces to look at only where prefixes must be declared', () => {
    const body = `<route><z:a/><:b/><c:d:e/><f xmlns:g=''/><h xmlns='a|b'/></route>`;
    expect(read([HEADER, body], { namespaces: false }).stanzas).to.have.length(1);
  });

  it('with a sentence that holds nothing of the peer', () => {
    for (const { body } of REFUSED)
      expect(read([HEADER, body, '<after/>']).fault?.text).to.match(/^[a-z<\]][\w ,<>/\-()]*/i);
  });
});

describe('What the scanner lets through', () => {
  for (const [what, stanza] of Object.entries(ACCEPTED)) {
    it(`${what}, byte for byte`, () => {
      const trace = read([HEADER + stanza + CLOSE]);
      expect(trace.fault).to.be.undefined;
      expect(trace.stanzas.map(({ source }) => source)).to.deep.equal([stanza]);
      expect(trace.closed).to.be.true;
      expect(trace.stanzas[0].hasOddNamespace).to.be.false;
    });
  }

  for (const [what, stanza] of Object.entries(ODD_NAMESPACES)) {
    it(`a namespace with ${what}, which it marks`, () => {
      const trace = read([HEADER + stanza, '<iq/>', CLOSE]);
      expect(trace.fault).to.be.undefined;
      expect(trace.stanzas.map(({ hasOddNamespace }) => hasOddNamespace)).to.deep.equal([true, false]);
    });
  }

  it('a namespace with a blank that the header declares, which it marks where it is used', () => {
    const header = HEADER.replace("xmlns:q='urn:q'", "xmlns:q='a b'");
    const trace = read([header, `<iq><q:x/></iq><iq/><iq q:a='1'/>`, CLOSE]);
    expect(trace.stanzas.map(({ hasOddNamespace }) => hasOddNamespace)).to.deep.equal([true, false, true]);
  });
});

/** A stream that counts how often one of its bytes is looked at. */
function watched(stream: Buffer): { bytes: Uint8Array; touched: () => number } {
  let touched = 0;
  const bytes = new Proxy(stream, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) touched += 1;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { bytes, touched: () => touched };
}

/** How often a byte is looked at, on average, when the stream comes in pieces of that size. */
function touches(stream: Buffer, step: number): number {
  const { bytes, touched } = watched(stream);
  const scanner = new Scanner({ bytes: stream.length, depth: 1000, attributes: 1000 }, true);
  for (let end = step; end < stream.length + step; end += step) {
    let found = scanner.scan(bytes, Math.min(end, stream.length));
    if (found === Scan.Open) {
      scanner.begin = scanner.position;
      found = scanner.scan(bytes, Math.min(end, stream.length));
    }
    expect(found).not.to.equal(Scan.Fault);
  }
  return touched() / stream.length;
}

describe('The scanner looks at a byte a few times, however long the stanza', () => {
  const MOST = 20;
  const SIZE = 4096;
  const times = (piece: string): string => piece.repeat(Math.ceil(SIZE / piece.length));
  const shapes: Record<string, string> = {
    text: `<iq>${times('x')}</iq>`,
    '> in text': `<iq>${times('>')}</iq>`,
    '] in text': `<iq>${times(']')}</iq>`,
    'text of three bytes a character': `<iq>${times('字')}</iq>`,
    entities: `<iq>${times('&amp;')}</iq>`,
    'long references': `<iq>${times('&#x000000000000000000041;')}</iq>`,
    'a long attribute': `<iq a='${times('x')}'/>`,
    '> in an attribute': `<iq a='${times('>')}'/>`,
    'quotes in an attribute': `<iq a='${times('"')}'/>`,
    'a long name': `<${times('x')}/>`,
    'a long closing tag': `<${times('x')}></${times('x')}>`,
    'a long name of an attribute': `<iq ${times('x')}='1'/>`,
    'white space in a tag': `<iq${times(' ')}/>`,
    'a CDATA section': `<iq><![CDATA[${times('x')}]]></iq>`,
    '] in a CDATA section': `<iq><![CDATA[${times(']')}]]></iq>`,
    '> in a CDATA section': `<iq><![CDATA[${times('>')}]]></iq>`,
    'CDATA sections': `<iq>${times('<![CDATA[]]>')}</iq>`,
    'small elements': `<iq>${times('<a/>')}</iq>`,
    'elements in each other': `<iq>${'<a>'.repeat(900)}${'</a>'.repeat(900)}</iq>`,
    'white space between stanzas': times(' '),
  };
  for (const [shape, body] of Object.entries(shapes)) {
    for (const step of [1, 7, 1000]) {
      it(`${shape}, in reads of ${step}`, () => {
        expect(touches(Buffer.from(HEADER + body), step)).to.be.below(MOST);
      });
    }
  }
});
