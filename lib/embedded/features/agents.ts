/** jabber:iq:agents: which gateways there are, as the oldest clients ask at every start. There are none. [XEP-0094] */
import { element } from '../../xml/index.js';
import type { Feature } from './feature.js';

const AGENTS = 'jabber:iq:agents';

export default function agents(): Feature {
  return {
    answers: {
      [AGENTS]: ({ type, target, unaddressed }) => {
        if (target === 'account' && !unaddressed) return 'service-unavailable';
        return type === 'get' ? element('query', { xmlns: AGENTS }) : 'not-allowed';
      },
    },
  };
}
