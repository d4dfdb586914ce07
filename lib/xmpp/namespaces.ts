/** The namespaces of XMPP that several files use. A namespace that only one file uses stands in that file. */

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

/** The conditions of stanza errors. [RFC6120 8.3] */
export const STANZA_ERRORS = 'urn:ietf:params:xml:ns:xmpp-stanzas';
/** Streams of components. [XEP-0114] */
export const COMPONENT_ACCEPT = 'jabber:component:accept';

/** [RFC6121 2] */
export const ROSTER = 'jabber:iq:roster';
/** [XEP-0049] */
export const PRIVATE = 'jabber:iq:private';
/** [XEP-0191] */
export const BLOCKING = 'urn:xmpp:blocking';
/** [XEP-0030] */
export const DISCO_INFO = 'http://jabber.org/protocol/disco#info';
export const DISCO_ITEMS = 'http://jabber.org/protocol/disco#items';
/** [XEP-0092] */
export const VERSION = 'jabber:iq:version';
/** [XEP-0202] */
export const TIME = 'urn:xmpp:time';
/** [XEP-0090] */
export const LEGACY_TIME = 'jabber:iq:time';
/** [XEP-0012] */
export const LAST = 'jabber:iq:last';
/** [XEP-0054] */
export const VCARD = 'vcard-temp';
/** [XEP-0199] */
export const PING = 'urn:xmpp:ping';
/** [XEP-0203] */
export const DELAY = 'urn:xmpp:delay';
/** [XEP-0091] */
export const LEGACY_DELAY = 'jabber:x:delay';
