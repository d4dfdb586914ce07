import { element, type Element } from '../../xml/index.js';
import { withDeclarationsOf } from '../declarations.js';
import type { Answer, Query } from '../features/feature.js';
import { Jid } from '../../xmpp/jid.js';
import { receiverOf } from './receiver.js';
import type { Services } from '../services.js';
import type { Session } from './connected-resource.js';

/** Queries: what clients ask each other is passed on, what they ask us or an account is answered by the features. */
export class Queries {
  private readonly answers = new Map<string, (query: Query) => Answer>();

  constructor(private readonly services: Services) {
    for (const feature of services.features) {
      for (const [namespace, answer] of Object.entries(feature.answers ?? {})) {
        this.answers.set(namespace, answer);
      }
    }
  }

  /** Takes an iq of a client, `from` stamped. [RFC6121 8.5] [RFC6120 8.2.3] */
  receive(session: Session, iq: Element): void {
    const type = iq.attribute('type');
    if (type === 'get' || type === 'set') this.ask(session, iq, type);
    else if (type === 'result' || type === 'error') this.passOn(iq);
    else this.services.refuse(iq, 'bad-request');
  }

  /** An answer goes to the session that asked; anybody else has not asked. */
  private passOn(iq: Element): void {
    const to = Jid.parse(iq.attribute('to'));
    if (to) this.services.sessions.get(to.full)?.send(iq);
  }

  private ask(session: Session, iq: Element, type: Query['type']): void {
    const { services } = this;
    const to = receiverOf(services, iq, iq.attribute('to') ?? session.bareJid);
    if (!to) return;
    if (to.user !== undefined && to.resource !== undefined) return this.askSession(iq, to);
    if (to.user !== undefined && !services.store.accounts.exists(to.bare)) {
      return services.refuse(iq, 'service-unavailable');
    }
    this.answer(session, iq, type, to);
  }

  private askSession(iq: Element, to: Jid): void {
    const receiver = this.services.sessions.get(to.full);
    if (!receiver?.send(iq)) this.services.refuse(iq, 'service-unavailable');
  }

  private answer(session: Session, iq: Element, type: Query['type'], to: Jid): void {
    const [payload, ...others] = iq.elements;
    if (!payload || others.length > 0) return this.services.refuse(iq, 'bad-request');
    const afterwards: (() => void)[] = [];
    const answer = this.answers.get(payload.namespace)?.({
      type,
      payload: withDeclarationsOf(iq, payload),
      target: to.user === undefined ? 'server' : 'account',
      address: to.bare,
      own: to.bare === session.bareJid,
      unaddressed: !iq.attributes.has('to'),
      session,
      after: (action) => void afterwards.push(action),
    });
    this.tell(session, iq, this.answers.has(payload.namespace) ? answer : 'service-unavailable');
    for (const action of afterwards) action();
  }

  private tell(session: Session, iq: Element, answer: Answer): void {
    if (typeof answer === 'string') return this.services.refuse(iq, answer);
    const result = element('iq', {
      type: 'result',
      id: iq.attribute('id'),
      from: iq.attribute('to'),
      to: session.fullJid,
    });
    const sent = session.send(answer ? result.append(answer) : result);
    if (!sent) this.services.refuse(iq, 'resource-constraint');
  }
}
