/** What stands directly inside an element, found in its source without a tree. */

const SLASH = 0x2f;
const EXCLAMATION = 0x21;
const GREATER = 0x3e;
const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const COLON = 0x3a;
const SPACE = 0x20;

/**
 * Where the opening tags begin of the elements of one local name (whatever the prefix) that stand directly inside.
 *
 * @param source a well-formed element that the scanner has let through: no comments, no processing instructions
 * @param from the index right behind its opening tag
 */
export function tagsInside(source: string, from: number, localName: string): number[] {
  const found: number[] = [];
  let depth = 0;
  let at = source.indexOf('<', from);
  while (at >= 0 && depth >= 0) {
    const next = source.charCodeAt(at + 1);
    let end: number;
    if (next === EXCLAMATION) end = source.indexOf(']]>', at) + 2;
    else if (next === SLASH) {
      depth -= 1;
      end = source.indexOf('>', at);
    } else {
      if (depth === 0 && isNamed(source, at + 1, localName)) found.push(at);
      end = endOfTag(source, at);
      if (source.charCodeAt(end - 1) !== SLASH) depth += 1;
    }
    at = source.indexOf('<', end);
  }
  return found;
}

/** Is the name that begins there that local name, with a prefix or without? */
export function isNamed(source: string, nameBegin: number, localName: string): boolean {
  let end = nameBegin;
  while (!endsName(source.charCodeAt(end))) end += 1;
  const localBegin = end - localName.length;
  if (localBegin < nameBegin || !source.startsWith(localName, localBegin)) return false;
  return localBegin === nameBegin || source.charCodeAt(localBegin - 1) === COLON;
}

const endsName = (code: number): boolean => code <= SPACE || code === SLASH || code === GREATER;

/** The index of the `>` that ends a tag; values may hold others. */
function endOfTag(source: string, begin: number): number {
  for (let at = begin; ; at += 1) {
    const code = source.charCodeAt(at);
    if (code === GREATER) return at;
    if (code === QUOTE) at = source.indexOf("'", at + 1);
    else if (code === DOUBLE_QUOTE) at = source.indexOf('"', at + 1);
  }
}
