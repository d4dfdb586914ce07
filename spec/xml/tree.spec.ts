import { expect } from 'chai';
import { element, parse, treeOf, type Element } from '../../lib/xml/index.js';
import { ACCEPTED, HEADER } from './samples.js';
import { read } from './trace.js';

describe('parse', () => {
  for (const [what, stanza] of Object.entries(ACCEPTED)) {
    it(`makes the same tree of what it wrote: ${what}`, () => {
      const [{ source, ...rest }] = read([HEADER + stanza]).stanzas;
      expect(rest.inherited).to.be.a('string');
      const tree = parse(source);
      const again = parse(tree.toString());
      expect(again.toString()).to.equal(tree.toString());
      expect([...again.attributes]).to.deep.equal([...tree.attributes]);
      expect(again.text).to.equal(tree.text);
    });
  }

  it('resolves references and sections', () => {
    const tree = parse(`<a b='&amp;&#x1F600;'>&lt;&#65;<![CDATA[&lt;]]></a>`);
    expect(tree.attribute('b')).to.equal('&😀');
    expect(tree.text).to.equal('<A&lt;');
  });

  it('reads white space as XML wants it [XML 1.0 2.11, 3.3.3]', () => {
    const tree = parse(
      `<a\n b='1\r\n2\t3\n4&#10;5>"'\tc="'\r'"\r>x\r\ny\rz&#13;<![CDATA[\r<a b='\n'>]]>'\t'</a>`,
    );
    expect(tree.attribute('b')).to.equal('1 2 3 4\n5>"');
    expect(tree.attribute('c')).to.equal(`' '`);
    expect(tree.text).to.equal(`x\ny\nz\r\n<a b='\n'>'\t'`);
  });

  it('finds the namespace of each element', () => {
    const tree = parse(
      `<a xmlns='urn:1' xmlns:p='urn:p'><b/><p:c xmlns='urn:2'><d/><p:e xmlns:p='urn:q'/></p:c><f xmlns=''><g/></f></a>`,
    );
    const [b, c, f] = tree.elements;
    expect(
      [b, c, c.elements[0], c.elements[1], f, f.elements[0]].map(({ namespace }) => namespace),
    ).to.deep.equal(['urn:1', 'urn:p', 'urn:2', 'urn:q', '', '']);
  });

  it('finds namespaces that are declared around it', () => {
    const around = new Map([
      ['', 'jabber:client'],
      ['q', 'urn:q'],
    ]);
    const tree = parse('<iq><q:x/><z:y/><xml:z/></iq>', around);
    expect(tree.namespace).to.equal('jabber:client');
    expect(tree.elements.map(({ namespace }) => namespace)).to.deep.equal([
      'urn:q',
      '',
      'http://www.w3.org/XML/1998/namespace',
    ]);
  });

  it('takes an attribute as often as its name is another', () => {
    expect([...parse(`<a hasOwnProperty='1' __proto__='2' b='3' c='4'/>`).attributes.values()]).to.deep.equal(
      ['1', '2', '3', '4'],
    );
  });

  it('takes pieces of more than 64 KiB, at which sax would stop', () => {
    const long = 'x'.repeat(200_000);
    expect(parse(`<a b='${long}'/>`).attribute('b')).to.equal(long);
    expect(parse(`<a>${long}</a>`).text).to.equal(long);
    expect(parse(`<a><![CDATA[${long}]]></a>`).text).to.equal(long);
    expect(parse(`<${long}/>`).name).to.equal(long);
    expect(parse(`<a ${long}='1'/>`).attribute(long)).to.equal('1');
    expect(parse(`<a\n b='${'\n'.repeat(200_000)}'/>`).attribute('b')).to.have.length(200_000);
  });

  it('throws for what is no element', () => {
    const sources = [
      '',
      'text',
      '<a>',
      '<a></b>',
      '<a b/>',
      '&',
      '<a',
      '<a b',
      "<a b='",
      '<a/',
      '</a>',
      '<a/><b/>',
    ];
    for (const source of [...sources, '<a/>text', '<a><![CDATA[</a>', '<a></a', '<!-- -->', '<>', '<a></ab>'])
      expect(() => parse(source)).to.throw();
  });
});

/** All that a tree says. */
function told({ name, namespace, attributes, children }: Element): unknown {
  return [
    name,
    namespace,
    [...attributes],
    children.map((child) => (typeof child === 'string' ? child : told(child))),
  ];
}

describe('treeOf', () => {
  for (const [what, stanza] of Object.entries(ACCEPTED)) {
    it(`tells the same as parse where somebody looks: ${what}`, () => {
      const [{ source }] = read([HEADER + stanza]).stanzas;
      expect(told(treeOf(source))).to.deep.equal(told(parse(source)));
    });
  }

  it('writes what nobody has looked into as it came, in copies and behind other opening tags too', () => {
    const inside = `<b c="1"></b> it's <![CDATA[<]]>`;
    const tree = treeOf(`<a d="2">${inside}</a>`);
    expect(tree.toString()).to.equal(`<a d='2'>${inside}</a>`);
    expect(tree.clone().set('d', '3').append('&').toString()).to.equal(`<a d='3'>${inside}&amp;</a>`);
    expect(tree.reopened().set('d', undefined).toString()).to.equal(`<a>${inside}</a>`);
    expect(tree.clone().child('b')?.attribute('c')).to.equal('1');
    expect(tree.toString()).to.equal(`<a d='2'>${inside}</a>`);
  });

  it('looks no further than the opening tag until somebody asks', () => {
    const tree = treeOf('<a b="1"><c></a>');
    expect(tree.attribute('b')).to.equal('1');
    expect(() => tree.children).to.throw();
  });

  it('knows what is declared around what somebody looks into', () => {
    const tree = treeOf(`<p:a xmlns:p='urn:p'><b/><p:c/><q:d/></p:a>`, new Map([['q', 'urn:q']]));
    expect(tree.elements.map(({ namespace }) => namespace)).to.deep.equal(['', 'urn:p', 'urn:q']);
    const inside = element('x', { xmlns: 'urn:x' }, treeOf('<y><z/><w xmlns=""/></y>')).elements[0];
    expect([inside, ...inside.elements].map(({ namespace }) => namespace)).to.deep.equal([
      'urn:x',
      'urn:x',
      '',
    ]);
  });

  it('says which elements there cannot be inside, without a look', () => {
    const tree = treeOf('<a><b><password/></b></a>');
    expect(tree.mayHold('password')).to.equal(true);
    expect(tree.mayHold('secret')).to.equal(false);
    expect(treeOf('<a><b><p:password xmlns:p="u"/></b></a>').elements[0].mayHold('password')).to.equal(true);
  });

  it('throws for what is no element', () => {
    for (const source of ['', 'text', '<a>', '<a b/>', '&']) expect(() => treeOf(source)).to.throw();
  });
});
