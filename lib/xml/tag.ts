import { isAscii } from 'node:buffer';
import { elementAround, treeOf, type Namespaces } from './tree.js';
import type { Element } from './element.js';
import { escapeValue, unescapeValue } from './escape.js';
import { isNamed, tagsInside } from './inside.js';

const X = 0x78;

/** Numbers a span holds for each attribute: where its name begins and ends, where its value begins and ends. */
const SPAN = 4;
/** A value with one of these is not what its source says. */
const ODD = /[&\t\n\r]/;
const END_TAG = /^<\/[^>]*>$/;

/** The opening tag of something whose source is kept as text; attributes are found by their place in it. */
export class Tag {
  /**
   * @param source text that begins with the tag
   * @param name the element's name as written
   * @param spans per attribute four indices into source: name begin, name end, value begin, value end
   * @param tagEnd index of the `>` or `/>` that ends the tag
   */
  constructor(
    readonly source: string,
    readonly name: string,
    protected readonly spans: readonly number[],
    protected readonly tagEnd: number,
  ) {}

  /** The value of an attribute by its name as written, references resolved. */
  attribute(name: string): string | undefined {
    const at = this.find(name);
    return at < 0 ? undefined : this.valueAt(at);
  }

  /** Is there an attribute of that name, as written? */
  has(name: string): boolean {
    return this.find(name) >= 0;
  }

  /** Where the value of an attribute begins and ends in the source. */
  placeOf(name: string): readonly [begin: number, end: number] | undefined {
    const at = this.find(name);
    return at < 0 ? undefined : [this.spans[at + 2], this.spans[at + 3]];
  }

  /** All attributes, references resolved, in the order they were written. */
  attributes(): Map<string, string> {
    const all = new Map<string, string>();
    for (let at = 0; at < this.spans.length; at += SPAN) {
      all.set(this.source.slice(this.spans[at], this.spans[at + 1]), this.valueAt(at));
    }
    return all;
  }

  /** The names of all attributes, in the order they were written. */
  names(): string[] {
    const names: string[] = [];
    for (let at = 0; at < this.spans.length; at += SPAN) {
      names.push(this.source.slice(this.spans[at], this.spans[at + 1]));
    }
    return names;
  }

  /** Prefixes (the default namespace under the empty one) that this tag declares. */
  declarations(): Map<string, string> {
    const declared = new Map<string, string>();
    for (const [name, value] of this.attributes()) {
      if (name === 'xmlns') declared.set('', value);
      else if (name.startsWith('xmlns:')) declared.set(name.slice(6), value);
    }
    return declared;
  }

  /** Does this tag declare a namespace, as the default or for a prefix? */
  get declares(): boolean {
    const { source, spans } = this;
    for (let at = 0; at < spans.length; at += SPAN) {
      if (source.charCodeAt(spans[at]) === X && source.startsWith('xmlns', spans[at])) return true;
    }
    return false;
  }

  /** Index into spans; -1 where there is no such attribute. */
  protected find(name: string): number {
    for (let at = 0; at < this.spans.length; at += SPAN) {
      const begin = this.spans[at];
      if (this.spans[at + 1] - begin === name.length && this.source.startsWith(name, begin)) return at;
    }
    return -1;
  }

  private valueAt(at: number): string {
    const value = this.source.slice(this.spans[at + 2], this.spans[at + 3]);
    return ODD.test(value) ? unescapeValue(value) : value;
  }
}

/** A piece of a source that other text stands for. */
export interface Edit {
  readonly begin: number;
  readonly end: number;
  readonly by: string;
}

/**
 * One top-level element of a stream: its source, checked and otherwise untouched, and where the parts of its
 * opening tag stand. What is relayed is re-addressed in place and never built up as a tree.
 */
export class Stanza extends Tag {
  /** How many elements stand directly inside. */
  children = 0;
  /** Bytes of the longest opening tag in it. */
  longestTag = 0;
  /** The language of its stream, as an attribute (` xml:lang='de'`), where it names none itself. ASCII only. */
  language = '';
  /** Does it use a namespace that is no URI? Servers that read with expat may take that for broken XML. */
  hasOddNamespace = false;

