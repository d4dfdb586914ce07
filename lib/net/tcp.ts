import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import { descriptorOf } from './admission.js';
import { canonicalIp } from './ip.js';
import type { ProxiedPeer } from './proxy-protocol.js';
import { NagleDetector } from './nagle.js';
import { atTickEnd, type Flushable } from './tick.js';
import { encrypted, TlsSecurity, type TlsOptions } from './tls.js';
import type { CloseCause, PauseReason, Role, Transport, TransportEvents } from './transport.js';

/** Bytes that are read and kept while a transport is paused: a peer that closes is noticed only by reading. */
const MAX_KEPT_BYTES = 65_536;
/** Smaller reads are kept together in parts of this size. */
const KEPT_PART_BYTES = 4_096;

/** Time between the test of a peer that is not read and the write: a peer that is gone answers the test. */
const WRITE_TEST_MS = 200;

/** The most characters of one write: the end of each write shows that the peer reads. */
const SLICE_CHARACTERS = 262_144;

/** Bytes (about) that a receipt keeps in memory besides the text. */
const RECEIPT_BYTES = 512;

/** How long a peer may take to close its side after we closed ours. */
const LINGER_MS = 2_000;

/**
 * The state of the output: `idle`, nothing is to be written; `scheduled`, the waiting text is written at the end of this
 * turn; `acknowledging`, the same, and a space if no text waits; `testing`, a peer that is not read is tested before the
 * write; `writing`, the system has not taken all of a write yet. A write goes from any state to `writing`, or to `idle`
 * if there is nothing to write.
 */
type Output = 'idle' | 'scheduled' | 'acknowledging' | 'testing' | 'writing';

/** The state of the input: `passing` while the owner takes bytes, and may pause, resume or close. */
type Input = 'ready' | 'passing';

/**
 * The state of the end: `open`; `peer-ended`, the peer has closed its side and we have not; `closing`, we have begun to
 * close and the peer has not; `closing-last`, we close after the peer; `closing-first`, the peer has closed after us;
 * `over`.
 */
type Ending = 'open' | 'peer-ended' | 'closing' | 'closing-last' | 'closing-first' | 'over';

const ENDINGS: Readonly<Record<'peerEnded' | 'close' | 'over', Readonly<Record<Ending, Ending>>>> = {
  peerEnded: {
    open: 'peer-ended',
    'peer-ended': 'peer-ended',
    closing: 'closing-first',
    'closing-last': 'closing-last',
    'closing-first': 'closing-first',
    over: 'over',
  },
  close: {
    open: 'closing',
    'peer-ended': 'closing-last',
    closing: 'closing',
    'closing-last': 'closing-last',
    'closing-first': 'closing-first',
    over: 'over',
  },
  over: {
    open: 'over',
    'peer-ended': 'over',
    closing: 'over',
    'closing-last': 'over',
    'closing-first': 'over',
    over: 'over',
  },
};

/** Who ended a transport that is over and was in that state before; undefined where it broke, or the peer closed it at once. */
const ENDED_BY: Readonly<Record<Ending, 'local' | 'remote' | undefined>> = {
  open: undefined,
  'peer-ended': 'remote',
  closing: 'local',
  'closing-last': 'remote',
  'closing-first': 'local',
  over: undefined,
};

/** An encryption that waits until the text sent before it has been written. */
interface PendingEncryption {
  readonly role: Role;
  readonly options: TlsOptions;
  readonly onEncrypted: (error?: Error) => void;
}

