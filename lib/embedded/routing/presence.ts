import { element, treeOf, type Element } from '../../xml/index.js';
import { delays } from '../../xmpp/delay.js';
import { Jid } from '../../xmpp/jid.js';
import { receiverOf } from './receiver.js';
import type { Steps } from './scheduler.js';
import type { Services } from '../services.js';
import type { Session } from './connected-resource.js';
import { readdressed } from './stanza.js';
import { isSubscriptionType } from './subscription.js';

/** The presence as it goes to one receiver. */
function addressed(presence: Element, to: string): Element {
  return readdressed(presence).set('to', to);
}

/** An integer from -128 to 127; 0 where there is none, or none that counts. [RFC6121 4.7.2.3] */
function priorityOf(presence: Element): number {
  const text = presence.childText('priority')?.trim() ?? '';
  const priority = /^[+-]?\d{1,3}$/.test(text) ? Number(text) : 0;
  return priority >= -128 && priority <= 127 ? priority : 0;
}

/** The last presence of a session, with the time it came. */
function lastPresence(session: Session, to: string): Element {
  const presence = addressed(session.presence!, to);
  return presence.append(...delays(session.presenceSince, session.fullJid));
}

function* eachOf<Item>(items: readonly Item[], action: (item: Item) => void): Generator<undefined, void> {
  for (const item of items) {
    action(item);
    yield;
  }
}

/** Who is there, and who is told. [RFC6121 4] */
export class Presence {
  constructor(private readonly services: Services) {}

  /** Takes a presence of a client, `from` stamped. */
  receive(session: Session, presence: Element): void {
    if (presence.toString().length > this.services.limits.presenceCharacters) {
      return this.services.refuse(presence, 'not-acceptable', 'The presence is too long.');
    }
    // Some of the oldest clients write the type that no type stands for.
    if (presence.attribute('type') === 'available') presence.set('type', undefined);
    const type = presence.attribute('type');
    if (type === undefined || type === 'unavailable') this.showOrHide(session, presence);
    else if (type === 'error') this.passOn(presence);
    else this.ask(session, presence, type);
  }

  /** The session is gone: those who saw it are told. */
  leave(session: Session, status: string): void {
    this.services.schedule.goOn(session.bareJid, session, this.leaving(session, status));
  }

  /** The same at once: what comes next is to come behind it. */
  leaveAtOnce(session: Session, status: string): void {
    const steps = this.leaving(session, status);
    while (!steps.next().done);
  }

  private leaving(session: Session, status: string): Steps {
    const attributes = { type: 'unavailable', from: session.fullJid };
    return this.withdraw(session, element('presence', attributes, element('status', {}, status)));
  }

  /** Keeps when a session that was there has gone, and what it said. [XEP-0012] */
  remember(session: Session, status: string): void {
    if (!session.available) return;
    this.services.lastSeen.saw(session.bareJid, status.slice(0, this.services.limits.nameCharacters));
  }

  /** Has the account let the session's user see its presence? */
  maySee(session: Session, account: string): boolean {
    if (account === session.bareJid) return true;
    return this.services.store.rosters.get(account, session.bareJid)?.theirs === 'granted';
  }

  /** Shows all sessions of an account to somebody who may see them from now on. [RFC6121 3.1.5] */
  show(account: string, to: string): void {
    const sessions = this.services.sessions.available(account);
    const [first] = sessions;
    const steps = eachOf(sessions, (session) => {
      if (session.available) this.deliver(addressed(session.presence!, to), to);
    });
    const { journal, schedule } = this.services;
    if (first) journal.whenStored(() => schedule.goOn(account, first, steps));
  }

  /** Hides all sessions of an account from somebody who may see them no longer. [RFC6121 3.2.2, 3.3.3] */
  hide(account: string, from: string): void {
    for (const session of this.services.sessions.available(account)) {
      this.deliver(element('presence', { type: 'unavailable', from: session.fullJid, to: from }), from);
    }
  }

  private showOrHide(session: Session, presence: Element): void {
    if (presence.attributes.has('to')) this.direct(session, presence);
    else this.announce(session, presence);
  }

  /** What is wrong with a presence is for the resource that has sent it, and for nobody else. [RFC6121 8.5.3.1] */
  private passOn(error: Element): void {
    const to = Jid.parse(error.attribute('to'));
    if (to) this.services.sessions.get(to.full)?.send(error);
  }

  private ask(session: Session, presence: Element, type: string): void {
    const { services } = this;
    if (!presence.attributes.has('to')) services.refuse(presence, 'bad-request');
    else if (isSubscriptionType(type)) services.subscriptions.send(session.bareJid, presence, type);
    else if (type === 'probe') this.answerProbe(session, presence);
    else services.refuse(presence, 'bad-request');
  }

  private announce(session: Session, presence: Element): void {
    if (presence.attribute('type') === 'unavailable') {
      return this.services.schedule.goOn(session.bareJid, session, this.withdraw(session, presence));
    }
    const initial = !session.available;
    const wasReady = session.takesMessages;
    session.presence = presence;
    session.presenceSince = Date.now();
    session.priority = priorityOf(presence);
    const isReady = !wasReady && session.takesMessages;
    const given = isReady ? this.services.features.flatMap(({ ready }) => ready?.(session) ?? []) : [];
    this.services.schedule.goOn(session.bareJid, session, this.announcing(session, presence, initial, given));
  }

