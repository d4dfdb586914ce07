import { Element, type Content, type Node } from './element.js';
import { unescape, unescapeValue } from './escape.js';
import { XML } from './namespaces.js';

/** Prefix (empty for the default namespace) to namespace name: what is declared around a piece of XML. */
export type Namespaces = ReadonlyMap<string, string>;

const EXCLAMATION_MARK = 0x21;
const SLASH = 0x2f;
const EQUALS = 0x3d;
const GREATER_THAN = 0x3e;
const LESS_THAN = 0x3c;
const SPACE = 0x20;

const CDATA_BEGIN = '<![CDATA[';
const CDATA_END = ']]>';
const LINE_END = /\r\n?/g;
const PREFIX_DECLARATION = 'xmlns:';

/**
 * The tree of one element whose source is well-formed: one that the scanner has let through, or that
 * {@link Element.toString} has written. Nothing is checked a second time that has no bearing on the tree.
 *
 * @param source one whole element; white space may stand around it
 * @param around what is declared outside of it (on the stream header)
 * @throws Error when the source is not one whole element; never for a source out of {@link Reader}
 */
export function parse(source: string, around?: Namespaces): Element {
  // A line end counts as a line feed wherever it stands. [XML 1.0 2.11]
  const text = source.includes('\r') ? source.replace(LINE_END, '\n') : source;
  return new TreeBuilder(text, around).build();
}

/**
 * The same, looked into only where somebody does: the opening tag is read, what stands behind it is kept as it came and
 * written as it came. For what is passed on, or kept, and may hold tens of thousands of elements.
 *
 * @param source as for {@link parse}, without anything around the element; where something in it is wrong, it is noticed
 *   by who looks there
 */
export function treeOf(source: string, around?: Namespaces): Element {
  const text = source.includes('\r') ? source.replace(LINE_END, '\n') : source;
  return new TreeBuilder(text, around).outline();
}

/**
 * The same as {@link treeOf} for an element whose opening tag is read already: one whose source has no carriage return.
 *
 * @param attributes of the tag, references resolved; the element takes them over
 * @param content source of all that stands between its tags
 */
export function elementAround(
  name: string,
  attributes: Map<string, string>,
  content: string,
  around?: Namespaces,
): Element {
  const element = new Element(name, attributes);
  const colon = name.indexOf(':');
  const prefix = colon < 0 ? '' : name.slice(0, colon);
  element.namespace =
    attributes.get(prefix === '' ? 'xmlns' : PREFIX_DECLARATION + prefix) ??
    around?.get(prefix) ??
    (prefix === 'xml' ? XML : '');
  if (content !== '') element.fill(new Unread(content, declaredIn(element, around)));
  return element;
}

class Unread implements Content {
  constructor(
    readonly source: string,
    private readonly around: Namespaces,
  ) {}

  nodes(): Node[] {
    return new TreeBuilder(`<x>${this.source}</x>`, this.around).build().children;
  }

  within(namespace: string): Content {
    const around = this.around.get('') ? this.around : new Map([...this.around, ['', namespace] as const]);
    return new Unread(this.source, around);
  }
}

/** What is declared inside of an element. */
function declaredIn({ attributes }: Element, around: Namespaces = new Map()): Namespaces {
  let inside: Map<string, string> | undefined;
  for (const [name, value] of attributes) {
    if (name === 'xmlns') (inside ??= new Map(around)).set('', value);
    else if (name.startsWith(PREFIX_DECLARATION)) {
      (inside ??= new Map(around)).set(name.slice(PREFIX_DECLARATION.length), value);
    }
  }
  return inside ?? around;
}

function malformed(): never {
  throw new Error('this is not one whole XML element');
}

class TreeBuilder {
  private at = 0;
  /** Elements that are open, outermost first. */
  private readonly open: Element[] = [];
  /** The default namespace inside of each of them. */
  private readonly defaults: string[] = [];
  /** Those of them that declare prefixes. */
  private readonly declaring: Element[] = [];
  private root: Element | undefined;

  constructor(
    private readonly source: string,
    private readonly around: Namespaces | undefined,
  ) {}

  build(): Element {
    const { source } = this;
    while (this.at < source.length) {
      const begin = source.indexOf('<', this.at);
      this.text(begin < 0 ? source.length : begin);
      if (begin >= 0) this.markup();
    }
    return this.root && this.open.length === 0 ? this.root : malformed();
  }

  /** The element that it begins with, and its content as it is. */
  outline(): Element {
    const { source } = this;
    if (source.charCodeAt(0) !== LESS_THAN) malformed();
    this.startTag();
    const [root] = this.open;
    if (!root) return this.root!;
    const end = source.lastIndexOf('</');
    if (end < this.at) malformed();
    if (end > this.at) root.fill(new Unread(source.slice(this.at, end), declaredIn(root, this.around)));
    return root;
  }

