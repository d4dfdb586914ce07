import type { Element } from '../xml/index.js';

/**
 * Gives an element the prefixes that are declared around it, so that it can be taken out of there.
 *
 * @returns the element, changed
 */
export function withDeclarationsOf(parent: Element, child: Element): Element {
  for (const [name, value] of parent.attributes) {
    if (name.startsWith('xmlns:') && !child.attributes.has(name)) child.set(name, value);
  }
  return child;
}
