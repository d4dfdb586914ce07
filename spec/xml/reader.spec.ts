import { expect } from 'chai';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Reader } from '../../lib/xml/index.js';
import { ACCEPTED, CLOSE, HEADER, REAL_HEADERS, REFUSED } from './samples.js';
import { LIMITS, read, tracing } from './trace.js';

describe('Reader', () => {
  describe('takes the stream header', () => {
    for (const [client, header] of Object.entries(REAL_HEADERS)) {
      it(`of ${client}`, () => {
        const { header: tag, fault } = read([header, '<iq/>']);
        expect(fault).to.be.undefined;
        expect(tag?.name).to.equal('stream:stream');
        expect(tag?.attribute('to')).to.equal('localhost');
        expect(tag?.declarations().get('')).to.equal('jabber:client');
        expect(tag?.declarations().get('stream')).to.equal('http://etherx.jabber.org/streams');
      });
    }

    const others: Record<string, string> = {
      'behind a byte order mark': `\ufeff${HEADER}`,
      'behind a byte order mark and a declaration': `\ufeff<?xml version='1.0'?>${HEADER}`,
      'behind white space': `\r\n\t ${HEADER}`,
      'of Jabber before RFC 3920': `<stream:stream to='localhost' xmlns:stream='http://etherx.jabber.org/streams'>`,
      'with a declaration that says all it can': `<?xml version="1.0" encoding="utf-8" standalone='yes' ?>${HEADER}`,
      'of one that says UTF8': `<?xml version='1.0' encoding='UTF8'?>${HEADER}`,
      'of one that says ASCII': `<?xml version='1.0' encoding='US-ASCII'?>${HEADER}`,
      'of XML 1.1': `<?xml version='1.1'?>${HEADER}`,
      'of a stream without a prefix': `<stream xmlns='http://etherx.jabber.org/streams'>`,
      'of a stream with another prefix': `<s:stream xmlns:s='http://etherx.jabber.org/streams'>`,
      'of WebSocket framing': `<open to="localhost" version="1.0" xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>`,
    };
    for (const [what, header] of Object.entries(others)) {
      it(what, () => expect(read([header]).events).to.have.length(header.endsWith('/>') ? 2 : 1));
    }

    it('with characters beyond ASCII', () => {
      const { header } = read([`<stream:stream ä='ö😀' to='ü' xmlns:stream='x' é='1'>`]);
      expect([...header!.attributes()]).to.deep.equal([
        ['ä', 'ö😀'],
        ['to', 'ü'],
        ['xmlns:stream', 'x'],
        ['é', '1'],
      ]);
    });

    it('and tells the prefixes it declares', () => {
      const { header } = read([HEADER]);
      expect(header!.declarations().get('q')).to.equal('urn:q');
    });
  });

  describe('refuses before the header', () => {
    const cases: [why: string, stream: string | Buffer, condition: string][] = [
      ['text', `hello ${HEADER}`, 'not-well-formed'],
      ['another protocol', 'GET / HTTP/1.1\r\n\r\n', 'not-well-formed'],
      ['TLS', '\x16\x03\x01\x02\x00', 'not-well-formed'],
      ['a DTD', `<!DOCTYPE x>${HEADER}`, 'restricted-xml'],
      ['a comment', `<!-- c -->${HEADER}`, 'restricted-xml'],
      ['a processing instruction', `<?p i?>${HEADER}`, 'restricted-xml'],
      ['a second declaration', `<?xml version='1.0'?><?xml version='1.0'?>${HEADER}`, 'restricted-xml'],
      ['a declaration behind white space', ` <?xml version='1.0'?>${HEADER}`, 'restricted-xml'],
      ['a second byte order mark', `\ufeff\ufeff${HEADER}`, 'not-well-formed'],
      ['a declaration without a version', `<?xml encoding='UTF-8'?>${HEADER}`, 'not-well-formed'],
      ['a declaration with a form feed', `<?xml\fversion='1.0'?>${HEADER}`, 'not-well-formed'],
      [
        'a declaration with the byte of a Latin-1 space',
        Buffer.from(`<?xml\xa0version='1.0'?>`, 'latin1'),
        'not-well-formed',
      ],
      ['a declaration of XML 2', `<?xml version='2.0'?>${HEADER}`, 'not-well-formed'],
      ['a declaration in another order', `<?xml encoding='UTF-8' version='1.0'?>`, 'not-well-formed'],
      ['a declaration in capitals', `<?XML version='1.0'?>${HEADER}`, 'restricted-xml'],
      ['a stylesheet', `<?xml-stylesheet href='x'?>${HEADER}`, 'not-well-formed'],
      ['Latin-1', `<?xml version='1.0' encoding='iso-8859-1'?>${HEADER}`, 'unsupported-encoding'],
      ['UTF-16 by name', `<?xml version='1.0' encoding='UTF-16'?>${HEADER}`, 'unsupported-encoding'],
      ['a closing tag', '</stream:stream>', 'not-well-formed'],
      ['a CDATA section', '<![CDATA[', 'bad-format'],
      ['an endless declaration', `<?xml version='1.0'${' '.repeat(300)}`, 'not-well-formed'],
      [
        'a declaration of more than 256 bytes',
        `<?xml version='1.0'${' '.repeat(300)}?>${HEADER}`,
        'not-well-formed',
      ],
      ['a header with a prefix that is not declared', `<stream:stream to='x'>`, 'not-well-formed'],
      ['a header with an attribute twice', `<stream a='1' a='2'>`, 'not-well-formed'],
    ];
    for (const [why, stream, condition] of cases) {
      it(`${why}: ${condition}`, () => {
        const { events, fault } = read([stream]);
        expect(fault?.condition).to.equal(condition);
        expect(events).to.have.length(1);
      });
    }

    it('UTF-16 itself', () => {
      const utf16 = Buffer.from(`\ufeff${HEADER}`, 'utf16le');
      expect(read([utf16]).fault?.condition).to.equal('not-well-formed');
    });
  });

  describe('tells the end of the stream', () => {
    it('when the root is closed, and nothing behind it', () => {
      const { events } = read([HEADER, `<iq/>${CLOSE}<iq/> text <!-- `, '</again>', HEADER]);
      expect(events.map((event) => event.split(' ')[0])).to.deep.equal(['open', 'stanza', 'close']);
    });

    it('when the root is empty', () => {
      expect(read([`<stream to='x'/><iq/>`]).events.map((event) => event.split(' ')[0])).to.deep.equal([
        'open',
        'close',
      ]);
    });

    it('with white space in the closing tag', () => {
      expect(read([HEADER, '</stream:stream \n>']).closed).to.be.true;
    });

    it('not for a closing tag of another name', () => {
      expect(read([HEADER, '</stream:strean>']).fault?.condition).to.equal('not-well-formed');
    });

    it('once, when something was wrong', () => {
      const { events } = read([HEADER, '<iq></ip><iq/>', '<iq/>', CLOSE]);
      expect(events).to.have.length(2);
    });
  });

  describe('can be stopped by what it tells', () => {
    const stopping = (at: string): string[] => {
      const told: string[] = [];
      const tell = (event: string): void => {
        told.push(event);
        if (event === at) reader.stop();
      };
      const reader = new Reader(
        {
          onHeader: () => tell('open'),
          onStanza: () => tell('stanza'),
          onClosingTag: () => tell('close'),
          onParseError: () => tell('fault'),
        },
        { limits: LIMITS, namespaces: true },
      );
      reader.write(Buffer.from(`${HEADER}<a/><b/></c>`));
      reader.write(Buffer.from('<d/>'));
      return told;
    };

    it('at the header', () => expect(stopping('open')).to.deep.equal(['open']));
    it('at a stanza', () => expect(stopping('stanza')).to.deep.equal(['open', 'stanza']));
    it('and stops by itself at a fault', () =>
      expect(stopping('close')).to.deep.equal(['open', 'stanza', 'stanza', 'fault']));
  });

  describe('keeps the limits', () => {
    const limits = { bytes: 200, depth: 3, attributes: 5 };
    const root = `<stream xmlns='x'>`;
    const fault = (...reads: string[]): string | undefined => {
      const trace = read(reads, { limits });
      return trace.fault && `${trace.fault.condition}: ${trace.fault.text}`;
    };
    const sized = (bytes: number): string => `<a>${'x'.repeat(bytes - 7)}</a>`;
    const tooLong = 'policy-violation: a stanza may have 200 bytes';

    it('of bytes: at it', () => expect(fault(root, sized(200), sized(200))).to.be.undefined);
    it('of bytes: one over', () => expect(fault(root, sized(201))).to.equal(tooLong));
    it('of bytes, not characters', () => expect(fault(root, `<a>${'é'.repeat(97)}</a>`)).to.equal(tooLong));
    it('of bytes, before the stanza is whole', () =>
      expect(fault(root, sized(300).slice(0, 201))).to.equal(tooLong));
    it('of bytes, for each stanza by itself', () =>
      expect(fault(root + sized(150).repeat(10))).to.be.undefined);
    it('of bytes, without the white space between stanzas', () =>
      expect(fault(root, ' '.repeat(150), sized(200), ' '.repeat(500))).to.be.undefined);
    it('of bytes, for a header at it', () => expect(fault(`<s a='${'x'.repeat(192)}'>`)).to.be.undefined);
    it('of bytes, for a header one over', () =>
      expect(fault(`<s a='${'x'.repeat(193)}'>`)).to.equal(tooLong));
    it('of bytes, for a header with white space before it', () =>
      expect(fault(' '.repeat(500), root)).to.be.undefined);
    it('of bytes, for white space in the closing tag', () => {
      expect(fault(root, `</stream${' '.repeat(191)}>`)).to.be.undefined;
      expect(fault(root, `</stream${' '.repeat(192)}>`)).to.equal(tooLong);
    });
    it('of bytes, with the declarations that a stanza needs from the header', () => {
      const header = `<s xmlns:q='urn:${'x'.repeat(100)}'>`;
      expect(fault(header, `<q:a b='${'x'.repeat(60)}'/>`)).to.be.undefined;
      expect(fault(header, `<q:a b='${'x'.repeat(80)}'/>`)).to.equal(tooLong);
    });
    it('of bytes, even where something else is wrong behind it', () =>
      expect(fault(root, `<a>${'x'.repeat(300)}</b>`)).to.equal(tooLong));

    const nested = (depth: number): string => `${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`;
    it('of depth: at it', () => expect(fault(root, nested(3) + nested(3))).to.be.undefined);
    it('of depth: one over', () =>
      expect(fault(root, nested(4))).to.equal('policy-violation: elements may stand 3 deep'));
    it('of depth: one over, in an empty tag', () =>
      expect(fault(root, '<a><b><c><d/></c></b></a>')).to.equal(
        'policy-violation: elements may stand 3 deep',
      ));

    const attributes = (count: number, quote = `'`): string =>
      Array.from({ length: count }, (_none, at) => ` a${at}=${quote}1${quote}`).join('');
    const tooMany = 'policy-violation: an element may have 5 attributes';
    it('of attributes: at it', () => expect(fault(root, `<a${attributes(5)}/>`)).to.be.undefined);
    it('of attributes: one over', () => expect(fault(root, `<a${attributes(6)}/>`)).to.equal(tooMany));
    it('of attributes, by the long way', () => {
      expect(fault(root, `<a ${attributes(5, '"')} />`)).to.be.undefined;
      expect(fault(root, `<a ${attributes(6, '"')} />`)).to.equal(tooMany);
    });
    it('of attributes, for an element inside', () =>
      expect(fault(root, `<a${attributes(5)}><b${attributes(6)}/></a>`)).to.equal(tooMany));
    it('of attributes, for a header', () => expect(fault(`<s${attributes(6)}>`)).to.equal(tooMany));

    it('of attributes, with the declarations that a stanza needs from the header', () => {
      const header = `<s xmlns:q='urn:q' xmlns:r='urn:r'>`;
      expect(fault(header, `<a${attributes(3)}><q:b/><r:b/></a>`)).to.be.undefined;
      expect(fault(header, `<a${attributes(4)}><q:b/></a>`)).to.be.undefined;
      expect(fault(header, `<a${attributes(4)}><q:b/><r:b/></a>`)).to.equal(tooMany);
      expect(fault(header, `<a${attributes(4)}><q:b/></a><r:a/>`)).to.be.undefined;
    });

    it('that it is given later', () => {
      const { reader, trace } = tracing({ limits });
      reader.write(Buffer.from(root + sized(200)));
      reader.limits = { bytes: 1000, depth: 5, attributes: 50 };
      reader.write(Buffer.from(`${sized(1000)}${nested(5)}<a${attributes(50)}/>`));
      expect(trace.stanzas).to.have.length(4);
      reader.write(Buffer.from(sized(1001)));
      expect(trace.fault?.condition).to.equal('policy-violation');
    });
  });

  describe('keeps nothing that it does not need', () => {
    const kept = (reader: Reader): { pending: Buffer | undefined; used: number } =>
      reader as unknown as { pending: Buffer | undefined; used: number };

    it('of a stanza that is done', () => {
      const { reader, trace } = tracing();
      reader.write(Buffer.from(HEADER + '<iq><a/>'));
      expect(kept(reader).pending).to.have.length(8);
      reader.write(Buffer.from('</iq> \n'));
      expect(kept(reader).pending).to.be.undefined;
      expect(kept(reader).used).to.equal(0);
      expect(trace.stanzas).to.have.length(1);
    });

    it('of a large stanza when a small one has begun', () => {
      const { reader } = tracing();
      reader.write(Buffer.from(`${HEADER}<iq>${'x'.repeat(50_000)}`));
      reader.write(Buffer.from('</iq><iq>'));
      expect(kept(reader).pending).to.have.length(4);
    });

    it('of white space', () => {
      const { reader } = tracing();
      reader.write(Buffer.from(' '.repeat(1000)));
      expect(kept(reader).pending).to.be.undefined;
      reader.write(Buffer.from(HEADER + ' '.repeat(1000)));
      expect(kept(reader).pending).to.be.undefined;
    });

    it('of the read, which may be overwritten', () => {
      const { reader, trace } = tracing();
      const chunk = Buffer.from(`${HEADER}<iq to='a'/><iq><b/></iq></strea`);
      reader.write(chunk);
      chunk.fill('!');
      reader.write(Buffer.from('m:stream>'));
      expect(trace.stanzas[0].attribute('to')).to.equal('a');
      expect(trace.closed).to.be.true;
    });

    it('of a read, for a stanza of it that has to wait somewhere', () => {
      setFlagsFromString('--expose-gc');
      const collectGarbage = runInNewContext('gc') as () => void;
      const { reader, trace } = tracing();
      const chunk = Buffer.from(`<iq id='1234567'/>${' '.repeat(65_000)}`);
      reader.write(Buffer.from(HEADER));
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      for (let times = 0; times < 200; times += 1) reader.write(chunk);
      collectGarbage();
      expect(trace.stanzas).to.have.length(200);
      expect((process.memoryUsage().heapUsed - before) / 200).to.be.below(20_000);
    });

    it('and copies a stanza that comes byte for byte a few times at most', () => {
      const copied = (length: number): number => {
        const { reader, trace } = tracing({ limits: { ...LIMITS, bytes: length + 100 } });
        let bytes = 0;
        const { copy } = Buffer.prototype;
        Buffer.prototype.copy = function (...args: Parameters<Buffer['copy']>) {
          const count = copy.apply(this, args);
          bytes += count;
          return count;
        };
        try {
          for (const char of `${HEADER}<iq>${'x'.repeat(length)}</iq>`) reader.write(Buffer.from(char));
        } finally {
          Buffer.prototype.copy = copy;
        }
        expect(trace.stanzas).to.have.length(1);
        return bytes / length;
      };
      expect(copied(262_144)).to.be.below(4);
    });
  });

  describe('never mixes up streams that take turns', () => {
    it('in the middle of tags', () => {
      const texts = [
        `<iq a='1' bb='22'><c d='3'>`,
        `<message xmlns:z='urn:z' z:a='1' b='2'><z:e><z:f>`,
        `<é ä='ö' ü='ß'><字 名='x'>`,
      ];
      const ends = ['</c></iq>', '</z:f></z:e></message>', '</字></é>'];
      const alone = texts.map((text, at) => read([HEADER, text, ends[at]]).events);
      const streams = texts.map(() => tracing());
      for (const { reader } of streams) reader.write(Buffer.from(HEADER));
      const bytes = texts.map((text, at) => Buffer.from(text + ends[at]));
      for (let at = 0; at < 100; at += 1) {
        streams.forEach(({ reader }, which) => reader.write(bytes[which].subarray(at, at + 1)));
      }
      expect(streams.map(({ trace }) => trace.events)).to.deep.equal(alone);
    });

    it('when one is read while the other tells of a stanza', () => {
      const inner = tracing();
      inner.reader.write(Buffer.from(HEADER));
      const names: string[] = [];
      const outer = new Reader(
        {
          onHeader: () => undefined,
          onStanza: (stanza) => {
            names.push(stanza.name, ...stanza.attributes().keys());
            inner.reader.write(Buffer.from(`<x y='1'><z`));
            inner.reader.write(Buffer.from(` zz='1'/></x>`));
          },
          onClosingTag: () => undefined,
          onParseError: ({ text }) => names.push(text),
        },
        { limits: LIMITS, namespaces: true },
      );
      outer.write(Buffer.from(`${HEADER}<a b='1'><c/></a><d e='1' f='2'><g/></d>`));
      expect(names).to.deep.equal(['a', 'b', 'd', 'e', 'f']);
      expect(inner.trace.stanzas).to.have.length(2);
    });
  });
});

