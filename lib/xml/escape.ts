const SPECIAL = /[&<>'"\r]/;
const SPECIALS = /[&<>'"\r]/g;
const SPACE = /[\t\n\r]/;
const SPACES = /\r\n|[\t\n\r]/g;
const REFERENCE = /&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(amp|lt|gt|apos|quot));/g;

const TO_ENTITY: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

const FROM_ENTITY: Record<string, string> = { amp: '&', lt: '<', gt: '>', apos: "'", quot: '"' };

const toEntity = (char: string): string => TO_ENTITY[char];

/**
 * Text as it must be written between tags or quotes: the five characters that XML keeps for itself escaped, and the
 * carriage return, which would be read as a line feed. [XML 1.0 2.11]
 */
export function escape(text: string): string {
  return SPECIAL.test(text) ? text.replace(SPECIALS, toEntity) : text;
}

/** An attribute value as it must be written: line feeds and tabs too would be read as spaces. [XML 1.0 3.3.3] */
export function escapeValue(value: string): string {
  const escaped = escape(value);
  return SPACE.test(escaped) ? escaped.replace(SPACES, toEntity) : escaped;
}

function resolve(_whole: string, hex?: string, decimal?: string, name?: string): string {
  if (name) return FROM_ENTITY[name];
  return String.fromCodePoint(hex ? parseInt(hex, 16) : parseInt(decimal!, 10));
}

/** The text behind a source that the scanner has let through (so every reference in it is a good one). */
export function unescape(source: string): string {
  return source.includes('&') ? source.replace(REFERENCE, resolve) : source;
}

/** The attribute value behind a source: white space written as such stands for spaces. [XML 1.0 3.3.3] */
export function unescapeValue(source: string): string {
  return unescape(SPACE.test(source) ? source.replace(SPACES, ' ') : source);
}
