/**
 * route: the dialect of jabberd 1.4 as it was deployed. Every packet of a client travels inside a `<route/>`, and
 * the type of that says what it is about: `auth`, `session`, `error`, or nothing for what a client says. [jadc2s PROTO]
 */
import { isUser, resourceOf, userOf } from '../../../xmpp/address.js';
import { STANZAS, withoutControl } from '../../../session/stanza-filter.js';
import type { Request } from '../../../session/requests.js';
import type { Packet, PacketKind } from '../../../session/session.js';
import { element, escapeValue, parse, wholeStanza, type Stanza } from '../../../xml/index.js';
import type { Dialect } from './dialect.js';
import { refusal } from './refusal.js';

const KINDS: ReadonlyMap<string, PacketKind> = new Map([
  ['auth', 'answer'],
  ['session', 'opened'],
  ['error', 'ended'],
]);

function addressing(to: string, from: string): string {
  return `to='${escapeValue(to)}' from='${escapeValue(from)}'`;
}

/** Login requests go to the user; a set names the resource, and a request without a user goes to the host. [jabberd 1.4.3 jsm] */
function target({ kind, iq, domain }: Request): string {
  const query = iq.child('query')!;
  const username = query.childText('username') ?? '';
  if (!isUser(username)) return domain;
  const resource = kind === 'login' ? query.childText('resource') : undefined;
  return resource === undefined ? `${username}@${domain}` : `${username}@${domain}/${resource}`;
}

/** `error` in any state and with any text is the end of a session. [jabberd 1.4.3 jsm] */
function read(packet: Stanza): Packet | undefined {
  const to = packet.attribute('to');
  const type = packet.attribute('type');
  const from = packet.attribute('from');
  if (packet.name !== 'route' || to === undefined || from === undefined) return undefined;
  const kind = type === undefined ? 'stanza' : KINDS.get(type);
  // A route that carries nothing says something by its type only.
  if (kind === undefined || (packet.children === 0 && (kind === 'stanza' || kind === 'answer')))
    return undefined;
  return {
    kind,
    to,
    from,
    text: firstElement(packet),
    whole: packet,
    envelope: 'route',
    reason: packet.attribute('error'),
  };
}

/** jabberd's own socket managers look at the first element in a route and at nothing else. [jabberd 1.4.3 pthsock/client.c] */
function firstElement(packet: Stanza): string {
  const content = packet.content.trim();
  if (packet.children === 1 && content.startsWith('<') && content.endsWith('>')) return content;
  return packet.children === 0 ? '' : packet.element().elements[0].toString();
}

/**
 * Back with its addressing turned round, whole, as an error: a message in it is stored, and a session behind it ends.
 * What is from no session is dropped instead, like an answer to a login: as an error to a user it would end all of his
 * sessions. [jabberd 1.4.3 jsm]
 */
function bounce({ kind, from, to, text, whole }: Packet): string | undefined {
  if (kind === 'ended' || kind === 'answer' || resourceOf(from) === '') return undefined;
  const stanza = returnable(text, whole.ascii);
  // No stanza, and for no connection: said to the component itself, whose session it would end.
  if (stanza === '' && kind === 'stanza' && userOf(to) === '') return undefined;
  return `<route type='error' ${addressing(from, to)}>${stanza}</route>`;
}

/** What somebody wrote on his stanza acts where it goes back as it does where it comes in. [jabberd 1.6.1.1 jsm] */
function returnable(text: string, ascii: boolean): string {
  const stanza = wholeStanza(text, ascii);
  return stanza && STANZAS.has(stanza.name) ? withoutControl(stanza).source : '';
}

export const route: Dialect = {
  ask: (session, request) =>
    `<route ${addressing(target(request), session.address)} type='auth'>${request.iq.toString()}</route>`,
  // The session manager gives a session to whoever asks, so it is asked for with what the accepted auth set named and
  // nothing else. Not with the address of the answer: another component may have given it. [jabberd 1.4.3 jsm]
  granted: ({ kind }, asked) => (kind === 'answer' ? asked : undefined),
  open: (session, address) => `<route type='session' ${addressing(address, session.address)}/>`,
  stamp: (sessionAddress, socketAddress) => `<route ${addressing(sessionAddress, socketAddress)}>`,
  carry: (stamp, stanza) => `${stamp}${stanza.readdressed([], '')}</route>`,
  end: (sessionAddress, socketAddress) =>
    element('route', { type: 'error', to: sessionAddress, from: socketAddress }).toString(),
  bounce,
  // Unwrapped: a router takes any packet, and an error goes to whoever is in its `to`. [jabberd 1.4.3 deliver]
  refuse({ text, whole }) {
    const stanza = returnable(text, whole.ascii);
    return stanza === '' ? undefined : refusal(parse(stanza));
  },
  probe: (address, id) =>
    `<route ${addressing(address, address)}>${element('iq', { type: 'result', id }).toString()}</route>`,
  probeIdOf: (packet) => packet.element().elements[0]?.attribute('id') ?? '',
  read,
};
