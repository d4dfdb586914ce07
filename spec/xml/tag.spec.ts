import { expect } from 'chai';
import { parse, Reader, wholeStanza, type Element, type Stanza } from '../../lib/xml/index.js';
import { ACCEPTED, HEADER } from './samples.js';
import { LIMITS, read } from './trace.js';

function stanza(source: string, header = HEADER): Stanza {
  const { stanzas, fault } = read([header, source]);
  expect(fault).to.be.undefined;
  expect(stanzas).to.have.length(1);
  return stanzas[0];
}

/** All of a tree, with namespaces and the order of attributes. */
function shapeOf({ name, namespace, attributes, children }: Element): unknown {
  const inside = children.map((child) => (typeof child === 'string' ? child : shapeOf(child)));
  return [name, namespace, [...attributes], inside];
}

describe('the tree of a stanza', () => {
  for (const namespaces of [true, false]) {
    for (const [what, source] of Object.entries(ACCEPTED)) {
      it(`is that of its source ${namespaces ? 'from a client' : 'on a link'}: ${what}`, () => {
        const { header, stanzas } = read([HEADER + source], { namespaces });
        const around = namespaces ? header!.declarations() : undefined;
        for (const one of stanzas) {
          const tree = parse(one.readdressed([], ''), around);
          expect(shapeOf(one.element())).to.deep.equal(shapeOf(tree));
        }
      });
    }
  }
});

