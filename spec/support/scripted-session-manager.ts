import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Element } from '../../lib/xml/index.js';
import { Queue } from './queue.js';
import { print, Wire } from './wire.js';

export const SECRET = 's3cret';

const HEADER = `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams'`;

/** Which jabberd is played: 1.1.2, which speaks sto/sfrom, or 1.4, which speaks route. */
export type Generation = '1.1' | '1.4';

/** What follows the stream id in the header of each. [jabberd 1.1.2 base_accept] [jabberd 1.4 base_accept] */
const HEADER_END: Record<Generation, string> = {
  '1.1': `xmlns='jabberd:sockets'>`,
  '1.4': `xmlns='jabber:component:accept' from='foo-sockets'>`,
};

/** One connection of a socket manager, as the session manager sees it. */
export class ScriptedLink extends Wire {
  constructor(
    socket: Socket,
    readonly id: string,
    private readonly generation: Generation = '1.1',
  ) {
    super(socket, 'session manager');
  }

  /** What we say to ourselves comes back as it is. [jabberd 1.1.2, 1.4.3, 1.4.4] */
  protected override returned(source: string): string | undefined {
    return /^<\w+[^>]* (?:sto|from)='0@foo-sockets\/mark'/.test(source) ? source : undefined;
  }

  /** A session answers what is asked of it, in whatever namespace. [jabberd 1.1.2, 1.4.3] */
  protected override acknowledged(source: string): string | undefined {
    if (!/ id='ack-[0-9a-f]{16}'[^>]*><query xmlns='urn:sm-component:ack'\/>/.test(source)) return undefined;
    const value = (name: string): string => new RegExp(` ${name}='([^']*)'`).exec(source)![1];
    const iq = (addressing: string): string =>
      `<iq type='error' id='${value('id')}'${addressing}><error code='503'>Service Unavailable</error></iq>`;
    return source.startsWith('<route')
      ? `<route to='${value('from')}' from='${value('to')}'>${iq('')}</route>`
      : iq(` sto='${value('sfrom')}' sfrom='${value('sto').replace(/\/.*/, '')}'`);
  }

  /** Answers the stream header. */
  async answerHeader(): Promise<void> {
    await this.header();
    this.send(`${HEADER} id='${this.id}' ${HEADER_END[this.generation]}`);
  }

  /** Takes the handshake, and answers it when the secret is right; `more` goes in the same write. */
  async handshake(more = ''): Promise<boolean> {
    await this.answerHeader();
    const right = createHash('sha1')
      .update(this.id + SECRET)
      .digest('hex');
    const arrival = await this.next();
    if (print(arrival) === `<handshake>${right}</handshake>`) {
      this.send(`<handshake/>${more}`);
      return true;
    }
    this.send('<stream:error>Invalid Handshake</stream:error></stream:stream>');
    this.socket.end();
    return false;
  }

  /** The next packet, whatever it is: its `sfrom` (1.4: its `from`) is the sender's socket address. */
  packet(): Promise<Element> {
    return this.stanza();
  }
}

/** A session manager that a spec plays: a TCP port with the component handshake of jabberd, and no will of its own. */
export class ScriptedSessionManager {
  /** How many connections it has taken in all, and how many there were at the same time. */
  connects = 0;
  mostOpen = 0;
  /** Does it do the handshake by itself? */
  automatic = true;
  /** What it sends in the same write as `<handshake/>`. */
  behindHandshake = '';
  private readonly links = new Queue<ScriptedLink>('a connection to the session manager');
  private readonly sockets = new Set<Socket>();
  private server: Server;

  private constructor(private readonly generation: Generation) {
    this.server = createServer((socket) => this.accept(socket));
  }

  static async listen(port = 0, generation: Generation = '1.1'): Promise<ScriptedSessionManager> {
    const sm = new ScriptedSessionManager(generation);
    sm.server.listen(port, '127.0.0.1');
    await once(sm.server, 'listening');
    return sm;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The next connection: after its handshake, or at once if that is not done {@link automatic}ally. */
  link(): Promise<ScriptedLink> {
    return this.links.next();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => void this.server.close(resolve));
  }

  private accept(socket: Socket): void {
    this.connects += 1;
    this.sockets.add(socket);
    this.mostOpen = Math.max(this.mostOpen, this.sockets.size);
    socket.setNoDelay(true);
    socket.on('close', () => this.sockets.delete(socket));
    const link = new ScriptedLink(socket, `6B01${this.connects}`, this.generation);
    if (!this.automatic) return this.links.push(link);
    link.handshake(this.behindHandshake).then(
      (right) => right && this.links.push(link),
      () => undefined,
    );
  }
}
