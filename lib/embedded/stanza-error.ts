import { element, type Element } from '../xml/index.js';
import { withoutPasswords } from './stanza.js';

const NAMESPACE = 'urn:ietf:params:xml:ns:xmpp-stanzas';

/** Legacy code [XEP-0086 3] and type [RFC6120 8.3.3] of each condition that we use. */
const CONDITIONS = {
  'bad-request': ['400', 'modify'],
  conflict: ['409', 'cancel'],
  forbidden: ['403', 'auth'],
  'internal-server-error': ['500', 'wait'],
  'item-not-found': ['404', 'cancel'],
  'jid-malformed': ['400', 'modify'],
  'not-acceptable': ['406', 'modify'],
  'not-allowed': ['405', 'cancel'],
  'remote-server-not-found': ['404', 'cancel'],
  'resource-constraint': ['500', 'wait'],
  'service-unavailable': ['503', 'cancel'],
} as const;

/** What can be wrong with a stanza, by the name RFC 6120 gives the stanza error. */
export type Condition = keyof typeof CONDITIONS;

/** The error in the words of both generations: a code for the old clients, type and condition for the others. */
export function stanzaError(condition: Condition, text?: string): Element {
  const [code, type] = CONDITIONS[condition];
  const error = element('error', { code, type }, element(condition, { xmlns: NAMESPACE }));
  return text === undefined ? error : error.append(element('text', { xmlns: NAMESPACE }, text));
}

/** May the stanza be answered with an error? Never an error, nor an answer. [RFC6120 8.3.1] */
export function mayBeRefused(stanza: Element): boolean {
  const type = stanza.attribute('type');
  return type !== 'error' && !(stanza.localName === 'iq' && type === 'result');
}

/**
 * The stanza on its way back to who sent it, with what is wrong with it. What it held is kept, so that its user
 * sees what did not arrive, but for passwords.
 */
export function refused(stanza: Element, condition: Condition, text?: string): Element {
  const error = withoutPasswords(stanza);
  error.set('from', stanza.attribute('to')).set('to', stanza.attribute('from')).set('type', 'error');
  return error.append(stanzaError(condition, text));
}
