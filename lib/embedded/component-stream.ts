import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { safely, type Log } from '../observe/log.js';
import { isSame } from '../xmpp/sasl/same.js';
import { streamDigest } from '../xmpp/stream-digest.js';
import { Reader, type Element, type ParseError, type Stanza, type Tag } from '../xml/index.js';
import type { ServerDialect } from './dialects/dialect.js';
import { InboundQueue } from './routing/inbound-queue.js';
import type { Journal, Output } from './store/journal.js';
import type { EmbeddedLimits } from './limits.js';
import { Outbox, type Item, type Settle } from './outbox.js';
import type { Gate, Scheduler } from './routing/scheduler.js';
import type { Turn, Writer } from './turn.js';

/** Characters that are written in one go: the peer deals with each piece in a turn of its own. */
const READ_CHUNK_BYTES = 64 * 1024;

/** Where a component's stream stands. */
export type StreamState = 'header' | 'handshake' | 'open' | 'closed';

/** Why a component's stream has ended. */
export type StreamEnd =
  | 'closed by peer'
  | 'connection failed'
  | 'wrong secret'
  | 'wrong namespace'
  | 'packet before handshake'
  | 'no handshake'
  | 'bad XML'
  | 'does not read'
  | 'overridden'
  | 'stopped';

export interface StreamEvents {
  /** The peer has shown that it knows the secret. */
  opened(stream: ComponentStream): void;
  packet(stream: ComponentStream, packet: Stanza): void;
  /** So much waits for a stream that is closed that nobody will come for it. */
  overflowed(stream: ComponentStream): void;
  /** Told once, also for a stream that was never opened. */
  closed(stream: ComponentStream, reason: StreamEnd): void;
}

export interface StreamOptions {
  /** The peer's component name. */
  readonly name: string;
  readonly secret: string;
  readonly limits: EmbeddedLimits;
  readonly log: Log;
  readonly dialect: ServerDialect;
  readonly turn: Turn;
  readonly journal: Journal;
  readonly scheduler: Scheduler;
}

/**
 * The stream of one component, seen from the side that accepts it: header, handshake, then packets both ways.
 * [XEP-0114]
 */
export class ComponentStream implements Writer, Output, Gate {
  state: StreamState = 'header';
  /** Has the peer been told off for an address that is not of its name? Once is enough. */
  warned = false;
  /** Resolves when the connection below is closed. */
  readonly done: Promise<void>;
  private readonly id = randomBytes(16).toString('hex');
  private readonly outbox = new Outbox();
  private readonly inbound: InboundQueue;
  private readonly reader: Reader;
  private timer: NodeJS.Timeout | undefined;
  private writing = false;
  /** What is left of the text that is being written. */
  private rest = '';

  constructor(
    private readonly duplex: Duplex,
    private readonly options: StreamOptions,
    private readonly events: StreamEvents,
  ) {
    const { packetBytes: bytes, depth, attributes, handshakeTimeout } = options.limits;
    this.inbound = this.makeInboundQueue();
    this.reader = new Reader(
      {
        onHeader: (header) => this.header(header),
        onStanza: (stanza) => this.stanza(stanza),
        onSkipped: (size) => options.log.warn('a packet over a limit is lost', { bytes: size }),
        onClosingTag: () => this.close('closed by peer', options.dialect.words.goodbye),
        onParseError: (fault) => this.fault(fault),
      },
      { limits: { bytes, depth, attributes }, namespaces: false },
    );
    this.done = new Promise((resolve) => duplex.once('close', resolve));
    this.timer = setTimeout(() => this.timedOut(), handshakeTimeout * 1000);
    this.listen();
  }

  /**
   * Queues a packet; it leaves at the end of the turn. On a closed stream it waits to be taken by {@link remains}.
   *
   * @param stanza what is in it for a client, and finds another way where the packet does not leave
   * @returns false where the packet is longer than a peer need take: it could cost everybody behind it the link
   */
  send(packet: Element, stanza?: Element, settle?: Settle): boolean {
    const text = packet.toString();
    const fits = Buffer.byteLength(text) <= this.options.limits.packetBytes;
    if (fits) this.say({ text, stanza, settle });
    else
      this.options.log.warn('a packet is too long to send', {
        packet: packet.name.slice(0, 100),
        characters: text.length,
      });
    return fits;
  }

  /** The packets that have not left, each once. */
  remains(): Item[] {
    return this.outbox.empty();
  }

  /** Takes over what another stream could not write. */
  takeOver(items: Item[]): void {
    for (const item of items) this.queue(item);
  }

  /** May more be said because of what has come? On a stream that is closed it waits for another one. */
  get hasRoom(): boolean {
    return this.state === 'closed' || this.outbox.size < this.options.limits.linkHold;
  }

  flush(): void {
    if (this.state === 'closed' || this.writing) return;
    this.write(READ_CHUNK_BYTES);
    // What was in the way may have been taken back.
    if (!this.writing) this.options.scheduler.roomAgain();
  }

  unsay(items: ReadonlySet<Item>): void {
    this.outbox.unsay(items);
  }

  /** Takes at once what has come and still waits to be taken. */
  finish(): void {
    this.inbound.finish();
  }

