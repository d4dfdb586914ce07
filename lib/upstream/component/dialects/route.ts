/**
 * route: the dialect of jabberd 1.4 as it was deployed. Every packet of a client travels inside a `<route/>`, whose type
 * says what it is: `auth`, `session`, `error`, or none for a stanza. [jadc2s PROTO]
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

/** A route of type `error` ends the session, in any state and with any text. [jabberd 1.4.3 jsm] */
function read(packet: Stanza): Packet | undefined {
  const to = packet.attribute('to');
  const type = packet.attribute('type');
  const from = packet.attribute('from');
  if (packet.name !== 'route' || to === undefined || from === undefined) return undefined;
  const kind = type === undefined ? 'stanza' : KINDS.get(type);
  // An empty route means something only by its type.
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

/** jabberd's own socket managers read only the first element in a route. [jabberd 1.4.3 pthsock/client.c] */
function firstElement(packet: Stanza): string {
  const content = packet.content.trim();
  if (packet.children === 1 && content.startsWith('<') && content.endsWith('>')) return content;
  return packet.children === 0 ? '' : packet.element().elements[0].toString();
}

/**
 * The packet whole, with its addresses exchanged, as an error: a message in it is stored, and the session it came from ends.
 * A packet from no session is dropped, like an answer to a login: as an error to a user it would end all sessions of that
 * user. [jabberd 1.4.3 jsm]
 */
function bounce({ kind, from, to, text, whole }: Packet): string | undefined {
  if (kind === 'ended' || kind === 'answer' || resourceOf(from) === '') return undefined;
  const stanza = returnable(text, whole.ascii);
  // No stanza, and to no connection: it is for the component itself, and an error would end the session it came from.
  if (stanza === '' && kind === 'stanza' && userOf(to) === '') return undefined;
  return `<route type='error' ${addressing(from, to)}>${stanza}</route>`;
}

/** The stanza without session control, which acts on its way back as well. [jabberd 1.6.1.1 jsm] */
function returnable(text: string, ascii: boolean): string {
  const stanza = wholeStanza(text, ascii);
  return stanza && STANZAS.has(stanza.name) ? withoutControl(stanza).source : '';
}

export const route: Dialect = {
  ask: (session, request) =>
    `<route ${addressing(target(request), session.address)} type='auth'>${request.iq.toString()}</route>`,
  // The session manager opens a session for any address that it is asked for. So that must be the one of the accepted
  // login, and not the sender of the answer, which may be another component. [jabberd 1.4.3 jsm]
  granted: ({ kind }, asked) => (kind === 'answer' ? asked : undefined),
  open: (session, address) => `<route type='session' ${addressing(address, session.address)}/>`,
  stamp: (sessionAddress, socketAddress) => `<route ${addressing(sessionAddress, socketAddress)}>`,
  carry: (stamp, stanza) => `${stamp}${stanza.readdressed([], '')}</route>`,
  end: (sessionAddress, socketAddress) =>
    element('route', { type: 'error', to: sessionAddress, from: socketAddress }).toString(),
  bounce,
  // Without a route around it: jabberd routes any packet, and delivers an error by its `to`. [jabberd 1.4.3 deliver]
  refuse({ text, whole }) {
    const stanza = returnable(text, whole.ascii);
    return stanza === '' ? undefined : refusal(parse(stanza));
  },
  probe: (address, id) =>
    `<route ${addressing(address, address)}>${element('iq', { type: 'result', id }).toString()}</route>`,
  probeIdOf: (packet) => packet.element().elements[0]?.attribute('id') ?? '',
  read,
};
