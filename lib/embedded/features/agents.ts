/** jabber:iq:agents: the gateways, which the oldest clients ask for at every start. There are none. [XEP-0094] */
import { element } from '../../xml/index.js';
import { askedOfServer, type Feature } from './feature.js';

const AGENTS = 'jabber:iq:agents';

export function agentsFeature(): Feature {
  return {
    answers: { [AGENTS]: (query) => askedOfServer(query, () => element('query', { xmlns: AGENTS })) },
  };
}
