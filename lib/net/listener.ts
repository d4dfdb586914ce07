import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Network } from '../config/config.js';
import { logAbuse } from '../observe/abuse.js';
import { Admission, type AdmissionOptions } from './admission.js';
import { canonicalIp, Networks } from './ip.js';
import { setKeepaliveOnServer, type KeepaliveOptions } from './keepalive.js';
import { readProxyHeader, type ProxiedPeer } from './proxy-protocol.js';
import { TcpTransport } from './tcp.js';
import type { Transport } from './transport.js';

/** The most connections that the system keeps until we accept them. */
const MAX_BACKLOG = 1024;

/** @typeParam Address what the owner knows of an address besides host and port */
export interface ListenerOptions<Receipt = never, Address = ListenerAddress> extends AdmissionOptions {
  readonly keepalive: KeepaliveOptions;
  /** Where every connection begins with a PROXY header; absent: nowhere. */
  readonly proxyFrom?: readonly Network[];
  /** Is a client that has come to such a proxy by TLS taken for encrypted? */
  readonly proxyTls?: boolean;
  /** A connection was accepted and admitted. It must be started in this turn. */
  onAccepted(transport: Transport<Receipt>, address: Address): void;
}

export interface ListenerAddress {
  readonly host: string;
  readonly port: number;
}

/** One TCP port that clients connect to. */
export class Listener {
  private readonly server: Server;

  private constructor(
    private readonly address: ListenerAddress,
    /** Leaves IPv4 on the same port to another listener; else `[::]` takes IPv4, too. */
    private readonly ipv6Only: boolean,
    private readonly options: Pick<ListenerOptions, 'keepalive' | 'log'>,
    accept: (socket: Socket) => void,
  ) {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  }

  /** A listener for each address. `[::]` alone takes IPv4 too; beside an IPv4 address of the same port, IPv6 only. */
  static forAll<Receipt = never, Address extends ListenerAddress = ListenerAddress>(
    addresses: readonly Address[],
    options: ListenerOptions<Receipt, Address>,
  ): Listener[] {
    const ipv4 = new Set(addresses.filter(({ host }) => !isIPv6(host)).map(({ port }) => port));
    const entrance = new Entrance(options);
    return addresses.map((address) => {
      const ipv6Only = address.port > 0 && ipv4.has(address.port);
      return new Listener(address, ipv6Only, options, (socket) => entrance.accept(socket, address));
    });
  }

  /**
   * @returns the actual address (port 0 asks for any free port)
   * @throws the system's error (`EADDRINUSE`, `EACCES`, …)
   */
  listen(): Promise<ListenerAddress> {
    const { address, ipv6Only, options } = this;
    const { host, port } = address;
    const warn = (text: string): void => options.log.warn(text);
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port, ipv6Only, backlog: MAX_BACKLOG }, () => {
        this.server.off('error', reject);
        this.server.on('error', (error) => warn(`a client could not be accepted: ${error.message}`));
        const warning = setKeepaliveOnServer(this.server, options.keepalive);
        if (warning) warn(warning);
        resolve({ host, port: (this.server.address() as AddressInfo).port });
      });
    });
  }

  /** Accepts no more connections; open ones stay open. */
  close(): void {
    this.server.close();
  }
}

/** Who is at the other end. */
type Peer = Required<ProxiedPeer>;

/** What a connection goes through before it has an owner: is there room, who is it, and may it come? */
class Entrance<Receipt, Address> {
  private readonly admission: Admission;
  private readonly proxies: Networks;

  constructor(private readonly options: ListenerOptions<Receipt, Address>) {
    this.admission = new Admission(options);
    this.proxies = new Networks(options.proxyFrom ?? []);
  }

  accept(socket: Socket, address: Address): void {
    if (!this.admission.admits(socket)) return;
    const ip = canonicalIp(socket.remoteAddress ?? '');
    if (this.proxies.has(ip)) void this.acceptProxied(socket, ip, address);
    else this.admit(socket, { ip, isSecure: false }, address);
  }

  /** Nothing of what comes after the header is read here: it is for TLS, or for the stream. */
  private async acceptProxied(socket: Socket, proxy: string, address: Address): Promise<void> {
    // Until somebody else listens: a socket whose errors nobody hears takes the process with it.
    socket.on('error', ignore);
    const outcome = await readProxyHeader(socket);
    if (outcome.kind === 'complete') {
      const { ip = proxy, isSecure } = outcome.peer;
      return this.admit(socket, { ip, isSecure: isSecure && this.options.proxyTls === true }, address);
    }
    socket.destroy();
    // A health check of a proxy may do no more than connect.
    if (outcome.kind !== 'closed')
      logAbuse(this.options.log, 'connection refused', proxy, { reason: PROXY_FAULTS[outcome.kind] });
  }

  private admit(socket: Socket, peer: Peer, address: Address): void {
    const admitted = this.admission.admitsFrom(socket, peer.ip);
    if (admitted === true) return this.admitted(socket, peer, address);
    if (admitted === false) return;
    socket.on('error', ignore);
    void admitted.then((isAdmitted) => (isAdmitted ? this.admitted(socket, peer, address) : undefined));
  }

  private admitted(socket: Socket, peer: Peer, address: Address): void {
    this.options.onAccepted(new TcpTransport<Receipt>(socket, peer), address);
  }
}

const PROXY_FAULTS = {
  malformed: 'no PROXY header, which every connection from --proxy-from begins with',
  timeout: 'no PROXY header in time, which every connection from --proxy-from begins with',
} as const;

const ignore = (): void => undefined;
