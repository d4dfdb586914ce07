/**
 * sto/sfrom: the dialect of README.SM, as jabberd up to 1.1.2 speaks it. Two attributes on every packet say which
 * session and which socket it belongs to; a 510 "Disconnected" error says that one of them is gone.
 */
import { ACCOUNT_REMOVED } from '../../../session/close-reason.js';
import { bareOf, canonical, resourceOf, userOf } from '../../../xmpp/address.js';
import type { Packet } from '../../../session/session.js';
import { element, escapeValue, type Stanza } from '../../../xml/index.js';
import type { Dialect } from './dialect.js';
import { refusal } from './refusal.js';
import { DISCONNECTED, isDisconnected, withoutDisconnected } from './disconnected.js';

const ADDRESSING = ['sto', 'sfrom'] as const;

function addressing(sfrom: string, sto: string): string {
  return ` sfrom='${escapeValue(sfrom)}' sto='${escapeValue(sto)}'`;
}

/** `<message type='error' sto=… sfrom=…><error code='510'>Disconnected</error></message>` [README.SM 510] [jabberd 1.1.2] */
function end(sessionAddress: string, socketAddress: string): string {
  const error = element('error', { code: DISCONNECTED }, 'Disconnected');
  return element('message', { type: 'error', sto: sessionAddress, sfrom: socketAddress }, error).toString();
}

/**
 * The packet whole, with its addressing turned round. The type it had is hidden in `<error/>`; jabberd 1.1.2 loses a
 * message that had none, unless that says `normal`. `to` and `from` stay. [README.SM 510] [jabberd 1.1.2 jutil_error]
 */
function bounce({ kind, from, to, whole }: Packet): string | undefined {
  // An error is never answered with an error, and a 510 to nobody is the echo of an end. [README.SM 510]
  if (kind === 'ended' || whole.attribute('type') === 'error') return undefined;
  // The one that counts is the first, so a client's own must not stand before ours. [jabberd 1.1.2 jsm]
  const packet = withoutDisconnected(whole).element();
  const type = packet.attribute('type') ?? 'normal';
  packet.set('type', 'error').set('sto', from).set('sfrom', to);
  return packet.append(element('error', { code: DISCONNECTED, type }, 'Disconnected')).toString();
}

/** An error to the one who wrote a message: an ordinary packet, which goes by its `to`. [jabberd 1.1.2 dpacket_new] */
function refuse({ whole }: Packet): string | undefined {
  return refusal(withoutDisconnected(whole).element().set('sto', undefined).set('sfrom', undefined));
}

/** Our own session manager says it in the text of the 510; jabberd 1.1.2 always says `Disconnected`. */
function reasonOf(packet: Stanza): string | undefined {
  return packet.element().childText('error') === ACCOUNT_REMOVED ? ACCOUNT_REMOVED : undefined;
}

function read(packet: Stanza): Packet | undefined {
  const to = packet.attribute('sto');
  const from = packet.attribute('sfrom');
  if (to === undefined || from === undefined) return undefined;
  const isEnd = isDisconnected(packet);
  return {
    kind: isEnd ? 'ended' : 'stanza',
    to,
    from,
    text: packet.readdressed(ADDRESSING, ''),
    whole: packet,
    envelope: 'none',
    ...(isEnd && { reason: reasonOf(packet) }),
  };
}

/** Packets carry the bare session address; the full one stands in `to`, where the sender wrote it. [jabberd 1.1.2] */
function staleSession({ from, whole }: Packet): string | undefined {
  const to = whole.attribute('to');
  if (to === undefined || resourceOf(to) === '') return undefined;
  return canonical(bareOf(to)) === canonical(from) ? to : undefined;
}

export const stoSfrom: Dialect = {
  ask: (session, { iq, domain }) =>
    iq.clone().set('sto', undefined).set('sfrom', session.address).set('sto', domain).toString(),
  // The only place where the session address is told; before, the host itself answers. [jabberd 1.1.2 jsm]
  granted: ({ kind, from }) => (kind === 'stanza' && userOf(from) !== '' ? from : undefined),
  stamp: (sessionAddress, socketAddress) => addressing(socketAddress, sessionAddress),
  carry: (stamp, stanza) => withoutDisconnected(stanza).readdressed(ADDRESSING, stamp),
  end,
  bounce,
  refuse,
  probe: (address, id) => element('iq', { type: 'result', id, sfrom: address, sto: address }).toString(),
  probeIdOf: (packet) => packet.attribute('id') ?? '',
  read,
  staleSession,
};
