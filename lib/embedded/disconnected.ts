/** The 510 "Disconnected" of README.SM: what it looks like, and how a packet travels in it and out of it again. */
import { element, type Element } from '../xml/index.js';
import { Jid } from './jid.js';
import { withoutPasswords } from './stanza-error.js';

const CODE = '510';

/** Text of a 510: the session is no more, or nobody here goes by the name that the packet was sent to. */
export type DisconnectedText = 'Disconnected' | 'Server Configuration Error';

function isDisconnectedError(child: Element): boolean {
  return child.localName === 'error' && child.attribute('code') === CODE;
}

/** Does the packet end a session, or give back what could not be delivered? Only these two marks count. [jabberd 1.1.2] */
export function isDisconnected(packet: Element): boolean {
  return packet.attribute('type') === 'error' && packet.elements.some(isDisconnectedError);
}

/** Tells a socket that its session has ended. */
export function disconnected(socket: string, session: string): Element {
  const attributes = { type: 'error', sto: socket, sfrom: session };
  return element('message', attributes, element('error', { code: CODE }, 'Disconnected'));
}

/**
 * The packet on its way back in a 510: to and from as they were, its type hidden in the error. A packet without a
 * type gets `normal` there, because 1.1.2 loses a message that comes back with none. [README.SM 510]
 */
export function givenBack(packet: Element, text: DisconnectedText): Element {
  const type = packet.attribute('type') ?? 'normal';
  const back = withoutPasswords(packet)
    .set('sto', packet.attribute('sfrom'))
    .set('sfrom', packet.attribute('sto'))
    .set('type', 'error');
  return back.append(element('error', { code: CODE, type }, text));
}

/**
 * The message inside of a 510, as it was before it could not be delivered; undefined where there is none.
 *
 * It must have been on its way to the user that the 510 names: a client may send a 510 too, and could otherwise
 * write to others in any name it likes.
 */
export function takenBack(packet: Element, user: string): Element | undefined {
  if (packet.localName !== 'message' || packet.attribute('from') === undefined) return undefined;
  if (Jid.parse(packet.attribute('to'))?.bare !== user) return undefined;
  const error = packet.elements.findLast(isDisconnectedError)!;
  const type = error.attribute('type') ?? 'normal';
  const message = packet.clone().set('sto', undefined).set('sfrom', undefined);
  message.children.splice(packet.children.lastIndexOf(error), 1);
  return message.set('type', type === 'normal' ? undefined : type);
}
