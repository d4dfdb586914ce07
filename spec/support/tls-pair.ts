import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { encrypted, TlsSecurity, type TlsOptions } from '../../lib/net/tls.js';

/** Two ends of a TCP connection on this machine. */
export async function socketPair(): Promise<[client: Socket, server: Socket]> {
  const listener = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const client = connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1' });
  const [server] = await accepted;
  listener.close();
  for (const socket of [client, server]) socket.on('error', () => undefined);
  return [client, server];
}

export interface Encrypted {
  readonly client: TLSSocket;
  readonly server: TLSSocket;
  readonly security: TlsSecurity;
}

/** A client of Node's on a connection that our side encrypts. Both ends are closed at the first end of the client. */
export async function handshake(options: TlsOptions, of: ConnectionOptions = {}): Promise<Encrypted> {
  const [plainClient, plainServer] = await socketPair();
  const [client, server] = await new Promise<[TLSSocket, TLSSocket]>((resolve, reject) => {
    const theirs = connectTls({ socket: plainClient, rejectUnauthorized: false, ...of });
    theirs.once('error', reject);
    const ours = encrypted(plainServer, 'receiving', options, (error) => {
      if (error) return reject(error);
      // In TLS 1.3 the server is ready last.
      resolve([theirs, ours]);
    });
    ours.on('error', () => undefined);
  });
  client.on('error', () => undefined);
  for (const socket of [client, server]) socket.unref();
  return { client, server, security: new TlsSecurity(server) };
}
