import { EventEmitter, once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Reader, type Element, type Tag } from '../../../lib/xml/index.js';

/** The first byte of a record with a part of a handshake, the first record of a side. [RFC8446 5.1] */
const HANDSHAKE_RECORD = 0x16;

/** What went over one connection in one direction. */
export class Recording {
  header: Tag | undefined;
  readonly stanzas: Element[] = [];
  closed = false;
  private readonly reader = new Reader(
    {
      onHeader: (header) => (this.header = header),
      onStanza: (stanza) => this.stanzas.push(stanza.element()),
      onClosingTag: () => (this.closed = true),
      onParseError: ({ text }) => {
        throw new Error(`the recording cannot be read: ${text}`);
      },
    },
    { limits: { bytes: 1e8, depth: 1000, attributes: 1000 }, namespaces: false },
  );

  /** What is encrypted cannot be read; no stanza begins as a record of TLS does. */
  take(chunk: Buffer): void {
    if (chunk[0] === HANDSHAKE_RECORD) this.reader.stop();
    this.reader.write(chunk);
  }
}

/** One connection of a client, recorded. */
export interface Call {
  readonly client: Recording;
  readonly server: Recording;
  /** Resolves when both sides have closed. */
  readonly over: Promise<unknown>;
}

/** A port in front of a port: passes everything on, both ways, and keeps what it saw. One for each client that is watched. */
export class Tap {
  /** Connections, in order. */
  readonly calls: Call[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly news = new EventEmitter();

  static async open(target: number): Promise<Tap> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Tap(server, target);
  }

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {
    server.on('connection', (socket: Socket) => this.accept(socket));
  }

  /** The first connection, which is there or comes. */
  async first(): Promise<Call> {
    if (this.calls.length === 0) await once(this.news, 'call');
    return this.calls[0];
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Breaks all connections, for both sides. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(near: Socket): void {
    const far = connect({ host: '127.0.0.1', port: this.target, allowHalfOpen: true, noDelay: true });
    const over = Promise.all(
      [near, far].map((socket) => new Promise((resolve) => socket.on('close', resolve))),
    );
    const call = { client: new Recording(), server: new Recording(), over };
    this.calls.push(call);
    this.news.emit('call');
    this.join(near, far, call.client);
    this.join(far, near, call.server);
  }

  /** Passes on what comes, the end and a reset included. */
  private join(from: Socket, to: Socket, recording: Recording): void {
    this.sockets.add(from);
    from.on('data', (chunk: Buffer) => {
      recording.take(chunk);
      to.write(chunk);
    });
    from.on('end', () => to.end());
    from.on('error', () => void to.resetAndDestroy());
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroySoon();
    });
  }
}

const AUTH = 'jabber:iq:auth';
const CREDENTIALS = ['password', 'digest', 'hash'] as const;

/** The steps of a login as a client took them: `get`, and what it proved its name with. */
export type LoginStep = 'get' | (typeof CREDENTIALS)[number] | 'no credentials';

export function loginSteps({ client }: Call): LoginStep[] {
  return client.stanzas.flatMap((stanza) => {
    const query = stanza.child('query', AUTH);
    if (!query) return [];
    if (stanza.attribute('type') === 'get') return ['get' as const];
    return [CREDENTIALS.find((name) => query.child(name) !== undefined) ?? ('no credentials' as const)];
  });
}

/** Did the form offer all that a zero-knowledge login takes? */
export function offersZeroKnowledge({ server }: Call): boolean {
  const forms = server.stanzas.flatMap((stanza) => stanza.child('query', AUTH) ?? []);
  return forms.some((form) => ['sequence', 'token'].every((name) => form.child(name) !== undefined));
}

/** The condition of the stream error that the server ended the stream with, if it did. */
export function streamErrorOf({ server }: Call): string | undefined {
  const error = server.stanzas.find(({ name }) => name === 'stream:error');
  return error && (error.elements[0]?.name ?? error.text);
}
