/** Messages for who is not there: kept, and given out at the next login. [XEP-0160] */
import { parse, type Element } from '../../xml/index.js';
import { delays } from '../delay.js';
import type { Feature, Refusal } from '../feature.js';
import type { Services } from '../services.js';
import type { Session } from '../session.js';
import type { StoredMessage } from '../store/offline.js';

const FULL: Refusal = {
  condition: 'service-unavailable',
  text: 'The recipient is away, and no more messages can be kept for them.',
};

const TOO_LONG: Refusal = { condition: 'not-acceptable', text: 'The message is too long.' };
/** Room for what is written beside a message when it is given out. */
const DELAYS = 4096;

const NOT_TO_BE_KEPT: Refusal = {
  condition: 'service-unavailable',
  text: 'The recipient is away, and the message is not to be stored.',
};

const HINTS = 'urn:xmpp:hints';
const CHAT_STATES = 'http://jabber.org/protocol/chatstates';
const EVENTS = 'jabber:x:event';

/** What is of no use later: chat states [XEP-0160 3], their ancestors with the id of what they are about [XEP-0022]. */
function isFleeting(child: Element): boolean {
  if (child.namespace === EVENTS) return child.child('id') !== undefined;
  return [CHAT_STATES, HINTS].includes(child.namespace) || child.localName === 'thread';
}

/** [XEP-0334 4] */
function hasHint({ elements }: Element, name: string): boolean {
  return elements.some(({ namespace, localName }) => namespace === HINTS && localName === name);
}

/** The sender decides; else all is kept but messages that hold nothing of use later. [XEP-0160 3] */
function isWorthKeeping(message: Element): boolean {
  if (hasHint(message, 'no-store')) return false;
  if (hasHint(message, 'store')) return true;
  return message.elements.length === 0 || !message.elements.every(isFleeting);
}

export default function offline(services: Services): Feature {
  const { store, limits, chores } = services;
  /** What is on its way to a session, or has left and is still in the store: it must not be sent twice. */
  const leaving = new Set<number>();

  function undelivered(message: Element, account: string): true | Refusal {
    if (!isWorthKeeping(message)) return message.child('body') === undefined || NOT_TO_BE_KEPT;
    const text = message.toString();
    if (Buffer.byteLength(text) > limits.packetBytes - DELAYS) return TOO_LONG;
    const bounds = { messages: limits.offlineMessages, characters: limits.offlineCharacters };
    return store.offline.add(account, text, bounds) || FULL;
  }

  function give(session: Session, { id, received, stanza }: StoredMessage): void {
    leaving.add(id);
    const message = parse(stanza).append(...delays(received, session.host, 'Offline Storage'));
    const sent = session.send(message, (left) => (left ? remove(id) : void leaving.delete(id)));
    if (!sent) remove(id);
  }

  function remove(id: number): void {
    chores.add(
      `offline ${id}`,
      () => store.offline.remove(id),
      () => void leaving.delete(id),
    );
  }

  function ready(session: Session): void {
    for (const stored of store.offline.list(session.bareJid)) {
      if (!leaving.has(stored.id)) give(session, stored);
    }
  }

  return { announces: ['msgoffline'], undelivered, ready };
}
