import { PauseReason } from '../net/transport.js';
import type { CloseReason } from '../session/close-reason.js';
import { QUANTUM_BYTES, type OutboundQueue, type Sender } from '../session/outbound-queue.js';
import type { Packet, Session } from '../session/session.js';
import type { XmlStream } from '../xmpp/stream.js';
import type { ClientContext } from './context.js';
import type { RateLimit, RateLimited } from './rate-limit.js';
import { READ_MS } from './read-scheduler.js';

/** How much more room the stanzas in some bytes may need: many are small, and each one counts besides its bytes. */
const MAX_COST_FACTOR = 8;
/** Bytes that are read before the time that it took is looked at. */
const READ_CHUNK_BYTES = 16_384;
const NO_BYTES = Buffer.alloc(0);

/** What a client may have to wait for: room in its queue, or the time that others take. */
type Turns = Pick<OutboundQueue, 'wait' | 'leave'>;

/** `flowing`: bytes are read as they come; `waiting` for a turn, with what is left of them; `stopped` for ever. */
type InputState =
  | { readonly kind: 'flowing' }
  | { readonly kind: 'waiting'; readonly rest: Buffer; readonly turns: Turns }
  | { readonly kind: 'stopped' };

const FLOWING: InputState = { kind: 'flowing' };
const STOPPED: InputState = { kind: 'stopped' };

export interface InputEvents {
  /** Stanzas that were read so far. */
  readonly stanzasIn: number;
  /** The client has said more than its rate allows, for the first time: from now on it is read later. */
  onSlowed(): void;
  /** Reading threw: an error of ours. */
  onFailed(error: Error): void;
  /** The client has gone, and all that it had sent has been read. */
  onAllRead(end: CloseReason): void;
}

/** Reads what a client sends, as fast as the session manager takes it, and in turns with the other clients. */
export class Input implements RateLimited {
  private state: InputState = FLOWING;
  /** See {@link RateLimited}. */
  paidUntil = 0;
  private wasSlowed = false;
  /** The end of a client that has gone; undefined while the client is there. */
  private end: CloseReason | undefined;

  constructor(
    private readonly stream: XmlStream<Packet>,
    private readonly session: Session,
    private readonly context: Pick<ClientContext, 'queueFor' | 'readScheduler' | 'rate'>,
    private readonly events: InputEvents,
  ) {}

  get sender(): Sender {
    return this.session.sender;
  }

  /** How the client has gone after what is not read yet; undefined while it is there. */
  get ending(): CloseReason | undefined {
    return this.end;
  }

  /** Have bytes been received that were not read yet? */
  get hasMore(): boolean {
    return (this.state.kind === 'waiting' && this.state.rest.length > 0) || this.stream.transport.keeps;
  }

  /** Reads bytes that were received. They stay as they are only during the call. */
  take(bytes: Buffer): void {
    const [rest, turns] = this.read(bytes);
    if (turns) this.wait(Buffer.from(rest), turns);
  }

  /** The client has gone: it is ended when all that was received is read. */
  endAfterRest(end: CloseReason): void {
    this.end = end;
  }

  /** Goes on with what was received while nothing was read for that reason. */
  resume(reason: PauseReason): void {
    this.stream.transport.resume(reason);
    if (this.end && !this.hasMore) this.events.onAllRead(this.end);
  }

  /** Reads nothing any more. */
  stop(): void {
    if (this.state.kind === 'waiting') this.state.turns.leave(this);
    this.state = STOPPED;
  }

  onTurn(): void {
    try {
      if (this.state.kind === 'waiting') this.takeTurn(this.state.rest, this.state.turns);
    } catch (error) {
      this.events.onFailed(error as Error);
    }
  }

  private takeTurn(bytes: Buffer, turns: Turns): void {
    const [left, next] = isQueue(turns) ? this.readQuantum(bytes, turns) : this.readOn(bytes);
    if (next) return this.wait(left, next);
    const rest = this.stream.transport.takeKept(PauseReason.Room) ?? NO_BYTES;
    if (rest.length > 0) return this.wait(rest, turns);
    if (this.state.kind === 'waiting') this.state = FLOWING;
    this.resume(PauseReason.Room);
  }

  /**
   * Reads what there is room and time for.
   *
   * @returns what is left, and what that has to wait for; nothing to wait for where more may be read
   */
  private read(bytes: Buffer): readonly [rest: Buffer, turns?: Turns] {
    const queue = this.context.queueFor(this.session);
    const until = performance.now() + READ_MS;
    let rest = bytes;
    do {
      rest = this.readPart(rest, queue);
      if (queue.roomFor(this.sender) <= 0) return [rest, queue];
      const now = performance.now();
      const rate = this.exceeded(now);
      if (rate) return [rest, rate];
      if (now >= until) return [rest, this.context.readScheduler];
    } while (rest.length > 0);
    return [rest];
  }

  private readOn(bytes: Buffer): readonly [rest: Buffer, turns?: Turns] {
    const queue = this.context.queueFor(this.session);
    return queue.roomFor(this.sender) > 0 ? this.read(bytes) : [bytes, queue];
  }

  private readQuantum(bytes: Buffer, queue: OutboundQueue): readonly [rest: Buffer, turns?: Turns] {
    const rest = bytes.length > 0 ? this.readPart(bytes, queue) : NO_BYTES;
    const rate = this.exceeded(performance.now());
    if (rate) return [rest, rate];
    return rest.length > 0 ? [rest, queue] : [rest];
  }

  /** @returns what is left for another turn */
  private readPart(bytes: Buffer, queue: OutboundQueue): Buffer {
    const isTooMuch =
      bytes.length > QUANTUM_BYTES && queue.roomFor(this.sender) < bytes.length * MAX_COST_FACTOR;
    const share = isTooMuch || this.wasSlowed ? QUANTUM_BYTES : READ_CHUNK_BYTES;
    const part = bytes.length > share ? bytes.subarray(0, share) : bytes;
    const { rate } = this.context;
    const before = this.events.stanzasIn;
    const goesOn = this.stream.read(part);
    if (rate) {
      const stanzas = this.events.stanzasIn - before;
      this.paidUntil = rate.charge(this.paidUntil, performance.now(), part.length, stanzas);
    }
    return bytes.length > share && goesOn ? bytes.subarray(share) : NO_BYTES;
  }

  /** @returns the rate, where the client has said more than it allows */
  private exceeded(now: number): RateLimit | undefined {
    const { rate } = this.context;
    if (!rate?.isOver(this.paidUntil, now) || this.state.kind === 'stopped') return undefined;
    if (!this.wasSlowed) this.events.onSlowed();
    this.wasSlowed = true;
    return rate;
  }

  private wait(rest: Buffer, turns: Turns): void {
    if (this.state.kind === 'stopped') return;
    this.state = { kind: 'waiting', rest, turns };
    this.stream.transport.pause(PauseReason.Room);
    turns.wait(this);
  }
}

function isQueue(turns: Turns): turns is OutboundQueue {
  return 'roomFor' in turns;
}
