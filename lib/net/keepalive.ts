import { createRequire } from 'node:module';
import { Socket, type Server } from 'node:net';
import type NetKeepAlive from 'net-keepalive';

const require = createRequire(import.meta.url);

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
 * Sets the same on a listening server, from which every accepted connection inherits it. Once a
 * server instead of once a client, because each call of net-keepalive keeps some memory for ever. Not with the server's
 * own `keepAlive` option: that would set an interval of 1 s and 10 probes on each connection again.
 */
export function setKeepaliveOnServer(server: Server, options: KeepaliveOptions): string | undefined {
  const handle = (server as unknown as { _handle: Handle })._handle;
  if (options.idle > 0) handle.setKeepAlive(true, options.idle);
  // net-keepalive asks for a Socket, and uses only its handle.
  const listening = Object.create(Socket.prototype, { _handle: { value: handle } }) as Socket;
  return setProbes(listening, options);
}

function setProbes(
  socket: Socket,
  { idle, interval, probes, userTimeout }: KeepaliveOptions,
): string | undefined {
  try {
    // Asked for only here: it has a native part, which may be missing, and without it everything else works.
    const system = require('net-keepalive') as typeof NetKeepAlive;
    if (idle > 0) {
      system.setKeepAliveInterval(socket, interval * 1000);
      system.setKeepAliveProbes(socket, probes);
    }
    if (userTimeout > 0) system.setUserTimeout(socket, userTimeout * 1000);
    return undefined;
  } catch (error) {
    return unset(error as NodeJS.ErrnoException);
  }
}

/** The interval and number of probes stay those of the system then, and so does the time for what is sent. */
function unset({ code, message }: NodeJS.ErrnoException): string {
  const [reason] = message.split('\n', 1);
  const sentence = `TCP keepalive cannot be set on this system: ${reason}`;
  if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_DLOPEN_FAILED') return sentence;
  return `${sentence}; the native part of net-keepalive is missing: run "npm ci" again, with optional packages`;
}
