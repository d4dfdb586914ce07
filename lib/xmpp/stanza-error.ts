import { element, type Element } from '../xml/index.js';
import { STANZA_ERRORS } from './namespaces.js';

/** Legacy code [XEP-0086 3], type [RFC6120 8.3.3] and legacy text of each condition that is used here. */
const CONDITIONS = {
  'bad-request': ['400', 'modify', 'Bad Request'],
  conflict: ['409', 'cancel', 'Conflict'],
  forbidden: ['403', 'auth', 'Forbidden'],
  'internal-server-error': ['500', 'wait', 'Internal Server Error'],
  'item-not-found': ['404', 'cancel', 'Not Found'],
  'jid-malformed': ['400', 'modify', 'Bad Request'],
  'not-acceptable': ['406', 'modify', 'Not Acceptable'],
  'not-allowed': ['405', 'cancel', 'Not Allowed'],
  'not-authorized': ['401', 'auth', 'Unauthorized'],
  'recipient-unavailable': ['404', 'wait', 'Not Found'],
  'remote-server-not-found': ['404', 'cancel', 'Not Found'],
  'resource-constraint': ['500', 'wait', 'Internal Server Error'],
  'service-unavailable': ['503', 'cancel', 'Service Unavailable'],
} as const;

/** A condition of stanza errors. [RFC6120 8.3.3] */
export type Condition = keyof typeof CONDITIONS;

/**
 * The error for clients of both generations: a code for old ones, type and condition for others.
 *
 * @param more a text for people, and a type other than the usual one of the condition
 */
export function stanzaError(
  condition: Condition,
  { text, type }: { readonly text?: string | undefined; readonly type?: 'wait' } = {},
): Element {
  const [code, usual] = CONDITIONS[condition];
  const error = element('error', { code, type: type ?? usual }, element(condition, { xmlns: STANZA_ERRORS }));
  return text === undefined ? error : error.append(element('text', { xmlns: STANZA_ERRORS }, text));
}

/** May the stanza be answered with an error? An error must not be, nor an answer. [RFC6120 8.3.1] */
export function mayBeRefused(stanza: Element): boolean {
  const type = stanza.attribute('type');
  return type !== 'error' && !(stanza.localName === 'iq' && type === 'result');
}

/**
 * The stanza on its way back to its sender, with the error in it. It keeps its content, so that the user sees what did
 * not arrive, but for passwords.
 */
export function errorReply(stanza: Element, condition: Condition, text?: string): Element {
  const error = withoutPasswords(stanza);
  error.set('from', stanza.attribute('to')).set('to', stanza.attribute('from')).set('type', 'error');
  return error.append(stanzaError(condition, { text }));
}

/** A copy without the passwords in its payload: an error echoes what was sent, and logs may keep the error. */
export function withoutPasswords(stanza: Element): Element {
  const copy = stanza.clone();
  if (!copy.mayHold('password')) return copy;
  for (const payload of copy.elements) {
    for (const field of payload.elements) if (field.localName === 'password') field.children = [];
  }
  return copy;
}

/** The error in its form before RFC 3920: a code and a text. [XEP-0086] */
export function legacyStanzaError(condition: Condition, text?: string): Element {
  const [code, , words] = CONDITIONS[condition];
  return element('error', { code }, text ?? words);
}
