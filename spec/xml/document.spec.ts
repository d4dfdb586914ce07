import { expect } from 'chai';
import { DocumentError, parse, parseDocument, type Element, type Namespaces } from '../../lib/xml/index.js';
import { Grammar } from '../fuzz/grammar.js';
import { Random } from '../fuzz/random.js';
import { ACCEPTED, HEADER } from './samples.js';
import { read } from './trace.js';

const STREAMS = 4_000;
const SEED = Date.now() % 1_000_000_007;

/** All that a tree says, with text in one piece where it stands in one piece. */
function shape(element: Element): unknown {
  const children: unknown[] = [];
  for (const child of element.children) {
    const last = children.at(-1);
    if (typeof child !== 'string') children.push(shape(child));
    else if (typeof last === 'string') children[children.length - 1] = last + child;
    else children.push(child);
  }
  return [element.name, element.namespace, [...element.attributes], children];
}

function expectSame(source: string, around?: Namespaces): void {
  expect(shape(parse(source, around)), source).to.deep.equal(shape(parseDocument(source, around)));
}

describe('The trees of parse, which checks nothing, and of parseDocument, which checks all', () => {
  for (const [what, stanza] of Object.entries(ACCEPTED)) {
    it(`are the same: ${what}`, () => {
      for (const { source } of read([HEADER + stanza]).stanzas) expectSame(source);
    });
  }

  it(`are the same for the stanzas of ${STREAMS} random streams (seed ${SEED})`, function () {
    this.timeout(60_000);
    let stanzas = 0;
    for (let number = 0; number < STREAMS; number += 1) {
      const random = new Random(Math.imul(SEED, 2_654_435) ^ Math.imul(number, 40_503));
      const trace = read([Buffer.from(new Grammar(random).stream())]);
      for (const stanza of trace.stanzas) {
        expectSame(stanza.readdressed([], ''), trace.header!.declarations());
        stanzas += 1;
      }
    }
    expect(stanzas).to.be.greaterThan(STREAMS / 10);
  });

  it('are the same where elements are deep, many, and full of white space', () => {
    expectSame(`${'<a>'.repeat(100)}x${'</a>'.repeat(100)}`);
    expectSame(`<a>${'<b/>'.repeat(20_000)}</a>`);
    expectSame(`<a\r\n b = '1'\r\tc\n=\r"2"\r>\r\n<b\t/>\r</a\r\n>`);
  });
});

describe('parseDocument', () => {
  it('tells which line is not well-formed', () => {
    const lines: [string, number][] = [
      ['<a>\n<b>\n</a>', 2],
      ["<a\n\r\nx='1'>\n<b>\n</a>", 4],
      ['<a>\n\n</b>\n</a>', 3],
      ["<a><!-- it's -->\n<b\nx='1'\n>\n</c></b></a>", 5],
      ['\n<a>\n', 2],
      ['', 1],
    ];
    for (const [source, line] of lines) {
      expect(() => parseDocument(source), source)
        .to.throw(DocumentError)
        .with.property('line', line);
    }
  });

  it('takes comments and processing instructions, which streams may not have', () => {
    expect(parseDocument('<?xml version="1.0"?><a><!-- b --><?c d?>e</a>').text).to.equal('e');
  });
});