describe('Stanza', () => {
  it('has a name, prefix and all', () => {
    expect(stanza('<message/>').name).to.equal('message');
    expect(stanza('<q:é  a="1"/>').name).to.equal('q:é');
  });

  it('has attributes with their references resolved', () => {
    const iq = stanza(`<iq a='&lt;&#65;&quot;' b="it's" c=''/>`);
    expect(iq.attribute('a')).to.equal('<A"');
    expect(iq.attribute('b')).to.equal(`it's`);
    expect(iq.attribute('c')).to.equal('');
    expect(iq.attribute('d')).to.be.undefined;
  });

  it('has attributes with white space as the parsers behind us will read it', () => {
    const iq = stanza(`<iq a='1\t2\n3\r\n4\r5' b='&#9;&#10;&#13;&#10;'/>`);
    expect(iq.attribute('a')).to.equal('1 2 3 4 5');
    expect(iq.attribute('b')).to.equal('\t\n\r\n');
  });

  it('tells attributes apart that begin or end alike', () => {
    const iq = stanza(`<iq xsto='1' stox='2' sto='3' st='4' x:sto='5' xmlns:x='urn:x'/>`);
    expect(iq.attribute('sto')).to.equal('3');
    expect(iq.attribute('st')).to.equal('4');
    expect(iq.attribute('x:sto')).to.equal('5');
  });

  it('finds attributes behind characters of any length', () => {
    const iq = stanza(`<字 é='ü😀' b='1' 字='あ' sto='2'>ß</字>`);
    expect([...iq.attributes()]).to.deep.equal([
      ['é', 'ü😀'],
      ['b', '1'],
      ['字', 'あ'],
      ['sto', '2'],
    ]);
    expect(iq.readdressed(['sto'], ` x='y'`)).to.equal(`<字 é='ü😀' b='1' 字='あ' x='y'>ß</字>`);
  });

  it('has no attributes that objects have', () => {
    const iq = stanza('<iq/>');
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty', 'toString']) {
      expect(iq.attribute(name)).to.be.undefined;
    }
  });

  it('has attributes named as those of objects', () => {
    const iq = stanza(`<iq __proto__='1' constructor='2' hasOwnProperty='3' toString='4'/>`);
    expect(iq.attribute('__proto__')).to.equal('1');
    expect([...iq.element().attributes]).to.deep.equal([
      ['__proto__', '1'],
      ['constructor', '2'],
      ['hasOwnProperty', '3'],
      ['toString', '4'],
    ]);
  });

  it('says whether it is ASCII', () => {
    expect(stanza('<iq a="&#233;">x</iq>').ascii).to.be.true;
    expect(stanza('<iq>é</iq>').ascii).to.be.false;
    expect(stanza('<iq a="é"/>').ascii).to.be.false;
    expect(stanza('<é/>').ascii).to.be.false;
    expect(read([HEADER, '<iq>é</iq><iq/>']).stanzas[1].ascii).to.be.true;
  });

  it('is not ASCII when a declaration that it inherits is not', () => {
    const header = `<stream xmlns:q='urn:é'>`;
    expect(stanza('<iq/>', header).ascii).to.be.true;
    expect(stanza('<q:iq/>', header).ascii).to.be.false;
    expect(stanza('<q:iq/>', `<stream xmlns:q='urn:&#233;'>`).ascii).to.be.false;
    expect(stanza('<q:iq/>', `<stream xmlns:q='urn:e'>`).ascii).to.be.true;
  });

  it('has what stands between its tags', () => {
    expect(stanza('<iq/>').content).to.equal('');
    expect(stanza('<iq></iq>').content).to.equal('');
    expect(stanza(`<iq a='>' ><b/>&lt;é</iq >`).content).to.equal('<b/>&lt;é');
  });

  describe('is readdressed', () => {
    const cases: [what: string, source: string, expected: string][] = [
      ['with nothing to drop', `<iq a='1'>x</iq>`, `<iq a='1' sfrom='s'>x</iq>`],
      ['without attributes', '<iq/>', `<iq sfrom='s'/>`],
      ['without attributes, in two tags', '<iq></iq>', `<iq sfrom='s'></iq>`],
      ['with white space behind the name', '<iq \n/>', `<iq \n sfrom='s'/>`],
      ['with one to drop at the first place', `<iq sto='1' a='2' b='3'/>`, `<iq a='2' b='3' sfrom='s'/>`],
      ['with one to drop in the middle', `<iq a='2' sto='1' b='3'/>`, `<iq a='2' b='3' sfrom='s'/>`],
      ['with one to drop at the last place', `<iq a='2' b='3' sto='1'/>`, `<iq a='2' b='3' sfrom='s'/>`],
      ['with the only one to drop', `<iq sto='1'/>`, `<iq sfrom='s'/>`],
      ['with all to drop', `<iq sto='1' sfrom='2'>x</iq>`, `<iq sfrom='s'>x</iq>`],
      ['with two to drop, apart', `<iq sfrom='1' a='2' sto='3'/>`, `<iq a='2' sfrom='s'/>`],
      ['with two to drop, together', `<iq a='1' sfrom='1' sto='3' b='2'/>`, `<iq a='1' b='2' sfrom='s'/>`],
      [
        'with white space around what is dropped',
        `<iq\ta='1'\n sto\t=\r"2"  b='3' />`,
        `<iq\ta='1'  b='3'  sfrom='s'/>`,
      ],
      ['with quotes and > in what is dropped', `<iq sto="'>" a='">'/>`, `<iq a='">' sfrom='s'/>`],
      ['with what is dropped in a child', `<iq sto='1'><b sto='2'/></iq>`, `<iq sfrom='s'><b sto='2'/></iq>`],
      [
        'with names like what is dropped',
        `<iq stox='1' q:sto='2'/>`,
        `<iq stox='1' q:sto='2' xmlns:q='urn:q' sfrom='s'/>`,
      ],
      [
        'with characters beyond ASCII before',
        `<é ü='ö😀' sto='1' a='あ'>ß</é>`,
        `<é ü='ö😀' a='あ' sfrom='s'>ß</é>`,
      ],
      ['with characters beyond ASCII in what is dropped', `<iq sto='é😀' a='1'/>`, `<iq a='1' sfrom='s'/>`],
      ['with characters beyond ASCII behind', `<iq sto='1' a='2'>é</iq>`, `<iq a='2' sfrom='s'>é</iq>`],
      [
        'with all of its content as it was',
        `<iq>&#65;<![CDATA[<]]>\r\n"'</iq>`,
        `<iq sfrom='s'>&#65;<![CDATA[<]]>\r\n"'</iq>`,
      ],
    ];
    for (const [what, source, expected] of cases) {
      it(what, () => expect(stanza(source).readdressed(['sto', 'sfrom'], ` sfrom='s'`)).to.equal(expected));
    }

    it('with nothing to change', () => {
      const source = `<iq  a = "1"/>`;
      expect(stanza(source).readdressed(['sto'], '')).to.equal(source);
    });
  });

  describe('has the declarations that it needs from the header', () => {
    const header = `<stream xmlns='d' xmlns:q='urn:&apos;' xmlns:r="urn:r" xmlns:é='urn:é'>`;
    const cases: [what: string, source: string, inherited: string][] = [
      ['for its name', '<q:iq/>', ` xmlns:q='urn:&apos;'`],
      ['for an attribute', `<iq r:a='1'/>`, ` xmlns:r='urn:r'`],
      ['for a child', '<iq><a><r:b/></a></iq>', ` xmlns:r='urn:r'`],
      ['for an attribute of a child', `<iq><a r:b='1'/></iq>`, ` xmlns:r='urn:r'`],
      ['once each', `<iq r:a='1'><r:b é:a='1'/><é:c r:d='1'/></iq>`, ` xmlns:r='urn:r' xmlns:é='urn:é'`],
      ['not for the default namespace', '<iq><a/></iq>', ''],
      ['not for xml', `<iq xml:lang='en'/>`, ''],
      ['not for what it declares itself', `<r:iq xmlns:r='urn:other'><r:a/></r:iq>`, ''],
      ['not for what a child declares', `<iq><r:a xmlns:r='urn:other'><r:b/></r:a></iq>`, ''],
      [
        'for use outside of the child that declares it',
        `<iq><a xmlns:r='urn:o'/><r:b/></iq>`,
        ` xmlns:r='urn:r'`,
      ],
    ];
    for (const [what, source, inherited] of cases) {
      it(what, () => {
        expect(stanza(source, header).inherited).to.equal(inherited);
        expect(stanza(source, header).readdressed([], '')).to.equal(
          source.replace(/^<[^/>]*/, (tag) => tag + inherited),
        );
      });
    }

    it('and not those of the stanza before', () => {
      const { stanzas } = read([header, '<q:a/><b/><r:c/>', '<d><q', ':e/></d><f/>']);
      expect(stanzas.map(({ inherited }) => inherited.slice(1, 8))).to.deep.equal([
        'xmlns:q',
        '',
        'xmlns:r',
        'xmlns:q',
        '',
      ]);
    });

    it('in its tree too, which may be written elsewhere', () => {
      const tree = stanza('<iq><r:b/></iq>', header).element();
      expect(tree.toString()).to.equal(`<iq xmlns:r='urn:r'><r:b/></iq>`);
      expect(tree.namespace).to.equal('d');
      expect(tree.child('b')?.namespace).to.equal('urn:r');
    });

    it('and none where prefixes need no declaration', () => {
      expect(read([header, '<q:a/>'], { namespaces: false }).stanzas[0].inherited).to.equal('');
    });
  });
});

