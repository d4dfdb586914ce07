/** disco#info and disco#items, of the server and of accounts. [XEP-0030] */
import { element, type Element } from '../../xml/index.js';
import type { EmbeddedContext } from '../context.js';
import { maySee } from '../routing/presence-broadcast.js';
import type { QueryAnswer, Feature, Query } from './feature.js';
import { DISCO_INFO, DISCO_ITEMS } from '../../xmpp/namespaces.js';

export function discoFeature(context: EmbeddedContext): Feature {
  function features(): Element[] {
    const announced = new Set(context.features.flatMap(({ announces }) => announces ?? []));
    return [...announced].sort().map((name) => element('feature', { var: name }));
  }

  function info({ target }: Query): Element {
    const identity =
      target === 'server'
        ? { category: 'server', type: 'im', name: 'sm-component' }
        : { category: 'account', type: 'registered' };
    return element('query', { xmlns: DISCO_INFO }, element('identity', identity), ...features());
  }

  /** The server has no items; those of an account are its available resources. [XEP-0030 4.2] */
  function items({ target, address }: Query): Element {
    const resources = target === 'account' ? context.resources.available(address) : [];
    const jids = resources.map(({ fullJid }) => element('item', { jid: fullJid }));
    return element('query', { xmlns: DISCO_ITEMS }, ...jids);
  }

  /** Without the right to see an account's presence a user is not told either whether the account exists. [XEP-0030 8] */
  function answer(query: Query, answered: (query: Query) => Element): QueryAnswer {
    const { type, target, resource, address, payload } = query;
    if (type === 'set') return 'not-allowed';
    if (target === 'account' && !maySee(context, resource, address)) return 'service-unavailable';
    return payload.attribute('node') ? 'item-not-found' : answered(query);
  }

  return {
    announces: [DISCO_INFO, DISCO_ITEMS],
    answers: { [DISCO_INFO]: (query) => answer(query, info), [DISCO_ITEMS]: (query) => answer(query, items) },
  };
}
