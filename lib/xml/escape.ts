const SPECIAL = /[&<>'"]/;
const SPECIALS = /[&<>'"]/g;
const REFERENCE = /&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(amp|lt|gt|apos|quot));/g;

const TO_ENTITY: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
};

const FROM_ENTITY: Record<string, string> = { amp: '&', lt: '<', gt: '>', apos: "'", quot: '"' };

/** Text as it must be written between tags or quotes: the five characters that XML keeps for itself escaped. */
export function escape(text: string): string {
  return SPECIAL.test(text) ? text.replace(SPECIALS, (char) => TO_ENTITY[char]) : text;
}

function resolve(_whole: string, hex?: string, decimal?: string, name?: string): string {
  if (name) return FROM_ENTITY[name];
  return String.fromCodePoint(hex ? parseInt(hex, 16) : parseInt(decimal!, 10));
}

/** The text behind a source that the scanner has let through (so every reference in it is a good one). */
export function unescape(source: string): string {
  return source.includes('&') ? source.replace(REFERENCE, resolve) : source;
}