  /**
   * @param ascii whether source and inherited are ASCII only (they can then be written byte for character)
   * @param inherited declarations (` xmlns:p='…'`) of prefixes that the stanza uses and the stream header declares
   * @param around what the stream header declares
   */
  constructor(
    source: string,
    name: string,
    spans: readonly number[],
    tagEnd: number,
    readonly ascii: boolean,
    readonly inherited: string,
    private readonly around: Namespaces | undefined,
  ) {
    super(source, name, spans, tagEnd);
  }

  /**
   * The stanza as text with other attributes on its opening tag.
   *
   * @param drop names of attributes to leave out
   * @param stamp attributes to append, each with a space before it, values escaped
   */
  readdressed(drop: readonly string[], stamp: string): string {
    const added = this.inherited + this.language + stamp;
    for (const name of drop) {
      if (this.find(name) >= 0) return this.rewritten(drop, added);
    }
    if (added === '') return this.source;
    return this.source.slice(0, this.tagEnd) + added + this.source.slice(this.tagEnd);
  }

  /** The stanza as text with attributes right behind its name, before all others; see {@link readdressed}. */
  stampedFirst(stamp: string): string {
    const nameEnd = this.name.length + 1;
    return (
      this.source.slice(0, nameEnd) + stamp + this.inherited + this.language + this.source.slice(nameEnd)
    );
  }

  /** The one element inside, where there is just one and nothing else; it is as well-formed as the stanza is. */
  only(): Stanza | undefined {
    const content = this.content.trim();
    const child =
      this.children === 1 && content.startsWith('<') ? wholeStanza(content, this.ascii) : undefined;
    return child?.endsItsSource() ? child : undefined;
  }

  /** Is there nothing behind it? */
  private endsItsSource(): boolean {
    const { source, tagEnd } = this;
    if (source[tagEnd] === '/') return tagEnd + 2 === source.length;
    return END_TAG.test(source.slice(source.lastIndexOf('<')));
  }

  /** The namespace that the stanza itself is in; empty where nothing is known of it. */
  get namespace(): string {
    const colon = this.name.indexOf(':');
    const prefix = colon < 0 ? '' : this.name.slice(0, colon);
    return this.attribute(prefix ? `xmlns:${prefix}` : 'xmlns') ?? this.around?.get(prefix) ?? '';
  }

  /** What prefixes stand for on the stanza itself: those that it declares, and those that it uses of the stream header. */
  prefixes(): Map<string, string> {
    const prefixes = this.declarations();
    for (const [prefix, namespace] of this.inheritance()) prefixes.set(prefix, namespace);
    prefixes.delete('');
    return prefixes;
  }

  /**
   * The same stanza without some of its {@link prefixes}, and without its own attributes that have them.
   *
   * @param instead declarations (` xmlns:p='…'`) for what is inside: there, too, the prefixes stand for nothing otherwise
   */
  withoutPrefixes(unwanted: ReadonlySet<string>, instead: string): Stanza {
    const drop = this.names().filter((name) => {
      const [prefix, local] = name.split(':');
      return local !== undefined && unwanted.has(prefix === 'xmlns' ? local : prefix);
    });
    let inherited = '';
    for (const [prefix, namespace] of this.inheritance()) {
      if (!unwanted.has(prefix)) inherited += ` xmlns:${prefix}='${escapeValue(namespace)}'`;
    }
    const { source, name, spans, tagEnd } = wholeStanza(this.rewritten(drop, instead), this.ascii)!;
    return this.copied(new Stanza(source, name, spans, tagEnd, this.ascii, inherited, this.around));
  }

  private inheritance(): Map<string, string> {
    return this.inherited === ''
      ? new Map<string, string>()
      : wholeStanza(`<i${this.inherited}/>`, false)!.declarations();
  }

  /** What is inside of the stanza is inside of the other as well. */
  private copied(other: Stanza): Stanza {
    other.children = this.children;
    other.longestTag = this.longestTag;
    other.hasOddNamespace = this.hasOddNamespace;
    other.language = this.language;
    return other;
  }

  /** The stanza as a tree, with what it inherits from the stream header. */
  element(): Element {
    if (this.inherited !== '' || this.language !== '' || this.source.includes('\r'))
      return treeOf(this.readdressed([], ''), this.around);
    return elementAround(this.name, this.attributes(), this.content, this.around);
  }

  /** The opening tags of the elements directly inside that have that local name, and where each begins in the source. */
  tagsInside(localName: string): { readonly begin: number; readonly tag: Tag }[] {
    const { source } = this;
    const from = source.indexOf('>', this.tagEnd) + 1;
    if (!this.mayHave(localName, from)) return [];
    const begins = tagsInside(source, from, localName);
    return begins.map((begin) => ({ begin, tag: wholeStanza(source.slice(begin), this.ascii)! }));
  }

