import type { Element, Stanza } from '../../xml/index.js';
import type { Addresses } from '../dialects/dialect.js';
import { Jid, prepareUser } from '../../xmpp/jid.js';

/**
 * Whose packet it is: the bare address of a user, or the socket address of somebody who has named none yet. A login
 * belongs to the user it names, so that it does not overtake what the session that it replaces has sent.
 */
export function ownerOf(packet: Stanza, { to, socket }: Addresses): string {
  const [bare] = (packet.attribute(to) ?? '').split('/', 1);
  if (bare.includes('@')) return bare;
  const user = prepareUser(usernameIn(packet.element()) ?? '');
  return user === undefined ? (packet.attribute(socket) ?? '') : `${user}@${bare}`;
}

/**
 * Is it something that a component says to itself, which comes back to it from any jabberd? It shows how long what was
 * sent before takes. [jabberd 1.1.2, 1.4.3]
 *
 * @param name the component's name, folded
 */
export function isMark(packet: Stanza, { to, socket }: Addresses, name: string): boolean {
  const address = packet.attribute(to);
  return address === packet.attribute(socket) && Jid.parse(address)?.host === name;
}

/** The first `<username/>` in the query of a login, with or without something that carries it. */
function usernameIn({ elements }: Element): string | undefined {
  for (const child of elements) {
    const username = child.child('query')?.childText('username') ?? child.childText('username');
    if (username !== undefined) return username;
  }
  return undefined;
}
