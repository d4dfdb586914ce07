/** jabber:iq:private: XML that clients keep with us for themselves. [XEP-0049] */
import { Element, element, treeOf } from '../../xml/index.js';
import { withDeclarationsOf } from '../declarations.js';
import type { Answer, Feature, Query } from './feature.js';
import type { Services } from '../services.js';

const PRIVATE = 'jabber:iq:private';

/** Nothing that stands in a name or a namespace can make two of these the same. */
const keyOf = (document: Element): string => `private ${document.localName} ${document.namespace}`;

/** What was asked for, with nothing in it. [XEP-0049 2.2] */
function empty({ name, attributes }: Element): Element {
  return new Element(name, new Map(attributes));
}

export default function privateStorage({ store, limits }: Services): Feature {
  /** No more is read than may be sent: who asks for one document often asks for more memory than there is. */
  function get({ address, payload }: Query): Answer {
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

  function set({ address, payload }: Query): Answer {
    const documents = payload.elements.map((document) => withDeclarationsOf(payload, document));
    const texts = documents.map(String);
    if (texts.some((text) => text.length > limits.documentCharacters)) return 'not-acceptable';
    const added = documents.filter((document) => !store.documents.has(address, keyOf(document)));
    if (store.documents.count(address) + added.length > limits.documents) return 'resource-constraint';
    for (const [at, document] of documents.entries())
      store.documents.set(address, keyOf(document), texts[at]);
    return undefined;
  }

  function answer(query: Query): Answer {
    if (!query.own) return query.target === 'account' ? 'forbidden' : 'service-unavailable';
    const { elements } = query.payload;
    if (elements.length === 0) return 'bad-request';
    if (elements.length > limits.documents) return 'resource-constraint';
    if (elements.some(({ namespace }) => namespace === '' || namespace === PRIVATE)) return 'not-acceptable';
    return query.type === 'get' ? get(query) : set(query);
  }

  return { announces: [PRIVATE], answers: { [PRIVATE]: answer } };
}
