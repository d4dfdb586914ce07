import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import { NagleDetector } from './nagle.js';
import { atTickEnd, type Flushable } from './tick.js';

/** Why a connection is over, as its own side sees it. */
export type CloseCause =
  /** We closed it. */
  | { readonly kind: 'local' }
  /** The peer closed it in good order. */
  | { readonly kind: 'remote' }
  /** It broke; `code` is the system's word for it (`ECONNRESET`, `ETIMEDOUT`, …). */
  | { readonly kind: 'broken'; readonly code: string };

export interface ConnectionEvents<Receipt = never> {
  /** One read. The bytes stay as they are only during the call. */
  onData(chunk: Buffer): void;
  /** `onData` threw: an error of ours, which is to cost nobody but this connection. */
  onFailed(error: Error): void;
  /** The end of a turn: something may still be sent before all that waits is written. */
  onFlush?(): void;
  /** What was sent with these receipts has left. */
  onSent?(receipts: readonly Receipt[]): void;
  /** All that was sent has left; called after {@link Connection.congested} was seen. */
  onDrained?(): void;
  /** The peer has closed its side; ours is still open, and should be closed soon. See {@link Connection.keeps}. */
  onEnded(): void;
  /** The connection is over. Called once, and nothing after it but the `onData` of what is still kept. */
  onClosed(cause: CloseCause): void;
}

/** Why what is read is not passed on; each reason is lifted by itself. */
export const enum PauseReason {
  /** What was read has to wait for an answer. */
  Answer = 1,
  /** Where it goes there is no room. */
  Room = 2,
}

/** Bytes that are read on while they may not be passed on: only who is read is heard to close. */
const MAX_KEPT_BYTES = 65_536;
/** What is read in smaller parts is kept together. */
const KEPT_PART_BYTES = 4_096;

/** How long a peer that is not read has to show that it is gone, before anything is written to it, in milliseconds. */
const WRITE_TEST_MS = 200;

/** Characters that are written in one go: the end of each write shows that the peer reads. */
const SLICE_CHARACTERS = 262_144;

/** Bytes (about) that a receipt keeps in memory besides the text. */
const RECEIPT_BYTES = 512;

/** How long a peer may take to close its side after we closed ours, in milliseconds. */
const LINGER_MS = 2_000;

/**
 * One byte stream: reads, writes gathered into one a turn, back-pressure, and one end.
 *
 * @typeParam Receipt what the owner wants back of a text that never left (see {@link Connection.takeUnsent})
 */
export class Connection<Receipt = never> implements Flushable {
  /** Is a peer that is not read tested before something is written to it? */
  testsPeer = true;
  private out = '';
  private ascii = true;
  /** What is left of the text that is being written, slice by slice. */
  private rest = '';
  private restAscii = true;
  /** When something was last known to have left, or nothing waited. Milliseconds. */
  private progressAt = 0;
  /** What waits in `out`, and what is in the write under way. */
  private waitingReceipts: Receipt[] = [];
  private writingReceipts: Receipt[] = [];
  private scheduled = false;
  /** Is a space to go out at the end of this turn, if nothing else does? */
  private owesAck = false;
  private nagle: NagleDetector | undefined;
  private writesSeen = 0;
  private writing = false;
  private writes = 0;
  private holds = 0;
  /** What was read while it might not be passed on, oldest first. */
  private kept: Buffer[] = [];
  private keptBytes = 0;
  /** Runs while a peer that is not read is tested. */
  private test: NodeJS.Timeout | undefined;
  private passing = false;
  private wantsDrain = false;
  private closing = false;
  private over = false;
  private linger: NodeJS.Timeout | undefined;
  private brokenBy: string | undefined;
  /** Has the peer closed its side? */
  private ended = false;
  private endedFirst = false;

  constructor(
    readonly stream: Duplex,
    private readonly events: ConnectionEvents<Receipt>,
  ) {
    // The error listener comes before the first byte: a stream without one takes the process with it.
    stream.on('error', (error: NodeJS.ErrnoException) => (this.brokenBy ??= error.code ?? error.message));
    stream.on('end', () => this.peerEnded());
    stream.on('close', () => this.finish());
    stream.on('data', (chunk: Buffer) => this.read(chunk));
  }

