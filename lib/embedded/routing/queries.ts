import { element, withDeclarationsOf, type Element } from '../../xml/index.js';
import { Jid } from '../../xmpp/jid.js';
import type { EmbeddedContext } from '../context.js';
import type { QueryAnswer, Query } from '../features/feature.js';
import type { ConnectedResource } from './connected-resources.js';
import { receiverOf, refuse } from './refusal.js';

/** Passes queries of clients on to other clients; queries to the server or an account are answered by the features. */
export class QueryHandler {
  private readonly answers = new Map<string, (query: Query) => QueryAnswer>();

  constructor(private readonly context: EmbeddedContext) {
    for (const feature of context.features) {
      for (const [namespace, answer] of Object.entries(feature.answers ?? {})) {
        this.answers.set(namespace, answer);
      }
    }
  }

  /** Handles an iq of a client, `from` already its full JID. [RFC6121 8.5] [RFC6120 8.2.3] */
  receive(resource: ConnectedResource, iq: Element): void {
    const type = iq.attribute('type');
    if (type === 'get' || type === 'set') this.ask(resource, iq, type);
    else if (type === 'result' || type === 'error') this.passOn(iq);
    else refuse(this.context, iq, 'bad-request');
  }

  /** An answer goes to the resource that asked, and to no other one. */
  private passOn(iq: Element): void {
    const to = Jid.parse(iq.attribute('to'));
    if (to) this.context.resources.get(to.full)?.send(iq);
  }

  private ask(resource: ConnectedResource, iq: Element, type: Query['type']): void {
    const { context } = this;
    const to = receiverOf(context, iq, iq.attribute('to') ?? resource.bareJid);
    if (!to) return;
    if (to.user !== undefined && to.resource !== undefined) return this.askResource(iq, to);
    if (to.user !== undefined && !context.store.accounts.exists(to.bare)) {
      return refuse(context, iq, 'service-unavailable');
    }
    this.answer(resource, iq, type, to);
  }

  private askResource(iq: Element, to: Jid): void {
    const receiver = this.context.resources.get(to.full);
    if (!receiver?.send(iq)) refuse(this.context, iq, 'service-unavailable');
  }

  private answer(resource: ConnectedResource, iq: Element, type: Query['type'], to: Jid): void {
    const [payload, ...others] = iq.elements;
    if (!payload || others.length > 0) return refuse(this.context, iq, 'bad-request');
    const afterwards: (() => void)[] = [];
    const answer = this.answers.get(payload.namespace)?.({
      type,
      payload: withDeclarationsOf(iq, payload),
      target: to.user === undefined ? 'server' : 'account',
      address: to.bare,
      own: to.bare === resource.bareJid,
      unaddressed: !iq.attributes.has('to'),
      resource,
      after: (action) => void afterwards.push(action),
    });
    this.tell(resource, iq, this.answers.has(payload.namespace) ? answer : 'service-unavailable');
    for (const action of afterwards) action();
  }

  private tell(resource: ConnectedResource, iq: Element, answer: QueryAnswer): void {
    if (typeof answer === 'string') return refuse(this.context, iq, answer);
    const result = element('iq', {
      type: 'result',
      id: iq.attribute('id'),
      from: iq.attribute('to'),
      to: resource.fullJid,
    });
    const sent = resource.send(answer ? result.append(answer) : result);
    if (!sent) refuse(this.context, iq, 'resource-constraint');
  }
}
