/**
 * sto/sfrom, the dialect of README.SM as jabberd up to 1.1.2 speaks it, from the session manager's side. Two attributes
 * of every packet name its session and its socket; a 510 "Disconnected" says that one of them is gone.
 */
import { Element, element, escapeValue, type Stanza } from '../../xml/index.js';
import { Jid } from '../../xmpp/jid.js';
import { withoutPasswords } from '../../xmpp/stanza-error.js';
import { REFUSALS, type Incoming, type Rejection, type ServerDialect, type StreamWords } from './dialect.js';
import { COMPONENT_ACCEPT } from '../../xmpp/namespaces.js';

const OLD_COMPONENT = 'jabberd:sockets';
const CODE = '510';

/** [jabberd 1.1.2 base_accept] */
const words: StreamWords = {
  header(namespace, name, id) {
    return namespace === COMPONENT_ACCEPT
      ? { id, xmlns: COMPONENT_ACCEPT, from: name }
      : { id, xmlns: OLD_COMPONENT };
  },
  closes: true,
  wrongSecret: 'Invalid Handshake',
  noHandshake: 'Timed Out',
  tooEarly: 'Must send handshake first',
  tooEarlyEnds: false,
  badXml: ({ text }) => text,
};

/**
 * The error by which a packet ends a session or returns an undelivered stanza. It is the last element: an earlier one was
 * sent to a client in order to be echoed, and the client's own error comes after it. [jabberd 1.1.2 jutil_error; there it
 * counts in any place]
 */
function endOf(packet: Element): Element | undefined {
  // Most packets are of another type: their content is not parsed for this.
  if (packet.attribute('type') !== 'error') return undefined;
  const last = packet.elements.at(-1);
  return last?.localName === 'error' && last.attribute('code') === CODE ? last : undefined;
}

/** Makes the stanza of a packet. @returns the packet, changed */
function unstamped(packet: Element): Element {
  return packet.set('sto', undefined).set('sfrom', undefined);
}

/** The undelivered stanza in a 510, as it was sent. */
function takenBack(packet: Element, error: Element): Element {
  const type = error.attribute('type') ?? 'normal';
  const stanza = unstamped(packet);
  stanza.children.splice(stanza.children.lastIndexOf(error), 1);
  return stanza.set('type', type === 'normal' ? undefined : type);
}

/** Before login a packet is an iq to the domain. */
function isPreLogin(packet: Element, to: Jid): boolean {
  const type = packet.attribute('type');
  return to.user === undefined && packet.localName === 'iq' && (type === 'get' || type === 'set');
}

/** A packet without both addresses cannot be answered. [jabberd 1.1.2] */
function read(packet: Stanza): Incoming | undefined {
  const to = Jid.parse(packet.attribute('sto'));
  const socket = packet.attribute('sfrom');
  if (!to || !socket) return undefined;
  const element = packet.element();
  const end = endOf(element);
  if (end) return { kind: 'end', to, socket, packet, undelivered: takenBack(element, end) };
  if (isPreLogin(element, to)) return { kind: 'login', to, socket, packet, stanza: element };
  return { kind: 'stanza', to, socket, packet, stanza: unstamped(element) };
}

function swap(packet: Element, one: string, other: string): void {
  const [first, second] = [packet.attribute(one), packet.attribute(other)];
  if (second !== undefined) packet.set(one, second);
  if (first !== undefined) packet.set(other, first);
}

/**
 * The packet's opening tag on its way back. The attributes and their order are those of 1.1.2, which swaps the addresses
 * that are there and adds the missing ones. [jabberd 1.1.2 jsm]
 */
function turnedRound(packet: Element, type: 'result' | 'error'): Element {
  const back = new Element(packet.name, new Map(packet.attributes)).set('type', type);
  swap(back, 'sto', 'sfrom');
  swap(back, 'to', 'from');
  return back;
}

/**
 * The packet on its way back as a 510: with its `to` and `from`, and its type in the error. A packet without a type gets
 * `normal` there, because 1.1.2 loses a message that comes back without one. [README.SM 510]
 */
function giveBack(packet: Element, why: Rejection): Element {
  const type = packet.attribute('type') ?? 'normal';
  const isOurFault = why === 'unknown host' || why === 'wrong name';
  const back = withoutPasswords(packet)
    .set('sto', packet.attribute('sfrom'))
    .set('sfrom', packet.attribute('sto'))
    .set('type', 'error');
  const text = isOurFault ? 'Server Configuration Error' : 'Disconnected';
  return back.append(element('error', { code: CODE, type }, text));
}

export const serverStoSfrom: ServerDialect = {
  addresses: { to: 'sto', socket: 'sfrom' },
  words,
  refusals: REFUSALS,
  read,
  answer({ stanza }, type, content, session) {
    const back = turnedRound(stanza, type);
    return (session === undefined ? back : back.set('sfrom', session)).append(...content);
  },
  sessionAddress: (jid) => jid.full,
  /** From the bare address; the full one is used only in a 510. [jabberd 1.1.2 jsm] */
  stamp: ({ socket, bareJid }) => ` sto='${escapeValue(socket)}' sfrom='${escapeValue(bareJid)}'`,
  carry: (stamp, stanza) => stanza.toString(stamp),
  ended(sessionAddress, socket, why = 'Disconnected') {
    const error = element('error', { code: CODE }, why);
    return element('message', { type: 'error', sto: socket, sfrom: sessionAddress }, error);
  },
  giveBack,
  confirmsEnds: true,
};
