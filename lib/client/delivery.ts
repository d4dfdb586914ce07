import type { CloseReason } from '../session/close-reason.js';
import { PACKET_BYTES, type Packet, type Session } from '../session/session.js';
import type { XmlStream } from '../xmpp/stream.js';
import { toAlias, type Alias } from './alias.js';
import type { Backlogged } from './backlog.js';
import type { ClientContext } from './context.js';

/** How long a client for which too much waits may take nothing of it. */
const SLOW_AFTER_MS = 5_000;
/** Over so many times what may wait, a client is ended even if it reads. */
const MAX_QUEUE_FACTOR = 16;

/**
 * `open`: stanzas are written; `withheld`: the client has gone, and what comes for it goes back when its session has
 * ended; `closed`.
 */
type DeliveryState =
  | { readonly kind: 'open' }
  | { readonly kind: 'withheld'; readonly end: CloseReason; readonly packets: Packet[]; bytes: number }
  | { readonly kind: 'closed'; readonly late: readonly Packet[] };

/** Writes stanzas to a client, and ends it where it does not read them. */
export class Delivery implements Backlogged {
  private state: DeliveryState = { kind: 'open' };
  /** Set where the client calls its host by another name than the session manager. */
  alias: Alias | undefined;
  /** Stanzas of the session manager, and those that were made here for it. */
  stanzas = 0;

  /** @param onEnd called where the client has to be ended */
  constructor(
    private readonly stream: XmlStream<Packet>,
    private readonly session: Session,
    private readonly context: Pick<ClientContext, 'registry' | 'limits' | 'aliasReplies' | 'backlog'>,
    private readonly onEnd: (end: CloseReason) => void,
  ) {}

  /** Bytes (about) that wait for the client. */
  get waiting(): number {
    return this.state.kind === 'closed' ? 0 : this.stream.transport.waiting;
  }

  deliver(packet: Packet): void {
    const { state } = this;
    if (state.kind === 'withheld') this.withhold(packet, state);
    else if (this.mayWrite()) this.write(packet.text, packet.whole.ascii, packet);
    else this.giveBack([packet]);
  }

  tell(text: string): void {
    if (this.state.kind !== 'withheld' && this.mayWrite()) this.write(text, false);
  }

  /** Sends what we write ourselves. @param limit bytes that may wait for the client */
  say(text: string, limit: number): void {
    const shown = this.shown(text);
    if (this.stream.transport.isFull(limit)) this.onEnd({ kind: 'slow-reader' });
    else this.stream.send(shown);
  }

  tooMuch(): void {
    this.onEnd({ kind: 'slow-reader' });
  }

  /** The client has gone, and is ended later: nothing is written for it any more. */
  stopWriting(end: CloseReason): void {
    const { packets, bytes } = this.state.kind === 'withheld' ? this.state : { packets: [], bytes: 0 };
    this.state = { kind: 'withheld', end, packets, bytes };
  }

  /** The stream has ended. */
  close(): void {
    this.state = { kind: 'closed', late: this.state.kind === 'withheld' ? this.state.packets : [] };
  }

  /** The connection is over: gives back what the client has not got. */
  finish(): void {
    this.giveBack(this.state.kind === 'closed' ? this.state.late : []);
  }

  /** Ends the client where too much waits for it already. */
  private mayWrite(): boolean {
    const { clientQueueBytes } = this.context.limits;
    if (!this.stream.transport.isFull(clientQueueBytes) || !this.isSlow()) return true;
    this.onEnd({ kind: 'slow-reader' });
    this.giveBack([]);
    return false;
  }

  private write(text: string, ascii: boolean, packet?: Packet): void {
    this.stanzas += 1;
    if (this.alias) this.stream.send(this.shown(text), false, packet);
    else this.stream.send(text, ascii, packet);
    this.context.backlog.sent(this, text.length);
  }

  /** Where too much comes for a client that has gone, its session ends at once. */
  private withhold(packet: Packet, state: DeliveryState & { kind: 'withheld' }): void {
    state.packets.push(packet);
    state.bytes += packet.text.length + PACKET_BYTES;
    if (state.bytes > this.context.limits.clientQueueBytes) this.onEnd(state.end);
  }

  /** A client that gets much at once (all that was stored for it) and takes it is not slow, though it may take a while. */
  private isSlow(): boolean {
    const { transport } = this.stream;
    const { clientQueueBytes } = this.context.limits;
    return transport.stalled > SLOW_AFTER_MS || transport.isFull(clientQueueBytes * MAX_QUEUE_FACTOR);
  }

  /** Gives back what was not written, and after that some packets more. */
  private giveBack(late: readonly Packet[]): void {
    this.context.registry.giveBack(this.session, [...this.stream.transport.takeUnsent(), ...late]);
  }

  /** A stanza of the session manager as this client gets it. */
  private shown(text: string): string {
    return this.alias && this.context.aliasReplies ? toAlias(text, this.alias) : text;
  }
}
