/** The 510 "Disconnected", the end of a session in sto-sfrom: what one is, and how a client's own is made none. */
import type { Edit, Stanza, Tag } from '../../../xml/index.js';

export const DISCONNECTED = '510';
/** What a 510 means to a client, said by another code. [XEP-0086 3: service-unavailable] */
const HARMLESS = '503';

/** Is this the end of a session? [jabberd 1.1.2: the type, and the code of an `<error/>` directly inside] */
export function isDisconnected(packet: Stanza): boolean {
  if (packet.attribute('type') !== 'error') return false;
  return packet.tagsInside('error').some(({ tag }) => tag.attribute('code') === DISCONNECTED);
}

/**
 * A stanza of a client as it may go on the link. A 510 in it, which another user may have made the client echo, would end
 * the client's session, or that of whoever has logged in with the same resource meanwhile. So it gets another code, also
 * where the type is not `error`: jabberd's own socket manager closes a client that is sent a 510, whatever the type.
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

/** Also what somebody reads as that number who is less exact than jabberd: `0510`, `510 `, `+510`, `510.0`. */
function isTakenForDisconnected(error: Tag): boolean {
  return parseInt(error.attribute('code')!, 10) === Number(DISCONNECTED);
}
