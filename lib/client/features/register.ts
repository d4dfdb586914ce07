/** Registration before login. [XEP-0077 3] */
import { REGISTER } from '../../xmpp/namespaces.js';
import { isRequest, refuseUnencrypted, type StreamFeature } from './feature.js';

export const register: StreamFeature = {
  offer: ({ registration, encryption }) =>
    registration && encryption !== 'required'
      ? `<register xmlns='http://jabber.org/features/iq-register'/>`
      : '',

  takes: (element) => isRequest(element, REGISTER),

  take(iq, stream) {
    if (refuseUnencrypted(iq, stream)) return;
    if (!stream.registration) return stream.refuse(iq, 'not-allowed');
    stream.ask({ kind: 'register', iq, domain: stream.domain }, ({ text }) => stream.send(text));
  },
};
