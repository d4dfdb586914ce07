import { expect } from 'chai';
import {
  fromAnswer,
  fromHeader,
  addressee,
  detectAddressOf,
  otherDialect,
  questions,
  isJabberd2,
} from '../../../lib/upstream/component/detection.js';
import { Reader, type Stanza, type Tag } from '../../../lib/xml/index.js';
import { stanza } from '../../support/stanza.js';
import { stanzas } from '../../support/transcript.js';

function headerOf(source: string): Tag {
  let found: Tag | undefined;
  const nothing = (): void => undefined;
  const reader = new Reader(
    {
      onHeader: (header) => (found = header),
      onStanza: nothing,
      onClosingTag: nothing,
      onParseError: nothing,
    },
    { limits: { bytes: 10_000, depth: 10, attributes: 10 }, namespaces: false },
  );
  reader.write(Buffer.from(source));
  return found!;
}

describe('the detection of a dialect', () => {
  const packets: [string, 'route' | 'sto-sfrom' | undefined][] = [
    [`<route to='a' from='b' type='auth'><iq/></route>`, 'route'],
    [`<route type='error'/>`, 'route'],
    [`<iq sto='a' sfrom='b'/>`, 'sto-sfrom'],
    [`<message sto='a'/>`, 'sto-sfrom'],
    [`<iq to='foo-sockets' from='b'/>`, undefined],
    [`<message to='foo-sockets' from='b'><route to='a' from='b'/></message>`, undefined],
    [`<message to='foo-sockets' from='b'><iq sto='a' sfrom='b'/></message>`, undefined],
    [`<x:route to='a' from='b'/>`, undefined],
    [`<message x:sto='a'/>`, undefined],
  ];
  for (const [source, dialect] of packets) {
    it(`finds ${dialect ?? 'nothing'} in ${source}`, () => {
      expect(fromAnswer(stanza(source))?.dialect).to.equal(dialect);
    });
  }

  it('finds jabberd 1.1 in its header, and nothing in that of others', () => {
    const header = (namespace: string): Tag =>
      headerOf(`<stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='1' xmlns='${namespace}'>`);
    expect(fromHeader(header('jabberd:sockets'))?.dialect).to.equal('sto-sfrom');
    expect(fromHeader(header('jabber:component:accept'))).to.equal(undefined);
    expect(fromHeader(headerOf('<stream>'))).to.equal(undefined);
  });

  it('says what shows it, as the rest of a sentence', () => {
    for (const [source] of packets) {
      const finding = fromAnswer(stanza(source));
      if (finding) expect(finding.why).to.match(/^it answers [^.]*$/);
    }
  });

  it('asks the same in each dialect: about nobody, from an address that no client has', () => {
    const [routed, plain, ...more] = stanzas(questions('foo-sockets', 'foo.com'));
    expect(more).to.deep.equal([]);
    const iq = `<iq type='get' id='detect'><query xmlns='jabber:iq:auth'/></iq>`;
    expect(routed).to.equal(`<route type='auth' to='foo.com' from='0@foo-sockets/detect'>${iq}</route>`);
    expect(plain).to.equal(iq.replace(`'detect'`, `'detect' sfrom='0@foo-sockets/detect' sto='foo.com'`));
  });

  it('tells the router of jabberd2 by the question that its sm asks every newcomer', () => {
    const question = `<iq xmlns='jabber:client' type='get' to='foo-sockets' from='sm' id='1'><query xmlns='http://jabber.org/protocol/disco#info'></query></iq>`;
    expect(isJabberd2(stanza(question))).to.equal(true);
    expect(otherDialect('route', stanza(question))).to.match(/jabberd2/);
    for (const [source] of packets) expect(isJabberd2(stanza(source)), source).to.equal(false);
  });

  it('knows the answers to it', () => {
    const answers: [string, boolean][] = [
      [`<route to='0@foo-sockets/detect' from='a'/>`, true],
      [`<iq sto='0@foo-sockets/detect' sfrom='a'/>`, true],
      [`<iq to='0@foo-sockets/detect' from='a'/>`, false],
      [`<route sto='0@foo-sockets/detect'/>`, false],
      [`<route to='0@other/detect' from='a'/>`, false],
      [`<route to='10@foo-sockets/detect' from='a'/>`, false],
      [`<route from='a'/>`, false],
    ];
    for (const [source, is] of answers) {
      expect(addressee(stanza(source)) === detectAddressOf('foo-sockets'), source).to.equal(is);
    }
  });

  it('says in one sentence what to use instead, and nothing where it is right or not known', () => {
    const route: Stanza = stanza(`<route to='a' from='b'/>`);
    expect(otherDialect('sto-sfrom', route)).to.equal(
      'the session manager speaks another dialect than sto-sfrom (it answers in <route/>): use --dialect route',
    );
    expect(otherDialect('route', stanza(`<iq sto='a' sfrom='b'/>`))).to.match(/: use --dialect sto-sfrom$/);
    expect(otherDialect('route', route)).to.equal(undefined);
    expect(otherDialect('route', stanza('<message/>'))).to.equal(undefined);
    expect(otherDialect('sto-sfrom', stanza('<message/>'))).to.equal(undefined);
  });
});
