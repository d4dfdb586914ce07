import { randomBytes } from 'node:crypto';
import { element, type Element } from '../xml/index.js';
import type { Services } from './services.js';
import type { Contact } from './store/rosters.js';
import { STRANGERS, subscriptionName } from './subscription.js';

export const ROSTER = 'jabber:iq:roster';

/** What rosters look like on the wire, and who is told when one changes. [RFC6121 2] */
export class Roster {
  constructor(private readonly services: Services) {}

  /** Somebody of whom the account knows nothing yet. */
  stranger(jid: string): Contact {
    return { ...STRANGERS, jid, name: undefined, groups: [], listed: false, request: undefined };
  }

  /** The contact as it is, or a stranger. */
  contact(account: string, jid: string): Contact {
    return this.services.store.rosters.get(account, jid) ?? this.stranger(jid);
  }

  /** May the account get to know one more? */
  hasRoom(account: string): boolean {
    return this.services.store.rosters.count(account) < this.services.limits.contacts;
  }

  /** The whole roster, with its version. [RFC6121 2.1.4, 2.6] */
  query(account: string): Element {
    return this.around(account, this.services.store.rosters.list(account).map(itemOf));
  }

  /** Tells the interested sessions of a contact as it is now. [RFC6121 2.1.6] */
  push(account: string, contact: Contact): void {
    this.pushItem(account, itemOf(contact));
  }

  pushRemoval(account: string, jid: string): void {
    this.pushItem(account, element('item', { jid, subscription: 'remove' }));
  }

  private pushItem(account: string, item: Element): void {
    const query = this.around(account, [item]);
    const id = `push-${randomBytes(6).toString('hex')}`;
    for (const session of this.services.sessions.of(account)) {
      if (!session.interested) continue;
      session.send(element('iq', { type: 'set', id, to: session.fullJid }, query));
    }
  }

  private around(account: string, items: Element[]): Element {
    const ver = String(this.services.store.rosters.version(account));
    return element('query', { xmlns: ROSTER, ver }, ...items);
  }
}

function itemOf(contact: Contact): Element {
  return element(
    'item',
    {
      jid: contact.jid,
      subscription: subscriptionName(contact),
      name: contact.name,
      ask: contact.mine === 'asked' ? 'subscribe' : undefined,
    },
    ...contact.groups.map((group) => element('group', {}, group)),
  );
}
