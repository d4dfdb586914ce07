import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net';
import { Admission, type AdmissionEvents } from './admission.js';
import { setKeepaliveOnServer, type KeepaliveOptions } from './keepalive.js';
import { TcpTransport } from './tcp.js';
import type { Transport } from './transport.js';

/** The most connections that the system keeps until we accept them. */
const MAX_BACKLOG = 1024;

export interface ListenerEvents<Receipt = never> extends AdmissionEvents {
  /** A connection was accepted and admitted. It must be started in this turn. */
  onAccepted(transport: Transport<Receipt>): void;
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
    private readonly keepalive: KeepaliveOptions,
    private readonly onWarning: (text: string) => void,
    accept: (socket: Socket) => void,
  ) {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  }

  /** A listener for each address. `[::]` alone takes IPv4 too; beside an IPv4 address of the same port, IPv6 only. */
  static forAll<Receipt = never>(
    addresses: readonly ListenerAddress[],
    keepalive: KeepaliveOptions,
    events: ListenerEvents<Receipt>,
  ): Listener[] {
    const ipv4 = new Set(addresses.filter(({ host }) => !isIPv6(host)).map(({ port }) => port));
    const admission = new Admission(events);
    const accept = (socket: Socket): void => {
      if (admission.admits(socket)) events.onAccepted(new TcpTransport<Receipt>(socket));
    };
    const warn = (text: string): void => events.onWarning(text);
    return addresses.map(
      (address) => new Listener(address, address.port > 0 && ipv4.has(address.port), keepalive, warn, accept),
    );
  }

  /**
   * @returns the actual address (port 0 asks for any free port)
   * @throws the system's error (`EADDRINUSE`, `EACCES`, …)
   */
  listen(): Promise<ListenerAddress> {
    const { address, ipv6Only } = this;
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ ...address, ipv6Only, backlog: MAX_BACKLOG }, () => {
        this.server.off('error', reject);
        this.server.on('error', (error) =>
          this.onWarning(`a client could not be accepted: ${error.message}`),
        );
        const warning = setKeepaliveOnServer(this.server, this.keepalive);
        if (warning) this.onWarning(warning);
        resolve({ host: address.host, port: (this.server.address() as AddressInfo).port });
      });
    });
  }

  /** Accepts no more connections; open ones stay open. */
  close(): void {
    this.server.close();
  }
}