/** A transport of bytes: a TCP socket, or one end of a pair in this process. It may be encrypted on its way. */
export class TcpTransport<Receipt = never> implements Transport<Receipt>, Flushable {
  readonly peerAddress: string;
  readonly isEncryptedToProxy: boolean;
  readonly descriptor: number;
  security: TlsSecurity | undefined;
  testsPeer = true;
  private events!: TransportEvents<Receipt>;
  private out = '';
  private ascii = true;
  /** What is left of the text that is being written, slice by slice. */
  private rest = '';
  private restAscii = true;
  /** When something was last known to have left, or nothing waited. Milliseconds. */
  private progressAt = 0;
  /** Receipts of the text in `out`, and of the current write. */
  private waitingReceipts: Receipt[] = [];
  private writingReceipts: Receipt[] = [];
  private output: Output = 'idle';
  private input: Input = 'ready';
  private ending: Ending = 'open';
  private nagle: NagleDetector | undefined;
  private writesSeen = 0;
  private writes = 0;
  private holds = 0;
  /** Bytes that were read while the transport was paused, oldest first. */
  private kept: Buffer[] = [];
  private keptBytes = 0;
  /** Runs while a peer that is not read is tested. */
  private test: NodeJS.Timeout | undefined;
  private wantsDrain = false;
  private encryption: PendingEncryption | undefined;
  private linger: NodeJS.Timeout | undefined;
  private brokenBy: string | undefined;

  /**
   * @param stream that nobody else reads; not connected yet, or connected
   * @param peer what is known of it besides what the socket says, where a proxy has said it
   */
  constructor(
    private stream: Duplex,
    peer?: ProxiedPeer,
  ) {
    const address = stream instanceof Socket ? stream.remoteAddress : undefined;
    this.peerAddress = peer?.ip ?? canonicalIp(address ?? '');
    this.isEncryptedToProxy = peer?.isSecure ?? false;
    this.descriptor = stream instanceof Socket ? descriptorOf(stream) : 0;
    // The error listener comes before the first byte: a stream without one takes the process with it.
    stream.on('error', (error: NodeJS.ErrnoException) => (this.brokenBy ??= error.code ?? error.message));
  }

  start(events: TransportEvents<Receipt>): void {
    this.events = events;
    this.attach(this.stream);
  }

  private attach(stream: Duplex): void {
    this.stream = stream;
    // Once a stream is encrypted, its own events no longer count.
    stream.on('end', () => stream === this.stream && this.peerEnded());
    stream.on('close', () => stream === this.stream && this.finish());
    stream.on('data', (chunk: Buffer) => stream === this.stream && this.read(chunk));
  }

  get bytesRead(): number | undefined {
    return this.stream instanceof Socket ? this.stream.bytesRead : undefined;
  }

  get bytesWritten(): number | undefined {
    return this.stream instanceof Socket ? this.stream.bytesWritten : undefined;
  }

  get waiting(): number {
    const receipts = this.waitingReceipts.length + this.writingReceipts.length;
    return this.out.length + this.rest.length + this.stream.writableLength + receipts * RECEIPT_BYTES;
  }

  isFull(limit: number): boolean {
    if (this.waiting <= limit) return false;
    this.write();
    return this.waiting > limit;
  }

  get stalled(): number {
    return this.output === 'writing' ? performance.now() - this.progressAt : 0;
  }

  get open(): boolean {
    return this.ending === 'open' || this.ending === 'peer-ended';
  }

  send(text: string, ascii = false, receipt?: Receipt): void {
    if (!this.open) return;
    this.out += text;
    if (!ascii) this.ascii = false;
    if (receipt !== undefined) this.waitingReceipts.push(receipt);
    this.schedule();
  }

  /**
   * Sends a space at the end of this turn if nothing else is sent. A peer with Nagle's algorithm does not send while an
   * acknowledgement is outstanding, and our system delays an acknowledgement by 40 ms or more while we send nothing.
   * [RFC1122 4.2.3.2, 4.2.3.4]
   */
  acknowledge(): void {
    if (!this.open || !(this.stream instanceof Socket)) return;
    this.schedule();
    if (this.output === 'scheduled') this.output = 'acknowledging';
  }

  /** A peer shows that it waits by the first delay. */
  acknowledgeWhereAwaited(): void {
    const answered = this.writes !== this.writesSeen;
    this.writesSeen = this.writes;
    this.nagle ??= new NagleDetector();
    if (this.nagle.read(answered)) this.acknowledge();
  }

  /** The end of a turn: writes the waiting text. During a write it waits for the next one. */
  flush(): void {
    this.events.onFlush?.();
    if (this.testsPeer && this.stream.isPaused() && this.writes > 0) this.startTest();
    else this.write();
  }

