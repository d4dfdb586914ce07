import type { Element, Stanza } from '../xml/index.js';
import type { Addresses } from './dialects/dialect.js';
import { prepareUser } from '../session/jid.js';

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

/** The first `<username/>` in the query of a login, with or without something that carries it. */
function usernameIn({ elements }: Element): string | undefined {
  for (const child of elements) {
    const username = child.child('query')?.childText('username') ?? child.childText('username');
    if (username !== undefined) return username;
  }
  return undefined;
}
