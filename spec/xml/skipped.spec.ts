/** A link has to go on: what would end a client's stream is skipped or mended there. */
import { expect } from 'chai';
import { Reader, type StanzaLimits } from '../../lib/xml/index.js';

const LIMITS: StanzaLimits = { bytes: 200, depth: 5, attributes: 3 };
const HEADER = `<stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='1'>`;

/** Everything that a reader of a link tells of a stream, cut at those places. */
function told(stream: Buffer, ...cuts: number[]): string[] {
  const events: string[] = [];
  const reader = new Reader(
    {
      onHeader: () => events.push('open'),
      onStanza: (stanza) => events.push(stanza.source),
      onSkipped: (bytes) => events.push(`skipped ${bytes}`),
      onClosingTag: () => events.push('close'),
      onParseError: ({ condition }) => events.push(condition),
    },
    { limits: LIMITS, namespaces: false },
  );
  const places = [0, ...cuts, stream.length];
  for (let at = 1; at < places.length; at += 1)
    reader.write(Buffer.from(stream.subarray(places[at - 1], places[at])));
  return events;
}

const OVER = {
  'too long in its text': `<message to='a'><body>${'x'.repeat(300)}</body></message>`,
  'too long in an attribute': `<message to='${'x'.repeat(300)}'><body/></message>`,
  'too deep': `<a><b><c><d><e><f><g>t</g></f></e></d></c></b></a>`,
  'too crowded': `<message a='1' b='2' c='3' d="4" e='5'><body/></message>`,
  'too crowded inside': `<message><x a='1' b='2' c='3' d="4" e='5'/></message>`,
  'all of it': `<a a='1' b='2' c='3' d="4"><b><c><d><e><f><g>${']&amp;<h i="]>"/>'.repeat(40)}</g></f></e></d></c></b></a>`,
};

describe('a packet over a limit on a link', () => {
  for (const [what, packet] of Object.entries(OVER)) {
    const stream = Buffer.from(`${HEADER}<before/>${packet} <after a='1'/></stream:stream>`);
    const expected = ['open', '<before/>', `skipped ${packet.length}`, `<after a='1'/>`, 'close'];

    it(`is skipped, and the next one read: ${what}`, () => {
      expect(told(stream)).to.deep.equal(expected);
    });

    it(`is skipped wherever it is cut: ${what}`, () => {
      for (let cut = 1; cut < stream.length; cut += 1) {
        expect(told(stream, cut), `cut at ${cut}`).to.deep.equal(expected);
      }
      const everywhere = Array.from(stream, (_byte, at) => at).slice(1);
      expect(told(stream, ...everywhere)).to.deep.equal(expected);
    });
  }

  it('is a fault all the same where it is no XML', () => {
    const stream = Buffer.from(`${HEADER}<message to='a'>${'x'.repeat(300)}<1/></message>`);
    expect(told(stream)).to.deep.equal(['open', 'not-well-formed']);
  });
});

describe('bytes on a link that are no UTF-8', () => {
  const packet = (bytes: string): Buffer =>
    Buffer.concat([
      Buffer.from(`${HEADER}<presence from='a`),
      Buffer.from(bytes, 'latin1'),
      Buffer.from(`@localhost'>é</presence><after/>`),
    ]);

  for (const [what, bytes] of Object.entries({
    'a name cut in the middle of a character': '\xc3',
    'a cut character of four bytes': '\xf0\x9f\x98',
    'a surrogate': '\xed\xa0\x80',
  })) {
    it(`become the replacement character: ${what}`, () => {
      const stream = packet(bytes);
      const [, first, second] = told(stream);
      expect(first).to.match(/^<presence from='a\ufffd+@localhost'>é<\/presence>$/);
      expect(second).to.equal('<after/>');
      for (let cut = 1; cut < stream.length; cut += 1) {
        expect(told(stream, cut).slice(1), `cut at ${cut}`).to.deep.equal([first, second]);
      }
    });
  }
});
