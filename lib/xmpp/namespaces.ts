/** The namespaces of streams and logins. A namespace that only one file uses stands in that file. */

/** The stream header, features and errors. [RFC6120 4.8.1] */
export const STREAMS = 'http://etherx.jabber.org/streams';
/** The conditions of stream errors. [RFC6120 4.9.2] */
export const STREAM_ERRORS = 'urn:ietf:params:xml:ns:xmpp-streams';
/** Client streams, and their stanzas. [RFC6120 4.8.2] */
export const CLIENT = 'jabber:client';
/** STARTTLS. [RFC6120 5] */
export const TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
/** [RFC6120 6] */
export const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
/** Resource binding. [RFC6120 7] */
export const BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
/** Session establishment. [RFC3921 3] */
export const SESSION = 'urn:ietf:params:xml:ns:xmpp-session';
/** Login before SASL. [XEP-0078] */
export const IQ_AUTH = 'jabber:iq:auth';
/** Accounts made and changed by their users. [XEP-0077] */
export const REGISTER = 'jabber:iq:register';