  /** Bytes (about) that were given to {@link send} and have not left yet, and what is kept to give them back. */
  get waiting(): number {
    const receipts = this.waitingReceipts.length + this.writingReceipts.length;
    return this.out.length + this.rest.length + this.stream.writableLength + receipts * RECEIPT_BYTES;
  }

  /**
   * Do more than `limit` bytes wait? What was only gathered in this turn is sent before that is said; and what is to
   * come next does not count: nobody is slow because somebody sends him something big.
   */
  isFull(limit: number): boolean {
    if (this.waiting <= limit) return false;
    this.write();
    return this.waiting > limit;
  }

  /** Milliseconds since the peer has last taken anything of what waits for it. */
  get stalled(): number {
    return this.writing ? performance.now() - this.progressAt : 0;
  }

  /** Is it over on both sides? Then {@link ConnectionEvents.onClosed} has been called, or is being called. */
  get isOver(): boolean {
    return this.over;
  }

  get open(): boolean {
    return !this.closing && !this.over;
  }

  /**
   * Sends text at the end of this turn.
   *
   * @param ascii whether the text is ASCII only, if that is known
   * @param receipt is given back by {@link takeUnsent} when the text never left
   */
  send(text: string, ascii = false, receipt?: Receipt): void {
    if (!this.open) return;
    this.out += text;
    if (!ascii) this.ascii = false;
    if (receipt !== undefined) this.waitingReceipts.push(receipt);
    this.schedule();
  }

  /**
   * Sends a space at the end of this turn unless something else goes out by then: call it when something was read. A
   * peer with Nagle's algorithm holds back what it has to say until what it said before is acknowledged, and our system
   * delays an acknowledgment by 40 ms or more while nothing is sent. [RFC1122 4.2.3.2, 4.2.3.4]
   */
  acknowledge(): void {
    if (!this.open || this.writing || !(this.stream instanceof Socket)) return;
    this.owesAck = true;
    this.schedule();
  }

  /** The same for a peer that shows that it holds back something: that takes it one delay to show. */
  acknowledgeWhereAwaited(): void {
    const answered = this.writes !== this.writesSeen;
    this.writesSeen = this.writes;
    this.nagle ??= new NagleDetector();
    if (this.nagle.read(answered)) this.acknowledge();
  }

  /** Writes what waits, unless a write is under way: what comes meanwhile goes with the next one. */
  flush(): void {
    this.events.onFlush?.();
    if (this.testsPeer && this.stream.isPaused() && this.writes > 0) this.startTest();
    else this.write();
  }

  /** Asks for `onFlush`, and a write, at the end of this turn, or when the write under way is done. */
  flushLater(): void {
    this.schedule();
  }

  /**
   * A peer that is not read is not heard to close. What is for it waits behind a space: a peer that is gone answers that
   * with a reset, so the write fails, and nothing is taken for delivered.
   */
  private startTest(): void {
    this.scheduled = false;
    if (this.test || this.writing || this.out === '' || !this.open) return;
    this.stream.write(' ');
    this.test = setTimeout(() => this.write(), WRITE_TEST_MS);
  }

  private write(): void {
    const { owesAck } = this;
    this.scheduled = this.owesAck = false;
    clearTimeout(this.test);
    this.test = undefined;
    // What an ended stream would refuse stays here, to be given back.
    if (this.writing || !this.stream.writable) return;
    if (this.out === '' && owesAck && this.open) this.out = ' ';
    if (this.out === '') return;
    if (this.waitingReceipts.length > 0)
      [this.writingReceipts, this.waitingReceipts] = [this.waitingReceipts, []];
    this.rest = this.out;
    this.restAscii = this.ascii;
    this.out = '';
    this.ascii = true;
    this.writing = true;
    this.writeSlice();
  }

  private schedule(): void {
    if (this.scheduled || this.writing) return;
    this.scheduled = true;
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
    // Most writes are taken or refused by the system at once; the callback says so only in a later turn.
    if (this.stream.writableLength === 0 && this.rest === '' && !this.stream.errored) this.wrote();
  }

  /** Asks for one call of `drained` when nothing waits any more. */
  callWhenDrained(): void {
    this.wantsDrain = true;
  }

  /** Passes on nothing until that reason is lifted. A little more is read meanwhile: so the peer is heard to close. */
  pause(reason: PauseReason): void {
    this.holds |= reason;
  }

