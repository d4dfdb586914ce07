import type { Random } from './random.js';

const XML = 'http://www.w3.org/XML/1998/namespace';
const XMLNS = 'http://www.w3.org/2000/xmlns/';

const SPACES = [' ', ' ', ' ', ' ', '  ', '\n', '\t', '\r', '\r\n'];
/** A character each where the tables of XML 1.0's fourth and fifth edition, or the planes, part. */
const STARTS = 'aZ_éŁΩжא字가ⅡÀÿıſǰℵ〇ꀀ·͵΅ㄱ\u0132\u06e5\u0e33\u2126\u212e\ud7a3\ue000\u{10000}\u{2f800}';
const REST = '09.-·́٠०᭐‿⁀﷐\u0300\u0387\u06dd\u0e31\u20dd\u3005\ufdfd\u{e0100}';
const CHARACTERS = 'é×☺あ\u00a0\u0085\u2028\ufeff\ufffd\ue000\ud7ff\u{10000}😀\u{10ffff}\u007f\u0080';
const NAMES = [
  'iq',
  'message',
  'body',
  'x',
  'a',
  'b',
  'id',
  'to',
  'type',
  'sto',
  'sfrom',
  'lang',
  '_',
  'a.b-c',
];
const ODD_NAMES = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'xmlns',
  'xml',
  'stoo',
  'st',
  'sto',
];
const PREFIXES = ['a', 'b', 'q', 'stream', 'xmlfoo', 'é', 'x'];
const URIS = [
  'urn:a',
  'urn:b',
  'urn:b',
  'jabber:client',
  'http://w',
  'http://www.w3.org/',
  'urn:é',
  "urn:'",
  'x',
];
const ODD_URIS = [
  'urn:&#x61;',
  'urn:&amp;',
  'urn:&apos;',
  'urn:&#x1F600;',
  'urn:😀',
  '%7c',
  'a|b',
  'a b',
  'a&#124;b',
  'a&#10;b',
  'a}b',
  'a^b',
  '\n',
  'a&quot;b',
  '',
  XML,
  XMLNS,
  `${XML}&#x2f;`,
];
const REFERENCES = [
  '&amp;',
  '&lt;',
  '&gt;',
  '&apos;',
  '&quot;',
  '&#65;',
  '&#x1F600;',
  '&#xA;',
  '&#13;',
  '&#x0009;',
];
const ODD_REFERENCES = [
  '&#0;',
  '&#xFFFE;',
  '&#xD800;',
  '&#x110000;',
  '&nbsp;',
  '&foo;',
  '&#x;',
  '&#;',
  '&;',
  '& ',
  '&#X41;',
];
const ODD_TEXT = [
  ']]>',
  '<',
  '&',
  '\u0000',
  '\u0001',
  '\u001f',
  '\ufffe',
  '\uffff',
  '<!--c-->',
  '<?p i?>',
  '<![CDATA[',
];
const HEADER = `<stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'`;

const SOUP = ['<a', '>', '/>', '</a>', ' ', " b='1'", 'x'];
/** What is told apart by one byte, together. */
const STEWS = [
  [` xmlns='${XML}'`, ` xmlns='${XMLNS}'`, ` xmlns='http://www.w3.org/'`, " b='1'", '/>'],
  [']', ']]', '<![CDATA[', ']]>', '&gt;', '\r'],
  [
    " xmlns='urn:a'",
    " xmlns=''",
    " xmlns:q=''",
    " xmlns:q='urn:a'",
    " xmlns:r='urn:a'",
    " q:b='1'",
    " r:b='1'",
    '<r:a',
    '</r:a>',
  ],
  ["'", '"', '=', ' b', " c='", '&lt;', '<', '\n'],
  ['&', '#', 'x', '0', '41', ';', 'amp', 'd800', ' c="'],
  ['\u00e9', '\u0300', '\u0132', ':', '<\u0431', '</\u0431>', " \u0431='2'", '<q:a', '</q:a>', '.', '-', '1'],
  ['<!', '--', '<!-- ', '-->', '<?', '?>', '[CDATA[', '<!DOCTYPE a>'],
  ['</stream:stream', '</stream:stream>', '<stream:stream>', '</q:a>', '\t'],
  [
    " xml:b='1'",
    ' xml:',
    " xmlns:xml='http://www.w3.org/XML/1998/namespace'",
    '<xml:a',
    '</xml:a>',
    ` xmlns='${XML}'`,
    ` xmlns='${XMLNS}'`,
    ` xmlns:r='${XML}'`,
    ` xmlns:r='${XMLNS}'`,
    " xmlns:b='|'",
    '&#124;',
  ],
];

