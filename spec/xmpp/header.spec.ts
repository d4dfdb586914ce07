import { expect } from 'chai';
import { tcp } from '../../lib/xmpp/framing/tcp.js';
import {
  newStreamId,
  readHeader,
  responseHeader,
  type Header,
  type StreamKind,
} from '../../lib/xmpp/header.js';
import { Reader, type Tag } from '../../lib/xml/index.js';

const STREAMS = 'http://etherx.jabber.org/streams';

function tag(source: string): Tag {
  let found: Tag | undefined;
  const reader = new Reader(
    {
      onHeader: (header) => void (found = header),
      onStanza: () => undefined,
      onClosingTag: () => undefined,
      onParseError: ({ text }) => expect.fail(text),
    },
    { limits: { bytes: 10_000, depth: 10, attributes: 10 }, namespaces: true },
  );
  reader.write(Buffer.from(source));
  return found!;
}

function read(
  attributes: string,
  name = 'stream:stream',
  xmlns = 'jabber:client',
  streams = STREAMS,
): Header {
  return readHeader(tag(`<${name} xmlns='${xmlns}' xmlns:stream='${streams}' ${attributes}>`), tcp);
}

describe('a stream header', () => {
  for (const [version, kind] of [
    ['1.0', 'rfc6120'],
    ['1.5', 'rfc6120'],
    ['2.0', 'rfc6120'],
    ['10.0', 'rfc6120'],
    ['0.9', 'legacy'],
    ['0.0', 'legacy'],
  ] as const) {
    it(`with version ${version} is ${kind} [RFC6120 4.7.5]`, () => {
      expect(read(`version='${version}'`)).to.include({ kind, end: undefined });
    });
  }

  it('without a version is legacy', () =>
    expect(read('')).to.deep.equal({ kind: 'legacy', to: undefined, language: undefined, end: undefined }));

  for (const language of ['de', 'en-GB', 'zh-Hant-TW', 'sl-rozaj-biske-1994'])
    it(`in the language ${language}`, () =>
      expect(read(`xml:lang='${language}'`).language).to.equal(language));

  for (const language of ['', 'x y', '-', 'de_DE', `d'e`, 'ä', 'abcdefghi', `en${'-abcdefgh'.repeat(4)}`])
    it(`in no language where it says "${language}" [RFC5646 2.1]`, () =>
      expect(read(`xml:lang="${language}"`).language).to.be.undefined);

  for (const version of ['', '1', 'x', '1.0.0', '-1.0', ' 1.0']) {
    it(`with version "${version}" is refused`, () => {
      expect(read(`version='${version}'`).end?.kind).to.equal('unsupported-version');
    });
  }

  it('names a host without case', () => expect(read(`to='LocalHost'`).to).to.equal('localhost'));

  it('must be `stream` in its namespace, with a default namespace for clients [RFC6120 4.8]', () => {
    expect(read('', 'stream:steam').end?.kind).to.equal('bad-header');
    expect(read('', 'iq').end?.kind).to.equal('bad-header');
    expect(read('', 'stream:stream', 'jabber:server').end?.kind).to.equal('bad-namespace');
    expect(read('', 'stream:stream', 'jabber:client', 'x').end?.kind).to.equal('bad-stream-namespace');
    expect(read('', 'stream').end?.kind).to.equal('bad-stream-namespace');
    expect(readHeader(tag(`<s:stream xmlns='jabber:client' xmlns:s='${STREAMS}'>`), tcp).end).to.equal(
      undefined,
    );
  });
});

function writeHeader(kind: StreamKind, id: string, from: string | undefined): string {
  return tcp.open('receiving', responseHeader(kind, id, from));
}

describe('our stream header', () => {
  it('has no version for a legacy stream', () => {
    expect(writeHeader('legacy', 'x1', 'localhost')).to.equal(
      `<?xml version='1.0'?><stream:stream xmlns:stream='${STREAMS}' id='x1' xmlns='jabber:client' from='localhost'>`,
    );
  });

  it('has one otherwise', () => {
    expect(
      tag(writeHeader('rfc6120', 'x1', undefined))
        .attributes()
        .get('version'),
    ).to.equal('1.0');
  });

  it('has no host where there is none, and is well-formed with any', () => {
    expect(tag(writeHeader('legacy', 'x1', undefined)).attribute('from')).to.equal(undefined);
    expect(tag(writeHeader('legacy', 'x1', `a'b<c>"&`)).attribute('from')).to.equal(`a'b<c>"&`);
  });

  it('that opens a stream has the namespace of the stanzas first, as components write it', () => {
    expect(tcp.open('initiating', { xmlns: 'jabber:component:accept', to: 'foo-sockets' })).to.equal(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='${STREAMS}' to='foo-sockets'>`,
    );
  });
});

describe('a stream id', () => {
  it('has 16 characters that need no escaping, and is given once', () => {
    const ids = Array.from({ length: 1000 }, newStreamId);
    expect(ids.filter((id) => !/^[\w-]{16}$/.test(id))).to.deep.equal([]);
    expect(new Set(ids).size).to.equal(ids.length);
  });
});
