import type { Element } from '../../xml/index.js';
import type { Jid } from '../../xmpp/jid.js';
import type { EmbeddedContext } from '../context.js';
import type { ConnectedResource } from './connected-resources.js';
import { DuplicateFilter } from './duplicate-filter.js';
import { receiverOf, refuse } from './refusal.js';
import type { Steps } from './scheduler.js';

/** Delivers messages to the resources they are for, or to a feature that keeps them. [RFC6121 8.5] */
export class MessageDelivery {
  private readonly duplicates = new DuplicateFilter();

  constructor(private readonly context: EmbeddedContext) {}

  /** Is this message, which comes back undelivered, still with another resource? */
  isElsewhere(message: Element): boolean {
    return this.duplicates.isElsewhere(message);
  }

  /** Delivers a message that has `from` and `to`. */
  deliver(message: Element): void {
    const { context } = this;
    const to = receiverOf(context, message);
    if (!to) return;
    const resource = context.resources.get(to.full);
    if (resource) return this.send(message, [resource]);
    if (to.user === undefined || !context.store.accounts.exists(to.bare)) {
      return refuse(context, message, 'service-unavailable');
    }
    this.deliverToAccount(message, to);
  }

  /**
   * [RFC6121 8.5.2], also for an address whose resource is not connected [RFC6121 8.5.3.2]. A message of type normal
   * would be refused there, but many old clients write no type, and answer to the resource that wrote to them. So it is
   * delivered like a chat message, as by the old servers.
   */
  private deliverToAccount(message: Element, { bare: account, resource }: Jid): void {
    switch (message.attribute('type')) {
      case 'error':
        return undefined;
      case 'groupchat':
        return refuse(this.context, message, 'service-unavailable');
      case 'headline':
        if (resource !== undefined) return refuse(this.context, message, 'service-unavailable');
        return this.send(message, this.takers(account));
      default:
        return this.deliverToBest(message, account);
    }
  }

  /** Delivers to all resources of the highest priority; messages of type normal and chat. [RFC6121 8.5.2.1.1] */
  private deliverToBest(message: Element, account: string): void {
    const takers = this.takers(account);
    if (takers.length === 0) return this.keep(message, account);
    if (this.context.features.some(({ follows }) => follows?.(message, account))) return;
    const highest = Math.max(...takers.map((resource) => resource.priority));
    const best = takers.filter((resource) => resource.priority === highest);
    this.send(message, best);
  }

  private send(message: Element, receivers: ConnectedResource[]): void {
    const [first] = receivers;
    if (receivers.length < 2) return this.sendOne(message, first);
    const { journal, scheduler } = this.context;
    journal.whenStored(() => {
      this.duplicates.add(message, receivers.length);
      scheduler.goOn(first.bareJid, first, this.sending(message, receivers), 'also at the end');
    });
  }

  /** Sends to one after the other, where there is room: all copies may be more than the link takes at once. */
  private *sending(message: Element, receivers: readonly ConnectedResource[]): Steps {
    for (const resource of receivers) {
      if (!resource.send(message)) return this.tooLong(message);
      yield;
    }
  }

  private sendOne(message: Element, resource: ConnectedResource | undefined): void {
    if (resource?.send(message) === false) this.tooLong(message);
  }

  private tooLong(message: Element): void {
    refuse(this.context, message, 'not-acceptable', 'The message is too long.');
  }

  private takers(account: string): ConnectedResource[] {
    return this.context.resources.of(account).filter((resource) => resource.takesMessages);
  }

  private keep(message: Element, account: string): void {
    for (const { undelivered } of this.context.features) {
      const outcome = undelivered?.(message, account);
      if (outcome === true) return;
      if (outcome) return refuse(this.context, message, outcome.condition, outcome.text);
    }
    refuse(this.context, message, 'service-unavailable');
  }
}
