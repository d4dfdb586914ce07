import { element, treeOf, type Element } from '../../xml/index.js';
import { delays } from '../../xmpp/delay.js';
import { Jid } from '../../xmpp/jid.js';
import type { EmbeddedContext } from '../context.js';
import type { ConnectedResource } from './connected-resources.js';
import { addressed, deliverPresence, maySee, withdrawPresence } from './presence-broadcast.js';
import { receiverOf, refuse } from './refusal.js';
import type { Steps } from './scheduler.js';
import { isSubscriptionType } from './subscription-state.js';
import { repeatRequest, sendSubscription } from './subscriptions.js';

/** An integer from -128 to 127; 0 where there is none, or where it is not valid. [RFC6121 4.7.2.3] */
function priorityOf(presence: Element): number {
  const text = presence.childText('priority')?.trim() ?? '';
  const priority = /^[+-]?\d{1,3}$/.test(text) ? Number(text) : 0;
  return priority >= -128 && priority <= 127 ? priority : 0;
}

/** The last presence of a resource, with the time when it came. */
function lastPresence(resource: ConnectedResource, to: string): Element {
  const presence = addressed(resource.presence!, to);
  return presence.append(...delays(resource.presenceSince, resource.fullJid));
}

/** Handles the presence stanzas of clients. [RFC6121 4] */
export class PresenceHandler {
  constructor(private readonly context: EmbeddedContext) {}

  /** Handles a presence of a client, `from` already its full JID. */
  receive(resource: ConnectedResource, presence: Element): void {
    if (presence.toString().length > this.context.limits.presenceCharacters) {
      return refuse(this.context, presence, 'not-acceptable', 'The presence is too long.');
    }
    // Some of the oldest clients write type "available" where there should be no type.
    if (presence.attribute('type') === 'available') presence.set('type', undefined);
    const type = presence.attribute('type');
    if (type === undefined || type === 'unavailable') this.showOrHide(resource, presence);
    else if (type === 'error') this.passOn(presence);
    else this.ask(resource, presence, type);
  }

  private showOrHide(resource: ConnectedResource, presence: Element): void {
    if (presence.attributes.has('to')) this.direct(resource, presence);
    else this.broadcast(resource, presence);
  }

  /** An error goes to the resource that sent the presence, and to no other one. [RFC6121 8.5.3.1] */
  private passOn(error: Element): void {
    const to = Jid.parse(error.attribute('to'));
    if (to) this.context.resources.get(to.full)?.send(error);
  }

  private ask(resource: ConnectedResource, presence: Element, type: string): void {
    const { context } = this;
    if (!presence.attributes.has('to')) refuse(context, presence, 'bad-request');
    else if (isSubscriptionType(type)) sendSubscription(context, resource.bareJid, presence, type);
    else if (type === 'probe') this.answerProbe(resource, presence);
    else refuse(context, presence, 'bad-request');
  }

  private broadcast(resource: ConnectedResource, presence: Element): void {
    const { scheduler, features } = this.context;
    if (presence.attribute('type') === 'unavailable') {
      const steps = withdrawPresence(this.context, resource, presence);
      return scheduler.goOn(resource.bareJid, resource, steps);
    }
    const isInitial = !resource.available;
    const tookMessages = resource.takesMessages;
    resource.presence = presence;
    resource.presenceSince = Date.now();
    resource.priority = priorityOf(presence);
    const isReady = !tookMessages && resource.takesMessages;
    const given = isReady ? features.flatMap(({ ready }) => ready?.(resource) ?? []) : [];
    scheduler.goOn(resource.bareJid, resource, this.broadcasting(resource, presence, isInitial, given));
  }

  /**
   * Ends where the resource has another presence meanwhile: that one is sent to all who are sent this one.
   *
   * @param given what the resource is given after the broadcast
   */
  private *broadcasting(
    resource: ConnectedResource,
    presence: Element,
    isInitial: boolean,
    given: Steps[],
  ): Steps {
    const { context } = this;
    const isCurrent = (): boolean => resource.presence === presence;
    try {
      for (const receiver of [...resource.roster.subscribers(), resource.bareJid]) {
        if (!isCurrent()) return;
        if (this.isSeenBy(resource, receiver))
          deliverPresence(context, addressed(presence, receiver), receiver);
        yield;
      }
      if (isInitial) yield* this.welcoming(resource, isCurrent);
      for (const steps of given) yield* steps;
    } finally {
      for (const steps of given) steps.return();
    }
  }

  /** Is the receiver available, and may it see the presence? That may have changed since the subscribers were read. */
  private isSeenBy({ bareJid, roster }: ConnectedResource, receiver: string): boolean {
    if (receiver === bareJid) return true;
    const isAvailable = this.context.resources.available(receiver).length > 0;
    return isAvailable && roster.get(receiver)?.theirs === 'granted';
  }

  /**
   * Sends a resource, after its initial presence, the presence of the user's other resources and of the contacts, and
   * the subscription requests that wait. [RFC6121 4.2.2]
   */
  private *welcoming(resource: ConnectedResource, isCurrent: () => boolean): Steps {
    const { resources } = this.context;
    for (const address of [resource.bareJid, ...resource.roster.subscriptions()]) {
      for (const other of resources.available(address)) {
        if (!isCurrent()) return;
        if (other === resource || !other.available) continue;
        resource.send(lastPresence(other, resource.fullJid));
        yield;
      }
    }
    for (const jid of resource.roster.requesters()) {
      const request = resource.roster.get(jid)?.request;
      if (isCurrent() && request !== undefined) resource.send(treeOf(request));
      yield;
    }
    for (const jid of resource.roster.asked()) {
      this.askAgain(resource, jid);
      yield;
    }
  }

  /** A task of its own, because it changes the store: presence must not depend on that. */
  private askAgain({ bareJid }: ConnectedResource, jid: string): void {
    const { journal, log } = this.context;
    const failed = (error: unknown): void =>
      log.debug('repeating a subscription request failed', { error: String(error) });
    const run = (): void => repeatRequest(this.context, bareJid, jid);
    journal.do({ kind: 'repeatable', owner: bareJid, size: 0, run, failed });
  }

  /** Directed presence: the address is remembered until the presence is withdrawn. [RFC6121 4.6] */
  private direct(resource: ConnectedResource, presence: Element): void {
    const { context } = this;
    const to = receiverOf(context, presence);
    if (!to) return;
    if (presence.attribute('type') === 'unavailable') resource.directed.delete(to.full);
    else if (resource.directed.size < context.limits.directedPresences) resource.directed.add(to.full);
    else return refuse(context, presence, 'resource-constraint');
    deliverPresence(context, presence, to.full);
  }

  /** [RFC6121 4.3.2] */
  private answerProbe(resource: ConnectedResource, probe: Element): void {
    const to = receiverOf(this.context, probe);
    if (!to) return;
    if (!maySee(this.context, resource, to.bare)) return this.answer(resource, 'unsubscribed', to.bare);
    const available = this.context.resources.available(to.bare);
    const asked =
      to.resource === undefined ? available : available.filter(({ fullJid }) => fullJid === to.full);
    for (const other of asked) resource.send(lastPresence(other, resource.fullJid));
    if (asked.length === 0) this.answer(resource, 'unavailable', to.full);
  }

  private answer(resource: ConnectedResource, type: string, from: string): void {
    resource.send(element('presence', { type, from, to: resource.fullJid }));
  }
}
