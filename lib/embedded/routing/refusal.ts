import { element, type Element } from '../../xml/index.js';
import { Jid } from '../../xmpp/jid.js';
import { errorReply, mayBeRefused, type Condition } from '../../xmpp/stanza-error.js';
import type { EmbeddedContext } from '../context.js';

/**
 * Answers a stanza with an error; not where the stanza must not be answered with one. Its sender, named by `from`, is a
 * connected resource, or gone.
 */
export function refuse(context: EmbeddedContext, stanza: Element, condition: Condition, text?: string): void {
  if (!mayBeRefused(stanza)) return;
  const sender = context.resources.get(stanza.attribute('from') ?? '');
  const error = errorReply(stanza, condition, text);
  if (!sender || sender.send(error)) return;
  // The content of the stanza, or another attribute of its opening tag, was too long.
  const { id, from, to } = Object.fromEntries(error.attributes);
  sender.send(element(error.name, { type: 'error', id, from, to }, error.children.at(-1)!));
}

/**
 * The address that a stanza is for.
 *
 * @param address the address to take where it is not the one in `to`
 * @returns undefined where nobody here can have the address; the sender is told
 */
export function receiverOf(
  context: EmbeddedContext,
  stanza: Element,
  address = stanza.attribute('to'),
): Jid | undefined {
  const to = Jid.parse(address);
  if (to && context.domains.has(to.host)) return to;
  refuse(context, stanza, to ? 'remote-server-not-found' : 'jid-malformed');
  return undefined;
}
