import { expect } from 'chai';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { parse, Reader, type Element, type Tag } from '../../lib/xml/index.js';
import { Queue, soon } from './queue.js';
import { expectSame } from './same.js';

/** Something that came over the wire, in the order it came. */
export type Arrival =
  | { readonly kind: 'header'; readonly header: Tag }
  | { readonly kind: 'stanza'; readonly source: string }
  | { readonly kind: 'closing tag' }
  | { readonly kind: 'end of the connection' };

/** One end of a TCP connection with XML on it, driven by a spec: what comes is kept until the story asks for it. */
export class Wire {
  /** Everything that came, as text. */
  received = '';
  /** How many reads it came in. */
  reads = 0;
  /** Are marks of a socket manager sent back at once, as real servers do, so that the story need not look at them? */
  returnsProbes = true;
  /** Is what is asked when a client has left answered at once, as real servers do? */
  acknowledges = true;
  /** Resolves when the connection is over on both sides. */
  readonly over: Promise<unknown>;
  private readonly arrivals: Queue<Arrival>;
  private reader!: Reader;

  /** @param patience how long what must come may take, in milliseconds */
  constructor(
    readonly socket: Socket,
    readonly name: string,
    patience?: number,
  ) {
    this.arrivals = new Queue(`${name} waits`, patience);
    this.restart();
    this.over = once(socket, 'close').catch(() => undefined);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('end', () => this.arrivals.push({ kind: 'end of the connection' }));
    socket.on('close', (broken: boolean) => {
      if (broken) this.arrivals.push({ kind: 'end of the connection' });
    });
  }

  send(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Sends, and says when the system has taken it. */
  sent(text: string | Buffer): Promise<void> {
    return new Promise((resolve) => void this.socket.write(text, () => resolve()));
  }

  /**
   * Sends byte by byte, and each is a read of its own for the peer: there is a turn of the event loop behind each (to
   * wait for the write alone is not enough, then many of them go in one read).
   */
  async drip(text: string): Promise<void> {
    for (const byte of Buffer.from(text)) {
      await this.sent(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  next(): Promise<Arrival> {
    return this.arrivals.next();
  }

  async header(): Promise<Tag> {
    const arrival = await this.next();
    if (arrival.kind !== 'header')
      throw new Error(`${this.name}: instead of a header came ${print(arrival)}`);
    return arrival.header;
  }

  /** The source of the stanza that comes next. */
  async source(): Promise<string> {
    const arrival = await this.next();
    if (arrival.kind !== 'stanza')
      throw new Error(`${this.name}: instead of a stanza came ${print(arrival)}`);
    return arrival.source;
  }

  async stanza(): Promise<Element> {
    return parse(await this.source());
  }

  /** The next thing that comes must be this stanza. */
  async expect(xml: string): Promise<void> {
    const arrival = await this.next();
    if (arrival.kind !== 'stanza') throw new Error(`${this.name}: instead of ${xml} came ${print(arrival)}`);
    expectSame(arrival.source, xml);
  }

  /** The next thing that comes must be this stanza, byte for byte. */
  async expectSource(xml: string): Promise<void> {
    expect(await this.source()).to.equal(xml);
  }

  async expectClosingTag(): Promise<void> {
    expect(print(await this.next())).to.equal('closing tag');
  }

  async expectEnd(): Promise<void> {
    expect(print(await this.next())).to.equal('end of the connection');
    await soon(this.over, `${this.name}: the close of the connection`);
  }

  /** Nothing may be left that the story has not looked at. */
  expectNothing(): void {
    expect(this.arrivals.length, `arrivals that ${this.name} did not look at`).to.equal(0);
  }

  /** Closes without a word. */
  async drop(): Promise<void> {
    this.socket.destroy();
    await this.over;
  }

  /** Breaks the connection (RST). */
  async reset(): Promise<void> {
    this.socket.resetAndDestroy();
    await this.over;
  }

  /** A mark, as it comes back; undefined for anything else. */
  protected returned?(source: string): string | undefined;

  /** Sends a mark back that a story has looked at. */
  giveBack(mark: string): void {
    this.send(this.returned!(mark)!);
  }

  /** The answer to what is asked when a client has left; undefined for anything else. */
  protected acknowledged?(source: string): string | undefined;

  private arrived(source: string): void {
    const ack = this.acknowledges ? this.acknowledged?.(source) : undefined;
    if (ack !== undefined) return this.send(ack);
    const mark = this.returnsProbes ? this.returned?.(source) : undefined;
    if (mark === undefined) this.arrivals.push({ kind: 'stanza', source });
    else this.send(mark);
  }

  private take(chunk: Buffer): void {
    this.reads += 1;
    this.received += chunk.toString('utf8');
    this.reader.write(chunk);
  }

  /** A new stream begins: what comes next is a header. [RFC6120 4.3.3] */
  restart(): void {
    const limits = { bytes: 1e8, depth: 1000, attributes: 1000 };
    this.reader = new Reader(
      {
        onHeader: (header) => this.arrivals.push({ kind: 'header', header }),
        onStanza: ({ source }) => this.arrived(source),
        onClosingTag: () => this.arrivals.push({ kind: 'closing tag' }),
        onParseError: ({ text }) =>
          this.arrivals.push({ kind: 'stanza', source: `<unreadable>${text}</unreadable>` }),
      },
      { limits, namespaces: false },
    );
  }
}

export function print(arrival: Arrival): string {
  return arrival.kind === 'stanza' ? arrival.source : arrival.kind;
}
