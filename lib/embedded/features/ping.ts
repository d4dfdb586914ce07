/** urn:xmpp:ping: an empty answer, from the server or the client's own account. [XEP-0199] */
import type { Feature } from './feature.js';
import { PING } from '../../xmpp/namespaces.js';

export function pingFeature(): Feature {
  return {
    announces: [PING],
    answers: {
      [PING]: ({ type, target, own }) => {
        if (type === 'set') return 'bad-request';
        return target === 'server' || own ? undefined : 'service-unavailable';
      },
    },
  };
}
