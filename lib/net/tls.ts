import type { Socket } from 'node:net';
import { connect, TLSSocket, type ConnectionOptions, type TLSSocketOptions } from 'node:tls';
import type { Role } from './transport.js';

/** For the connecting side `ConnectionOptions`, for the accepting side `TLSSocketOptions` (its certificate and key). */
export type TlsOptions = ConnectionOptions & TLSSocketOptions;

/**
 * Encrypts a connection. Whether the peer's certificate is checked is up to the options (`rejectUnauthorized`).
 *
 * @param socket connected; nothing else reads from it any more
 * @param role `initiating` is the client of TLS
 * @param done called once: without an error when the connection is encrypted; after an error the socket closes by itself
 */
export function encrypted(
  socket: Socket,
  role: Role,
  options: TlsOptions,
  done: (error?: Error) => void,
): TLSSocket {
  const isServer = role === 'receiving';
  const encryptedEvent = isServer ? 'secure' : 'secureConnect';
  const stream = isServer ? new TLSSocket(socket, { ...options, isServer }) : connect({ ...options, socket });
  const settle = (error?: Error): void => {
    stream.off(encryptedEvent, succeed).off('error', settle).off('close', abandon);
    done(error);
  };
  const succeed = (): void => settle();
  const abandon = (): void => settle(new Error('the connection was closed during the TLS handshake'));
  stream.on(encryptedEvent, succeed).on('error', settle).on('close', abandon);
  return stream;
}
