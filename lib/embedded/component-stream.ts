import { randomBytes } from 'node:crypto';
import { safely, type Log } from '../observe/log.js';
import { isSame } from '../xmpp/sasl/same.js';
import { streamDigest } from '../xmpp/stream-digest.js';
import { PauseReason, type CloseCause, type Transport } from '../net/transport.js';
import { tcp } from '../xmpp/framing/tcp.js';
import { legacyStreamError } from '../xmpp/stream-error.js';
import { XmlStream, type XmlStreamEvents } from '../xmpp/stream.js';
import type { Element, ParseError, Stanza, Tag } from '../xml/index.js';
import type { ServerDialect } from './dialects/dialect.js';
import { InboundQueue } from './routing/inbound-queue.js';
import type { Item, Journal, Output, Settle } from './store/journal.js';
import type { EmbeddedLimits } from './limits.js';
import type { Gate, Scheduler } from './routing/scheduler.js';

/** Characters that are written at a time, rounded up to a whole packet. Packets after that can still be taken back. */
const WRITE_CHARACTERS = 64 * 1024;

/** Most bytes of UTF-8 for one character (UTF-16 unit) of a string. */
const MAX_BYTES_PER_CHARACTER = 3;

/** The state of a component's stream. */
export type StreamState = 'header' | 'handshake' | 'open' | 'closed';

/** Why a component's stream has ended. */
export type StreamEnd =
  | 'closed by peer'
  | 'connection failed'
  | 'wrong secret'
  | 'wrong namespace'
  | 'packet before handshake'
  | 'no handshake'
  | 'malformed XML'
  | 'does not read'
  | 'overridden'
  | 'stopped';

/** How a stream ends: the connection is destroyed, or closed without a closing tag, with one, or with an error. */
export type Farewell = 'cut' | 'hang up' | 'close' | { readonly error: string };

export interface StreamEvents {
  /** The peer has shown that it knows the secret. */
  opened(stream: ComponentStream): void;
  packet(stream: ComponentStream, packet: Stanza): void;
  /** Too much waits for a closed stream to be kept for another one. */
  overflowed(stream: ComponentStream): void;
  /** Called once, also for a stream that was never opened. */
  closed(stream: ComponentStream, reason: StreamEnd): void;
}

export interface StreamOptions {
  /** The peer's component name. */
  readonly name: string;
  readonly secret: string;
  readonly limits: EmbeddedLimits;
  readonly log: Log;
  readonly dialect: ServerDialect;
  readonly journal: Journal;
  readonly scheduler: Scheduler;
}

/**
 * The stream of one component, from the accepting side: header, handshake, then packets both ways. [XEP-0114]
 */
export class ComponentStream implements XmlStreamEvents<Item>, Output, Gate {
  state: StreamState = 'header';
  /** Was it logged already that the peer uses addresses of another name? */
  warned = false;
  /** Resolves when the connection is closed. */
  readonly done: Promise<void>;
  private readonly id = randomBytes(16).toString('hex');
  private readonly stream: XmlStream<Item>;
  private readonly inbound: InboundQueue;
  private readonly timer: NodeJS.Timeout;
  /** Packets that the connection does not have yet: those of changes that are not committed, and those it has no room for. */
  private queue: Item[] = [];
  /** Characters of packets that have not left. */
  private size = 0;
  private isDone: () => void = () => undefined;

  constructor(
    transport: Transport<Item>,
    private readonly options: StreamOptions,
    private readonly events: StreamEvents,
  ) {
    const { packetBytes: bytes, depth, attributes, handshakeTimeout } = options.limits;
    this.inbound = this.makeInboundQueue();
    this.done = new Promise((resolve) => (this.isDone = resolve));
    this.stream = new XmlStream<Item>(transport, this, {
      role: 'receiving',
      framing: tcp,
      limits: { bytes, depth, attributes },
      namespaces: false,
    });
    // Answers must not wait for that test while the link is not read.
    transport.testsPeer = false;
    this.timer = setTimeout(() => this.timedOut(), handshakeTimeout * 1000);
  }

