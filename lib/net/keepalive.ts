import { Socket, type Server } from 'node:net';
import NetKeepAlive from 'net-keepalive';

/** How a dead TCP peer is noticed. Seconds; `idle` 0 turns probes off, `userTimeout` 0 leaves it to the system. */
export interface KeepaliveOptions {
  readonly idle: number;
  readonly interval: number;
  readonly probes: number;
  readonly userTimeout: number;
}

/**
 * Sets TCP keepalive (idle, interval, probes) and TCP_USER_TIMEOUT on a connected socket. [RFC1122 4.2.3.6] [RFC5482]
 *
 * @returns what the system did not take, as a sentence; undefined when all is set
 */
export function setKeepalive(socket: Socket, options: KeepaliveOptions): string | undefined {
  if (options.idle > 0) socket.setKeepAlive(true, options.idle * 1000);
  return setProbes(socket, options);
}

/** The part of a handle of node's that both kinds of TCP socket have. */
interface Handle {
  setKeepAlive(on: boolean, seconds: number): void;
}

/**
 * Sets the same on a listening server, from which the system hands it down to every connection it accepts. Once a
 * server instead of once a client, because each call of net-keepalive keeps some memory for ever. Not with the server's
 * own `keepAlive` option: that would set an interval of 1 s and 10 probes on each connection again.
 */
export function setKeepaliveOnServer(server: Server, options: KeepaliveOptions): string | undefined {
  const handle = (server as unknown as { _handle: Handle })._handle;
  if (options.idle > 0) handle.setKeepAlive(true, options.idle);
  // net-keepalive wants a Socket and takes nothing but the handle of it
  const listening = Object.create(Socket.prototype, { _handle: { value: handle } }) as Socket;
  return setProbes(listening, options);
}

function setProbes(
  socket: Socket,
  { idle, interval, probes, userTimeout }: KeepaliveOptions,
): string | undefined {
  try {
    if (idle > 0) {
      NetKeepAlive.setKeepAliveInterval(socket, interval * 1000);
      NetKeepAlive.setKeepAliveProbes(socket, probes);
    }
    if (userTimeout > 0) NetKeepAlive.setUserTimeout(socket, userTimeout * 1000);
    return undefined;
  } catch (error) {
    return `TCP keepalive can not be set on this system: ${(error as Error).message}`;
  }
}
