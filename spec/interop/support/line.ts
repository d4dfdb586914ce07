import { EventEmitter, once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** The network between two servers: a port in front of a port, which can be taken away and given back. */
export class Line {
  /** All that has come through, both ways, as text. */
  passed = '';
  private readonly news = new EventEmitter();
  private readonly sockets = new Set<Socket>();
  private down = false;
  private stalled = false;

  static async open(target: number): Promise<Line> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Line(server, target);
  }

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {
    server.on('connection', (socket: Socket) => this.accept(socket));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Something comes through. */
  async moved(): Promise<void> {
    await once(this.news, 'moved');
  }

  /** Breaks what is connected, for both sides, and every new attempt, until {@link mend}. */
  cut(): void {
    this.down = true;
    this.break();
  }

  /** Breaks what is connected, for both sides. It may be connected anew at once. */
  break(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  /** Nothing arrives any more, in either direction, and nothing is told: until {@link mend} or {@link break}. */
  stall(): void {
    this.stalled = true;
    for (const socket of this.sockets) socket.pause();
  }

  mend(): void {
    this.down = this.stalled = false;
    for (const socket of this.sockets) socket.resume();
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(near: Socket): void {
    near.on('error', () => undefined);
    if (this.down) return void near.resetAndDestroy();
    const far = connect({ host: '127.0.0.1', port: this.target, noDelay: true });
    this.join(near, far);
    this.join(far, near);
  }

  private join(from: Socket, to: Socket): void {
    this.sockets.add(from);
    if (this.stalled) from.pause();
    from.on('data', (chunk: Buffer) => {
      this.passed += chunk.toString('latin1');
      to.write(chunk);
      this.news.emit('moved');
    });
    from.on('error', () => void to.resetAndDestroy());
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroySoon();
    });
  }
}
