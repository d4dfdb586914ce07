import type { StreamError } from '../session/end.js';
import { element, type Element } from '../xml/index.js';
import type { StreamKind } from './header.js';

/** The end of a stream, with the reason said the way the stream speaks. [RFC6120 4.9] [jabberd 1.4 mio_xml] */
export function writeStreamError(kind: StreamKind, { condition, text, detail }: StreamError): string {
  const namespace = 'urn:ietf:params:xml:ns:xmpp-streams';
  const error =
    kind === 'legacy'
      ? element('stream:error', {}, text)
      : element(
          'stream:error',
          {},
          element(condition, { xmlns: namespace }),
          element('text', { xmlns: namespace, 'xml:lang': 'en' }, detail ? `${text}: ${detail}` : text),
        );
  return `${error.toString()}</stream:stream>`;
}

/** A stanza error that we give ourselves: what XEP-0086 says belongs together. */
interface StanzaError {
  readonly code: string;
  readonly type: string;
  readonly text: string;
}

const STANZA_ERRORS = {
  'bad-request': { code: '400', type: 'modify', text: 'Bad Request' },
  'not-authorized': { code: '401', type: 'auth', text: 'Unauthorized' },
  'not-allowed': { code: '405', type: 'cancel', text: 'Not Allowed' },
  'not-acceptable': { code: '406', type: 'modify', text: 'Not Acceptable' },
  conflict: { code: '409', type: 'cancel', text: 'Conflict' },
  'service-unavailable': { code: '503', type: 'wait', text: 'Service Unavailable' },
  'internal-server-error': { code: '500', type: 'wait', text: 'Internal Server Error' },
} as const satisfies Record<string, StanzaError>;

export type StanzaCondition = keyof typeof STANZA_ERRORS;

/** `<error/>` for either kind of stream: the code of old, and for newer clients the condition as well. [XEP-0086 3] */
export function writeError(kind: StreamKind, condition: StanzaCondition): Element {
  const { code, type, text } = STANZA_ERRORS[condition];
  if (kind === 'legacy') return element('error', { code }, text);
  return element(
    'error',
    { code, type },
    element(condition, { xmlns: 'urn:ietf:params:xml:ns:xmpp-stanzas' }),
  );
}

/** The stanza as an error reply: addressing turned round, no content of it sent back (it may hold a password). */
export function writeRefusal(kind: StreamKind, request: Element, condition: StanzaCondition): string {
  const { attributes } = request;
  return element(
    request.name,
    { type: 'error', id: attributes.get('id'), from: attributes.get('to'), to: attributes.get('from') },
    writeError(kind, condition),
  ).toString();
}
