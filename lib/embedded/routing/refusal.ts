import { stanzaError, type Condition } from '../../xmpp/stanza-error.js';
import type { Element } from '../../xml/index.js';
import { withoutPasswords } from './stanza.js';

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
  return error.append(stanzaError(condition, { text }));
}
