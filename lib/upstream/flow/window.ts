import { randomBytes } from 'node:crypto';

/** What a packet costs the other side besides its characters. */
export const PACKET_COST = 256;
/** The least that may be on its way, and what may be at first; costs. */
const MIN_SIZE = 65_536;
const INITIAL_SIZE = 262_144;
/** Probes in what may be on its way. */
const PROBES_PER_WINDOW = 8;
/** Probes that are remembered; of a server that sends none back many are under way. */
const MAX_PROBES = 64;
/** What goes out more slowly than a part between two probes in this time needs no probes. Milliseconds. */
const IDLE_MS = 1_000;
/** Delays that are too much, and that are nothing, in milliseconds, besides that of the network. */
const SLOW_MS = 50;
const QUICK_MS = 15;
/** The longest that the network alone may take, in milliseconds: what takes longer has waited at the server. */
const MAX_NETWORK_MS = 500;
/** How long a probe is waited for, in milliseconds: the first one of a link, and any other. */
const FIRST_PROBE_TIMEOUT_MS = 1_000;
const PROBE_TIMEOUT_MS = 30_000;
export const STALLED_SECONDS = PROBE_TIMEOUT_MS / 1000;

/**
 * `new` until the first probe is back; `silent` where none has come back in time, so that nothing is known and nobody waits
 * until one does. Now and then another one is sent.
 */
type State = 'new' | 'working' | 'silent';

interface Probe {
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
  /** Is it sure that probes come back? */
  readonly answers: boolean;
}

const ANY: WindowPeer = { least: MIN_SIZE, first: INITIAL_SIZE, answers: false };

/**
 * How much may be on its way to a session manager: as much as it takes in about a twentieth of a second.
 *
 * Old servers read what they can get and keep it in memory until they have time for it. Whoever floods one fills that
 * queue, and everybody else stands at its end: neither TCP nor the server says so. So probes go out between the packets
 * of a busy link: packets that come back from where the others are taken. What is behind the last one that came back is
 * still on its way.
 */
export class Window {
  /** Costs of all that was sent, and of what has been taken of that. */
  sent = 0;
  taken = 0;
  private size: number;
  /** The cost of what the last probe stands behind. */
  private probed = 0;
  private probedAt = -Infinity;
  /** When the last probe was sent. */
  private sentAt = -Infinity;
  private shrunkAt = 0;
  /** The shortest time that a probe took: that of the network. */
  private shortest = MAX_NETWORK_MS;
  /** Probes under way, oldest first. */
  private readonly probes = new Map<string, Probe>();
  private readonly prefix = randomBytes(10).toString('hex');
  private count = 0;
  private state: State;
  private timer: NodeJS.Timeout | undefined;
  private hasStalled = false;

  /**
   * Told once when a server that has sent probes back takes nothing any more for {@link STALLED_SECONDS}, with true, and
   * once when it does again, with false.
   */
  onStalled: ((stalled: boolean) => void) | undefined;

  /**
   * @param send sends a probe; its id, of at most 32 characters, must come back to {@link onProbeBack}
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
    this.sent += length + PACKET_COST;
    if (this.sent - this.probed >= this.size / PROBES_PER_WINDOW) this.probe();
  }

  /** @returns whether that was one of our probes, which is now known to have been there */
  onProbeBack(id: string): boolean {
    const probe = this.probes.get(id);
    if (!probe) return false;
    this.setStalled(false);
    for (const older of this.probes.keys()) {
      this.probes.delete(older);
      if (older === id) break;
    }
    const now = this.now();
    this.taken = probe.behind;
    this.state = 'working';
    this.adapt(now - probe.at, probe);
    // Behind the first probe there is much without one, and it may be all there will be while everybody waits.
    if (this.probes.size === 0 && this.sent - this.taken >= this.size / PROBES_PER_WINDOW)
      this.sendProbe(now);
    this.wait();
    this.relieved();
    return true;
  }

  /** Nothing is on its way any more, and there is another server perhaps. */
  reset(): void {
    this.probes.clear();
    this.hasStalled = false;
    this.taken = this.probed = this.sent;
    this.state = this.first;
    this.shortest = MAX_NETWORK_MS;
    this.size = this.peer.first;
    this.wait();
    this.relieved();
  }

  private get first(): State {
    return this.peer.answers ? 'working' : 'new';
  }

  private probe(): void {
    const now = this.now();
    const isBusy = now - this.probedAt < IDLE_MS;
    this.probed = this.sent;
    this.probedAt = now;
    if (!isBusy && this.probes.size === 0) this.taken = this.sent;
    else if (this.state === 'working' || this.probes.size === 0 || this.isDue(now)) this.sendProbe(now);
  }

  /** Where no probe came back, the one that was sent may be lost. */
  private isDue(now: number): boolean {
    return this.state === 'silent' && now - this.sentAt >= PROBE_TIMEOUT_MS;
  }

  private sendProbe(at: number): void {
    this.sentAt = at;
    if (this.probes.size >= MAX_PROBES) this.probes.delete(this.probes.keys().next().value!);
    const id = `${this.prefix}-${(this.count += 1).toString(36)}`;
    this.probes.set(id, { behind: this.sent, load: this.sent - this.taken, at });
    if (!this.timer) this.wait();
    this.send(id);
  }

  /** Half of it where it takes too long, once for what was sent before; twice as much where more would not be noticed. */
  private adapt(time: number, { load, behind }: Probe): void {
    this.shortest = Math.min(this.shortest, time);
    const delay = time - this.shortest;
    if (delay > SLOW_MS && behind > this.shrunkAt) {
      this.size = Math.max(this.peer.least, this.size / 2);
      this.shrunkAt = this.sent;
    } else if (delay < QUICK_MS && load > this.size / 2) this.size = Math.min(this.most, this.size * 2);
  }

  /** A server that we do not know may never send probes back; one that did may hang. Nobody shall wait for ever. */
  private wait(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.probes.size === 0 || this.state === 'silent') return;
    this.timer = setTimeout(
      () => this.giveUp(),
      this.state === 'new' ? FIRST_PROBE_TIMEOUT_MS : PROBE_TIMEOUT_MS,
    ).unref();
  }

  private giveUp(): void {
    this.timer = undefined;
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
    this.probes.clear();
    this.taken = this.sent;
  }
}
