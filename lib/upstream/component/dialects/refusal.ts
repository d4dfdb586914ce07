import { legacyStanzaError } from '../../../xmpp/stanza-error.js';
import type { Element } from '../../../xml/index.js';

/** An error that tells the sender of a message that it cannot be delivered; undefined for other stanzas, and for errors. */
export function refusal(message: Element): string | undefined {
  const from = message.attribute('from');
  if (message.name !== 'message' || message.attribute('type') === 'error' || from === undefined)
    return undefined;
  message.set('from', message.attribute('to')).set('to', from).set('type', 'error');
  return message.append(legacyStanzaError('service-unavailable')).toString();
}
