import type { Socket } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

/**
 * Encrypts a connection from our side. Whether the peer's certificate is looked at is a matter of the options
 * (`rejectUnauthorized`); a wrong one breaks the stream with the code of the error.
 *
 * @param socket connected, with no listeners of its own any more
 * @param ready called when the connection is encrypted
 */
export function encrypted(socket: Socket, options: ConnectionOptions, ready: () => void): TLSSocket {
  return connect({ ...options, socket }, ready);
}
