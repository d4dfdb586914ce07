import { element, type Element } from '../../xml/index.js';
import { receiverOf } from './receiver.js';
import type { Services } from '../services.js';
import { readdressed } from './stanza.js';
import type { Contact } from '../store/rosters.js';
import { inbound, outbound, type SubscriptionType } from './subscription.js';

/** Carries subscription stanzas from account to account, and keeps both rosters in step. [RFC6121 3] */
export class Subscriptions {
  constructor(private readonly services: Services) {}

  /** Takes a subscription stanza of a user. */
  send(account: string, presence: Element, type: SubscriptionType): void {
    const { services } = this;
    const to = receiverOf(services, presence);
    if (!to || to.bare === account) return;
    const contact = services.roster.contact(account, to.bare);
    if (type === 'subscribe' && !this.isKnown(contact) && !services.roster.hasRoom(account)) {
      return services.refuse(presence, 'resource-constraint');
    }
    const bare = readdressed(presence).set('from', account).set('to', to.bare);
    services.store.rosters.change(() => this.pass(account, contact, bare, type));
  }

  /**
   * Asks again for what was never answered: whom it was for may have an account only now. [RFC6121 3.1.2]
   *
   * @param account whose session has just sent its first presence
   */
  repeat(account: string, jid: string): void {
    const { roster } = this.services;
    // Meanwhile there may have been an answer.
    if (roster.contact(account, jid).mine !== 'asked') return;
    this.receive(jid, account, written('subscribe', account, jid), 'subscribe');
  }

  /** Takes back all that an account and a contact have granted each other or asked for. [RFC6121 2.5.2] */
  cancel(account: string, contact: Contact): void {
    const types: SubscriptionType[] = [];
    if (contact.theirs !== 'none') types.push('unsubscribed');
    if (contact.mine !== 'none') types.push('unsubscribe');
    for (const type of types) {
      const current = this.services.roster.contact(account, contact.jid);
      this.pass(account, current, written(type, account, contact.jid), type);
    }
  }

  /** Cancels everything of an account that is about to go. */
  cancelAll(account: string): void {
    for (const contact of this.services.store.rosters.all(account)) this.cancel(account, contact);
  }

  private isKnown({ listed, mine, theirs }: Contact): boolean {
    return listed || mine !== 'none' || theirs !== 'none';
  }

  private pass(account: string, before: Contact, presence: Element, type: SubscriptionType): void {
    const state = outbound(before, type);
    if (!state) return;
    const { roster, store, presence: presences } = this.services;
    const listed = before.listed || type === 'subscribe' || type === 'subscribed';
    const after = {
      ...before,
      ...state,
      listed,
      request: state.theirs === 'asked' ? before.request : undefined,
    };
    store.rosters.save(account, after);
    if (before.theirs === 'granted' && after.theirs === 'none') presences.hide(account, before.jid);
    this.receive(before.jid, account, presence, type);
    // Who has been answered at once knows more already.
    const isLast = roster.contact(account, before.jid).mine === after.mine;
    if (isLast && isVisibleChange(before, after)) roster.push(account, after);
    if (type === 'subscribed') presences.show(account, before.jid);
  }

  /** Takes a subscription stanza for a user, both addresses bare. */
  private receive(account: string, from: string, presence: Element, type: SubscriptionType): void {
    const { roster, store, presence: presences } = this.services;
    const answer = type === 'subscribe' ? this.readyAnswer(account, from) : undefined;
    if (answer) return this.receive(from, account, written(answer, account, from), answer);
    if (!store.accounts.exists(account)) return;
    const before = roster.contact(account, from);
    const state = inbound(before, type);
    if (!state || (!this.isKnown(before) && !roster.hasRoom(account))) return;
    const request = type === 'subscribe' ? presence.toString() : before.request;
    const after = { ...before, ...state, request: state.theirs === 'asked' ? request : undefined };
    store.rosters.save(account, after);
    if (before.theirs === 'granted' && after.theirs === 'none') presences.hide(account, from);
    this.tell(account, presence, type);
    if (isVisibleChange(before, after)) roster.push(account, after);
  }

  /**
   * The answer to a request that nobody is troubled with: to the server, which has no presence, or for what was granted
   * long ago. [RFC6121 3.1.3]
   */
  private readyAnswer(account: string, from: string): 'subscribed' | 'unsubscribed' | undefined {
    const { domains, roster } = this.services;
    if (domains.has(account)) return 'unsubscribed';
    return roster.contact(account, from).theirs === 'granted' ? 'subscribed' : undefined;
  }

  /** A request goes to all who are there, the rest to those who have seen the roster. [RFC6121 3.1.3, 3.1.6] */
  private tell(account: string, presence: Element, type: SubscriptionType): void {
    for (const session of this.services.sessions.of(account)) {
      if (type === 'subscribe' ? session.available : session.interested) session.send(presence);
    }
  }
}

/** A subscription stanza of our own. */
function written(type: SubscriptionType, from: string, to: string): Element {
  return element('presence', { type, from, to });
}

/** Does the roster look different? What only waits for an answer of the user is no part of it. [RFC6121 3.1.3] */
function isVisibleChange(before: Contact, after: Contact): boolean {
  if (!after.listed) return false;
  if (!before.listed || before.mine !== after.mine) return true;
  return (before.theirs === 'granted') !== (after.theirs === 'granted');
}
