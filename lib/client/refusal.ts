import { writeStreamError } from './errors.js';
import { newStreamId, writeHeader } from './header.js';

const NO_ROOM = { condition: 'resource-constraint', text: 'No room for one more connection' };

/** A whole stream that says why there is none, for a connection that is closed without being read. [RFC6120 4.9.1.2] */
export function writeNoRoom(domain: string | undefined): string {
  return writeHeader('rfc6120', newStreamId(), domain) + writeStreamError('rfc6120', NO_ROOM);
}