  /** Ends the stream, once: after `lastWords`, or at once where it is not worth or able to hear any. */
  close(reason: StreamEnd, lastWords?: string): void {
    if (this.state === 'closed') return;
    if (reason === 'stopped') this.writeAll();
    this.state = 'closed';
    this.reader.stop();
    clearTimeout(this.timer);
    if (lastWords === undefined) this.duplex.destroy();
    else this.hangUp(lastWords);
    this.inbound.finish();
    this.events.closed(this, reason);
  }

  private write(characters: number): void {
    const { text, left } = this.outbox.take(characters);
    if (text === '') return;
    this.writing = true;
    this.rest = text;
    this.writePiece(left);
  }

  private writePiece(left: () => void): void {
    const piece = this.rest.slice(0, pieceEnd(this.rest));
    this.rest = this.rest.slice(piece.length);
    this.duplex.write(piece, (error) => {
      if (error || this.rest === '') this.written(error, left);
      else setImmediate(() => this.goOnWriting(left));
    });
  }

  private goOnWriting(left: () => void): void {
    if (this.rest === '') this.written(undefined, left);
    else if (this.state !== 'closed') this.writePiece(left);
  }

  /** Writes all there is in one go: it is the end. */
  private writeAll(): void {
    const { text, left } = this.outbox.take();
    const all = this.rest + text;
    this.rest = '';
    this.duplex.write(all, (error) => this.written(error, left));
  }

  private written(error: Error | null | undefined, left: () => void): void {
    this.writing = false;
    if (error) return this.close('connection failed');
    safely(this.options.log, 'settling what has left', left);
    if (this.outbox.waits) this.schedule();
    this.options.scheduler.roomAgain();
  }

  private makeInboundQueue(): InboundQueue {
    const { limits, dialect, name, scheduler } = this.options;
    return new InboundQueue({
      addresses: dialect.addresses,
      name: name.toLowerCase(),
      take: (packet) => this.events.packet(this, packet),
      scheduler,
      gate: this,
      bound: limits.linkBacklog,
      onFull: (full) => void (full ? this.duplex.pause() : this.duplex.resume()),
    });
  }

  private listen(): void {
    this.duplex.on('error', () => this.close('connection failed'));
    this.duplex.on('close', () => this.close('closed by peer'));
    this.duplex.on('end', () => this.close('closed by peer', ''));
    this.duplex.on('data', (bytes: Buffer) => {
      this.reader.write(bytes);
      if (this.state !== 'closed') this.inbound.work();
    });
  }

  private queue(item: Item): void {
    this.outbox.push(item);
    if (this.outbox.size <= this.options.limits.linkQueue) this.schedule();
    else if (this.state === 'closed') this.events.overflowed(this);
    else this.close('does not read');
  }

  private schedule(): void {
    if (this.state !== 'closed') this.options.turn.add(this);
  }

  private say(item: Item): void {
    this.options.journal.noteSaid(this, item);
    this.queue(item);
  }

  /** Words of the stream itself. */
  private sayWords(text: string): void {
    this.queue({ text, words: true });
  }

  private hangUp(lastWords: string): void {
    this.duplex.end(this.rest + this.outbox.takeWords() + lastWords);
    this.duplex.resume(); // who is not read from is not heard to close
    const timer = setTimeout(() => this.duplex.destroy(), this.options.limits.closeTimeout * 1000);
    void this.done.then(() => clearTimeout(timer));
  }

  private header(header: Tag): void {
    const { dialect, name } = this.options;
    const { words } = dialect;
    const answer = words.header(header.attribute('xmlns'), name, this.id);
    if (answer === undefined) return this.close('wrong namespace', words.wrongNamespace);
    this.state = 'handshake';
    this.sayWords(answer);
  }

  private stanza(stanza: Stanza): void {
    if (this.state === 'open') this.inbound.push(stanza);
    else if (stanza.name === 'handshake') this.handshake(stanza.element().text.trim());
    else this.tooEarly();
  }

  private tooEarly(): void {
    const { tooEarly, tooEarlyEnds } = this.options.dialect.words;
    if (tooEarlyEnds) this.close('packet before handshake', tooEarly);
    else this.sayWords(tooEarly);
  }

  private handshake(given: string): void {
    const { secret, dialect } = this.options;
    if (!isSame(given, streamDigest(this.id, secret)))
      return this.close('wrong secret', dialect.words.wrongSecret);
    clearTimeout(this.timer);
    this.state = 'open';
    this.sayWords('<handshake/>');
    this.events.opened(this);
  }

  private timedOut(): void {
    this.close('no handshake', this.state === 'header' ? '' : this.options.dialect.words.noHandshake);
  }

  private fault(fault: ParseError): void {
    this.options.log.warn('bad XML from a component', { condition: fault.condition, text: fault.text });
    this.close('bad XML', this.state === 'header' ? '' : this.options.dialect.words.badXml(fault));
  }
}

/** Not between the two halves of one character. */
function pieceEnd(text: string): number {
  if (text.length <= READ_CHUNK_BYTES) return text.length;
  const last = text.charCodeAt(READ_CHUNK_BYTES - 1);
  return last >= 0xd800 && last < 0xdc00 ? READ_CHUNK_BYTES - 1 : READ_CHUNK_BYTES;
}
