import { escape, escapeValue, type Element } from '../xml/index.js';

const INDENT = '  ';
const MARK = '> ';

/** For a value and a line in characters, for a stanza in lines. */
const MAX_PRINTED = { value: 200, line: 500, lines: 120 } as const;
/** Before and after a marked line, and at the beginning of a stanza. */
const CONTEXT_LINES = 3;

/** A stanza for people: one element per line, those in `marked` after `> `. */
export function pretty(element: Element, marked: ReadonlySet<Element> = new Set()): string[] {
  return write(element, marked, '');
}

/** A value for people, cut off where it is long. */
export const short = (value: string): string => cut(value, MAX_PRINTED.value);

const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text;

/** Of a long stanza only the beginning, and the lines around the marked ones. */
export function excerpt(lines: readonly string[]): string[] {
  const all = lines.map((line) => cut(line, MAX_PRINTED.line));
  if (all.length <= MAX_PRINTED.lines) return all;
  const shown: string[] = [];
  let hidden = 0;
  const tellHidden = (): void => void (hidden > 0 && shown.push(`  … (${hidden} lines)`));
  for (const [at, line] of all.entries()) {
    const near =
      at < CONTEXT_LINES || all.slice(Math.max(0, at - CONTEXT_LINES), at + CONTEXT_LINES + 1).some(isMarked);
    if (near && shown.length < MAX_PRINTED.lines) {
      tellHidden();
      hidden = 0;
      shown.push(line);
    } else hidden += 1;
  }
  tellHidden();
  return shown;
}

const isMarked = (line: string): boolean => line.startsWith(MARK);

/** An element in one line, without white space between elements, cut off where it is long. */
export function brief(element: Element, most = 300): string {
  const text = pretty(element)
    .map((line) => line.trim())
    .join('');
  return cut(text, most);
}

function write(element: Element, marked: ReadonlySet<Element>, indent: string): string[] {
  const mark = marked.size === 0 ? '' : marked.has(element) ? MARK : '  ';
  const tag = openTag(element);
  const close = `</${element.name}>`;
  const { elements, text } = element;
  if (elements.length === 0) {
    return [`${mark}${indent}<${tag}${text === '' ? '/>' : `>${oneLine(escape(text))}${close}`}`];
  }
  // Where text and elements are mixed, white space may matter.
  if (text.trim() !== '') return [`${mark}${indent}${oneLine(element.toString())}`];
  const blank = marked.size === 0 ? '' : '  ';
  const inside = elements.flatMap((child) => write(child, marked, indent + INDENT));
  return [`${mark}${indent}<${tag}>`, ...inside, `${blank}${indent}${close}`];
}

const oneLine = (written: string): string => written.replaceAll('\n', '&#10;');

function openTag({ name, attributes }: Element): string {
  return [name, ...[...attributes].map(([attribute, value]) => `${attribute}=${quoted(value)}`)].join(' ');
}

/** In the quotes that are not in the value, so that it is easy to read. */
function quoted(value: string): string {
  const written = escapeValue(value);
  return value.includes("'") && !value.includes('"')
    ? `"${written.replaceAll('&apos;', "'")}"`
    : `'${written}'`;
}