/** Makes streams, most of them good, on the corners of XML. */
export class Grammar {
  /** Prefixes in reach, as one list for each open element. */
  private readonly scopes: string[][] = [];
  /** One choice in so many is a bad one; none where it is 0. */
  private badness = 0;

  constructor(private readonly random: Random) {}

  stream(): string {
    const { random } = this;
    if (random.once(6)) return this.soup();
    this.badness = random.below(3) > 0 ? 0 : random.pick([20, 60, 1000, 100_000]);
    this.scopes.length = 0;
    const prolog = random.once(3) ? this.prolog() : '';
    const header = this.header();
    const stanzas = random.some(4, () => this.stanza());
    return `${prolog}${header}${stanzas}${random.once(4) ? this.close(header) : ''}`;
  }

  /** Pieces of tags in any order, few enough that some make sense. */
  private soup(): string {
    const { random } = this;
    const header = `${HEADER} xmlns:q='urn:q'>`;
    const pieces = random.once(2) ? random.pick(STEWS) : [...SOUP, ...random.pick(STEWS)];
    const begin = random.pick(['', '<a', '<a', '<q:a', '<a>']);
    return (
      header + begin + random.some(5, () => random.pick(pieces)) + random.pick(['', '>', '/>', '/>', '</a>'])
    );
  }

  private bad(): boolean {
    return this.badness > 0 && this.random.once(this.badness);
  }

  private space(): string {
    return this.random.once(6)
      ? this.random.pick(SPACES) + this.random.some(2, () => this.random.pick(SPACES))
      : ' ';
  }

  private maybeSpace(): string {
    return this.random.once(8) ? this.space() : '';
  }

  private prolog(): string {
    const { random } = this;
    const mark = random.once(8) ? '\ufeff' : '';
    const version = this.bad() ? '2.0' : '1.0';
    const encoding = random.once(2)
      ? ` encoding='${this.bad() ? 'latin1' : random.pick(['UTF-8', 'utf-8'])}'`
      : '';
    const standalone = random.once(8) ? " standalone='yes'" : '';
    const declaration = `<?xml version='${version}'${encoding}${standalone}${this.maybeSpace()}?>`;
    return mark + (random.once(8) ? '' : declaration) + random.some(1, () => random.pick(SPACES));
  }

  private header(): string {
    const scope = ['stream'];
    this.scopes.push(scope);
    if (this.random.once(2)) return `${HEADER}>`;
    return `${HEADER}${this.declarations(scope, 3, ['xmlns', 'xmlns:stream'])}${this.maybeSpace()}>`;
  }

  private close(header: string): string {
    const name = header.slice(1, header.search(/[ >]/));
    return `</${name}${this.maybeSpace()}>${this.random.once(4) ? '<again/>' : ''}`;
  }

  private stanza(): string {
    const { random } = this;
    const stray = this.bad()
      ? random.pick(['x', '&amp;', ']]>', '<![CDATA[]]>', 'é', '<!-- -->', '<?x?>', '\u0000'])
      : '';
    return random.some(1, () => random.pick(SPACES)) + stray + this.element(0);
  }

  private element(depth: number): string {
    const { random } = this;
    const scope: string[] = [];
    this.scopes.push(scope);
    const declared = random.once(3) ? this.declarations(scope, 3, []) : '';
    const name = this.qualifiedName();
    const attributes = this.attributes();
    const tag = `<${name}${random.once(2) ? declared + attributes : attributes + declared}${this.maybeSpace()}`;
    const content = random.once(4) ? '' : this.content(depth);
    this.scopes.pop();
    if (content === '' && random.once(2)) return `${tag}/>`;
    return `${tag}>${content}</${this.bad() ? this.name() : name}${this.maybeSpace()}>`;
  }

