/** The error 510 "Disconnected", which ends a session in sto-sfrom: how to know one, and how to defuse one from a client. */
import type { Edit, Stanza, Tag } from '../../../xml/index.js';

export const DISCONNECTED = '510';
/** The code that means to a client what 510 does. [XEP-0086 3: service-unavailable] */
const HARMLESS = '503';

/** Does this packet end a session? [jabberd 1.1.2: the type, and the code of an `<error/>` directly inside] */
export function isDisconnected(packet: Stanza): boolean {
  if (packet.attribute('type') !== 'error') return false;
  return packet.tagsInside('error').some(({ tag }) => tag.attribute('code') === DISCONNECTED);
}

/**
 * A stanza of a client that is safe on the link. A 510 in it, which another user may have made the client echo, would end
 * the client's session, or the session that has replaced it. So it gets another code, also where the type is not `error`:
 * jabberd's own socket manager closes a client that receives a 510 of any type.
 * [jabberd 1.1.2 jsm, pthsock/client.c]
 */
export function withoutDisconnected(stanza: Stanza): Stanza {
  const edits: Edit[] = [];
  for (const { begin, tag } of stanza.tagsInside('error')) {
    const place = tag.placeOf('code');
    if (place && isTakenForDisconnected(tag))
      edits.push({ begin: begin + place[0], end: begin + place[1], by: HARMLESS });
  }
  return edits.length > 0 ? stanza.edited(edits) : stanza;
}

/** Also spellings that only a parser less exact than jabberd's reads as that number: `0510`, `510 `, `+510`, `510.0`. */
function isTakenForDisconnected(error: Tag): boolean {
  return parseInt(error.attribute('code')!, 10) === Number(DISCONNECTED);
}
