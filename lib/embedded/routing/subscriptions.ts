/** Carries subscription stanzas from account to account, and keeps both rosters consistent. [RFC6121 3] */
import { element, type Element } from '../../xml/index.js';
import type { EmbeddedContext } from '../context.js';
import type { Contact } from '../store/rosters.js';
import { hidePresence, showPresence } from './presence-broadcast.js';
import { receiverOf, refuse } from './refusal.js';
import { contactOf, hasRoomForContact, pushContact } from './roster.js';
import { inbound, outbound, type SubscriptionType } from './subscription-state.js';

/** Handles a subscription stanza of a user. */
export function sendSubscription(
  context: EmbeddedContext,
  account: string,
  presence: Element,
  type: SubscriptionType,
): void {
  const to = receiverOf(context, presence);
  if (!to || to.bare === account) return;
  const contact = contactOf(context, account, to.bare);
  if (type === 'subscribe' && !isKnown(contact) && !hasRoomForContact(context, account)) {
    return refuse(context, presence, 'resource-constraint');
  }
  const bare = presence.reopened().set('from', account).set('to', to.bare);
  context.store.rosters.change(() => pass(context, account, contact, bare, type));
}

/**
 * Repeats a subscription request that was never answered: its receiver may have an account only now. [RFC6121 3.1.2]
 *
 * @param account whose resource has just sent its initial presence
 */
export function repeatRequest(context: EmbeddedContext, account: string, jid: string): void {
  // It may have been answered meanwhile.
  if (contactOf(context, account, jid).mine !== 'asked') return;
  receive(context, jid, account, written('subscribe', account, jid), 'subscribe');
}

/** Cancels the subscriptions and requests between an account and a contact. [RFC6121 2.5.2] */
export function cancelSubscriptions(context: EmbeddedContext, account: string, contact: Contact): void {
  const types: SubscriptionType[] = [];
  if (contact.theirs !== 'none') types.push('unsubscribed');
  if (contact.mine !== 'none') types.push('unsubscribe');
  for (const type of types) {
    const current = contactOf(context, account, contact.jid);
    pass(context, account, current, written(type, account, contact.jid), type);
  }
}

function isKnown({ listed, mine, theirs }: Contact): boolean {
  return listed || mine !== 'none' || theirs !== 'none';
}

/** Changes the roster of the sender, and passes the stanza on to the contact. */
function pass(
  context: EmbeddedContext,
  account: string,
  before: Contact,
  presence: Element,
  type: SubscriptionType,
): void {
  const state = outbound(before, type);
  if (!state) return;
  const listed = before.listed || type === 'subscribe' || type === 'subscribed';
  const request = state.theirs === 'asked' ? before.request : undefined;
  const after = { ...before, ...state, listed, request };
  context.store.rosters.save(account, after);
  if (before.theirs === 'granted' && after.theirs === 'none') hidePresence(context, account, before.jid);
  receive(context, before.jid, account, presence, type);
  // Where the contact was answered for at once, that has pushed a newer state already.
  const isLast = contactOf(context, account, before.jid).mine === after.mine;
  if (isLast && isVisibleChange(before, after)) pushContact(context, account, after);
  if (type === 'subscribed') showPresence(context, account, before.jid);
}

/** Handles a subscription stanza for a user; both addresses are bare. */
function receive(
  context: EmbeddedContext,
  account: string,
  from: string,
  presence: Element,
  type: SubscriptionType,
): void {
  const { store } = context;
  const answer = type === 'subscribe' ? automaticAnswer(context, account, from) : undefined;
  if (answer) return receive(context, from, account, written(answer, account, from), answer);
  if (!store.accounts.exists(account)) return;
  const before = contactOf(context, account, from);
  const state = inbound(before, type);
  if (!state || (!isKnown(before) && !hasRoomForContact(context, account))) return;
  const request = type === 'subscribe' ? presence.toString() : before.request;
  const after = { ...before, ...state, request: state.theirs === 'asked' ? request : undefined };
  store.rosters.save(account, after);
  if (before.theirs === 'granted' && after.theirs === 'none') hidePresence(context, account, from);
  tell(context, account, presence, type);
  if (isVisibleChange(before, after)) pushContact(context, account, after);
}

/**
 * The answer to a request that no user is asked about: one to the server, which has no presence, or one that was granted
 * before. [RFC6121 3.1.3]
 */
function automaticAnswer(
  context: EmbeddedContext,
  account: string,
  from: string,
): 'subscribed' | 'unsubscribed' | undefined {
  if (context.domains.has(account)) return 'unsubscribed';
  return contactOf(context, account, from).theirs === 'granted' ? 'subscribed' : undefined;
}

/** A request goes to all available resources, the other types to the interested ones. [RFC6121 3.1.3, 3.1.6] */
function tell(context: EmbeddedContext, account: string, presence: Element, type: SubscriptionType): void {
  for (const resource of context.resources.of(account)) {
    if (type === 'subscribe' ? resource.available : resource.interested) resource.send(presence);
  }
}

/** A subscription stanza that the server sends for an account. */
function written(type: SubscriptionType, from: string, to: string): Element {
  return element('presence', { type, from, to });
}

/** Does the roster look different? A request that waits for the user's answer is not part of it. [RFC6121 3.1.3] */
function isVisibleChange(before: Contact, after: Contact): boolean {
  if (!after.listed) return false;
  if (!before.listed || before.mine !== after.mine) return true;
  return (before.theirs === 'granted') !== (after.theirs === 'granted');
}
