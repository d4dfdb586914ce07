/**
 * What may go from a client to a session manager, whichever that is: stanzas, and nothing that is between the parts of a
 * server. jabberd 1.6 takes orders out of what a client says: an element of session control, and attributes of it on a
 * stanza, act in the session of anybody. [jabberd 1.6.1.1 jsm]
 */
import { randomUUID } from 'node:crypto';
import type { Stanza } from '../xml/index.js';
import { CLIENT, COMPONENT_ACCEPT } from '../xmpp/namespaces.js';

/** What is carried, and nothing else. [RFC6120 8] */
export const STANZAS: ReadonlySet<string> = new Set(['message', 'presence', 'iq']);

/** What the namespaces of jabberd2's parts begin with; that of session control, `session/1.0`, jabberd 1.6 obeys, too. */
export const INTERNAL = 'http://jabberd.jabberstudio.org/ns/';

/** The namespaces of component streams. [jabberd 1.1.2] [XEP-0114] */
const COMPONENT_STREAMS: ReadonlySet<string> = new Set([
  'jabberd:sockets',
  COMPONENT_ACCEPT,
  'jabber:component:connect',
]);

/** Is it a stanza of a client's stream, whose namespace is {@link CLIENT}? Nothing else is carried for a client. */
export function isStanza(stanza: Stanza): boolean {
  if (!STANZAS.has(stanza.name)) return false;
  return !stanza.declares || (stanza.attribute('xmlns') ?? CLIENT) === CLIENT;
}

/**
 * The stanza without attributes and declarations of control on its opening tag; most are returned as they are. Elements
 * inside may declare such a namespace themselves: nobody looks for orders there. [jabberd 1.6.1.1 _js_routed_packet]
 */
export function withoutControl(stanza: Stanza): Stanza {
  if (stanza.inherited === '' && !stanza.declares) return stanza;
  const control = new Set<string>();
  for (const [prefix, namespace] of stanza.prefixes()) if (isControl(namespace)) control.add(prefix);
  return control.size === 0 ? stanza : stanza.withoutPrefixes(control, substitutes(stanza, control));
}

/**
 * A prefix that is used inside as well must stand for something. For nothing that could be known before: else an
 * attribute inside might be made the same as another one there, and what is not well-formed ends the link.
 */
function substitutes({ content }: Stanza, prefixes: ReadonlySet<string>): string {
  const used = [...prefixes].filter((prefix) => content.includes(`${prefix}:`));
  return used.map((prefix) => ` xmlns:${prefix}='urn:uuid:${randomUUID()}'`).join('');
}

/** Do only the parts of a server speak in that namespace? */
function isControl(namespace: string): boolean {
  return namespace.startsWith(INTERNAL) || COMPONENT_STREAMS.has(namespace);
}
