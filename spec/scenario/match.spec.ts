import { expect } from 'chai';
import { matchStanza, differencesOf } from '../../lib/scenario/match.js';
import { parse, type Element } from '../../lib/xml/index.js';

const AROUND = new Map([['', 'jabber:client']]);
const tree = (xml: string): Element => parse(xml, AROUND);

/** In what a received stanza is other than expected. */
function wrong(expected: string, received: string, captures?: Map<string, string>): string[] {
  return matchStanza(tree(expected), tree(received), captures).differences.map(
    ({ path, text }) => `${path}: ${text}`,
  );
}

describe('scenario/match', () => {
  const good: [string, string, string][] = [
    [
      'what is not written is not looked at',
      '<presence/>',
      "<presence type='unavailable' from='a'><show/></presence>",
    ],
    ['children stand in any order', '<message><b/><a/></message>', '<message><a/>x<b/><c/></message>'],
    [
      'an element without text takes any',
      "<iq><q xmlns='x'><h/></q></iq>",
      "<iq><q xmlns='x'><h>Bearer</h></q></iq>",
    ],
    ['any value is a value', "<iq id='{scansion:any}'/>", "<iq id=''/>"],
    [
      'white space between elements is none',
      "<iq>\n<q xmlns='x'>\n<a/>\n</q></iq>",
      "<iq><q xmlns='x'><a/></q></iq>",
    ],
    [
      'text on lines of its own is without them',
      '<m><body>\n\t\thi\n\t</body></m>',
      '<m><body>hi</body></m>',
    ],
    [
      'prefixes are no part of a name',
      "<m><a:x xmlns:a='u' a:y='1'/></m>",
      "<m><x xmlns='u' xmlns:b='u' b:y='1'/></m>",
    ],
    [
      'strict may be turned off',
      "<m><x xmlns='u' scansion:strict='false'><a/></x></m>",
      "<m><x xmlns='u' k='v'><b/><a/></x></m>",
    ],
    ['a stanza may be strict', "<m scansion:strict='true' to='a'/>", "<m to='a'/>"],
  ];
  for (const [what, expected, received] of good) {
    it(`matches: ${what}`, () => expect(wrong(expected, received)).to.deep.equal([]));
  }

  const bad: [string, string, string, string[]][] = [
    [
      'another name',
      '<iq/>',
      '<message/>',
      ['message: it is <message> of jabber:client, not <iq> of jabber:client'],
    ],
    ['another namespace', "<iq><q xmlns='a'/></iq>", "<iq><q xmlns='b'/></iq>", ['iq: <q> of a is missing']],
    ['a missing attribute', "<iq type='set'/>", '<iq/>', ['iq: attribute type is missing, expected "set"']],
    [
      'any value, but none is there',
      "<q v='{scansion:any}' xmlns='a'/>",
      "<q xmlns='a'/>",
      ['q: attribute v is missing, expected with any value'],
    ],
    ['another value', "<iq type='set'/>", "<iq type='get'/>", ['iq: attribute type is "get", not "set"']],
    ['another text', '<m><body>a</body></m>', '<m><body>b</body></m>', ['m/body: the text is "b", not "a"']],
    [
      'white space in a text',
      '<m><body>a</body></m>',
      '<m><body> a</body></m>',
      ['m/body: the text is " a", not "a"'],
    ],
    [
      'an attribute too many where it is strict',
      "<m><x xmlns='u'/></m>",
      "<m><x xmlns='u' k='v'/></m>",
      [`m/x: attribute k='v' is not expected`],
    ],
    [
      'a child too many where it is strict',
      "<m><x xmlns='u'><a/></x></m>",
      "<m><x xmlns='u'><n/><a/></x></m>",
      ['m/x: <n> is not expected'],
    ],
    [
      'another order where it is strict',
      "<x xmlns='u'><a/><b/></x>",
      "<x xmlns='u'><b/><a/></x>",
      ['x/b: it is <b> of u, not <a> of u', 'x/a: it is <a> of u, not <b> of u'],
    ],
    [
      'what is inside of one that is not strict',
      "<x xmlns='u' scansion:strict='false'><a/></x>",
      "<x xmlns='u'><a k='v'/></x>",
      [`x/a: attribute k='v' is not expected`],
    ],
    [
      'one of several that is not there',
      "<m><f v='1'/><f v='2' w='{scansion:any}'/></m>",
      "<m><f v='3' w='4'/><f v='5'/></m>",
      ['m: <f v="1"> of jabber:client is missing', 'm/f: attribute v is "3", not "2"'],
    ],
    ['two where one is there', '<m><a/><a/></m>', '<m><a/></m>', ['m: <a> of jabber:client is missing']],
  ];
  for (const [what, expected, received, sentences] of bad) {
    it(`does not match: ${what}`, () => expect(wrong(expected, received)).to.deep.equal(sentences));
  }

  it('finds a partner for each child, also where the first that fits is needed by another', () => {
    const expected = "<m><s/><s code='1'/></m>";
    expect(wrong(expected, "<m><s code='1'/><s code='2'/></m>")).to.deep.equal([]);
    expect(wrong(expected, "<m><s code='3'/><s code='2'/></m>")).to.have.lengthOf(1);
  });

  it('names the difference to the nearest child', () => {
    const expected = "<m><item jid='b' role='x'/></m>";
    expect(wrong(expected, "<m><item jid='a' role='y'/><item jid='b' role='y'/></m>")).to.deep.equal([
      'm/item: attribute role is "y", not "x"',
    ]);
  });

  it('keeps what is captured, and wants it again', () => {
    const expected = tree("<m id='{scansion:capture:x}' from='{scansion:capture:x}'/>");
    const { captures, differences } = matchStanza(expected, tree("<m id='1' from='1'/>"));
    expect([[...captures], differences]).to.deep.equal([[['x', '1']], []]);
    const again = matchStanza(tree('<m><b>{scansion:capture:x}</b></m>'), tree('<m><b>2</b></m>'), captures);
    expect(again.differences.map(({ text }) => text)).to.deep.equal([
      'the text is "2", not "1", captured before as x',
    ]);
    expect(matchStanza(expected, tree("<m id='1' from='2'/>")).differences).to.have.lengthOf(1);
  });

  it('captures nothing from a stanza that does not match', () => {
    const before = new Map([['y', '9']]);
    matchStanza(tree("<m id='{scansion:capture:x}' type='a'/>"), tree("<m id='1' type='b'/>"), before);
    expect([...before]).to.deep.equal([['y', '9']]);
  });

  it('is done with deep and crowded stanzas', () => {
    const deep = (depth: number): string => (depth === 0 ? '<leaf/>' : `<a><b/>${deep(depth - 1)}</a>`);
    expect(wrong(deep(60), deep(60))).to.deep.equal([]);
    expect(differencesOf(tree(deep(60)), tree(deep(61)))).not.to.be.empty;
    const crowd = (count: number): string => `<m>${'<f/>'.repeat(count)}</m>`;
    expect(wrong(`<m>${'<f/>'.repeat(99)}<f k='v'/></m>`, crowd(100))).to.have.lengthOf(1);
  });

  it('tells any difference of two stanzas, but for the order of children', () => {
    const texts = (left: string, right: string): string[] =>
      differencesOf(tree(left), tree(right)).map(({ text }) => text);
    expect(texts('<m a="1"><b/><c>x</c></m>', '<m a="1"><c>x</c> <b/></m>')).to.deep.equal([]);
    expect(texts('<m><b/></m>', '<m k="v"><b>x</b><c/></m>')).to.deep.equal([
      `attribute k='v' is not expected`,
      'the text is "x", not ""',
      '<c> is not expected',
    ]);
  });
});
