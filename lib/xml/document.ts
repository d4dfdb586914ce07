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
const LINE_END = /\r\n?/g;
const TAG_OR_SECTION = /<!\[CDATA\[[^]*?\]\]>|<(?:[^>'"]|'[^']*'|"[^"]*")*>/g;
const SPACES = /[\t\n]/g;

/** White space as XML wants it read, which sax leaves as it is: in attribute values, all is spaces. [XML 1.0 2.11, 3.3.3] */
function normalizeSpace(source: string): string {
  if (!SPACE.test(source)) return source;
  return source
    .replace(LINE_END, '\n')
    .replace(TAG_OR_SECTION, (found) => (found.startsWith('<!') ? found : found.replace(SPACES, ' ')));
}

function resolveNamespace(open: Element, parents: Element[], around: Namespaces | undefined): string {
  const colon = open.name.indexOf(':');
  const prefix = colon < 0 ? '' : open.name.slice(0, colon);
  const declaration = prefix ? `xmlns:${prefix}` : 'xmlns';
  for (let at = parents.length; at >= 0; at -= 1) {
    const declared = (parents[at] ?? open).attributes.get(declaration);
    if (declared !== undefined) return declared;
  }
  return around?.get(prefix) ?? (prefix === 'xml' ? XML : '');
}

/**
 * The tree of a document that nobody has checked, such as a scenario file. What comes out of a {@link Reader} needs no
 * second check: {@link parse} builds its tree several times faster.
 *
 * @param source one element, with its references, sections, comments and processing instructions
 * @param around what is declared outside of it
 * @throws Error when the source is no well-formed element; its message names the line, counted from 0
 */
export function parseDocument(source: string, around?: Namespaces): Element {
  const parser = sax.parser(true);
  const open: Element[] = [];
  let root: Element | undefined;
  let attributes = new Map<string, string>();
  parser.onerror = (error) => {
    throw error;
  };
  parser.onopentagstart = (tag) => {
    tag.attributes = NO_ATTRIBUTES as unknown as typeof tag.attributes;
    attributes = new Map();
  };
  parser.onattribute = ({ name, value }) => attributes.set(name, value);
  parser.onopentag = (tag) => {
    const opened = new Element(tag.name, attributes);
    opened.namespace = resolveNamespace(opened, open, around);
    const parent = open.at(-1);
    if (parent) parent.children.push(opened);
    else root = opened;
    open.push(opened);
  };
  parser.onclosetag = () => void open.pop();
  parser.ontext = parser.oncdata = (text) => void open.at(-1)?.children.push(text);
  parser.write(normalizeSpace(source)).close();
  if (!root) throw new Error('there is no element in this XML');
  return root;
}