  /** Takes the text from the place at hand up to `end`. */
  private text(end: number): void {
    if (end === this.at) return;
    const text = this.source.slice(this.at, end);
    this.at = end;
    if (this.open.length > 0) this.open[this.open.length - 1].children.push(unescape(text));
    else if (text.trim() !== '') malformed();
  }

  /** At a `<`. */
  private markup(): void {
    const next = this.source.charCodeAt(this.at + 1);
    if (next === SLASH) this.endTag();
    else if (next === EXCLAMATION_MARK) this.section();
    else this.startTag();
  }

  private section(): void {
    const begin = this.at + CDATA_BEGIN.length;
    const end = this.source.indexOf(CDATA_END, begin);
    if (end < 0 || this.open.length === 0 || !this.source.startsWith(CDATA_BEGIN, this.at)) malformed();
    if (end > begin) this.open[this.open.length - 1].children.push(this.source.slice(begin, end));
    this.at = end + CDATA_END.length;
  }

  private endTag(): void {
    const { source, open } = this;
    const element = open.at(-1);
    const nameEnd = this.at + 2 + (element?.name.length ?? 0);
    const end = this.skipSpace(nameEnd);
    if (
      !element ||
      !source.startsWith(element.name, this.at + 2) ||
      source.charCodeAt(end) !== GREATER_THAN
    ) {
      malformed();
    }
    this.close();
    this.at = end + 1;
  }

  private startTag(): void {
    const { source } = this;
    const begin = this.at + 1;
    const nameEnd = this.nameEnd(begin);
    if (nameEnd === begin || (this.root && this.open.length === 0)) malformed();
    const element = new Element(source.slice(begin, nameEnd));
    const declaresPrefixes = this.attributes(element, nameEnd);
    const isEmpty = source.charCodeAt(this.at) === SLASH;
    this.at += isEmpty ? 2 : 1;
    if (source.charCodeAt(this.at - 1) !== GREATER_THAN) malformed();
    this.opened(element, declaresPrefixes);
    if (isEmpty) this.close();
  }

  /**
   * Takes the attributes of a tag, and leaves the place at hand at its `>` or `/>`.
   *
   * @returns whether one of them declares a prefix
   */
  private attributes(element: Element, from: number): boolean {
    const { source } = this;
    let declaresPrefixes = false;
    let at = this.skipSpace(from);
    while (source.charCodeAt(at) !== GREATER_THAN && source.charCodeAt(at) !== SLASH) {
      const nameEnd = this.nameEnd(at);
      const equals = this.skipSpace(nameEnd);
      const quote = this.skipSpace(equals + 1);
      const valueEnd = source.indexOf(source.charAt(quote), quote + 1);
      if (nameEnd === at || source.charCodeAt(equals) !== EQUALS || valueEnd < 0) malformed();
      const name = source.slice(at, nameEnd);
      if (name.startsWith(PREFIX_DECLARATION)) declaresPrefixes = true;
      element.set(name, unescapeValue(source.slice(quote + 1, valueEnd)));
      at = this.skipSpace(valueEnd + 1);
    }
    this.at = at;
    return declaresPrefixes;
  }

  private opened(element: Element, declaresPrefixes: boolean): void {
    const { open, defaults } = this;
    const outside = open.length > 0 ? defaults[open.length - 1] : (this.around?.get('') ?? '');
    const inside = element.attributes.get('xmlns') ?? outside;
    if (open.length > 0) open[open.length - 1].children.push(element);
    else this.root = element;
    open.push(element);
    defaults.push(inside);
    if (declaresPrefixes) this.declaring.push(element);
    const colon = element.name.indexOf(':');
    element.namespace = colon < 0 ? inside : this.namespaceOf(element.name.slice(0, colon));
  }

  private close(): void {
    const element = this.open.pop();
    this.defaults.pop();
    if (this.declaring.at(-1) === element) this.declaring.pop();
  }

  private namespaceOf(prefix: string): string {
    const declaration = PREFIX_DECLARATION + prefix;
    for (let at = this.declaring.length - 1; at >= 0; at -= 1) {
      const declared = this.declaring[at].attributes.get(declaration);
      if (declared !== undefined) return declared;
    }
    return this.around?.get(prefix) ?? (prefix === 'xml' ? XML : '');
  }

  /** Where a name that begins at `from` ends. */
  private nameEnd(from: number): number {
    let at = from;
    while (isInName(this.source.charCodeAt(at))) at += 1;
    return at;
  }

  private skipSpace(from: number): number {
    let at = from;
    while (this.source.charCodeAt(at) <= SPACE) at += 1;
    return at;
  }
}

/** False for what ends a name, and for NaN, which stands for the end of the source. */
function isInName(code: number): boolean {
  return code > SPACE && code !== GREATER_THAN && code !== SLASH && code !== EQUALS;
}
