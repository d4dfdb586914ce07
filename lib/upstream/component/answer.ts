/** What a session manager answers to what clients ask for before they are logged in. */
import { NO_SESSION } from '../../session/login.js';
import { jidOf, type Answer, type LoginRequest, type Request } from '../../session/requests.js';
import type { Packet } from '../../session/session.js';
import { parse, wholeStanza } from '../../xml/index.js';
import type { Dialect } from './dialects/dialect.js';

/** The answer to a request, where a packet is one: an iq with its id. Where routes say what they are, only an answer is. */
export function readAnswer(dialect: Dialect, request: Request, packet: Packet): Answer | undefined {
  const { kind, text, whole, envelope } = packet;
  if (envelope === 'route' && kind !== 'answer') return undefined;
  const iq = wholeStanza(text, whole.ascii);
  if (iq?.name !== 'iq' || iq.attribute('id') !== request.iq.attribute('id')) return undefined;
  const result = iq.attribute('type') === 'result';
  if (request.kind !== 'login') return { kind: 'answered', result, text };
  return result ? readResult(dialect, request, packet) : readRefusal(text);
}

/** A login is believed only where the answer can open a session, or allows one. */
function readResult(dialect: Dialect, request: LoginRequest, packet: Packet): Answer {
  const granted = dialect.granted(packet, jidOf(request));
  if (granted === undefined) return NO_SESSION;
  const { text } = packet;
  return dialect.open ? { kind: 'accepted', text } : { kind: 'opened', sessionAddress: granted, text };
}

/** Nobody has looked at the password where the code is 503; it may be the right one. [XEP-0086: service-unavailable] */
function readRefusal(text: string): Answer {
  const temporary = parse(text).child('error')?.attribute('code') === '503';
  const condition = temporary ? 'service-unavailable' : 'not-authorized';
  return { kind: 'refused', at: 'login', condition, temporary, text };
}