  private content(depth: number): string {
    return this.random.some(4, () => {
      const kind = this.random.below(10);
      if (kind < 4) return depth < 6 ? this.element(depth + 1) : '';
      return kind === 9 ? this.section() : this.text();
    });
  }

  private declarations(scope: string[], most: number, already: readonly string[]): string {
    const { random } = this;
    const used = new Set(already);
    return random.some(most, () => {
      const prefix = this.bad()
        ? random.pick(['xml', 'xmlns', '1', '', 'a:b'])
        : random.pick(['', ...PREFIXES]);
      const name = prefix === '' ? 'xmlns' : `xmlns:${prefix}`;
      if (used.has(name) && !this.bad()) return '';
      used.add(name);
      scope.push(prefix);
      return `${this.space()}${name}${this.equals()}${this.quoted(this.uri())}`;
    });
  }

  private uri(): string {
    return this.random.once(4) && this.badness > 0 ? this.random.pick(ODD_URIS) : this.random.pick(URIS);
  }

  private quoted(value: string): string {
    if (value.includes("'")) return `"${value}"`;
    return this.random.once(3) ? `"${value}"` : `'${value}'`;
  }

  private equals(): string {
    return this.random.once(12) ? `${this.space()}=${this.maybeSpace()}` : '=';
  }

  private attributes(): string {
    const used = new Set<string>();
    return this.random.some(5, () => {
      const name = this.qualifiedName();
      if (used.has(name) && !this.bad()) return '';
      used.add(name);
      const space = this.bad() ? '' : this.space();
      return `${space}${name}${this.equals()}${this.value()}`;
    });
  }

  private value(): string {
    const quote = this.random.once(3) ? '"' : "'";
    const inside = this.random.some(3, () =>
      this.piece(quote === '"' ? [`'`, ']]>', '>', '\n', '\t'] : ['"', ']]>', '>', '\r\n']),
    );
    return `${quote}${this.bad() ? this.random.pick(['<', quote, '\u0000']) : ''}${inside}${this.bad() ? '' : quote}`;
  }

  private text(): string {
    return this.piece([']', ']]', '>', '"', "'", '\n', '\r\n', '\r', 'hello world', '/>', ']] >']);
  }

  private section(): string {
    const inside = this.random.some(3, () =>
      this.random.pick([
        ']',
        ']]',
        '<a>',
        '&amp;',
        '&',
        'x',
        '<!--',
        '>',
        '😀',
        'é',
        this.bad() ? '\u0001' : '\r',
      ]),
    );
    return `<![CDATA[${inside.replaceAll(']]>', '')}]]>`;
  }

  /** A piece of text or value. */
  private piece(corners: readonly string[]): string {
    const { random } = this;
    if (this.bad()) return random.pick([...ODD_TEXT, ...ODD_REFERENCES]);
    switch (random.below(5)) {
      case 0:
        return random.pick(REFERENCES);
      case 1:
        return random.pick([...CHARACTERS]);
      case 2:
        return random.pick(corners);
      default:
        return random.pick(['a', 'some words', 'x1', '0']);
    }
  }

  private qualifiedName(): string {
    const { random } = this;
    const local = this.name();
    if (this.bad())
      return random.pick([
        `zz:${local}`,
        `:${local}`,
        `${local}:`,
        `a:b:${local}`,
        `a:1${local}`,
        `xmlns:${local}`,
      ]);
    if (!random.once(5)) return local;
    if (random.once(6)) return `xml:${local}`;
    const prefixes = this.scopes.flat().filter((prefix) => prefix !== '');
    return prefixes.length > 0 ? `${random.pick(prefixes)}:${local}` : local;
  }

  private name(): string {
    const { random } = this;
    if (random.once(30)) return random.pick(ODD_NAMES).replace('xmlns', this.badness > 0 ? 'xmlns' : 'xmlm');
    if (!random.once(10)) return random.pick(NAMES);
    return this.character(STARTS) + random.some(3, () => this.character(STARTS + REST));
  }

  /** One of these or, in a bad stream, sometimes any of the basic plane. */
  private character(from: string): string {
    const { random } = this;
    if (this.badness === 0) return random.pick(['a', 'é', 'Ł', 'ж', 'א', '字', '가']);
    if (random.once(4)) return String.fromCodePoint(0x80 + random.below(0xd780));
    return random.pick([...from]);
  }
}
