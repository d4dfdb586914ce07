/** Bytes that a client may say in a turn when there is not room for all, and each time that it is read again. */
export const QUANTUM_BYTES = 4096;

/** What somebody has said on a {@link OutboundQueue} that may still be on it, in two parts: first, and since. */
export interface Sender {
  /** The cost of a part, and what had been said on the way by all when its last packet had been. */
  first: number;
  firstAt: number;
  since: number;
  sinceAt: number;
}

export function newSender(): Sender {
  return { first: 0, firstAt: 0, since: 0, sinceAt: 0 };
}

/** Somebody who has more to say than there is room for. */
export interface Writer {
  readonly sender: Sender;
  /** May say a share of it now. */
  onTurn(): void;
}

/** The way to a session manager. All clients share it, so when it is full they take turns. */
export interface OutboundQueue {
  /** How much may be sent now, in bytes and some for each packet; none or less when it is full. */
  readonly room: number;
  /** The same for one of them: where the other side gives each user a turn, there is always room for a share of each. */
  roomFor(sender: Sender): number;
  /** A packet of that many characters, sent just now, was theirs. */
  sent(sender: Sender, length: number): void;
  /** Asks for one turn, once there is room. */
  wait(who: Writer): void;
  /** Asks for none any more. */
  leave(who: Writer): void;
}
