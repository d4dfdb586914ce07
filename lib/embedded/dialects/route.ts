/**
 * route, the dialect of jabberd 1.4 as it was deployed, from the session manager's side. Every packet of a client
 * travels inside a `<route/>`, and the type of that route says what the packet is about. [jadc2s PROTO]
 */
import { Element, element, escapeValue, withDeclarationsOf, type Stanza } from '../../xml/index.js';
import { Jid } from '../../xmpp/jid.js';
import { withoutPasswords } from '../../xmpp/stanza-error.js';
import {
  REFUSALS,
  type Incoming,
  type Refusals,
  type Rejection,
  type ServerDialect,
  type StreamWords,
} from './dialect.js';
import { COMPONENT_ACCEPT } from '../../xmpp/namespaces.js';

/** 1.4 closes a stream without a closing tag; an error is the last thing that it sends. [jabberd 1.4.3 base_accept.c] */
const words: StreamWords = {
  header(namespace, name, id) {
    if (namespace !== COMPONENT_ACCEPT) return { error: 'Invalid namespace specified.' };
    return { id, xmlns: COMPONENT_ACCEPT, from: name };
  },
  closes: false,
  wrongSecret: 'Invalid handshake',
  noHandshake: 'Timed Out',
  tooEarly: 'Must send handshake first.',
  tooEarlyEnds: true,
  // For well-formed XML over a limit the text names the limit.
  badXml: ({ condition, text }) => (condition === 'policy-violation' ? text : 'Invalid XML'),
  override: 'Socket override by another connection.',
};

/** [jabberd 1.4.3, transcripts 08 and 10] */
const refusals: Refusals = {
  ...REFUSALS,
  noResource: REFUSALS.notAcceptable,
  noCredentials: REFUSALS.unauthorized,
  noStreamId: ['501', 'Not Implemented'],
};

/** The texts that 1.4 writes in the `error` of a route. The last one is our own. */
const REASONS: Readonly<Record<Rejection, string>> = {
  'no session': 'Invalid Session',
  'no user': 'Invalid User',
  'not logged in': 'Session Failed',
  'unknown host': 'Unable to deliver, destination unknown',
  'wrong name': 'Server Configuration Error',
};

/** The stanza in a route: the first element. A second one could only be smuggled by a client. [jadc2s PROTO] */
function stanzaIn(packet: Stanza): Element | undefined {
  // A route without declarations is not parsed: the stanza is the same outside of it.
  const only = packet.declares ? undefined : packet.only();
  if (only) return only.element();
  const route = packet.element();
  const [first] = route.elements;
  return first && withDeclarationsOf(route, first);
}

/** Unknown types are ignored, and so is an empty route that should carry a stanza. [jabberd 1.4.3, 12 and 16] */
function read(packet: Stanza): Incoming | undefined {
  if (packet.name !== 'route') return undefined;
  const to = Jid.parse(packet.attribute('to'));
  const socket = packet.attribute('from');
  if (!to || !socket) return undefined;
  const type = packet.attribute('type');
  if (type === 'session') return { kind: 'open', to, socket, packet };
  const stanza = stanzaIn(packet);
  if (type === 'error') return { kind: 'end', to, socket, packet, undelivered: stanza };
  if (!stanza) return undefined;
  return { kind: type === 'auth' ? 'login' : 'stanza', to, socket, packet, stanza };
}

/** As an error, with its addresses swapped, and its payload without passwords. [jabberd 1.4.3 jsm, transcript 16] */
function giveBack(packet: Element, why: Rejection): Element {
  const back = packet
    .reopened()
    .set('to', packet.attribute('from'))
    .set('from', packet.attribute('to'))
    .set('type', 'error')
    .set('error', REASONS[why]);
  back.children = packet.children.map((child) =>
    typeof child === 'string' ? child : withoutPasswords(child),
  );
  return back;
}

export const serverRoute: ServerDialect = {
  addresses: { to: 'to', socket: 'from' },
  words,
  refusals,
  read,
  /** From the address that the request was sent to, as it was spelt; the stanza has no addresses. [jabberd 1.4.3, 06] */
  answer({ packet, stanza }, type, content) {
    const answer = new Element(stanza.name, new Map(stanza.attributes), content)
      .set('to', undefined)
      .set('from', undefined)
      .set('type', type);
    return element(
      'route',
      { from: packet.attribute('to'), to: packet.attribute('from'), type: 'auth' },
      answer,
    );
  },
  /** With the content of the request: jadc2s stores the result of the login there, for its client. [jadc2s 0.9.2] */
  opened: ({ address, socket }, { packet }) =>
    element('route', { to: socket, from: address, type: 'session' }, ...packet.element().children),
  sessionAddress: (jid, tag) => `${jid.bare}/${tag}`,
  stamp: ({ address, socket }) => `<route from='${escapeValue(address)}' to='${escapeValue(socket)}'>`,
  carry: (stamp, stanza) => `${stamp}${stanza.toString()}</route>`,
  ended: (sessionAddress, socket, why = 'Disconnected') =>
    element('route', { type: 'error', error: why, from: sessionAddress, to: socket }),
  giveBack,
};