describe('The language of a stream', () => {
  function inLanguage(source: string, attributes = LIMITS.attributes): Stanza {
    const found: Stanza[] = [];
    const nothing = (): void => undefined;
    const events = {
      onHeader: nothing,
      onStanza: (one: Stanza) => void found.push(one),
      onClosingTag: nothing,
      onParseError: nothing,
    };
    const reader = new Reader(events, { limits: { ...LIMITS, attributes }, namespaces: true });
    reader.streamLanguage = 'de-AT';
    reader.write(Buffer.from(`<s xmlns:q='urn:q'>${source}`));
    return found[0];
  }

  it('is on a stanza that names none, wherever it is written [RFC6120 8.1.5]', () => {
    const stanza = inLanguage(`<message to='ä'><body xml:lang='fr'>x</body></message>`);
    const tag = `<message to='ä' xml:lang='de-AT'`;
    expect(stanza.readdressed([], '')).to.equal(`${tag}><body xml:lang='fr'>x</body></message>`);
    expect(stanza.readdressed(['to'], ` sto='b'`)).to.match(/^<message xml:lang='de-AT' sto='b'>/);
    expect(stanza.stampedFirst(` c2s='1'`)).to.match(/^<message c2s='1' xml:lang='de-AT' to='ä'>/);
    expect(stanza.with(new Map([['to', 'c']])).readdressed([], '')).to.contain(` xml:lang='de-AT'`);
    expect(stanza.element().attribute('xml:lang')).to.equal('de-AT');
  });

  it('is not on a stanza that names one, even an empty one [RFC6120 8.1.5]', () => {
    for (const language of ['en', ''])
      expect(inLanguage(`<iq xml:lang='${language}'/>`).language).to.equal('');
  });

  it('is not on a stanza that has as many attributes as it may have', () => {
    const attributes = Array.from({ length: 9 }, (_none, at) => ` a${at}=''`).join('');
    expect(inLanguage(`<iq${attributes}/>`, 9).language).to.equal('');
    expect(inLanguage(`<iq${attributes}/>`, 10).language).to.equal(` xml:lang='de-AT'`);
    expect(inLanguage(`<iq${attributes}><q:x/></iq>`, 10).language).to.equal('');
  });
});

describe('wholeStanza', () => {
  const TAGS = [
    '<iq/>',
    '<iq />',
    '<iq></iq>',
    "<iq type='result' id='a'/>",
    '<iq\ttype = "result"\r\n id\n=\n\'a\' >text</iq>',
    `<iq a='/>"=' b=">'= "><b c='d'/></iq>`,
    "<q:iq xmlns:q='urn:q' q:a='&lt;&#x41;' é='ü'/>",
  ];
  for (const source of TAGS) {
    it(`reads ${JSON.stringify(source)} as the reader does`, () => {
      const read = stanza(source);
      const whole = wholeStanza(source, false)!;
      expect(whole.name).to.equal(read.name);
      expect([...whole.attributes()]).to.deep.equal([...read.attributes()]);
      expect(whole.readdressed(['id', 'a'], " to='x'")).to.equal(read.readdressed(['id', 'a'], " to='x'"));
    });
  }

  it('finds nothing in what is no element', () => {
    for (const text of ['', 'text', '<iq', '<iq a', "<iq a='b"]) {
      expect(wholeStanza(text, true), text).to.be.undefined;
    }
  });
});

describe('the only element inside', () => {
  for (const inside of ['<a/>', ' <a />\n', `<a b='/>'>x</a>`, '<a><a/></a >', "<a b='>' ></a>"]) {
    it(`is all of ${JSON.stringify(inside)}`, () => {
      expect(stanza(`<r>${inside}</r>`).only()?.source).to.equal(inside.trim());
    });
  }

  const NONE = ['', 'x', '<a/><b/>', 'x<a/>', '<a/>x', '<a/>x>', '<a></a>x', '<a></a>x>', '<a><a/></a>&gt;'];
  for (const inside of [...NONE, '<![CDATA[x]]><a/>', '<a></a><![CDATA[x]]>', '<a/><![CDATA[</a>]]>']) {
    it(`is none in ${JSON.stringify(inside)}`, () => {
      expect(stanza(`<r>${inside}</r>`).only()).to.equal(undefined);
    });
  }
});
