/**
 * What may go from a client to any session manager: stanzas, without the session control that the parts of a server send
 * each other. jabberd 1.6 obeys session control that a client sends, as an element or as attributes of a stanza, for the
 * session of any user. [jabberd 1.6.1.1 jsm]
 */
import { randomUUID } from 'node:crypto';
import type { Stanza } from '../xml/index.js';
import { CLIENT, COMPONENT_ACCEPT } from '../xmpp/namespaces.js';

/** The elements that are carried. [RFC6120 8] */
export const STANZAS: ReadonlySet<string> = new Set(['message', 'presence', 'iq']);

/** How the namespaces of jabberd2's parts begin. jabberd 1.6 obeys that of session control, `session/1.0`, too. */
export const INTERNAL = 'http://jabberd.jabberstudio.org/ns/';

/** The namespaces of component streams. [jabberd 1.1.2] [XEP-0114] */
const COMPONENT_STREAMS: ReadonlySet<string> = new Set([
  'jabberd:sockets',
  COMPONENT_ACCEPT,
  'jabber:component:connect',
]);

/** Is it a stanza in the namespace of client streams, {@link CLIENT}? Nothing else is carried for a client. */
export function isStanza(stanza: Stanza): boolean {
  if (!STANZAS.has(stanza.name)) return false;
  return !stanza.declares || (stanza.attribute('xmlns') ?? CLIENT) === CLIENT;
}

/**
 * The stanza without session control on its opening tag: attributes and declarations. Most stanzas are returned as they
 * are. Elements inside may declare such a namespace: it is not obeyed there. [jabberd 1.6.1.1 _js_routed_packet]
 */
export function withoutControl(stanza: Stanza): Stanza {
  if (stanza.inherited === '' && !stanza.declares) return stanza;
  const control = new Set<string>();
  for (const [prefix, namespace] of stanza.prefixes()) if (isControl(namespace)) control.add(prefix);
  return control.size === 0 ? stanza : stanza.withoutPrefixes(control, substitutes(stanza, control));
}

/**
 * Declarations for the prefixes that are used inside as well, of namespaces that nobody can know before. With a known one
 * an attribute inside could become the same as another one there, and XML that is not well-formed ends the link.
 */
function substitutes({ content }: Stanza, prefixes: ReadonlySet<string>): string {
  const used = [...prefixes].filter((prefix) => content.includes(`${prefix}:`));
  return used.map((prefix) => ` xmlns:${prefix}='urn:uuid:${randomUUID()}'`).join('');
}

/** Is it a namespace for the parts of a server only? */
function isControl(namespace: string): boolean {
  return namespace.startsWith(INTERNAL) || COMPONENT_STREAMS.has(namespace);
}
