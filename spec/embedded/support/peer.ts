import { createHash } from 'node:crypto';
import { duplexPair, type Duplex } from 'node:stream';
import { parse, Reader, type Element, type Tag } from '../../../lib/xml/index.js';
import type { ComponentDialect } from '../../../lib/config/config.js';
import type { SessionManager } from '../../../lib/embedded/session-manager.js';

export const SECRET = 's3cret';
export const NAME = 'foo-sockets';
export const HEADER = `<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:component:accept'>`;

export const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

/** Whoever says something to itself hears it when all that came before it has been dealt with. */
const BARRIER = `0@${NAME}/barrier`;
let barriers = 0;

const QUESTIONS: Record<ComponentDialect, (id: string) => string> = {
  'sto-sfrom': (id) => `<iq type='result' id='${id}' sfrom='${BARRIER}' sto='${BARRIER}'/>`,
  route: (id) => `<route to='${BARRIER}' from='${BARRIER}'><iq type='result' id='${id}'/></route>`,
};

/** The component's end of a stream: real bytes out, elements in. */
export class Peer {
  readonly stream: Duplex;
  /** The session manager's end. */
  readonly there: Duplex;
  header: Tag | undefined;
  /** All that has come, as text. */
  received = '';
  /** How many writes it came in. */
  writes = 0;
  /** Resolves when the session manager has ended the stream. */
  readonly ended: Promise<void>;
  /** Resolves when the session manager's end is closed. */
  readonly dropped: Promise<void>;
  private readonly elements: Element[] = [];
  private wake: () => void = () => undefined;
  private readonly reader = new Reader(
    {
      onHeader: (header) => {
        this.header = header;
        this.wake();
      },
      onStanza: (stanza) => {
        this.elements.push(parse(stanza.source));
        this.wake();
      },
      onClosingTag: () => undefined,
      onParseError: (fault) => {
        // In place of a header 1.4 writes a bare error.
        if (this.header?.name !== 'stream:error') throw new Error(fault.text);
      },
    },
    { limits: { bytes: 10_000_000, depth: 1000, attributes: 1000 }, namespaces: false },
  );

  constructor(
    manager: SessionManager,
    private readonly dialect: ComponentDialect = 'sto-sfrom',
  ) {
    const [here, there] = duplexPair();
    this.stream = here;
    this.there = there;
    this.dropped = new Promise((resolve) => there.once('close', resolve));
    this.ended = new Promise((resolve) => {
      here.once('end', resolve);
      here.once('close', resolve);
    });
    here.on('end', () => here.end());
    here.on('data', (bytes: Buffer) => this.take(bytes));
    manager.accept(there);
  }

  /** A peer that is through with the handshake. */
  static async connected(manager: SessionManager, dialect?: ComponentDialect): Promise<Peer> {
    const peer = new Peer(manager, dialect);
    await peer.open();
    await peer.shakeHands();
    return peer;
  }

  /** The id of the stream. */
  get id(): string {
    return this.header!.attribute('id')!;
  }

  write(text: string): void {
    this.stream.write(text);
  }

  async open(header = HEADER): Promise<void> {
    this.write(header);
    while (!this.header) await this.news();
  }

  async shakeHands(): Promise<void> {
    this.write(`<handshake>${sha1(this.id + SECRET)}</handshake>`);
    await this.next();
  }

  /** The next element that comes. */
  async next(): Promise<Element> {
    while (this.elements.length === 0) await this.news();
    return this.elements.shift()!;
  }

  /** Sends and collects all that is said until everything sent has been dealt with. */
  async exchange(text: string): Promise<Element[]> {
    const id = `barrier-${(barriers += 1)}`;
    this.write(`${text}${QUESTIONS[this.dialect](id)}`);
    const said: Element[] = [];
    for (;;) {
      const element = await this.next();
      if ((element.name === 'route' ? element.elements[0] : element)?.attribute('id') === id) return said;
      said.push(element);
    }
  }

  private take(bytes: Buffer): void {
    this.writes += 1;
    this.received += bytes.toString();
    this.reader.write(bytes);
  }

  private news(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }
}