  /** Is nothing passed on now, for whatever reason? */
  get isHeld(): boolean {
    return this.holds !== 0;
  }

  /** Lifts a reason; what was read is passed on, and reading goes on, when none is left. */
  resume(reason: PauseReason): void {
    if ((this.holds & reason) === 0) return;
    this.holds &= ~reason;
    if (!this.passing) this.passOn();
  }

  /** What was read first while it might not be passed on, where that reason is the only one; it is not passed on then. */
  takeKept(reason: PauseReason): Buffer | undefined {
    return (this.holds & ~reason) === 0 ? this.nextKept() : undefined;
  }

  /** Is there something that was read and not passed on? It can be there when the connection is over, too. */
  get keeps(): boolean {
    return this.kept.length > 0;
  }

  /** Sends a last text, then closes. What the peer still sends is read and thrown away, so that it gets to read ours. */
  close(lastText = ''): void {
    this.kept = [];
    if (!this.open) return;
    this.send(lastText);
    this.startClosing();
  }

  /** Lets go of the stream, which somebody else goes on with: no event of it comes here any more. */
  detach(): Duplex {
    this.write();
    this.closing = true;
    this.over = true;
    return this.stream;
  }

  /** Closes at once. */
  destroy(): void {
    this.closing = true;
    this.kept = [];
    this.stream.destroy();
  }

  /** Receipts of what never left, or may not have left whole, oldest first; each is given back once. */
  takeUnsent(): Receipt[] {
    const receipts = [...this.writingReceipts, ...this.waitingReceipts];
    this.writingReceipts = [];
    this.waitingReceipts = [];
    return receipts;
  }

  /** The text that was not even begun to be written. */
  get unwritten(): string {
    return this.out;
  }

  /** The peer's IP address, without the prefix of IPv4 in IPv6; empty for a stream that has none. */
  get peer(): string {
    if (!(this.stream instanceof Socket)) return '';
    return this.stream.remoteAddress?.replace(/^::ffff:/, '') ?? '';
  }

  private read(chunk: Buffer): void {
    if (this.closing) return;
    if (this.holds === 0) this.pass(chunk);
    else this.keep(chunk);
  }

  private pass(chunk: Buffer): void {
    this.passing = true;
    try {
      this.events.onData(chunk);
    } catch (error) {
      this.events.onFailed(error as Error);
    }
    this.passing = false;
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
    while (this.holds === 0 && !this.closing) {
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
    this.writing = false;
    if (this.writingReceipts.length === 0) return;
    const sent = this.writingReceipts;
    this.writingReceipts = [];
    this.events.onSent?.(sent);
  }

  private written(write: number, error: Error | null | undefined): void {
    // After an error comes the close, and then the receipts are asked for.
    if (error || write !== this.writes) return;
    // Each slice in a turn of its own, also where the peer is in this process.
    if (this.rest !== '') return void setImmediate(() => this.writeSlice());
    this.wrote();
    if (this.closing) this.endStream();
    else if (this.out !== '') this.flush();
    else if (this.wantsDrain) {
      this.wantsDrain = false;
      this.events.onDrained?.();
    }
  }

  private peerEnded(): void {
    if (this.over) return;
    this.ended = true;
    if (this.open) {
      this.endedFirst = true;
      this.events.onEnded();
    } else if (!this.writing) this.endStream();
  }

  private startClosing(): void {
    this.closing = true;
    this.stream.resume();
    this.linger = setTimeout(() => this.stream.destroy(), LINGER_MS);
    if (!this.writing) this.endStream();
  }

  private endStream(): void {
    this.write();
    if (this.writing) return;
    if (!this.stream.writableEnded) this.stream.end();
    if (this.ended) this.stream.destroy();
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.linger);
    clearTimeout(this.test);
    this.events.onClosed(this.cause());
  }

  private cause(): CloseCause {
    if (this.endedFirst) return { kind: 'remote' };
    if (this.closing) return { kind: 'local' };
    return this.brokenBy === undefined ? { kind: 'remote' } : { kind: 'broken', code: this.brokenBy };
  }
}

/** Not between the two halves of one character. */
function sliceEnd(text: string): number {
  const last = text.charCodeAt(SLICE_CHARACTERS - 1);
  return last >= 0xd800 && last < 0xdc00 ? SLICE_CHARACTERS - 1 : SLICE_CHARACTERS;
}
