import type { StreamError } from '../session/end.js';
import { legacyStanzaError, stanzaError, type Condition } from '../session/stanza-error.js';
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

/** `<error/>` for either kind of stream. What is away when we say so comes back, so that it is worth to `wait`. */
function writeError(kind: StreamKind, condition: Condition): Element {
  if (kind === 'legacy') return legacyStanzaError(condition);
  return condition === 'service-unavailable'
    ? stanzaError(condition, { type: 'wait' })
    : stanzaError(condition);
}

/** The stanza as an error reply: addressing turned round, no content of it sent back (it may hold a password). */
export function writeRefusal(kind: StreamKind, request: Element, condition: Condition): string {
  const { attributes } = request;
  return element(
    request.name,
    { type: 'error', id: attributes.get('id'), from: attributes.get('to'), to: attributes.get('from') },
    writeError(kind, condition),
  ).toString();
}
