/** disco#info and disco#items, of the server and of accounts. [XEP-0030] */
import { element, type Element } from '../../xml/index.js';
import type { Answer, Feature, Query } from './feature.js';
import type { Services } from '../services.js';

const INFO = 'http://jabber.org/protocol/disco#info';
const ITEMS = 'http://jabber.org/protocol/disco#items';

export default function disco(services: Services): Feature {
  function features(): Element[] {
    const announced = new Set(services.features.flatMap(({ announces }) => announces ?? []));
    return [...announced].sort().map((name) => element('feature', { var: name }));
  }

  function info({ target }: Query): Element {
    const identity =
      target === 'server'
        ? { category: 'server', type: 'im', name: 'sm-component' }
        : { category: 'account', type: 'registered' };
    return element('query', { xmlns: INFO }, element('identity', identity), ...features());
  }

  /** The server has none; of an account, its sessions. [XEP-0030 4.2] */
  function items({ target, address }: Query): Element {
    const sessions = target === 'account' ? services.sessions.available(address) : [];
    const jids = sessions.map(({ fullJid }) => element('item', { jid: fullJid }));
    return element('query', { xmlns: ITEMS }, ...jids);
  }

  /** Who may not see an account's presence is not told either that there is one. [XEP-0030 8] */
  function answer(query: Query, answered: (query: Query) => Element): Answer {
    const { type, target, session, address, payload } = query;
    if (type === 'set') return 'not-allowed';
    if (target === 'account' && !services.presence.maySee(session, address)) return 'service-unavailable';
    return payload.attribute('node') ? 'item-not-found' : answered(query);
  }

  return {
    announces: [INFO, ITEMS],
    answers: { [INFO]: (query) => answer(query, info), [ITEMS]: (query) => answer(query, items) },
  };
}
