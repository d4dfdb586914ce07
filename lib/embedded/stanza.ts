import { Element } from '../xml/index.js';

/** The stanza with an opening tag of its own and the children it has: what is inside is never changed any more. */
export function readdressed(stanza: Element): Element {
  const copy = new Element(stanza.name, new Map(stanza.attributes));
  copy.namespace = stanza.namespace;
  copy.children = [...stanza.children];
  return copy;
}

/** A copy whose payload gives no password away: an error echoes what was sent, and logs may keep the error. */
export function withoutPasswords(stanza: Element): Element {
  const copy = stanza.clone();
  for (const payload of copy.elements) {
    for (const field of payload.elements) if (field.localName === 'password') field.children = [];
  }
  return copy;
}
