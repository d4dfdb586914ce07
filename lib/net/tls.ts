import type { Socket } from 'node:net';
import { connect, TLSSocket, type ConnectionOptions, type TLSSocketOptions } from 'node:tls';

/** For the connecting side `ConnectionOptions`, for the accepting side `TLSSocketOptions` (its certificate and key). */
export type TlsOptions = ConnectionOptions & TLSSocketOptions;

/**
 * Encrypts a connection. Whether the peer's certificate is checked is up to the options (`rejectUnauthorized`).
 *
 * @param socket connected, with nothing that reads from it any more
 * @param role `initiating` is the client of TLS
 * @param done called once: when the connection is encrypted, or with what went wrong. Then the socket closes by itself.
 */
export function encrypted(
  socket: Socket,
  role: 'initiating' | 'receiving',
  options: TlsOptions,
  done: (error?: Error) => void,
): TLSSocket {
  const isServer = role === 'receiving';
  const stream = isServer ? new TLSSocket(socket, { ...options, isServer }) : connect({ ...options, socket });
  const settle = (error?: Error): void => {
    stream.off('error', settle);
    done(error);
  };
  stream.once(isServer ? 'secure' : 'secureConnect', () => settle());
  stream.on('error', settle);
  return stream;
}
