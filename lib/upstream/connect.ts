import { connect } from 'node:net';
import { duplexPair } from 'node:stream';
import type { Address, Config, Keepalive } from '../config/config.js';
import { printAddress } from '../config/kinds.js';
import { setKeepalive } from '../net/keepalive.js';
import { TcpTransport } from '../net/tcp.js';
import type { Transport } from '../net/transport.js';
import type { Log } from '../observe/log.js';
import type { ReconnectingLinkOptions } from './reconnecting-link.js';
import type { UpstreamServices } from './upstream.js';

/** The options of a link about its connection: over TCP, or inside this process to the embedded session manager. */
export function connection(
  { sm, keepalive, limits }: Config,
  { embedded, log }: UpstreamServices,
): Pick<ReconnectingLinkOptions, 'where' | 'queueBytes' | 'connect'> {
  return {
    where: sm ? printAddress(sm) : 'the embedded session manager',
    queueBytes: limits.linkQueueBytes,
    connect: (onConnect) =>
      sm ? connectTo(sm, keepalive, log, onConnect) : connectInside(embedded, onConnect),
  };
}

function connectTo(
  { host, port }: Address,
  keepalive: Keepalive,
  log: Log,
  onConnect: () => void,
): Transport {
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
  socket.once('connect', () => {
    const warning = setKeepalive(socket, keepalive);
    if (warning) log.warn(warning);
    onConnect();
  });
  return new TcpTransport(socket);
}

function connectInside(embedded: UpstreamServices['embedded'], onConnect: () => void): Transport {
  if (!embedded) throw new Error('there is no session manager: give --sm, or an embedded one');
  const [ours, theirs] = duplexPair();
  embedded.accept(theirs);
  // A pair does not tell one end that the other was destroyed, as a socket does.
  ours.once('close', () => theirs.destroy());
  theirs.once('close', () => ours.destroy());
  process.nextTick(onConnect);
  return new TcpTransport(ours);
}
