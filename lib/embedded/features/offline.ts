/** Messages for who is not there: kept, and given out at the next login. [XEP-0160] */
import { treeOf, type Element } from '../../xml/index.js';
import { delays } from '../../xmpp/delay.js';
import type { Feature, Refusal } from './feature.js';
import type { Steps } from '../routing/scheduler.js';
import type { Services } from '../services.js';
import type { Session } from '../routing/connected-resource.js';
import type { StoredMessage } from '../store/offline.js';

const FULL: Refusal = {
  condition: 'service-unavailable',
  text: 'The recipient is away, and no more messages can be kept for them.',
};

const TOO_LONG: Refusal = { condition: 'not-acceptable', text: 'The message is too long.' };
/** Room for what is written beside a message when it is given out. */
const DELAY_BYTES = 4096;

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
function isWorthKeeping(whole: Element): boolean {
  // A copy is looked into, so that what is kept is written as it came.
  const message = whole.clone();
  if (hasHint(message, 'no-store')) return false;
  if (hasHint(message, 'store')) return true;
  return message.elements.length === 0 || !message.elements.every(isFleeting);
}

export default function offline(services: Services): Feature {
  const { store, limits, chores } = services;
  /** What is on its way to a session, or has left and is still in the store: it must not be sent twice. */
  const leaving = new Set<number>();
  /** The account of each session that messages are being given to. */
  const giving: string[] = [];

  function undelivered(message: Element, account: string): true | Refusal {
    if (!isWorthKeeping(message)) return message.child('body') === undefined || NOT_TO_BE_KEPT;
    return keep(message, account);
  }

  function keep(message: Element, account: string): true | Refusal {
    const text = message.toString();
    if (Buffer.byteLength(text) > limits.packetBytes - DELAY_BYTES) return TOO_LONG;
    const bounds = { messages: limits.offlineMessages, characters: limits.offlineCharacters };
    return store.offline.add(account, text, bounds) || FULL;
  }

  function give(session: Session, { id, received, stanza }: StoredMessage): void {
    leaving.add(id);
    const message = treeOf(stanza).append(...delays(received, session.host, 'Offline Storage'));
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

  /** What comes meanwhile waits behind the rest, so it ends when nothing is left that is not on its way. */
  function* giveAll(session: Session): Steps {
    const account = session.bareJid;
    giving.push(account);
    try {
      yield;
      services.journal.settle();
      let ids = store.offline.idsAfter(account, 0);
      for (; ids.length > 0; ids = store.offline.idsAfter(account, ids.at(-1)!)) {
        for (const id of ids) {
          if (!session.takesMessages) return;
          const stored = leaving.has(id) ? undefined : store.offline.get(id);
          if (stored) give(session, stored);
          yield;
        }
      }
    } finally {
      giving.splice(giving.indexOf(account), 1);
    }
  }

  function follows(message: Element, account: string): boolean {
    return giving.includes(account) && isWorthKeeping(message) && keep(message, account) === true;
  }

  /** From now on nothing overtakes what waits, though others may have to be told of the session first. */
  function ready(session: Session): Steps {
    const steps = giveAll(session);
    steps.next();
    return steps;
  }

  return { announces: ['msgoffline'], undelivered, follows, ready };
}
