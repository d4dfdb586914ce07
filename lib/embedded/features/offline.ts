/** Messages to users who are away: stored, and delivered at the next login. [XEP-0160] */
import { treeOf, type Element } from '../../xml/index.js';
import { delays } from '../../xmpp/delay.js';
import type { EmbeddedContext } from '../context.js';
import type { ConnectedResource } from '../routing/connected-resources.js';
import type { Steps } from '../routing/scheduler.js';
import type { StoredMessage } from '../store/offline.js';
import type { Feature, Refusal } from './feature.js';

const FULL: Refusal = {
  condition: 'service-unavailable',
  text: 'The recipient is away, and no more messages can be kept for them.',
};

const TOO_LONG: Refusal = { condition: 'not-acceptable', text: 'The message is too long.' };
/** Bytes for the delay that is written into a message when it is delivered. */
const DELAY_BYTES = 4096;

const NOT_TO_BE_KEPT: Refusal = {
  condition: 'service-unavailable',
  text: 'The recipient is away, and the message is not to be stored.',
};

const HINTS = 'urn:xmpp:hints';
const CHAT_STATES = 'http://jabber.org/protocol/chatstates';
const EVENTS = 'jabber:x:event';

/** Is the child of no use later? Chat states [XEP-0160 3], and message events, which name a message [XEP-0022]. */
function isFleeting(child: Element): boolean {
  if (child.namespace === EVENTS) return child.child('id') !== undefined;
  return [CHAT_STATES, HINTS].includes(child.namespace) || child.localName === 'thread';
}

/** [XEP-0334 4] */
function hasHint({ elements }: Element, name: string): boolean {
  return elements.some(({ namespace, localName }) => namespace === HINTS && localName === name);
}

/** A hint of the sender decides; without one, messages with any content of use later are kept. [XEP-0160 3] */
function isWorthKeeping(whole: Element): boolean {
  // A copy is parsed, so that the message is stored as it came.
  const message = whole.clone();
  if (hasHint(message, 'no-store')) return false;
  if (hasHint(message, 'store')) return true;
  return message.elements.length === 0 || !message.elements.every(isFleeting);
}

export function offlineFeature({ store, limits, journal, deferred }: EmbeddedContext): Feature {
  /** Ids of messages that are on their way to a resource, or have left and are still stored: they must not be sent twice. */
  const leaving = new Set<number>();
  /** The account of each resource to which stored messages are being sent. */
  const sending: string[] = [];

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

  function deliver(resource: ConnectedResource, { id, received, stanza }: StoredMessage): void {
    leaving.add(id);
    const message = treeOf(stanza).append(...delays(received, resource.host, 'Offline Storage'));
    const sent = resource.send(message, (left) => (left ? remove(id) : void leaving.delete(id)));
    if (!sent) remove(id);
  }

  function remove(id: number): void {
    deferred.add(
      `offline ${id}`,
      () => store.offline.remove(id),
      () => void leaving.delete(id),
    );
  }

  /** Messages that come meanwhile are stored after the others, so it ends when all stored messages are on their way. */
  function* deliverAll(resource: ConnectedResource): Steps {
    const account = resource.bareJid;
    sending.push(account);
    try {
      yield;
      journal.settle();
      let ids = store.offline.idsAfter(account, 0);
      for (; ids.length > 0; ids = store.offline.idsAfter(account, ids.at(-1)!)) {
        for (const id of ids) {
          if (!resource.takesMessages) return;
          const stored = leaving.has(id) ? undefined : store.offline.get(id);
          if (stored) deliver(resource, stored);
          yield;
        }
      }
    } finally {
      sending.splice(sending.indexOf(account), 1);
    }
  }

  function follows(message: Element, account: string): boolean {
    return sending.includes(account) && isWorthKeeping(message) && keep(message, account) === true;
  }

  /** From now on no message overtakes stored ones, although the contacts are sent the presence first. */
  function ready(resource: ConnectedResource): Steps {
    const steps = deliverAll(resource);
    steps.next();
    return steps;
  }

  return { announces: ['msgoffline'], undelivered, follows, ready };
}
