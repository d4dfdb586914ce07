import { randomBytes } from 'node:crypto';

/** What a packet costs the other side besides its characters. */
export const PACKET = 256;
/** The least that may be on its way, and what may be at first; costs. */
const LEAST = 65_536;
const FIRST = 262_144;
/** Marks in what may be on its way. */
const MARKS = 8;
/** Marks that are remembered; of a server that sends none back many are under way. */
const MOST_MARKS = 64;
/** What goes out more slowly than a part between two marks in this time needs no marks. Milliseconds. */
const SELDOM = 1_000;
/** Delays that are too much, and that are nothing, in milliseconds, besides that of the network. */
const SLOW = 50;
const QUICK = 15;
/** The longest that the network alone may take, in milliseconds: what takes longer has waited at the server. */
const MAX_NETWORK_MS = 500;
/** How long a mark is waited for, in milliseconds: the first one of a link, and any other. */
const TRIAL = 1_000;
const PATIENCE = 30_000;
export const STALLED_SECONDS = PATIENCE / 1000;

/**
 * `new` until the first mark is back; `silent` where none has come back in time, so that nothing is known and nobody waits
 * until one does. Now and then another one is sent.
 */
type State = 'new' | 'working' | 'silent';

interface Mark {
  /** {@link Window.sent} when it was sent. */
  readonly behind: number;
  /** What was on its way then. */
  readonly load: number;
  readonly at: number;
}

/** What is known of the other side. */
export interface WindowPeer {
  /** Cost that may be on its way however long it takes, and at first. */
  readonly least: number;
  readonly first: number;
  /** Is it sure that marks come back? */
  readonly answers: boolean;
}

const ANY: WindowPeer = { least: LEAST, first: FIRST, answers: false };

/**
 * How much may be on its way to a session manager: as much as it takes in about a twentieth of a second.
 *
 * Old servers read what they can get and keep it in memory until they have time for it. Whoever floods one fills that
 * queue, and everybody else stands at its end: neither TCP nor the server says so. So marks go out between the packets
 * of a busy link: packets that come back from where the others are taken. What is behind the last one that came back is
 * still on its way.
 */
export class Window {
  /** Costs of all that was sent, and of what has been taken of that. */
  sent = 0;
  taken = 0;
  private size: number;
  /** The cost of what the last mark stands behind. */
  private marked = 0;
  private markedAt = -Infinity;
  /** When the last mark was sent. */
  private sentAt = -Infinity;
  private shrunkAt = 0;
  /** The shortest time that a mark took: that of the network. */
  private shortest = MAX_NETWORK_MS;
  /** Marks under way, oldest first. */
  private readonly marks = new Map<string, Mark>();
  private readonly prefix = randomBytes(10).toString('hex');
  private count = 0;
  private state: State;
  private patience: NodeJS.Timeout | undefined;
  private hasStalled = false;

  /**
   * Told once when a server that has sent marks back takes nothing any more for {@link STALLED_SECONDS}, with true, and
   * once when it does again, with false.
   */
  onStalled: ((stalled: boolean) => void) | undefined;

  /**
   * @param send sends a mark; its id, of at most 32 characters, must come back to {@link back}
   * @param relieved there may be room again
   * @param most cost that may be on its way at most
   * @param now a clock, in milliseconds
   */
  constructor(
    private readonly send: (id: string) => void,
    private readonly relieved: () => void,
    private readonly most: number,
    private readonly now: () => number = () => performance.now(),
    private readonly peer: WindowPeer = ANY,
  ) {
    this.size = peer.first;
    this.state = this.first;
  }

  /** What may be sent now, as cost; none or less when too much is on its way. */
  get room(): number {
    return this.state === 'silent' ? Infinity : this.size - (this.sent - this.taken);
  }

  /** A packet of that many characters has just been sent. */
  add(length: number): void {
    this.sent += length + PACKET;
    if (this.sent - this.marked >= this.size / MARKS) this.mark();
  }

  /** @returns whether that was one of our marks, which is now known to have been there */
  back(id: string): boolean {
    const mark = this.marks.get(id);
    if (!mark) return false;
    this.setStalled(false);
    for (const older of this.marks.keys()) {
      this.marks.delete(older);
      if (older === id) break;
    }
    const now = this.now();
    this.taken = mark.behind;
    this.state = 'working';
    this.adapt(now - mark.at, mark);
    // Behind the first mark there is much without one, and it may be all there will be while everybody waits.
    if (this.marks.size === 0 && this.sent - this.taken >= this.size / MARKS) this.sendMark(now);
    this.wait();
    this.relieved();
    return true;
  }

  /** Nothing is on its way any more, and there is another server perhaps. */
  reset(): void {
    this.marks.clear();
    this.hasStalled = false;
    this.taken = this.marked = this.sent;
    this.state = this.first;
    this.shortest = MAX_NETWORK_MS;
    this.size = this.peer.first;
    this.wait();
    this.relieved();
  }

  private get first(): State {
    return this.peer.answers ? 'working' : 'new';
  }

  private mark(): void {
    const now = this.now();
    const isBusy = now - this.markedAt < SELDOM;
    this.marked = this.sent;
    this.markedAt = now;
    if (!isBusy && this.marks.size === 0) this.taken = this.sent;
    else if (this.state === 'working' || this.marks.size === 0 || this.isDue(now)) this.sendMark(now);
  }

  /** Where no mark came back, the one that was sent may be lost. */
  private isDue(now: number): boolean {
    return this.state === 'silent' && now - this.sentAt >= PATIENCE;
  }

  private sendMark(at: number): void {
    this.sentAt = at;
    if (this.marks.size >= MOST_MARKS) this.marks.delete(this.marks.keys().next().value!);
    const id = `${this.prefix}-${(this.count += 1).toString(36)}`;
    this.marks.set(id, { behind: this.sent, load: this.sent - this.taken, at });
    if (!this.patience) this.wait();
    this.send(id);
  }

  /** Half of it where it takes too long, once for what was sent before; twice as much where more would not be noticed. */
  private adapt(time: number, { load, behind }: Mark): void {
    this.shortest = Math.min(this.shortest, time);
    const delay = time - this.shortest;
    if (delay > SLOW && behind > this.shrunkAt) {
      this.size = Math.max(this.peer.least, this.size / 2);
      this.shrunkAt = this.sent;
    } else if (delay < QUICK && load > this.size / 2) this.size = Math.min(this.most, this.size * 2);
  }

  /** A server that we do not know may never send marks back; one that did may hang. Nobody shall wait for ever. */
  private wait(): void {
    clearTimeout(this.patience);
    this.patience = undefined;
    if (this.marks.size === 0 || this.state === 'silent') return;
    this.patience = setTimeout(() => this.giveUp(), this.state === 'new' ? TRIAL : PATIENCE).unref();
  }

  private giveUp(): void {
    this.patience = undefined;
    if (this.state === 'working') {
      this.letMoreGo();
      this.setStalled(true);
    } else this.state = 'silent';
    this.relieved();
  }

  private setStalled(stalled: boolean): void {
    if (this.hasStalled === stalled) return;
    this.hasStalled = stalled;
    this.onStalled?.(stalled);
  }

  /** What waits at a server that hangs must not grow without end: as much again may go, and no more. */
  private letMoreGo(): void {
    this.marks.clear();
    this.taken = this.sent;
  }
}