  flushLater(): void {
    this.schedule();
  }

  /**
   * While we do not read, we do not notice that a peer closes. So a space is written first: a peer that is gone answers
   * it with a reset, the write of the text fails, and the text does not count as delivered.
   */
  private startTest(): void {
    if (this.output === 'testing' || this.output === 'writing') return;
    if (this.out === '' || !this.open) return void (this.output = 'idle');
    this.output = 'testing';
    this.stream.write(' ');
    this.test = setTimeout(() => this.write(), WRITE_TEST_MS);
  }

  private write(): void {
    if (this.output === 'writing') return;
    const owesAck = this.output === 'acknowledging';
    this.output = 'idle';
    clearTimeout(this.test);
    // A stream that has ended would refuse the text: it stays here, to be given back.
    if (!this.stream.writable) return;
    if (this.out === '' && owesAck && this.open) this.out = ' ';
    if (this.out === '') return;
    if (this.waitingReceipts.length > 0)
      [this.writingReceipts, this.waitingReceipts] = [this.waitingReceipts, []];
    this.rest = this.out;
    this.restAscii = this.ascii;
    this.out = '';
    this.ascii = true;
    this.output = 'writing';
    this.writeSlice();
  }

  private schedule(): void {
    if (this.output !== 'idle') return;
    this.output = 'scheduled';
    atTickEnd(this);
  }

  private writeSlice(): void {
    const { rest } = this;
    const end = rest.length > SLICE_CHARACTERS ? sliceEnd(rest) : rest.length;
    this.rest = end === rest.length ? '' : rest.slice(end);
    this.progressAt = performance.now();
    const write = (this.writes += 1);
    const slice = this.rest === '' ? rest : rest.slice(0, end);
    this.stream.write(slice, this.restAscii ? 'latin1' : 'utf8', (error) => this.written(write, error));
    // The system takes or refuses most writes at once; the callback comes only in a later turn.
    if (this.stream.writableLength === 0 && this.rest === '' && !this.stream.errored) this.wrote();
  }

  callWhenDrained(): void {
    this.wantsDrain = true;
  }

  /** A little more is read meanwhile, so that we notice when the peer closes. */
  pause(reason: PauseReason): void {
    this.holds |= reason;
  }

  get isHeld(): boolean {
    return this.holds !== 0;
  }

  resume(reason: PauseReason): void {
    if ((this.holds & reason) === 0) return;
    this.holds &= ~reason;
    if (this.input === 'ready') this.passOn();
  }

  takeKept(reason: PauseReason): Buffer | undefined {
    return (this.holds & ~reason) === 0 ? this.nextKept() : undefined;
  }

  get keeps(): boolean {
    return this.kept.length > 0;
  }

  close(lastText = ''): void {
    this.kept = [];
    if (!this.open) return;
    this.send(lastText);
    this.startClosing();
  }

  encrypt(role: Role, options: TlsOptions, onEncrypted: (error?: Error) => void): void {
    if (!this.open || this.encryption)
      return onEncrypted(new Error('the connection cannot be encrypted now'));
    this.encryption = { role, options, onEncrypted };
    this.write();
    if (this.output !== 'writing') this.goOnEncrypting();
  }

  /** The system has taken all text that was sent in clear. */
  private goOnEncrypting(): void {
    const { role, options, onEncrypted } = this.encryption!;
    this.encryption = undefined;
    this.kept = [];
    this.keptBytes = 0;
    // What has come and was not read by us, after a PROXY header, is for TLS: it must not flow to where nobody takes it.
    this.stream.pause();
    const stream = encrypted(this.stream as Socket, role, options, (error) => {
      if (!error) this.security = new TlsSecurity(stream);
      onEncrypted(error);
    });
    stream.on('error', (error: NodeJS.ErrnoException) => (this.brokenBy ??= error.code ?? error.message));
    this.attach(stream);
  }

  destroy(): void {
    this.ending = ENDINGS.close[this.ending];
    this.kept = [];
    this.stream.destroy();
  }

