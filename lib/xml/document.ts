import sax from 'sax';
import { Element } from './element.js';
import { XML } from './namespaces.js';
import type { Namespaces } from './tree.js';

/**
 * sax collects attributes in a plain object and asks it `hasOwnProperty` for every one of them, so an attribute
 * of that name, or `__proto__`, would break it. It gets an object that keeps nothing; we collect the attributes
 * from its events.
 */
const NO_ATTRIBUTES = Object.freeze({ hasOwnProperty: () => false });

const SPACE = /[\t\n\r]/;
const SPACE_FIRST = /^\s/;
const LINE_END = /\r\n?/g;
const TAG_OR_SECTION = /<!\[CDATA\[[^]*?\]\]>|<!--[^]*?-->|<(?:[^>'"]|'[^']*'|"[^"]*")*>/g;
const SPACES = /[\t\n]/g;

/** White space as XML wants it read, which sax leaves as it is: in attribute values, all is spaces. [XML 1.0 3.3.3] */
function normalizeSpace(source: string): string {
  if (!SPACE.test(source)) return source;
  return source.replace(TAG_OR_SECTION, (found) =>
    found.startsWith('<!') ? found : found.replace(SPACES, ' '),
  );
}

/** Why a source is no well-formed XML, and in which of its lines, counted from 1. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';

  constructor(
    message: string,
    readonly line: number,
  ) {
    super(message);
  }
}

/** What a source says, and where. */
export interface Document {
  readonly root: Element;
  /** Where each element begins. */
  readonly lines: ReadonlyMap<Element, number>;
  /** The texts directly inside of the root, and where each begins. */
  readonly texts: readonly { readonly text: string; readonly line: number }[];
}

/**
 * The tree of a document that nobody has checked, such as a scenario file. What comes out of a {@link Reader} needs no
 * second check: {@link parse} builds its tree several times faster.
 *
 * @param source one element, with its references, sections, comments and processing instructions
 * @param around what is declared outside of it
 * @throws {DocumentError} when the source is no well-formed element
 */
export function parseDocument(source: string, around?: Namespaces): Element {
  return new DocumentReader(source, around).read().root;
}

/** Holds the elements of a fragment. No element of a fragment has this name. */
const FRAGMENT = 'sm-component-fragment';

/**
 * Elements side by side, with texts between them, as the children of one root.
 *
 * @param around what is declared outside of them
 * @param line the number of its first line, where it is a part of a file
 * @throws {DocumentError} when the source is no well-formed content of an element
 */
export function parseFragment(source: string, around?: Namespaces, line = 1): Document {
  return new DocumentReader(`<${FRAGMENT}>${source}</${FRAGMENT}>`, around, line).read();
}

interface Opened {
  readonly element: Element;
  readonly line: number;
}

/** Its types do not know this one: `&nbsp;` is HTML. */
const OPTIONS: sax.SAXOptions & { strictEntities: boolean } = { strictEntities: true };

/** As sax says it. It takes `< a` for a tag, which is none. */
const UNESCAPED = 'Unencoded <';

/** What sax says, for people who do not know the grammar of XML by heart. */
const SENTENCES: ReadonlyMap<string, string> = new Map([
  ['Invalid character entity', 'XML has no such &…; (write & as &amp;)'],
  ['Invalid character in entity name', 'write & as &amp;'],
  [UNESCAPED, 'write < in a text as &lt;'],
  ['Unquoted attribute value', 'an attribute value needs quotes'],
]);

/** A line of the source: where it begins, and where its line feed is. */
interface Line {
  readonly number: number;
  readonly from: number;
  readonly end: number;
}

/** How deep elements may stand in each other, and how many attributes one may have: what follows would not end in time. */
const MAX_DEPTH = 1000;
const MAX_ATTRIBUTES = 1000;

/** How much of a tag without an end is shown, in characters. */
const MAX_SHOWN_LENGTH = 40;
const ENDS: ReadonlyMap<string, string> = new Map([
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
]);

class DocumentReader {
  private readonly parser = sax.parser(true, OPTIONS);
  private readonly source: string;
  private readonly open: Opened[] = [];
  private readonly lines = new Map<Element, number>();
  private readonly texts: { text: string; line: number }[] = [];
  /** How long the source is that was given. */
  private readonly length: number;
  private root: Element | undefined;
  private attributes = new Map<string, string>();
  /** Where the last tag or comment ends. */
  private end = 0;
  /** Where the name of a tag, or its last attribute, ends. */
  private attributeEnd = 0;
  /** The last that was looked for: counting from the beginning each time would take for ever. */
  private counted: Line;

  constructor(
    source: string,
    private readonly around: Namespaces | undefined,
    private readonly firstLine = 1,
  ) {
    this.source = source.replace(LINE_END, '\n');
    const isFragment = this.source.startsWith(`<${FRAGMENT}>`);
    this.length = this.source.length - (isFragment ? `</${FRAGMENT}>`.length : 0);
    this.counted = this.lineFrom(0, firstLine);
  }

  read(): Document {
    const { parser } = this;
    parser.onerror = (error) => this.fail(error);
    parser.onopentagstart = (tag) => {
      if (SPACE_FIRST.test(this.source[parser.startTagPosition])) this.fail(new Error(UNESCAPED));
      tag.attributes = NO_ATTRIBUTES as unknown as typeof tag.attributes;
      this.attributes = new Map();
      this.attributeEnd = parser.position;
    };
    parser.onattribute = ({ name, value }) => this.attribute(name, value);
    parser.onopentag = ({ name }) => this.opened(name);
    parser.onclosetag = () => {
      this.open.pop();
      this.end = parser.position;
    };
    parser.oncomment = () => void (this.end = parser.position);
    parser.ontext = parser.oncdata = (text) => this.text(text);
    parser.write(normalizeSpace(this.source)).close();
    const { root, lines, texts } = this;
    if (!root) throw new DocumentError('there is no element in this XML', this.firstLine);
    return { root, lines, texts };
  }

  private attribute(name: string, value: string): void {
    const { attributes, source } = this;
    const written = source.slice(this.attributeEnd, this.parser.position);
    const line = this.lineAt(this.attributeEnd + written.search(/\S|$/));
    // In a value, `<` is `&lt;`: where a quote is missing, all up to the next quote is one. [XML 1.0 2.3]
    if (written.includes('<')) {
      throw new DocumentError(`there is a < in the value of ${name}: is a quote missing?`, line);
    }
    if (attributes.has(name)) throw new DocumentError(`the attribute ${name} appears twice`, line);
    attributes.set(name, value);
    if (attributes.size > MAX_ATTRIBUTES)
      throw new DocumentError(`a tag has more than ${MAX_ATTRIBUTES} attributes`, line);
    this.attributeEnd = this.parser.position;
  }

  private opened(name: string): void {
    const { open, parser } = this;
    const element = new Element(name, this.attributes);
    element.namespace = this.namespaceOf(element);
    const line = this.lineAt(parser.startTagPosition - 1);
    this.lines.set(element, line);
    const parent = open.at(-1)?.element;
    if (parent) parent.children.push(element);
    else this.root = element;
    open.push({ element, line });
    if (open.length > MAX_DEPTH)
      throw new DocumentError(`elements are nested more than ${MAX_DEPTH} deep`, line);
    this.end = parser.position;
  }

  private text(text: string): void {
    this.open.at(-1)?.element.children.push(text);
    if (this.open.length === 1) this.texts.push({ text, line: this.lineAt(this.end) });
  }

  /** The line of a place. */
  private lineAt(place: number): number {
    if (place < this.counted.from) this.counted = this.lineFrom(0, this.firstLine);
    while (this.counted.end < place)
      this.counted = this.lineFrom(this.counted.end + 1, this.counted.number + 1);
    return this.counted.number;
  }

  private lineFrom(from: number, number: number): Line {
    const end = this.source.indexOf('\n', from);
    return { number, from, end: end < 0 ? Infinity : end };
  }

  private namespaceOf(element: Element): string {
    const { open, around } = this;
    const colon = element.name.indexOf(':');
    const prefix = colon < 0 ? '' : element.name.slice(0, colon);
    const declaration = prefix ? `xmlns:${prefix}` : 'xmlns';
    for (let at = open.length; at >= 0; at -= 1) {
      const declared = (open.at(at)?.element ?? element).attributes.get(declaration);
      if (declared !== undefined) return declared;
    }
    return around?.get(prefix) ?? (prefix === 'xml' ? XML : '');
  }

  private fail({ message }: Error): never {
    const { position } = this.parser;
    const [what] = message.split('\n', 1);
    const inner = this.open.at(-1);
    if (what === 'Unexpected close tag' && inner) throw this.unexpected(inner);
    if (position > this.length || what === 'Unclosed root tag') throw this.unfinished(inner);
    throw new DocumentError(SENTENCES.get(what) ?? what, this.lineAt(position - 1));
  }

  /** An end tag stands where another one should. */
  private unexpected({ element: { name }, line }: Opened): DocumentError {
    const { startTagPosition: begin, position } = this.parser;
    const tag = this.source.slice(begin + 1, position - 1).trim();
    if (tag === FRAGMENT) return new DocumentError(`<${name}> is not closed`, line);
    const here = this.lineAt(begin - 1);
    if (this.open.some(({ element }) => element.name === tag)) {
      return new DocumentError(`<${name}> is not closed before the </${tag}> of line ${here}`, line);
    }
    const instead = name === FRAGMENT ? '' : `; the <${name}> of line ${line} is open`;
    return new DocumentError(`</${tag}> closes nothing${instead}`, here);
  }

  /** The source ends before its last tag, or its last element, does. */
  private unfinished(inner: Opened | undefined): DocumentError {
    const begin = this.parser.startTagPosition - 1;
    if (inner && begin < this.end)
      return new DocumentError(`<${inner.element.name}> is not closed`, inner.line);
    const [begun] = this.source
      .slice(begin, Math.min(begin + MAX_SHOWN_LENGTH, this.length))
      .split(/(?<=<!--|<!\[CDATA\[)|[\s>]/, 1);
    const missing = ENDS.get(begun) ?? 'a quote or a >';
    return new DocumentError(`${begun} is not complete: ${missing} is missing`, this.lineAt(begin));
  }
}
