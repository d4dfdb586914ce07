import { escape, escapeValue, type Element } from '../xml/index.js';

const INDENT = '  ';

/** What a person reads: an element a line, those in `marked` with `> ` before them. */
export function pretty(element: Element, marked: ReadonlySet<Element> = new Set()): string[] {
  return write(element, marked, '');
}

/** An element in one line, without what is only white space between elements, cut where it is too long. */
export function brief(element: Element, most = 300): string {
  const text = pretty(element)
    .map((line) => line.trim())
    .join('');
  return text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text;
}

function write(element: Element, marked: ReadonlySet<Element>, indent: string): string[] {
  const mark = marked.size === 0 ? '' : marked.has(element) ? '> ' : '  ';
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

/** In the quotes that the value does not hold, for who reads it. */
function quoted(value: string): string {
  const written = escapeValue(value);
  return value.includes("'") && !value.includes('"')
    ? `"${written.replaceAll('&apos;', "'")}"`
    : `'${written}'`;
}
