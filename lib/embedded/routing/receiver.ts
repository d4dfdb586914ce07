import type { Element } from '../../xml/index.js';
import { Jid } from '../../xmpp/jid.js';
import type { Services } from '../services.js';

/**
 * Whom a stanza is for.
 *
 * @param address where it does not say so itself
 * @returns undefined where there can be nobody, which the sender is told
 */
export function receiverOf(
  services: Services,
  stanza: Element,
  address = stanza.attribute('to'),
): Jid | undefined {
  const to = Jid.parse(address);
  if (to && services.domains.has(to.host)) return to;
  services.refuse(stanza, to ? 'remote-server-not-found' : 'jid-malformed');
  return undefined;
}