  takeUnsent(): Receipt[] {
    const receipts = [...this.writingReceipts, ...this.waitingReceipts];
    this.writingReceipts = [];
    this.waitingReceipts = [];
    return receipts;
  }

  get unwritten(): string {
    return this.out;
  }

  get isOver(): boolean {
    return this.ending === 'over';
  }

  private get closing(): boolean {
    return this.ending !== 'over' && !this.open;
  }

  private read(chunk: Buffer): void {
    if (!this.open) return;
    if (this.holds === 0) this.pass(chunk);
    else this.keep(chunk);
  }

  private pass(chunk: Buffer): void {
    this.input = 'passing';
    try {
      this.events.onData(chunk);
    } catch (error) {
      this.events.onFailed(error as Error);
    }
    this.input = 'ready';
  }

  private keep(chunk: Buffer): void {
    const last = this.kept.at(-1);
    this.keptBytes += chunk.length;
    if (last && last.length + chunk.length <= KEPT_PART_BYTES) {
      this.kept[this.kept.length - 1] = Buffer.concat([last, chunk]);
    } else this.kept.push(Buffer.from(chunk));
    if (this.keptBytes > MAX_KEPT_BYTES) this.stream.pause();
  }

  private passOn(): void {
    while (this.holds === 0) {
      const chunk = this.nextKept();
      if (!chunk) return;
      this.pass(chunk);
    }
  }

  private nextKept(): Buffer | undefined {
    const chunk = this.kept.shift();
    this.keptBytes -= chunk?.length ?? 0;
    if (this.open && this.keptBytes <= MAX_KEPT_BYTES && this.stream.isPaused()) this.stream.resume();
    return chunk;
  }

  private wrote(): void {
    if (this.output === 'writing') this.output = 'idle';
    if (this.writingReceipts.length === 0) return;
    const sent = this.writingReceipts;
    this.writingReceipts = [];
    this.events.onSent?.(sent);
  }

  private written(write: number, error: Error | null | undefined): void {
    // After an error the stream closes, and the owner takes the receipts back.
    if (error || write !== this.writes) return;
    // One slice per turn, also where the peer is in this process.
    if (this.rest !== '') return void setImmediate(() => this.writeSlice());
    this.wrote();
    if (this.encryption) this.goOnEncrypting();
    else if (this.closing) this.endStream();
    else if (this.out !== '') this.flush();
    else if (this.wantsDrain) {
      this.wantsDrain = false;
      this.events.onDrained?.();
    }
  }

  private peerEnded(): void {
    this.ending = ENDINGS.peerEnded[this.ending];
    if (this.ending === 'peer-ended') this.events.onEnded();
    else if (this.closing && this.output !== 'writing') this.endStream();
  }

  private startClosing(): void {
    this.ending = ENDINGS.close[this.ending];
    this.stream.resume();
    this.linger = setTimeout(() => this.stream.destroy(), LINGER_MS);
    if (this.output !== 'writing') this.endStream();
  }

  private endStream(): void {
    this.write();
    if (this.output === 'writing') return;
    if (!this.stream.writableEnded) this.stream.end();
    if (this.ending === 'closing-first' || this.ending === 'closing-last') this.stream.destroy();
  }

  private finish(): void {
    const { ending, encryption } = this;
    if (ending === 'over') return;
    this.ending = ENDINGS.over[ending];
    clearTimeout(this.linger);
    clearTimeout(this.test);
    this.encryption = undefined;
    encryption?.onEncrypted(new Error('the connection was closed'));
    this.events.onClosed(this.cause(ending));
  }

  private cause(ending: Ending): CloseCause {
    const by = ENDED_BY[ending];
    if (by) return { kind: by };
    return this.brokenBy === undefined ? { kind: 'remote' } : { kind: 'broken', code: this.brokenBy };
  }
}

/** Never between the two halves of one character. */
function sliceEnd(text: string): number {
  const last = text.charCodeAt(SLICE_CHARACTERS - 1);
  return last >= 0xd800 && last < 0xdc00 ? SLICE_CHARACTERS - 1 : SLICE_CHARACTERS;
}
