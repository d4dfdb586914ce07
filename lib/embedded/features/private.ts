/** jabber:iq:private: XML that clients store on the server for themselves. [XEP-0049] */
import { Element, element, treeOf, withDeclarationsOf } from '../../xml/index.js';
import type { EmbeddedContext } from '../context.js';
import type { QueryAnswer, Feature, Query } from './feature.js';
import { PRIVATE } from '../../xmpp/namespaces.js';

/** Different for any two documents: a local name has no space in it. */
const keyOf = (document: Element): string => `private ${document.localName} ${document.namespace}`;

/** The element that was asked for, without content. [XEP-0049 2.2] */
function empty({ name, attributes }: Element): Element {
  return new Element(name, new Map(attributes));
}

export function privateFeature({ store, limits }: EmbeddedContext): Feature {
  /** Reads no more than may be sent: a query may name one large document many times. */
  function get({ address, payload }: Query): QueryAnswer {
    const answer = element('query', { xmlns: PRIVATE });
    let size = 0;
    for (const document of payload.elements) {
      const kept = store.documents.get(address, keyOf(document));
      size += kept?.length ?? 0;
      if (size > limits.packetBytes) return 'resource-constraint';
      answer.append(kept === undefined ? empty(document) : treeOf(kept));
    }
    return answer;
  }

  function set({ address, payload }: Query): QueryAnswer {
    const documents = payload.elements.map((document) => withDeclarationsOf(payload, document));
    const texts = documents.map(String);
    if (texts.some((text) => text.length > limits.documentCharacters)) return 'not-acceptable';
    const added = documents.filter((document) => !store.documents.has(address, keyOf(document)));
    if (store.documents.count(address) + added.length > limits.documents) return 'resource-constraint';
    for (const [at, document] of documents.entries())
      store.documents.set(address, keyOf(document), texts[at]);
    return undefined;
  }

  function answer(query: Query): QueryAnswer {
    if (!query.own) return query.target === 'account' ? 'forbidden' : 'service-unavailable';
    const { elements } = query.payload;
    if (elements.length === 0) return 'bad-request';
    if (elements.length > limits.documents) return 'resource-constraint';
    if (elements.some(({ namespace }) => namespace === '' || namespace === PRIVATE)) return 'not-acceptable';
    return query.type === 'get' ? get(query) : set(query);
  }

  return { announces: [PRIVATE], answers: { [PRIVATE]: answer } };
}
