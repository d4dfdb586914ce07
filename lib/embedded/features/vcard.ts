/** vcard-temp: a user's card, which everybody may read. [XEP-0054] */
import { treeOf } from '../../xml/index.js';
import type { EmbeddedContext } from '../context.js';
import type { QueryAnswer, Feature, Query } from './feature.js';
import { VCARD } from '../../xmpp/namespaces.js';

export function vcardFeature({ store, limits }: EmbeddedContext): Feature {
  function get({ address, target }: Query): QueryAnswer {
    if (target === 'server') return 'service-unavailable';
    const card = store.documents.get(address, VCARD);
    return card === undefined ? 'item-not-found' : treeOf(card);
  }

  function set({ own, address, payload }: Query): QueryAnswer {
    if (!own) return 'forbidden';
    const card = payload.toString();
    if (card.length > limits.documentCharacters) return 'not-acceptable';
    store.documents.set(address, VCARD, card);
    return undefined;
  }

  return {
    announces: [VCARD],
    answers: { [VCARD]: (query) => (query.type === 'get' ? get(query) : set(query)) },
  };
}
