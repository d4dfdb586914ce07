import { tcp } from '../xmpp/framing/tcp.js';
import { newStreamId, responseHeader, type StreamKind } from '../xmpp/header.js';
import { CLIENT } from '../xmpp/namespaces.js';
import { legacyStanzaError, stanzaError, type Condition } from '../xmpp/stanza-error.js';
import { writeStreamError } from '../xmpp/stream-error.js';
import { element, type Element, type Stanza } from '../xml/index.js';

/** Characters of an element's name and namespace that are logged. */
const MAX_LOGGED_NAME_LENGTH = 200;

const NO_ROOM = { condition: 'resource-constraint', text: 'No room for one more connection' };

/** A whole stream that says why there is none, for a connection that is closed without being read. [RFC6120 4.9.1.2] */
export function writeNoRoom(domain: string | undefined): string {
  const header = tcp.open('receiving', responseHeader('rfc6120', newStreamId(), domain));
  return header + writeStreamError('rfc6120', NO_ROOM) + tcp.close;
}

/** `<error/>` for either kind of stream. A service that is unavailable comes back, so the type is `wait`. */
function writeError(kind: StreamKind, condition: Condition, text?: string): Element {
  if (kind === 'legacy') return legacyStanzaError(condition, text);
  return condition === 'service-unavailable'
    ? stanzaError(condition, { type: 'wait', text })
    : stanzaError(condition, { text });
}

/**
 * The answer of jabberd's own session manager to an element that it does not know: the element as an error, in its
 * namespace, without its content. [jabberd 1.1.2 message.txt]
 */
export function writeUnknown(unknown: Stanza): string {
  const { namespace } = unknown;
  const attributes = {
    xmlns: namespace === CLIENT ? undefined : namespace,
    type: 'error',
    id: unknown.attribute('id'),
    from: unknown.attribute('to'),
    to: unknown.attribute('from'),
  };
  return element(localNameOf(unknown), attributes, legacyStanzaError('bad-request')).toString();
}

/** The name of an element, for the log and for the author of the client. */
export function nameUnknown(unknown: Stanza): string {
  return `<${localNameOf(unknown)}/> in ${unknown.namespace || 'no namespace'}`.slice(
    0,
    MAX_LOGGED_NAME_LENGTH,
  );
}

function localNameOf({ name }: Stanza): string {
  return name.slice(name.indexOf(':') + 1);
}

/** An error reply to a stanza, without the content of the stanza: that may hold a password. */
export function writeRefusal(
  kind: StreamKind,
  request: Element,
  condition: Condition,
  text?: string,
): string {
  const { attributes } = request;
  return element(
    request.name,
    { type: 'error', id: attributes.get('id'), from: attributes.get('to'), to: attributes.get('from') },
    writeError(kind, condition, text),
  ).toString();
}
