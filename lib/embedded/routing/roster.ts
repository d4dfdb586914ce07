/** What rosters look like on the wire, and who is sent their changes. [RFC6121 2] */
import { randomBytes } from 'node:crypto';
import { element, escape, treeOf, type Element } from '../../xml/index.js';
import type { EmbeddedContext } from '../context.js';
import type { Contact } from '../store/rosters.js';
import { STRANGERS, subscriptionName } from './subscription-state.js';
import { ROSTER } from '../../xmpp/namespaces.js';

/** An address of which the account knows nothing yet. */
export function newContact(jid: string): Contact {
  return { ...STRANGERS, jid, name: undefined, groups: [], listed: false, request: undefined };
}

/** The stored contact of that address, or a new one. */
export function contactOf({ store }: EmbeddedContext, account: string, jid: string): Contact {
  return store.rosters.get(account, jid) ?? newContact(jid);
}

/** May the account have one more contact? */
export function hasRoomForContact({ store, limits }: EmbeddedContext, account: string): boolean {
  return store.rosters.count(account) < limits.contacts;
}

/** The whole roster, with its version. [RFC6121 2.1.4, 2.6] */
export function rosterQuery(context: EmbeddedContext, account: string): Element {
  return queryOf(context, account, context.store.rosters.list(account).map(itemOf).join(''));
}

/** Sends a contact as it is now to the interested resources of the account. [RFC6121 2.1.6] */
export function pushContact(context: EmbeddedContext, account: string, contact: Contact): void {
  push(context, account, itemOf(contact));
}

/** Tells the interested resources of the account that a contact is removed. [RFC6121 2.5] */
export function pushRemoval(context: EmbeddedContext, account: string, jid: string): void {
  push(context, account, element('item', { jid, subscription: 'remove' }).toString());
}

function push(context: EmbeddedContext, account: string, item: string): void {
  const query = queryOf(context, account, item);
  const id = `push-${randomBytes(6).toString('hex')}`;
  for (const resource of context.resources.of(account)) {
    if (!resource.interested) continue;
    resource.send(element('iq', { type: 'set', id, to: resource.fullJid }, query));
  }
}

function queryOf({ store }: EmbeddedContext, account: string, items: string): Element {
  const ver = String(store.rosters.version(account));
  return treeOf(`<query xmlns='${ROSTER}' ver='${ver}'>${items}</query>`);
}

/** A contact as text: a roster may have tens of thousands of groups, and is written for each query. */
function itemOf({ jid, name, mine, theirs, groups }: Contact): string {
  const subscription = subscriptionName({ mine, theirs });
  const ask = mine === 'asked' ? 'subscribe' : undefined;
  const item = element('item', { jid, subscription, name, ask }).toString();
  if (groups.length === 0) return item;
  const written = groups.map((group) => `<group>${escape(group)}</group>`).join('');
  return `${item.slice(0, -'/>'.length)}>${written}</item>`;
}