describe('A stream cut at any byte tells the same', () => {
  const good = Object.values(ACCEPTED);
  const inherited = `<a><q:b q:c='1'/></a><a/><q:a/>`;
  const samples: Record<string, Buffer> = {
    ...Object.fromEntries(
      Object.entries(REAL_HEADERS).map(([client, header]) => [
        `${client}'s header`,
        Buffer.from(`${header}<iq type='get' id='1'><query xmlns='jabber:iq:auth'/></iq>\n${CLOSE}`),
      ]),
    ),
    'a byte order mark and a declaration': Buffer.from(`\ufeff<?xml version='1.0'?> \n${HEADER}<iq/>`),
    'all good stanzas': Buffer.from(HEADER + good.join('\n ') + CLOSE),
    'inherited prefixes': Buffer.from(HEADER + inherited + CLOSE),
    'an empty root': Buffer.from(`<stream a='é' b='1'/>`),
    'bytes behind the end': Buffer.from(`${HEADER}<iq/>${CLOSE}<iq/>&`),
    'a long declaration': Buffer.from(`<?xml version='1.0'${' '.repeat(300)}?>${HEADER}`),
    'a declaration just short enough': Buffer.from(`<?xml version='1.0'${' '.repeat(235)}?>${HEADER}`),
    'a declaration just too long': Buffer.from(`<?xml version='1.0'${' '.repeat(236)}?>${HEADER}`),
    'another encoding': Buffer.from(`<?xml version='1.0' encoding='latin1'?>${HEADER}`),
    'no stream at all': Buffer.from('GET / HTTP/1.0'),
    'a wrong closing tag': Buffer.from(`${HEADER}<iq/></stream:streak>`),
  };
  const limits = { bytes: 300, depth: 3, attributes: 4 };
  const limited: Record<string, string> = {
    'white space longer than a stanza': `${' '.repeat(400)}${HEADER}${' '.repeat(400)}<a/>`,
    'a stanza too long': `${HEADER}<a>${'é'.repeat(150)}</a>`,
    'a stanza too long and wrong behind that': `${HEADER}<a>${'x'.repeat(310)}&foo;</a>`,
    'a stanza too long and wrong just before that': `${HEADER}<a>${'x'.repeat(294)}</b>`,
    'a stanza too long by its end': `${HEADER}<a>${'x'.repeat(294)}</a>`,
    'a stanza too long by what it inherits': `${HEADER}<a>${'x'.repeat(270)}<q:b/></a>`,
    'a closing tag too long': `${HEADER}</stream:stream${' '.repeat(400)}>`,
    'a stanza too deep': `${HEADER}<a><b><c><d/></c></b></a>`,
    'too many attributes': `${HEADER}<a a='1' b='2' c='3' d='4' e='5'/>`,
    'too many attributes by what it inherits': `${HEADER}<a a='1' b='2' c='3' d='4'><q:b/></a>`,
    'an attribute too long with a reference at the end': `${HEADER}<a b='${'x'.repeat(293)}&#xffff;'/>`,
  };

  function* twoPieces(stream: Buffer): Generator<Buffer[]> {
    for (let at = 1; at < stream.length; at += 1) yield [stream.subarray(0, at), stream.subarray(at)];
  }
  const byteByByte = (stream: Buffer): Buffer[] => Array.from(stream, (byte) => Buffer.of(byte));

  function same(stream: Buffer, options?: Parameters<typeof read>[1]): void {
    const whole = JSON.stringify(read([stream], options).events);
    for (const pieces of [byteByByte(stream), ...twoPieces(stream)]) {
      const cut = JSON.stringify(read(pieces, options).events);
      if (cut !== whole)
        expect(JSON.parse(cut), `cut at ${pieces[0].length}`).to.deep.equal(JSON.parse(whole));
    }
  }

  for (const [what, stream] of Object.entries(samples)) {
    it(what, () => same(stream)).timeout(60_000);
    it(`${what}, without namespaces`, () => same(stream, { namespaces: false })).timeout(60_000);
  }
  for (const [what, stream] of Object.entries(limited)) {
    it(what, () => same(Buffer.from(stream), { limits }));
  }
  it('all that is refused', () => {
    for (const { body } of REFUSED) {
      same(Buffer.concat([Buffer.from(`${HEADER}<a/>`), Buffer.from(body as string), Buffer.from(CLOSE)]));
    }
  }).timeout(60_000);
});
