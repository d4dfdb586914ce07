import { randomBytes } from 'node:crypto';

/** Work that a packet costs the peer, as bytes, besides its characters. */
export const PACKET_COST_BYTES = 256;
/** The smallest window, and the first one, as cost. */
const MIN_WINDOW_BYTES = 65_536;
const INITIAL_WINDOW_BYTES = 262_144;
/** Probes for each window of packets. */
const PROBES_PER_WINDOW = 8;
/** Probes that are remembered: a server that sends none back lets many pile up. */
const MAX_PROBES = 64;
/** A link that sends less than the packets between two probes in this time is idle and needs no probes. */
const IDLE_MS = 1_000;
/** Delays, besides that of the network, that make the window smaller, or allow it to grow. */
const SLOW_MS = 50;
const QUICK_MS = 15;
/** The longest delay that is taken for that of the network: what takes longer has waited at the server. */
const MAX_NETWORK_MS = 500;
/** How long the first probe of a link, and any other probe, may take. */
const FIRST_PROBE_TIMEOUT_MS = 1_000;
export const PROBE_TIMEOUT_MS = 30_000;

/**
 * `new` until the first probe is back. `working` while probes come back, and `stalled` once one of a working peer has not
 * come back in time. `silent` where the first one has not: then nothing is known of the peer, and nobody waits for it, until
 * one does come back. Now and then another one is sent.
 */
type State = 'new' | 'working' | 'stalled' | 'silent';

interface Probe {
  /** {@link Window.sent} when it was sent. */
  readonly sent: number;
  /** The cost in flight then. */
  readonly inFlight: number;
  readonly at: number;
}

/** Facts about the peer. */
export interface WindowPeer {
  /** The smallest window, and the first one, as cost. */
  readonly least: number;
  readonly first: number;
  /** Is it certain that probes come back? */
  readonly answers: boolean;
}

const ANY: WindowPeer = { least: MIN_WINDOW_BYTES, first: INITIAL_WINDOW_BYTES, answers: false };

/**
 * The in-flight window: how much may be on its way to a session manager. It is as much as the session manager takes in
 * about a twentieth of a second.
 *
 * Old servers read all they can get and keep it in memory until they have time for it. A client that floods one fills that
 * queue, and all others stand at its end; neither TCP nor the server says so. So probes go out between the packets of a
 * busy link: packets that come back from the point where the server takes all others. All that was sent after the last
 * probe that came back is still in flight.
 */
export class Window {
  /** The cost of all that was sent, and of all of it that was taken. */
  sent = 0;
  taken = 0;
  private size: number;
  /** {@link sent} and the time when a probe was last due. */
  private dueCost = 0;
  private dueAt = -Infinity;
  /** When the last probe was sent. */
  private probedAt = -Infinity;
  /** {@link sent} when the window last became smaller. */
  private shrunkAt = 0;
  /** The shortest time that a probe took: that of the network. */
  private shortest = MAX_NETWORK_MS;
  /** Probes in flight, oldest first. */
  private readonly probes = new Map<string, Probe>();
  private readonly prefix = randomBytes(10).toString('hex');
  private count = 0;
  private state: State;
  private timer: NodeJS.Timeout | undefined;

  /**
   * Called with true when a server that has sent probes back has taken nothing for {@link PROBE_TIMEOUT_MS}, and with
   * false when it takes something again.
   */
  onStalled: ((stalled: boolean) => void) | undefined;

  /**
   * @param send sends a probe; its id, of at most 32 characters, must come back to {@link onProbeBack}
   * @param onRoom called when there may be room again
   * @param most the largest window, as cost
   * @param now a clock, in milliseconds
   */
  constructor(
    private readonly send: (id: string) => void,
    private readonly onRoom: () => void,
    private readonly most: number,
    private readonly now: () => number = () => performance.now(),
    private readonly peer: WindowPeer = ANY,
  ) {
    this.size = peer.first;
    this.state = this.firstState;
  }

  /** The cost that may be sent now; 0 or less where too much is in flight. */
  get room(): number {
    return this.state === 'silent' ? Infinity : this.size - (this.sent - this.taken);
  }

