import { expect } from 'chai';
import { Element, element, parse } from '../../lib/xml/index.js';

describe('Element', () => {
  it('is written with its attributes in order and all special characters escaped', () => {
    const iq = element(
      'iq',
      { type: 'set', id: `<'&">`, to: undefined },
      element('a'),
      'x < y',
      element('b', {}, ''),
    );
    expect(iq.toString()).to.equal(`<iq type='set' id='&lt;&apos;&amp;&quot;&gt;'><a/>x &lt; y<b></b></iq>`);
  });

  it('is written so that white space is read as it was', () => {
    const iq = element('iq', { a: '\t\n\r' }, '\t\n\r');
    expect(iq.toString()).to.equal(`<iq a='&#9;&#10;&#13;'>\t\n&#13;</iq>`);
    expect(parse(iq.toString()).toString()).to.equal(iq.toString());
  });

  it('gets, sets and removes attributes', () => {
    const iq = element('iq', { a: '1' }).set('b', '2').set('a', undefined).set('c', undefined);
    expect([...iq.attributes]).to.deep.equal([['b', '2']]);
    expect(iq.attribute('b')).to.equal('2');
    expect(iq.attribute('toString')).to.be.undefined;
  });

  it('takes attribute names that objects have', () => {
    const iq = element('iq').set('__proto__', '1').set('constructor', '2');
    expect(iq.toString()).to.equal(`<iq __proto__='1' constructor='2'/>`);
    expect(iq.clone().toString()).to.equal(iq.toString());
  });

  it('finds children by name and namespace', () => {
    const iq = parse(`<iq><q:a xmlns:q='urn:q'/><a xmlns='urn:a'>text</a><a>other</a></iq>`);
    expect(iq.child('a')?.name).to.equal('q:a');
    expect(iq.child('a', 'urn:a')?.text).to.equal('text');
    expect(iq.child('a', '')?.text).to.equal('other');
    expect(iq.child('a', 'urn:none')).to.be.undefined;
    expect(iq.childText('a')).to.equal('');
    expect(iq.childText('b')).to.be.undefined;
    expect(iq.elements).to.have.length(3);
  });

  it('joins the text directly inside', () => {
    expect(parse('<a>1<b>2</b>3<![CDATA[4]]></a>').text).to.equal('134');
  });

  it('gives its namespace to children that have none of their own', () => {
    const own = element('own', { xmlns: 'urn:own' }, element('deep'));
    const query = element('query', { xmlns: 'urn:q' }, element('a', {}, element('b')), own);
    query.append(element('c'), 'text');
    expect(query.child('a')?.child('b')?.namespace).to.equal('urn:q');
    expect(query.child('own')?.child('deep')?.namespace).to.equal('urn:own');
    expect(query.child('c')?.namespace).to.equal('urn:q');
    expect(query.toString()).to.equal(
      `<query xmlns='urn:q'><a><b/></a><own xmlns='urn:own'><deep/></own><c/>text</query>`,
    );
  });

  it('is copied with all that is in it', () => {
    const first = element('a', { b: '1' }, element('c', {}, 'x'), 'y');
    const copy = first.clone();
    copy.set('b', '2').elements[0].append('z');
    expect(first.toString()).to.equal(`<a b='1'><c>x</c>y</a>`);
    expect(copy.toString()).to.equal(`<a b='2'><c>xz</c>y</a>`);
  });

  it('knows its name without the prefix', () => {
    expect(new Element('stream:error').localName).to.equal('error');
    expect(new Element('error').localName).to.equal('error');
  });
});
