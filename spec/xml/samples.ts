import type { ParseErrorCondition } from '../../lib/xml/index.js';

/** The header that most samples begin with; it declares one prefix besides its own. */
export const HEADER =
  `<stream:stream to='localhost' xmlns='jabber:client' xmlns:q='urn:q'` +
  ` xmlns:stream='http://etherx.jabber.org/streams'>`;

export const CLOSE = '</stream:stream>';

/** What the clients in use send first, from recordings of them. */
export const REAL_HEADERS: Record<string, string> = {
  loudmouth:
    `<?xml version='1.0' encoding='UTF-8'?><stream:stream version="1.0" xmlns="jabber:client"` +
    ` xmlns:stream="http://etherx.jabber.org/streams" to="localhost">`,
  'mcabber, without a declaration':
    `<stream:stream version="1.0" xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams"` +
    ` to="localhost">`,
  libpurple:
    `<?xml version='1.0' ?><stream:stream to='localhost' xmlns='jabber:client'` +
    ` xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`,
  'Net::XMPP':
    `<?xml version='1.0'?><stream:stream  id='1' to='localhost' xmlns='jabber:client' version='1.0'` +
    ` xmlns:stream='http://etherx.jabber.org/streams'>`,
  'AnyEvent::XMPP':
    `<?xml version='1.0'?><stream:stream version='1.0' xmlns:stream='http://etherx.jabber.org/streams'` +
    ` xmlns='jabber:client' to='localhost' from='localhost' xml:lang='en' >`,
  'slixmpp and poezio':
    `<stream:stream to='localhost' xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'` +
    ` xml:lang='en' version='1.0'>`,
  'go-sendxmpp':
    `<?xml version="1.0"?>\n<stream:stream to="localhost" version="1.0" xml:lang="en"` +
    ` xmlns:stream="http://etherx.jabber.org/streams" xmlns="jabber:client">`,
  aioxmpp:
    `<?xml version="1.0"?><stream:stream xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams"` +
    ` to="localhost" version="1.0">`,
  'line by line':
    `<?xml version='1.0'?>\n<stream:stream to='localhost' xmlns='jabber:client'` +
    ` xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>\n`,
};

const bytes = (before: string, bad: number[], after: string): Buffer =>
  Buffer.concat([Buffer.from(before), Buffer.from(bad), Buffer.from(after)]);

interface Refusal {
  readonly why: string;
  /** What stands after the header. */
  readonly body: string | Buffer;
  readonly condition: ParseErrorCondition;
}

const refusals = (condition: ParseErrorCondition, bodies: Record<string, string | Buffer>): Refusal[] =>
  Object.entries(bodies).map(([why, body]) => ({ why, body, condition }));

const BAD_UTF8: Record<string, number[]> = {
  'a continuation byte alone': [0x80],
  'an overlong form of /': [0xc0, 0xaf],
  'an overlong NUL': [0xc0, 0x80],
  'an overlong form of DEL': [0xc1, 0xbf],
  'an overlong form of three bytes': [0xe0, 0x9f, 0xbf],
  'an overlong form of four bytes': [0xf0, 0x8f, 0xbf, 0xbf],
  'a character above U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
  'a lead byte of no character': [0xf5, 0x80, 0x80, 0x80],
  'a form of five bytes': [0xf8, 0x88, 0x80, 0x80, 0x80],
  'a byte that is never UTF-8': [0xff],
  'two bytes of three': [0xe2, 0x82],
  'three bytes of four': [0xf0, 0x9f, 0x98],
  'one byte of two': [0xc3],
};

