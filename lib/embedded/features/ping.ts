/** urn:xmpp:ping: is anybody there? [XEP-0199] */
import type { Feature } from './feature.js';

const PING = 'urn:xmpp:ping';

export default function ping(): Feature {
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
