import { Element, element } from '../xml/index.js';
import { withoutPasswords } from './stanza-error.js';

/** What is wrong before login, in the words of jabberd 1.1.2. */
export const REFUSALS = {
  unauthorized: ['401', 'Unauthorized'],
  notAllowed: ['405', 'Not Allowed'],
  notAcceptable: ['406', 'Not Acceptable'],
  nameTaken: ['409', 'Username Not Available'],
  internal: ['500', 'Internal Server Error'],
} as const;

export type LegacyRefusal = keyof typeof REFUSALS;

function swap(packet: Element, one: string, other: string): void {
  const [first, second] = [packet.attribute(one), packet.attribute(other)];
  if (second !== undefined) packet.set(one, second);
  if (first !== undefined) packet.set(other, first);
}

/**
 * The packet's opening tag on its way back. Order and number of the attributes are those of 1.1.2, which swaps what is
 * there and fills in what is missing. [protocols/sto-sfrom.md b.4]
 */
export function turnedRound(packet: Element, type: 'result' | 'error'): Element {
  const back = new Element(packet.name, new Map(packet.attributes)).set('type', type);
  swap(back, 'sto', 'sfrom');
  swap(back, 'to', 'from');
  return back;
}

/** The packet on its way back with what is wrong with it, its passwords blanked. */
export function legacyRefusal(packet: Element, refusal: LegacyRefusal): Element {
  const [code, text] = REFUSALS[refusal];
  const { children } = withoutPasswords(packet);
  return turnedRound(packet, 'error').append(...children, element('error', { code }, text));
}