  /**
   * Queues a packet; it leaves at the end of the turn. On a closed stream it waits to be taken by {@link remains}.
   *
   * @param packet as a tree or as text
   * @param stanza the stanza in the packet, which is delivered otherwise where the packet does not leave
   * @returns false where the packet is longer than a peer must accept: it could end the link for all clients
   */
  send(packet: Element | string, stanza?: Element, settle?: Settle): boolean {
    const text = packet.toString();
    const fits = isWithin(text, this.options.limits.packetBytes);
    if (fits) this.queuePacket({ text, stanza, settle });
    else this.tooLong(text);
    return fits;
  }

  /** The packets that have not left, each once. */
  remains(): Item[] {
    const items = [...this.stream.transport.takeUnsent(), ...this.queue];
    this.queue = [];
    this.size = 0;
    return items;
  }

  /** Takes over the packets that another stream could not write. */
  takeOver(items: Item[]): void {
    for (const item of items) this.enqueue(item);
  }

  /** Is there room for more packets? On a closed stream they wait for another stream. */
  get hasRoom(): boolean {
    return this.state === 'closed' || this.size < this.options.limits.linkHold;
  }

  /** Forgets packets about changes that could not be stored. None of them has been written. */
  takeBack(items: ReadonlySet<Item>): void {
    this.queue = this.queue.filter((item) => !items.has(item));
    this.settle(items, false);
  }

  /** Handles all waiting packets of the peer at once. */
  finish(): void {
    this.inbound.finish();
  }

  /** Ends the stream, once. */
  close(reason: StreamEnd, farewell: Farewell = 'cut'): void {
    if (this.state === 'closed') return;
    if (reason === 'stopped') this.write(Infinity);
    this.state = 'closed';
    clearTimeout(this.timer);
    this.sayFarewell(farewell);
    this.inbound.finish();
    this.events.closed(this, reason);
  }

  // --- the stream ---------------------------------------------------------------------------------------------------

  onData(bytes: Buffer): void {
    this.stream.read(bytes);
    if (this.state !== 'closed') this.inbound.work();
  }

  onHeader(header: Tag): void {
    const { dialect, name } = this.options;
    const answer = dialect.words.header(header.attribute('xmlns'), name, this.id);
    if ('error' in answer) return this.close('wrong namespace', answer);
    this.state = 'handshake';
    this.stream.open(answer);
  }

  onStanza(stanza: Stanza): void {
    if (this.state === 'open') this.inbound.push(stanza);
    else if (stanza.name === 'handshake') this.handshake(stanza.element().text.trim());
    else this.tooEarly();
  }

  onSkipped(bytes: number): void {
    this.options.log.warn('dropped a packet that exceeds a limit', { bytes });
  }

  onClosingTag(): void {
    this.close('closed by peer', this.options.dialect.words.closes ? 'close' : 'hang up');
  }

  onParseError(error: ParseError): void {
    const { log, dialect } = this.options;
    log.warn('malformed XML from a component', { condition: error.condition, text: error.text });
    this.close('malformed XML', this.state === 'header' ? 'hang up' : { error: dialect.words.badXml(error) });
  }

  onFailed(error: Error): void {
    this.options.log.error('internal error', { error: error.stack });
    this.close('connection failed');
  }

  /** At the end of a turn: first the changes are committed, then the packets about them are written. */
  onFlush(): void {
    const { journal, scheduler } = this.options;
    journal.settle();
    if (this.state === 'closed' || this.stream.transport.waiting > 0) return;
    // The packets that took the room may have been taken back.
    if (this.queue.length === 0) scheduler.roomAgain();
    else this.write(WRITE_CHARACTERS);
  }

  onSent(items: readonly Item[]): void {
    safely(this.options.log, 'settling sent packets', () => this.settle(items, true));
  }

  onDrained(): void {
    if (this.queue.length > 0) this.schedule();
    this.options.scheduler.roomAgain();
  }

  onEnded(): void {
    this.takeKept();
    this.close('closed by peer', 'hang up');
  }

  onClosed(cause: CloseCause): void {
    this.takeKept();
    this.close(cause.kind === 'broken' ? 'connection failed' : 'closed by peer');
    this.isDone();
  }

