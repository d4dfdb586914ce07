/** Bytes to XML and back: everything the rest of the program may use of it. No policy here. */
export { DocumentError, parseDocument, parseFragment, type Document } from './document.js';
export {
  Element,
  element,
  withDeclarationsOf,
  type AttributeValues,
  type Content,
  type Node,
} from './element.js';
export { escape, escapeValue, unescape } from './escape.js';
export type { ParseError, ParseErrorCondition } from './parse-error.js';
export { MAX, type StanzaLimits } from './limits.js';
export { Reader, stanzaOf, type ReaderEvents, type ReaderOptions } from './reader.js';
export { Stanza, Tag, wholeStanza, type Edit } from './tag.js';
export { respelt, type Unwanted } from './prefixes.js';
export { parse, treeOf, type Namespaces } from './tree.js';
