/** Encryption of a connection that began without. [RFC6120 5] */
import { TLS } from '../../xmpp/namespaces.js';
import { namespaceOf, type StreamFeature } from './feature.js';

export const startTls: StreamFeature = {
  offer({ encryption }) {
    if (encryption === 'required') return `<starttls xmlns='${TLS}'><required/></starttls>`;
    return encryption === 'optional' ? `<starttls xmlns='${TLS}'/>` : '';
  },

  takes: (element) => element.localName === 'starttls' && namespaceOf(element) === TLS,

  take(_element, stream) {
    const { encryption } = stream;
    if (encryption === 'done' || encryption === 'off') {
      stream.send(`<failure xmlns='${TLS}'/>`);
      return stream.end({ kind: 'starttls-refused' });
    }
    stream.send(`<proceed xmlns='${TLS}'/>`);
    stream.encrypt();
  },
};
