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

/** Characters that are written at a time, and those of one packet more: what is behind that can still be taken back. */
const WRITE_CHARACTERS = 64 * 1024;

/** Bytes of UTF-8 that one character of a JavaScript string comes to. */
const MAX_BYTES_PER_CHARACTER = 3;

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
  | 'malformed XML'
  | 'does not read'
  | 'overridden'
  | 'stopped';

/** What a peer is told at the end: nothing and the connection cut, nothing, a closing tag, or an error. */
export type Farewell = 'cut' | 'hang up' | 'close' | { readonly error: string };

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
  readonly journal: Journal;
  readonly scheduler: Scheduler;
}

/**
 * The stream of one component, seen from the side that accepts it: header, handshake, then packets both ways.
 * [XEP-0114]
 */
export class ComponentStream implements XmlStreamEvents<Item>, Output, Gate {
  state: StreamState = 'header';
  /** Has the peer been told off for an address that is not of its name? Once is enough. */
  warned = false;
  /** Resolves when the connection below is closed. */
  readonly done: Promise<void>;
  private readonly id = randomBytes(16).toString('hex');
  private readonly stream: XmlStream<Item>;
  private readonly inbound: InboundQueue;
  private readonly timer: NodeJS.Timeout;
  /** Packets that were not given to the connection: all that are not committed, and more where it has no room. */
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
    // While a link is not read for a while, answers must not wait for that test.
    transport.testsPeer = false;
    this.timer = setTimeout(() => this.timedOut(), handshakeTimeout * 1000);
  }

  /**
   * Queues a packet; it leaves at the end of the turn. On a closed stream it waits to be taken by {@link remains}.
   *
   * @param packet as a tree or as text
   * @param stanza what is in it for a client, and finds another way where the packet does not leave
   * @returns false where the packet is longer than a peer need take: it could cost everybody behind it the link
   */
  send(packet: Element | string, stanza?: Element, settle?: Settle): boolean {
    const text = packet.toString();
    const fits = isWithin(text, this.options.limits.packetBytes);
    if (fits) this.say({ text, stanza, settle });
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

  /** Takes over what another stream could not write. */
  takeOver(items: Item[]): void {
    for (const item of items) this.enqueue(item);
  }

  /** May more be said because of what has come? On a stream that is closed it waits for another one. */
  get hasRoom(): boolean {
    return this.state === 'closed' || this.size < this.options.limits.linkHold;
  }

  /** Forgets packets that tell of changes which could not be stored. None of them has been written. */
  unsay(items: ReadonlySet<Item>): void {
    this.queue = this.queue.filter((item) => !items.has(item));
    this.settle(items, false);
  }

  /** Takes at once what has come and still waits to be taken. */
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

  /** The end of a turn: first what was stored is committed, then what was said of it is written. */
  onFlush(): void {
    const { journal, scheduler } = this.options;
    journal.settle();
    if (this.state === 'closed' || this.stream.transport.waiting > 0) return;
    // What was in the way may have been taken back.
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

  /** What was read while there was no room for it came before the end. */
  private takeKept(): void {
    const { transport } = this.stream;
    let bytes = transport.takeKept(PauseReason.Room);
    while (bytes) {
      this.stream.read(bytes);
      bytes = transport.takeKept(PauseReason.Room);
    }
  }

  /** Gives packets to the connection: at least one, and no more once they have so many characters. */
  private write(characters: number): void {
    let count = 0;
    for (let sum = 0; count < this.queue.length && sum < characters; count += 1) {
      sum += this.queue[count].text.length;
    }
    for (const item of this.queue.splice(0, count)) this.stream.send(item.text, false, item);
  }

  /** Packets have left, or never will. */
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

  /** Is called while packets are taken: what was kept must not come in between. */
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

  private say(item: Item): void {
    this.options.journal.noteSaid(this, item);
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

/** Has the text so many bytes of UTF-8 at most? They are counted only where that is not certain. */
function isWithin(text: string, bytes: number): boolean {
  return text.length * MAX_BYTES_PER_CHARACTER <= bytes || Buffer.byteLength(text) <= bytes;
}
