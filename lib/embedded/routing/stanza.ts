import type { Element } from '../../xml/index.js';

/** The stanza with an opening tag of its own and the children it has: what is inside is never changed any more. */
export function readdressed(stanza: Element): Element {
  return stanza.reopened();
}

/** A copy whose payload gives no password away: an error echoes what was sent, and logs may keep the error. */
export function withoutPasswords(stanza: Element): Element {
  const copy = stanza.clone();
  if (!copy.mayHold('password')) return copy;
  for (const payload of copy.elements) {
    for (const field of payload.elements) if (field.localName === 'password') field.children = [];
  }
  return copy;
}