  // ------------------------------------------------------------------------------------------------------------------

  /** Reads the bytes that were kept while there was no room: they came before the end. */
  private takeKept(): void {
    const { transport } = this.stream;
    let bytes = transport.takeKept(PauseReason.Room);
    while (bytes) {
      this.stream.read(bytes);
      bytes = transport.takeKept(PauseReason.Room);
    }
  }

  /** Gives packets to the connection: at least one, and no more once they have that many characters. */
  private write(characters: number): void {
    let count = 0;
    for (let sum = 0; count < this.queue.length && sum < characters; count += 1) {
      sum += this.queue[count].text.length;
    }
    for (const item of this.queue.splice(0, count)) this.stream.send(item.text, false, item);
  }

  /** Reports that packets have left, or never will. */
  private settle(items: Iterable<Item>, left: boolean): void {
    for (const item of items) {
      this.size -= item.text.length;
      item.settle?.(left);
    }
  }

  private sayFarewell(farewell: Farewell): void {
    if (farewell === 'cut') return this.stream.destroy();
    if (farewell === 'hang up') return this.stream.hangUp();
    if (farewell === 'close') return this.stream.close();
    const error = legacyStreamError(farewell.error);
    if (this.options.dialect.words.closes) this.stream.close(error);
    else this.stream.hangUp(error);
  }

  private makeInboundQueue(): InboundQueue {
    const { limits, dialect, name, scheduler, log } = this.options;
    return new InboundQueue({
      addresses: dialect.addresses,
      name: name.toLowerCase(),
      onPacket: (packet) => this.events.packet(this, packet),
      onProbe: (probe) => safely(log, 'answering a probe', () => void this.send(probe.element())),
      scheduler,
      gate: this,
      bound: limits.linkBacklog,
      onFull: (full) => this.hold(full),
    });
  }

  /** Called while packets are handled: kept bytes must not be read in between. */
  private hold(full: boolean): void {
    const { transport } = this.stream;
    if (full) transport.pause(PauseReason.Room);
    else if (transport.isHeld) process.nextTick(() => transport.resume(PauseReason.Room));
  }

  private enqueue(item: Item): void {
    this.queue.push(item);
    this.size += item.text.length;
    if (this.size <= this.options.limits.linkQueue) {
      if (this.queue.length === 1) this.schedule();
    } else if (this.state === 'closed') this.events.overflowed(this);
    else this.close('does not read');
  }

  private schedule(): void {
    if (this.state === 'closed') return;
    const { transport } = this.stream;
    transport.callWhenDrained();
    transport.flushLater();
  }

  private queuePacket(item: Item): void {
    this.options.journal.noteSent(this, item);
    this.enqueue(item);
  }

  private tooLong(packet: string): void {
    this.options.log.warn('did not send a packet that is too long', {
      packet: packet.slice(1, 1 + packet.slice(1, 101).search(/[\s/>]|$/)),
      characters: packet.length,
    });
  }

  private tooEarly(): void {
    const { tooEarly, tooEarlyEnds } = this.options.dialect.words;
    if (tooEarlyEnds) this.close('packet before handshake', { error: tooEarly });
    else this.stream.send(legacyStreamError(tooEarly));
  }

  private handshake(given: string): void {
    const { secret, dialect } = this.options;
    if (!isSame(given, streamDigest(this.id, secret)))
      return this.close('wrong secret', { error: dialect.words.wrongSecret });
    clearTimeout(this.timer);
    this.state = 'open';
    this.stream.send('<handshake/>', true);
    this.events.opened(this);
  }

  private timedOut(): void {
    const { words } = this.options.dialect;
    this.close('no handshake', this.state === 'header' ? 'hang up' : { error: words.noHandshake });
  }
}

/** Has the text at most that many bytes of UTF-8? They are counted only where its length does not decide it. */
function isWithin(text: string, bytes: number): boolean {
  return text.length * MAX_BYTES_PER_CHARACTER <= bytes || Buffer.byteLength(text) <= bytes;
}
