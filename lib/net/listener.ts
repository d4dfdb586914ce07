import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net';
import { Admission, type AdmissionEvents } from './admission.js';
import { setKeepaliveOnServer, type KeepaliveOptions } from './keepalive.js';

/** Connections that the system keeps for us until we accept them. */
const MAX_BACKLOG = 1024;

export interface ListenerEvents extends AdmissionEvents {
  onAccepted(socket: Socket): void;
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
    /** Is an IPv6 address that takes IPv4 as well to leave it to another listener? */
    private readonly ipv6Only: boolean,
    private readonly keepalive: KeepaliveOptions,
    private readonly events: ListenerEvents,
    admission: Admission,
  ) {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (admission.admits(socket)) events.onAccepted(socket);
    });
  }

  /** A listener for each address. `[::]` alone takes IPv4 too; beside an IPv4 address of the same port, IPv6 only. */
  static forAll(
    addresses: readonly ListenerAddress[],
    keepalive: KeepaliveOptions,
    events: ListenerEvents,
  ): Listener[] {
    const ipv4 = new Set(addresses.filter(({ host }) => !isIPv6(host)).map(({ port }) => port));
    const admission = new Admission(events);
    return addresses.map(
      (address) =>
        new Listener(address, address.port > 0 && ipv4.has(address.port), keepalive, events, admission),
    );
  }

  /**
   * @returns where it really listens (port 0 asks for any free one)
   * @throws the system's error (`EADDRINUSE`, `EACCES`, …)
   */
  listen(): Promise<ListenerAddress> {
    const { address, ipv6Only } = this;
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ ...address, ipv6Only, backlog: MAX_BACKLOG }, () => {
        this.server.off('error', reject);
        this.server.on('error', (error) =>
          this.events.onWarning(`a client could not be accepted: ${error.message}`),
        );
        const warning = setKeepaliveOnServer(this.server, this.keepalive);
        if (warning) this.events.onWarning(warning);
        resolve({ host: address.host, port: (this.server.address() as AddressInfo).port });
      });
    });
  }

  /** Takes no more connections; those there are go on. */
  close(): void {
    this.server.close();
  }
}