  /** A packet of that many characters has just been sent. */
  add(length: number): void {
    this.sent += length + PACKET_COST_BYTES;
    if (this.sent - this.dueCost >= this.size / PROBES_PER_WINDOW) this.probe();
  }

  /** @returns whether that is the id of a probe in flight, which has now been taken */
  onProbeBack(id: string): boolean {
    const probe = this.probes.get(id);
    if (!probe) return false;
    for (const older of this.probes.keys()) {
      this.probes.delete(older);
      if (older === id) break;
    }
    const now = this.now();
    this.taken = probe.sent;
    this.setState('working');
    this.resize(now - probe.at, probe);
    // Much may have been sent since the first probe, and no more will be while all clients wait.
    if (this.probes.size === 0 && this.sent - this.taken >= this.size / PROBES_PER_WINDOW)
      this.sendProbe(now);
    this.awaitProbe();
    this.onRoom();
    return true;
  }

  /** Nothing is in flight any more, and the peer may be another server. */
  reset(): void {
    this.probes.clear();
    this.taken = this.dueCost = this.sent;
    this.state = this.firstState;
    this.shortest = MAX_NETWORK_MS;
    this.size = this.peer.first;
    this.awaitProbe();
    this.onRoom();
  }

  private get firstState(): State {
    return this.peer.answers ? 'working' : 'new';
  }

  private probe(): void {
    const now = this.now();
    const isBusy = now - this.dueAt < IDLE_MS;
    this.dueCost = this.sent;
    this.dueAt = now;
    if (!isBusy && this.probes.size === 0) this.taken = this.sent;
    else if (this.isProbed || this.probes.size === 0 || this.isRetried(now)) this.sendProbe(now);
  }

  /** Does the peer send probes back? */
  private get isProbed(): boolean {
    return this.state === 'working' || this.state === 'stalled';
  }

  /** Where no probe came back, the one that was sent may be lost. */
  private isRetried(now: number): boolean {
    return this.state === 'silent' && now - this.probedAt >= PROBE_TIMEOUT_MS;
  }

  private sendProbe(at: number): void {
    this.probedAt = at;
    if (this.probes.size >= MAX_PROBES) this.probes.delete(this.probes.keys().next().value!);
    const id = `${this.prefix}-${(this.count += 1).toString(36)}`;
    this.probes.set(id, { sent: this.sent, inFlight: this.sent - this.taken, at });
    if (!this.timer) this.awaitProbe();
    this.send(id);
  }

  /** Half as large after a slow probe, once for what was sent before; twice as large where more would make no difference. */
  private resize(time: number, { inFlight, sent }: Probe): void {
    this.shortest = Math.min(this.shortest, time);
    const delay = time - this.shortest;
    if (delay > SLOW_MS && sent > this.shrunkAt) {
      this.size = Math.max(this.peer.least, this.size / 2);
      this.shrunkAt = this.sent;
    } else if (delay < QUICK_MS && inFlight > this.size / 2) this.size = Math.min(this.most, this.size * 2);
  }

  /** A server that we do not know may never send probes back, and one that did may hang: nobody shall wait for ever. */
  private awaitProbe(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.probes.size === 0 || this.state === 'silent') return;
    this.timer = setTimeout(
      () => this.timedOut(),
      this.state === 'new' ? FIRST_PROBE_TIMEOUT_MS : PROBE_TIMEOUT_MS,
    ).unref();
  }

  private timedOut(): void {
    this.timer = undefined;
    if (this.isProbed) {
      this.allowAnotherWindow();
      this.setState('stalled');
    } else this.setState('silent');
    this.onRoom();
  }

  /** Tells when the peer stalls and when it goes on. */
  private setState(state: State): void {
    const before = this.state;
    this.state = state;
    if ((state === 'stalled') !== (before === 'stalled')) this.onStalled?.(state === 'stalled');
  }

  /** What waits at a server that hangs must not grow without end: one window more may be sent, and no more. */
  private allowAnotherWindow(): void {
    this.probes.clear();
    this.taken = this.sent;
  }
}
