import { randomBytes } from 'node:crypto';
import { element, escape, treeOf, type Element } from '../../xml/index.js';
import type { Services } from '../services.js';
import type { Contact } from '../store/rosters.js';
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
    return this.around(account, this.services.store.rosters.list(account).map(itemOf).join(''));
  }

  /** Tells the interested sessions of a contact as it is now. [RFC6121 2.1.6] */
  push(account: string, contact: Contact): void {
    this.pushItem(account, itemOf(contact));
  }

  pushRemoval(account: string, jid: string): void {
    this.pushItem(account, element('item', { jid, subscription: 'remove' }).toString());
  }

  private pushItem(account: string, item: string): void {
    const query = this.around(account, item);
    const id = `push-${randomBytes(6).toString('hex')}`;
    for (const session of this.services.sessions.of(account)) {
      if (!session.interested) continue;
      session.send(element('iq', { type: 'set', id, to: session.fullJid }, query));
    }
  }

  private around(account: string, items: string): Element {
    const ver = String(this.services.store.rosters.version(account));
    return treeOf(`<query xmlns='${ROSTER}' ver='${ver}'>${items}</query>`);
  }
}

/** A contact as it is written: a roster may have tens of thousands of groups, and is made for each query. */
function itemOf({ jid, name, mine, theirs, groups }: Contact): string {
  const subscription = subscriptionName({ mine, theirs });
  const ask = mine === 'asked' ? 'subscribe' : undefined;
  const item = element('item', { jid, subscription, name, ask }).toString();
  if (groups.length === 0) return item;
  const written = groups.map((group) => `<group>${escape(group)}</group>`).join('');
  return `${item.slice(0, -'/>'.length)}>${written}</item>`;
}