  /** Quick, since most stanzas have nothing of the name, and many just one element. */
  private mayHave(localName: string, from: number): boolean {
    const { source, children } = this;
    const at = children === 1 ? source.indexOf('<', from) : 0;
    // a section may stand before the element
    return at > 0 && source[at + 1] !== '!' ? isNamed(source, at + 1, localName) : source.includes(localName);
  }

  /** The stanza with other text, ASCII only, at places of its source behind the opening tag; `edits` are in order. */
  edited(edits: readonly Edit[]): Stanza {
    let text = '';
    let kept = 0;
    for (const { begin, end, by } of edits) {
      text += this.source.slice(kept, begin) + by;
      kept = end;
    }
    return this.withSource(text + this.source.slice(kept));
  }

  /** The source of all that stands between the stanza's own tags. */
  get content(): string {
    const begin = this.source.indexOf('>', this.tagEnd) + 1;
    return this.source.slice(begin, Math.max(begin, this.source.lastIndexOf('<')));
  }

  /** The same stanza with other values of attributes that it has; those that it has not stay away. */
  with(values: ReadonlyMap<string, string>): Stanza {
    const spans = [...this.spans];
    let { source, tagEnd } = this;
    for (let at = spans.length - SPAN; at >= 0; at -= SPAN) {
      const value = values.get(this.source.slice(spans[at], spans[at + 1]));
      if (value === undefined) continue;
      const written = escapeValue(value);
      const grown = written.length - (spans[at + 3] - spans[at + 2]);
      source = source.slice(0, spans[at + 2]) + written + source.slice(spans[at + 3]);
      spans[at + 3] += grown;
      for (let later = at + SPAN; later < spans.length; later += 1) spans[later] += grown;
      tagEnd += grown;
    }
    const ascii = this.ascii && [...values.values()].every((value) => isAscii(Buffer.from(value)));
    return this.copied(new Stanza(source, this.name, spans, tagEnd, ascii, this.inherited, this.around));
  }

  private withSource(source: string): Stanza {
    const { name, spans, tagEnd, ascii, inherited, around } = this;
    return this.copied(new Stanza(source, name, spans, tagEnd, ascii, inherited, around));
  }

  private rewritten(drop: readonly string[], added: string): string {
    const { source, spans } = this;
    let text = '';
    let kept = 0;
    let before = this.name.length + 1;
    for (let at = 0; at < spans.length; at += SPAN) {
      const after = spans[at + 3] + 1;
      if (this.isOneOf(at, drop)) {
        text += source.slice(kept, before);
        kept = after;
      }
      before = after;
    }
    return text + source.slice(kept, this.tagEnd) + added + source.slice(this.tagEnd);
  }

  private isOneOf(at: number, names: readonly string[]): boolean {
    for (let one = 0; one < names.length; one += 1) if (this.isNamed(at, names[one])) return true;
    return false;
  }

  private isNamed(at: number, name: string): boolean {
    const begin = this.spans[at];
    return this.spans[at + 1] - begin === name.length && this.source.startsWith(name, begin);
  }
}

/** The stanza that a well-formed text is, without looking at more of it than its opening tag. */
export function wholeStanza(source: string, ascii: boolean): Stanza | undefined {
  const spans: number[] = [];
  const nameEnd = source.search(/[\s/>]/);
  let at = behindSpace(source, nameEnd);
  while (source[at] !== '>' && source[at] !== '/') {
    const equals = source.indexOf('=', at);
    if (equals < 0) return undefined;
    const quote = behindSpace(source, equals + 1);
    const end = source.indexOf(source[quote], quote + 1);
    if (end < 0) return undefined;
    spans.push(at, beforeSpace(source, equals), quote + 1, end);
    at = behindSpace(source, end + 1);
  }
  return new Stanza(source, source.slice(1, nameEnd), spans, at, ascii, '', undefined);
}

const SPACE = 0x20;

function behindSpace(source: string, from: number): number {
  let at = from;
  while (source.charCodeAt(at) <= SPACE) at += 1;
  return at;
}

function beforeSpace(source: string, to: number): number {
  let end = to;
  while (source.charCodeAt(end - 1) <= SPACE) end -= 1;
  return end;
}