  /**
   * It is over where the session has another presence meanwhile: that goes to all who are told of this one.
   *
   * @param given what the session is given after that
   */
  private *announcing(session: Session, presence: Element, initial: boolean, given: Steps[]): Steps {
    const isCurrent = (): boolean => session.presence === presence;
    try {
      for (const receiver of [...session.roster.subscribers(), session.bareJid]) {
        if (!isCurrent()) return;
        if (this.isSeenBy(session, receiver)) this.deliver(addressed(presence, receiver), receiver);
        yield;
      }
      if (initial) yield* this.welcoming(session, isCurrent);
      for (const steps of given) yield* steps;
    } finally {
      for (const steps of given) steps.return();
    }
  }

  /** Is somebody there who may see it? That may have changed since it was found out who does. */
  private isSeenBy({ bareJid, roster }: Session, receiver: string): boolean {
    if (receiver === bareJid) return true;
    const isThere = this.services.sessions.available(receiver).length > 0;
    return isThere && roster.get(receiver)?.theirs === 'granted';
  }

  /** [RFC6121 4.5.2], to directed addresses too [RFC6121 4.6.3] */
  private withdraw(session: Session, presence: Element): Steps {
    this.remember(session, presence.childText('status') ?? '');
    const subscribers = session.available ? session.roster.subscribers() : [];
    const told = new Set(session.available ? [...subscribers, session.bareJid] : []);
    if (session.available) this.deliver(addressed(presence, session.bareJid), session.bareJid);
    session.presence = undefined;
    session.priority = 0;
    const directed = [...session.directed].filter((address) => !this.isAmong(told, address));
    session.directed.clear();
    return eachOf([...subscribers, ...directed], (receiver) =>
      this.deliver(addressed(presence, receiver), receiver),
    );
  }

  /** Has that address heard what its user was told? A resource that has sent no presence has not. */
  private isAmong(told: ReadonlySet<string>, address: string): boolean {
    return told.has(Jid.parse(address)!.bare) && this.services.sessions.get(address)?.available !== false;
  }

  /** What a session sees when it comes: the user's others, the contacts, and who asks to be one. [RFC6121 4.2.2] */
  private *welcoming(session: Session, isCurrent: () => boolean): Steps {
    const { sessions } = this.services;
    for (const address of [session.bareJid, ...session.roster.subscriptions()]) {
      for (const other of sessions.available(address)) {
        if (!isCurrent()) return;
        if (other === session || !other.available) continue;
        session.send(lastPresence(other, session.fullJid));
        yield;
      }
    }
    for (const jid of session.roster.requesters()) {
      const request = session.roster.get(jid)?.request;
      if (isCurrent() && request !== undefined) session.send(treeOf(request));
      yield;
    }
    for (const jid of session.roster.asked()) {
      this.askAgain(session, jid);
      yield;
    }
  }

  /** Not a thing that presence may depend on: it changes the store. */
  private askAgain({ bareJid }: Session, jid: string): void {
    const { journal, subscriptions, log } = this.services;
    const failed = (error: unknown): void => log.debug('asking again failed', { error: String(error) });
    const run = (): void => subscriptions.repeat(bareJid, jid);
    journal.do({ kind: 'repeatable', owner: bareJid, size: 0, run, failed });
  }

  /** Presence for one address, remembered until it is taken back. [RFC6121 4.6] */
  private direct(session: Session, presence: Element): void {
    const to = receiverOf(this.services, presence);
    if (!to) return;
    if (presence.attribute('type') === 'unavailable') session.directed.delete(to.full);
    else if (session.directed.size < this.services.limits.directedPresences) session.directed.add(to.full);
    else return this.services.refuse(presence, 'resource-constraint');
    this.deliver(presence, to.full);
  }

  /** To the session of that address, or to all of that user that are there. [RFC6121 8.5.2.1.2, 8.5.3.1] */
  private deliver(presence: Element, address: string): void {
    const { sessions } = this.services;
    const session = sessions.get(address);
    if (session) session.send(presence);
    else for (const receiver of sessions.available(address)) receiver.send(presence);
  }

  /** [RFC6121 4.3.2] */
  private answerProbe(session: Session, probe: Element): void {
    const to = receiverOf(this.services, probe);
    if (!to) return;
    if (!this.maySee(session, to.bare)) return this.answer(session, 'unsubscribed', to.bare);
    const there = this.services.sessions.available(to.bare);
    const asked = to.resource === undefined ? there : there.filter(({ fullJid }) => fullJid === to.full);
    for (const other of asked) session.send(lastPresence(other, session.fullJid));
    if (asked.length === 0) this.answer(session, 'unavailable', to.full);
  }

  private answer(session: Session, type: string, from: string): void {
    session.send(element('presence', { type, from, to: session.fullJid }));
  }
}