/** Code points that no XML may hold, well encoded or not. */
const FORBIDDEN: Record<string, number[]> = {
  'the first surrogate': [0xed, 0xa0, 0x80],
  'the last surrogate': [0xed, 0xbf, 0xbf],
  'a pair of surrogates (CESU-8)': [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
  'U+FFFE': [0xef, 0xbf, 0xbe],
  'U+FFFF': [0xef, 0xbf, 0xbf],
};

const bad = (
  what: Record<string, number[]>,
  where: string,
  before: string,
  after: string,
): Record<string, Buffer> =>
  Object.fromEntries(
    Object.entries(what).map(([why, piece]) => [`${why} in ${where}`, bytes(before, piece, after)]),
  );

/** Namespaces that are well-formed and no URIs, each in a stanza behind {@link HEADER}. */
export const ODD_NAMESPACES: Record<string, string> = {
  'the separator of jabberd2': `<iq><x xmlns='a|b'/></iq>`,
  'the separator of jabberd2 as a reference': `<iq><x xmlns='a&#124;b'/></iq>`,
  'the separator of jabberd2 under a prefix': `<iq xmlns:a='a|b'/>`,
  'a blank, the separator of jabberd 1.6': `<iq xmlns='a b'/>`,
  'a blank, deep inside': `<iq><a><b><x xmlns='a b'/></b></a><c/></iq>`,
  'a line feed': `<iq xmlns='a\nb'/>`,
  'a reference to a line feed': `<iq xmlns='a&#10;b'/>`,
  'a brace': `<iq xmlns='a}b'/>`,
  'a quote': `<iq xmlns='a"b'/>`,
};

/** What no stream may hold, each behind {@link HEADER}. */
export const REFUSED: Refusal[] = [
  ...refusals('restricted-xml', {
    'a DTD': '<!DOCTYPE iq>',
    'a DTD in a stanza': '<iq><!DOCTYPE iq [<!ENTITY x "y">]></iq>',
    'an entity declaration': '<iq><!ENTITY x "y"></iq>',
    'a comment': '<iq><!-- c --></iq>',
    'a comment between stanzas': '<!-- c --><iq/>',
    'a processing instruction': '<iq><?p i?></iq>',
    'a processing instruction between stanzas': '<?p i?>',
    'a second XML declaration': `<?xml version='1.0'?><iq/>`,
    'an undefined entity': '<iq>&nbsp;</iq>',
    'an undefined entity in an attribute': `<iq a='&nbsp;'/>`,
    'an entity in capitals': '<iq>&AMP;</iq>',
    'an entity named like a property of objects': '<iq>&constructor;</iq>',
    'an entity with a name of more than 32 bytes': `<iq>&${'a'.repeat(40)};</iq>`,
  }),
  ...refusals('not-well-formed', {
    'a lone ampersand': '<iq>a & b</iq>',
    'an empty reference': '<iq>&;</iq>',
    'a reference to no character': '<iq>&#;</iq>',
    'a reference to no hexadecimal character': '<iq>&#x;</iq>',
    'a reference with a capital X': '<iq>&#X41;</iq>',
    'a reference with letters': '<iq>&#4a;</iq>',
    'a reference without its end': '<iq>&amp</iq>',
    'a reference to NUL': '<iq>&#0;</iq>',
    'a reference to a control character': '<iq>&#x1;</iq>',
    'a reference to the last control character': '<iq>&#31;</iq>',
    'a reference to the first surrogate': '<iq>&#xD800;</iq>',
    'a reference to the last surrogate': '<iq>&#xDFFF;</iq>',
    'a reference to U+FFFE': '<iq>&#xFFFE;</iq>',
    'a reference to U+FFFF': '<iq>&#65535;</iq>',
    'a reference above U+10FFFF': '<iq>&#x110000;</iq>',
    'a reference to a very large number': '<iq>&#x100000000000041;</iq>',
    'a reference of more than 32 bytes': `<iq>&#${'0'.repeat(30)}65;</iq>`,
    'a forbidden reference in an attribute': `<iq a='&#xFFFF;'/>`,
  }),
  ...refusals('bad-format', {
    'text between stanzas': 'hello',
    'text behind a stanza': '<iq/>hello',
    'a reference between stanzas': '&amp;',
    'a CDATA section between stanzas': '<![CDATA[ ]]>',
    'a character beyond ASCII between stanzas': 'é',
    'a byte order mark between stanzas': '\ufeff',
    'a bracket between stanzas': ']]>',
  }),
  ...refusals('unsupported-encoding', {
    ...bad(BAD_UTF8, 'text', '<iq>', '</iq>'),
    ...bad(BAD_UTF8, 'an attribute', `<iq a='`, `'/>`),
    ...bad(BAD_UTF8, 'a CDATA section', '<iq><![CDATA[', ']]></iq>'),
  }),
  ...refusals('not-well-formed', {
    ...bad(FORBIDDEN, 'text', '<iq>', '</iq>'),
    ...bad(FORBIDDEN, 'an attribute', `<iq a='`, `'/>`),
    ...bad(FORBIDDEN, 'a CDATA section', '<iq><![CDATA[', ']]></iq>'),
    ...bad({ ...BAD_UTF8, ...FORBIDDEN }, 'the name of an element', '<i', '/>'),
    ...bad({ ...BAD_UTF8, ...FORBIDDEN }, 'the name of an attribute', '<i a', `='1'/>`),
    'a NUL between stanzas': '\0<iq/>',
    'a NUL': '<iq>\0</iq>',
    'a control character': '<iq>\x01</iq>',
    'a form feed': '<iq>\f</iq>',
    'an escape': '<iq>\x1b</iq>',
    'a control character in an attribute': `<iq a='\x08'/>`,
    'a control character in a CDATA section': '<iq><![CDATA[\x1f]]></iq>',
    'a control character in a tag': `<iq\fa='1'/>`,
    ']]> in text': '<iq>a]]>b</iq>',
    ']]]> in text': '<iq>]]]></iq>',
    ']]> behind a CDATA section': '<iq><![CDATA[x]]>]]></iq>',
    '< in an attribute': `<iq a='<'/>`,
    'no space between attributes': `<iq a='1'b='2'/>`,
    'no space between attributes in other quotes': `<iq a="1"b="2"/>`,
    'an attribute twice': `<iq a='1' a='2'/>`,
    'an attribute twice, the second in another form': `<iq a='1'\n a = "2"/>`,
    'a default namespace twice': `<iq xmlns='urn:a' xmlns='urn:a'/>`,
    'an attribute twice by its namespace': `<iq xmlns:a='urn:x' xmlns:b='urn:x' a:n='1' b:n='2'/>`,
    'an attribute twice by a namespace of the header': `<iq xmlns:a='urn:q' a:n='1' q:n='2'/>`,
    'an attribute twice by a namespace in other words': `<iq xmlns:a='urn:x' xmlns:b='urn:&#x78;' a:n='' b:n=''/>`,
    'an attribute without a value': '<iq a/>',
    'an attribute without quotes': '<iq a=1/>',
    'an attribute without an equals sign': `<iq a'1'/>`,
    'an attribute without a name': `<iq ='1'/>`,
    'a value in two kinds of quotes': `<iq a="1'/></iq>`,
    'a name that begins with a digit': '<1q/>',
    'a name that begins with a hyphen': '<-/>',
    'a name that begins with a dot': '<.a/>',
    'an attribute that begins with a digit': `<iq 1='2'/>`,
    'no name': '<>',
    'a space before the name': '< iq/>',
    'a slash inside a tag': `<iq / a='1'>`,
    'a space in the end of an empty tag': '<iq/ >',
    'a closing tag with an attribute': `<iq></iq a='1'>`,
    'a closing tag of another element': '<iq></ip>',
    'a closing tag with a shorter name': '<iq></i>',
    'a closing tag with a longer name': '<iq></iqs>',
    'a closing tag without a name': '<iq></>',
    'a space before the name of a closing tag': '<iq></ iq>',
    'elements across each other': '<a><b></a></b>',
    'a closing tag of the stream inside of a stanza': '<iq></stream:stream>',
    'another closing tag of the stream': '</stream>',
    'a closing tag between stanzas': '</iq>',
    '<! that begins nothing': '<iq></!></iq>',
    'a prefix that is not declared': '<z:iq/>',
    'a prefix of an attribute that is not declared': `<iq z:a='1'/>`,
    'a prefix out of its reach': `<a><b xmlns:z='urn:z'/><z:c/></a>`,
    'a prefix of the stanza before': `<a xmlns:z='urn:z'/><z:b/>`,
    'a prefix of an empty tag before': `<a><z:b xmlns:z='urn:z'/><z:b/></a>`,
    'a prefix that stands for nothing': `<iq xmlns:a=''/>`,
    'the prefix of the header made to stand for nothing': `<iq xmlns:q=''/>`,
    'two colons': `<q:a:b/>`,
    'two colons in an attribute': `<iq q:a:b='1'/>`,
    'a colon first': '<:iq/>',
    'a colon last': '<q:/>',
    'a colon first in an attribute': `<iq :a='1'/>`,
    'a colon last in an attribute': `<iq q:='1'/>`,
    'a colon alone': '<:/>',
    'a digit behind the colon': '<q:1/>',
    'a digit behind the colon of an attribute': `<iq q:1='1'/>`,
    'a declaration of no prefix': `<iq xmlns:='urn:a'/>`,
    'a declaration of a prefix with a colon': `<iq xmlns:a:b='urn:a'/>`,
    'a declaration of a prefix that is no name': `<iq xmlns:1='urn:a'/>`,
    'an element with the prefix xmlns': '<xmlns:a/>',
    'the prefix xmlns declared': `<iq xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>`,
    'the prefix xmlns declared as something else': `<iq xmlns:xmlns='urn:a'/>`,
    'the prefix xml as something else': `<iq xmlns:xml='urn:a'/>`,
    'the namespace of xml under another prefix': `<iq xmlns:a='http://www.w3.org/XML/1998/namespace'/>`,
    'the namespace of xml as the default one': `<iq xmlns='http://www.w3.org/XML/1998/namespace'/>`,
    'the namespace of xml in other words': `<iq xmlns='http://www.w3.org/XML/1998/&#110;amespace'/>`,
    'the namespace of xmlns under a prefix': `<iq xmlns:a='http://www.w3.org/2000/xmlns/'/>`,
    'the namespace of xmlns as the default one': `<iq xmlns='http://www.w3.org/2000/xmlns/'/>`,
    'a name of the fifth edition': '<\u0132/>',
    'a name of the fifth edition in an attribute': `<iq \u0221='1'/>`,
    'a name beyond the basic plane': '<\u{10000}/>',
    'a name that begins with a combining character': '<\u0300/>',
    'a name that begins with a digit of another script': '<\u0661/>',
    'a name that begins so behind a prefix': '<q:\u0661/>',
    'a space that is none': `<iq\u00a0a='1'/>`,
  }),
];

/** Good stanzas on the corners of XML; each is read, and told, byte for byte as it stands here. */
export const ACCEPTED: Record<string, string> = {
  'an empty element': '<presence/>',
  'an empty element in two tags': '<presence></presence>',
  'both quotes': `<iq a="it's" b='say "x"'/>`,
  'white space in tags': `<iq\n\ta = 'b'\r\n  c\t=\t"d" ><x ></x\n></iq\t>`,
  entities: `<iq a='&amp;&lt;&gt;&apos;&quot;'>&amp;&lt;&gt;&apos;&quot;</iq>`,
  'references to characters': `<iq a='&#9;&#x1F600;'>&#65;&#x41;&#x10FFFF;&#xE000;&#xFFFD;&#xD7FF;&#x0000041;</iq>`,
  'a reference of 32 bytes': `<iq>&#${'0'.repeat(27)}65;</iq>`,
  'a CDATA section': '<iq><![CDATA[<x>&foo; ]] ]> ]]]></iq>',
  'an empty CDATA section': '<iq><![CDATA[]]></iq>',
  'brackets in text': '<iq>] ]] ]]x ]> > ]]</iq>',
  ']]> in an attribute': `<iq a=']]>'/>`,
  '> in an attribute': `<iq a='>' b="/>"/>`,
  'characters of two bytes': '<iq é="é">é</iq>',
  'characters of three bytes': '<iq 字="字">字\ufffd\ufeff</iq>',
  'characters of four bytes': '<iq a="😀">😀\u{10ffff}\u{10000}</iq>',
  'the last character before each change of length': '<iq>\x7f\u0080\u07ff\u0800\ud7ff\ue000\ufffd</iq>',
  'names of the fourth edition': '<Łódź·٠ жук="1"/>',
  'names in punctuation': `<_ a.b-c_='1' _1='2'/>`,
  'a prefix of the header': '<iq><q:x/></iq>',
  'a prefix of its own': `<iq xmlns:z='urn:z'><z:x z:a='1' a='2'/></iq>`,
  'a prefix declared behind its use': `<z:iq z:a='1' xmlns:z='urn:z'/>`,
  'a prefix declared again': `<iq xmlns:q='urn:other'><q:x/></iq>`,
  'a prefix declared inside of itself': `<q:a xmlns:q='urn:1'><q:b xmlns:q='urn:2'/><q:c/></q:a>`,
  'a prefix beyond ASCII': `<é:iq xmlns:é='urn:é'/>`,
  'the prefix xml': `<iq xml:lang='en'/>`,
  'the prefix xml declared as what it is': `<iq xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='en'/>`,
  'a prefix that begins like xml': `<iq xmlns:xmla='urn:a'/>`,
  'no default namespace': `<iq xmlns=''/>`,
  'a default namespace of the W3C': `<iq><html xmlns='http://www.w3.org/1999/xhtml'/></iq>`,
  'the same name with and without a namespace': `<iq xmlns:a='urn:jabber:client' a:n='1' n='2'/>`,
  'attributes of one length': `<iq ab='1' ac='2' bb='3'/>`,
  'attributes that one begins like the other': `<iq a='1' ab='2' abc='3'/>`,
  'names that objects have': `<constructor __proto__='1' hasOwnProperty='2' toString='3'><__proto__/></constructor>`,
};
