import type { TlsOptions, TlsSecurity } from './tls.js';

/** The side that opened the connection, or the side that accepted it. [RFC6120 1.4] */
export type Role = 'initiating' | 'receiving';

/** Why a transport is over, as its own side sees it. */
export type CloseCause =
  /** We closed it. */
  | { readonly kind: 'local' }
  /** The peer closed it in good order. */
  | { readonly kind: 'remote' }
  /** It broke; `code` is the system's word for it (`ECONNRESET`, `ETIMEDOUT`, …). */
  | { readonly kind: 'broken'; readonly code: string };

/** Why received bytes are not passed on. Each reason is lifted by itself. */
export const enum PauseReason {
  /** They have to wait for an answer. */
  Answer = 1,
  /** There is no room where they go. */
  Room = 2,
}

/**
 * What a transport reports to its owner.
 *
 * @typeParam Receipt see {@link Transport}
 */
export interface TransportEvents<Receipt = never> {
  /** One read, or one message. The bytes stay as they are only during the call. */
  onData(chunk: Buffer): void;
  /** `onData` threw: an error of ours, which must cost nobody but this connection. */
  onFailed(error: Error): void;
  /** The end of a turn of the event loop: something may still be sent before all that waits is written. */
  onFlush?(): void;
  /** Everything that was sent with these receipts has left. */
  onSent?(receipts: readonly Receipt[]): void;
  /** Everything that was sent has left; called after {@link Transport.callWhenDrained}. */
  onDrained?(): void;
  /** The peer has closed its side. Ours is still open, and should be closed soon. See {@link Transport.keeps}. */
  onEnded(): void;
  /** The transport is over. Called once, and nothing after it but `onData` for bytes that are still kept. */
  onClosed(cause: CloseCause): void;
}

/**
 * A connection to one peer, whatever carries it: it gathers what is sent into one write per turn of the event loop, keeps
 * back what is received while its owner is not ready, and ends once.
 *
 * @typeParam Receipt what the owner gives with a text and gets back if the text never left
 */
export interface Transport<Receipt = never> {
  /** The peer's IP address, without the prefix of IPv4 in IPv6; empty where there is none. */
  readonly peerAddress: string;
  /** Has the client come to a trusted proxy by TLS, which goes on without it from there? */
  readonly isEncryptedToProxy: boolean;
  /** The file descriptor; 0 where there is none. */
  readonly descriptor: number;
  /** What TLS says of the connection; undefined where it is not encrypted. */
  readonly security: TlsSecurity | undefined;
  /** Undefined where bytes are not counted. */
  readonly bytesRead: number | undefined;
  readonly bytesWritten: number | undefined;
  /**
   * Is a peer that we do not read tested before we write to it? The owner may turn that off: the test delays the text.
   */
  testsPeer: boolean;

  /** Begins to read. Called once, by the owner, in the turn in which it got the transport. */
  start(events: TransportEvents<Receipt>): void;

  // --- sending ------------------------------------------------------------------------------------------------------

  /** May something still be sent? */
  readonly open: boolean;
  /** Bytes (about) that were sent and have not left, and receipts that are kept in memory. */
  readonly waiting: number;
  /** Milliseconds since the peer last took any of the waiting text; 0 when no text waits. */
  readonly stalled: number;
  /** The text whose writing has not begun. */
  readonly unwritten: string;
  /**
   * Sends a text at the end of this turn.
   *
   * @param ascii whether the text is ASCII only, if that is known
   */
  send(text: string, ascii?: boolean, receipt?: Receipt): void;
  /** Asks for `onFlush`, and a write, at the end of this turn. */
  flushLater(): void;
  /** Asks for one call of `onDrained` when nothing waits any more. */
  callWhenDrained(): void;
  /**
   * Do more than `limit` bytes wait? Text of this turn is written before the answer, and the text that would come next
   * does not count: a peer is not slow because somebody sends it something big.
   */
  isFull(limit: number): boolean;
  /** Receipts of texts that never left, or may not have left whole, oldest first. Each is given back once. */
  takeUnsent(): Receipt[];
  /** Acknowledges the last read at once, where our system would delay that. Anything sent in this turn does so, too. */
  acknowledge(): void;
  /** The same for a peer that shows that it waits for acknowledgements. */
  acknowledgeWhereAwaited(): void;

  // --- receiving ----------------------------------------------------------------------------------------------------

  /** Passes nothing on until that reason is lifted. */
  pause(reason: PauseReason): void;
  /** Lifts a reason. When none is left, kept bytes are passed on and reading goes on. */
  resume(reason: PauseReason): void;
  /** Is nothing passed on now, for any reason? */
  readonly isHeld: boolean;
  /** Are there bytes that were received and not passed on? There may be some when the transport is over, too. */
  readonly keeps: boolean;
  /** The oldest kept bytes, where that reason is the only one to hold them; they are not passed on then. */
  takeKept(reason: PauseReason): Buffer | undefined;

  // --- the end ------------------------------------------------------------------------------------------------------

  /** Is the transport over? Then {@link TransportEvents.onClosed} was called, or is being called. */
  readonly isOver: boolean;
  /**
   * Encrypts from now on. Text that was sent before is written first; kept bytes are dropped. Only for transports of
   * plain bytes: a WebSocket is encrypted from its beginning.
   *
   * @param onEncrypted called once; with an error the transport is over, too
   */
  encrypt(role: Role, options: TlsOptions, onEncrypted: (error?: Error) => void): void;
  /** Sends a last text, then closes. Until the peer closes as well its bytes are read and dropped, so that it can read the text. */
  close(lastText?: string): void;
  /** Closes at once. */
  destroy(): void;
}
