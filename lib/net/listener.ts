import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setKeepaliveOnServer, type KeepaliveOptions } from './keepalive.js';

/** Connections that the system keeps for us until we accept them. */
const BACKLOG = 1024;

export interface ListenerEvents {
  accepted(socket: Socket): void;
  /** Something about the port that the operator should know, as a sentence. */
  warning(text: string): void;
}

/** One TCP port that clients connect to. */
export class Listener {
  private readonly server: Server;

  constructor(
    private readonly host: string,
    private readonly port: number,
    private readonly keepalive: KeepaliveOptions,
    private readonly events: ListenerEvents,
  ) {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => events.accepted(socket));
  }

  /**
   * @returns where it really listens (port 0 asks for any free one)
   * @throws the system's error (`EADDRINUSE`, `EACCES`, …)
   */
  listen(): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host: this.host, port: this.port, backlog: BACKLOG }, () => {
        this.server.off('error', reject);
        this.server.on('error', (error) =>
          this.events.warning(`a client could not be accepted: ${error.message}`),
        );
        const warning = setKeepaliveOnServer(this.server, this.keepalive);
        if (warning) this.events.warning(warning);
        resolve({ host: this.host, port: (this.server.address() as AddressInfo).port });
      });
    });
  }

  /** Takes no more connections; those there are go on. */
  close(): void {
    this.server.close();
  }
}
