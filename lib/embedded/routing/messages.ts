import type { Element } from '../../xml/index.js';
import type { Jid } from '../../xmpp/jid.js';
import { Copies } from './duplicate-filter.js';
import { receiverOf } from './receiver.js';
import type { Steps } from './scheduler.js';
import type { Services } from '../services.js';
import type { Session } from './connected-resource.js';

/** Takes messages to the sessions they are for, or to whatever keeps them. [RFC6121 8.5] */
export class Messages {
  private readonly copies = new Copies();

  constructor(private readonly services: Services) {}

  /** A message comes back. @returns whether somebody else has a copy of it */
  isElsewhere(message: Element): boolean {
    return this.copies.isElsewhere(message);
  }

  /** Delivers a message that says who it is from and whom it is for. */
  deliver(message: Element): void {
    const { services } = this;
    const to = receiverOf(services, message);
    if (!to) return;
    const session = services.sessions.get(to.full);
    if (session) return this.send(message, [session]);
    if (to.user === undefined || !services.store.accounts.exists(to.bare)) {
      return services.refuse(message, 'service-unavailable');
    }
    this.deliverToAccount(message, to);
  }

  /**
   * [RFC6121 8.5.2], also for an address whose resource is not there [RFC6121 8.5.3.2]. For a message of type normal
   * that would be the end there, but many old clients write no type, and answer to the resource that wrote to them: so
   * it goes the way of a chat, as with the old servers.
   */
  private deliverToAccount(message: Element, { bare: account, resource }: Jid): void {
    switch (message.attribute('type')) {
      case 'error':
        return undefined;
      case 'groupchat':
        return this.services.refuse(message, 'service-unavailable');
      case 'headline':
        if (resource !== undefined) return this.services.refuse(message, 'service-unavailable');
        return this.send(message, this.takers(account));
      default:
        return this.deliverToBest(message, account);
    }
  }

  /** To the sessions of the highest priority, all of them; messages of type normal and chat. [RFC6121 8.5.2.1.1] */
  private deliverToBest(message: Element, account: string): void {
    const takers = this.takers(account);
    if (takers.length > 0 && this.services.features.some(({ follows }) => follows?.(message, account)))
      return;
    if (takers.length === 0) return this.keep(message, account);
    const highest = Math.max(...takers.map((session) => session.priority));
    const best = takers.filter((session) => session.priority === highest);
    this.send(message, best);
  }

  private send(message: Element, receivers: Session[]): void {
    const [first] = receivers;
    if (receivers.length < 2) return this.sendOne(message, first);
    const { journal, schedule } = this.services;
    journal.whenStored(() => {
      this.copies.add(message, receivers.length);
      schedule.goOn(first.bareJid, first, this.sending(message, receivers), 'also at the end');
    });
  }

  /** One of them after the other, where there is room: all together may be more than the link takes at once. */
  private *sending(message: Element, receivers: readonly Session[]): Steps {
    for (const session of receivers) {
      if (!session.send(message)) return this.tooLong(message);
      yield;
    }
  }

  private sendOne(message: Element, session: Session | undefined): void {
    if (session?.send(message) === false) this.tooLong(message);
  }

  private tooLong(message: Element): void {
    this.services.refuse(message, 'not-acceptable', 'The message is too long.');
  }

  private takers(account: string): Session[] {
    return this.services.sessions.of(account).filter((session) => session.takesMessages);
  }

  private keep(message: Element, account: string): void {
    for (const { undelivered } of this.services.features) {
      const outcome = undelivered?.(message, account);
      if (outcome === true) return;
      if (outcome) return this.services.refuse(message, outcome.condition, outcome.text);
    }
    this.services.refuse(message, 'service-unavailable');
  }
}
