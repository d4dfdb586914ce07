/**
 * sto-sfrom: the dialect of README.SM, as jabberd up to 1.1.2 speaks it. Two attributes on every packet name its session and
 * its socket; an error 510 "Disconnected" says that one of them is gone.
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
 * The packet whole, with its addressing exchanged. Its original type goes into `<error/>`; jabberd 1.1.2 loses a message
 * without a type, unless `normal` stands there. `to` and `from` stay. [README.SM 510] [jabberd 1.1.2 jutil_error]
 */
function bounce({ kind, from, to, whole }: Packet): string | undefined {
  // An error is never answered with an error, and a 510 for no session is the answer to an end. [README.SM 510]
  if (kind === 'ended' || whole.attribute('type') === 'error') return undefined;
  // jabberd reads the first one, so a client's own must not stand before ours. [jabberd 1.1.2 jsm]
  const packet = withoutDisconnected(whole).element();
  const type = packet.attribute('type') ?? 'normal';
  packet.set('type', 'error').set('sto', from).set('sfrom', to);
  return packet.append(element('error', { code: DISCONNECTED, type }, 'Disconnected')).toString();
}

/** An error to the sender of a message: an ordinary packet, which is delivered by its `to`. [jabberd 1.1.2 dpacket_new] */
function refuse({ whole }: Packet): string | undefined {
  return refusal(withoutDisconnected(whole).element().set('sto', undefined).set('sfrom', undefined));
}

/** The embedded session manager writes a reason as the text of the 510; jabberd 1.1.2 always writes `Disconnected`. */
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

/** Packets come from the bare session address; the full one is in `to`, where the sender wrote it. [jabberd 1.1.2] */
function staleSession({ from, whole }: Packet): string | undefined {
  const to = whole.attribute('to');
  if (to === undefined || resourceOf(to) === '') return undefined;
  return canonical(bareOf(to)) === canonical(from) ? to : undefined;
}

export const stoSfrom: Dialect = {
  ask: (session, { iq, domain }) =>
    iq.clone().set('sto', undefined).set('sfrom', session.address).set('sto', domain).toString(),
  // Only this answer tells the session address; before, the host itself answers. [jabberd 1.1.2 jsm]
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
