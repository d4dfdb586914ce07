import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { AddressLimits } from '../config/config.js';
import { logAbuse } from '../observe/abuse.js';
import type { Log } from '../observe/log.js';
import { countedAddress, Networks } from './ip.js';
import { RateCounter } from './rate-counter.js';

/** Descriptors that are kept for the link, the control socket and files. */
const RESERVED_DESCRIPTORS = 32;
/** Under a low limit, the part of it that is kept. */
const RESERVED_PART = 1 / 4;
/** The most refused connections that are told why at the same time; others are closed without an error. */
const MAX_REFUSALS = 8;
/** How long such a connection may take to read it. */
const REFUSAL_TIMEOUT_MS = 1_000;
/** The least time between two lines of the log about the same. */
const WARNING_SECONDS = 60;
/** The least time between two reads of the limit of descriptors. */
const LIMIT_AGE_MS = 1_000;
/** Connects are counted over this time, so that many may come at once. */
const CONNECTS_SECONDS = 10;

export interface AdmissionOptions {
  readonly log: Log;
  /** The text for a connection that is refused; empty for none. */
  refusal(): string;
  /** Connections at a time; undefined: as many as there are descriptors for. */
  readonly maxClients?: number | undefined;
  /** Absent: nothing is counted against an address. */
  readonly perAddress?: Pick<AddressLimits, 'maxClients' | 'connectsPerSecond' | 'exempt'>;
}

/**
 * Decides which connections may stay. Connections are refused while nearly all file descriptors of the process are in use:
 * at the limit itself it is too late, as the system then closes connections without an error, and neither link nor store
 * get descriptors.
 */
export class Admission {
  private limit = descriptorLimit();
  private limitReadAt = performance.now();
  private refusals = 0;
  private connected = 0;
  private readonly byAddress = new Map<string, number>();
  private readonly connects = new RateCounter({ name: 'connects', seconds: CONNECTS_SECONDS });
  private readonly lines = new RateCounter({ name: 'refusal-lines', seconds: WARNING_SECONDS });
  private readonly scarce = new RefusalCount();
  private readonly full = new RefusalCount();
  private readonly exempt: Networks;

  constructor(private readonly options: AdmissionOptions) {
    this.exempt = new Networks(options.perAddress?.exempt ?? []);
  }

  /**
   * Is there room for one more connection, whoever it is from? Then it is counted until it closes.
   *
   * @returns false where it is being closed
   */
  admits(socket: Socket): boolean {
    const { maxClients = Infinity } = this.options;
    if (this.isScarce(descriptorOf(socket))) {
      this.refuse(socket);
      this.scarce.refused(this.options.log, () => this.scarceText());
      return false;
    }
    if (this.connected >= maxClients) {
      this.refuse(socket);
      this.full.refused(
        this.options.log,
        () => `as many clients as --max-clients allows (${maxClients}) are connected`,
      );
      return false;
    }
    this.connected += 1;
    socket.once('close', () => (this.connected -= 1));
    return true;
  }

  /**
   * May a connection come from there? Then it is counted there until it closes.
   *
   * @param ip canonical
   * @returns false, or a promise of it, where it is being closed
   */
  admitsFrom(socket: Socket, ip: string): boolean | Promise<boolean> {
    const { perAddress } = this.options;
    if (!perAddress || ip === '' || this.exempt.has(ip)) return true;
    const address = countedAddress(ip);
    const { maxClients, connectsPerSecond } = perAddress;
    const count = (this.byAddress.get(address) ?? 0) + 1;
    if (maxClients > 0 && count > maxClients) {
      this.refuseFrom(socket, ip, address, `more than ${maxClients} clients of this address are connected`);
      return false;
    }
    this.byAddress.set(address, count);
    socket.once('close', () => this.closedFrom(address));
    return connectsPerSecond === 0 || this.isSlowEnough(socket, ip, address, connectsPerSecond);
  }

  private async isSlowEnough(
    socket: Socket,
    ip: string,
    address: string,
    perSecond: number,
  ): Promise<boolean> {
    if ((await this.connects.add(address)) <= perSecond * CONNECTS_SECONDS) return true;
    this.refuseFrom(socket, ip, address, `more than ${perSecond} connects per second`);
    return false;
  }

  private closedFrom(address: string): void {
    const count = this.byAddress.get(address)! - 1;
    if (count > 0) this.byAddress.set(address, count);
    else this.byAddress.delete(address);
  }

  /** A new descriptor is the lowest free one, so a high one shows that all below it are in use. */
  private isScarce(descriptor: number): boolean {
    if (descriptor < mostClients(this.limit)) return false;
    const now = performance.now();
    if (now - this.limitReadAt > LIMIT_AGE_MS) {
      this.limitReadAt = now;
      this.limit = descriptorLimit(this.limit);
    }
    return descriptor >= mostClients(this.limit);
  }

  private scarceText(): string {
    return `nearly all ${this.limit} file descriptors are in use; raise LimitNOFILE in the systemd unit, or "ulimit -n"`;
  }

  private refuseFrom(socket: Socket, ip: string, address: string, reason: string): void {
    this.refuse(socket);
    void this.lines.add(`${address} ${reason}`).then((lines) => {
      if (lines === 1) logAbuse(this.options.log, 'connection refused', ip, { reason });
    });
  }

  /** Its bytes are read and dropped, so that it can read our text before the connection is gone. */
  private refuse(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const text = this.refusals < MAX_REFUSALS ? this.options.refusal() : '';
    if (text === '') return void socket.destroy();
    this.refusals += 1;
    const timer = setTimeout(() => socket.destroy(), REFUSAL_TIMEOUT_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      this.refusals -= 1;
    });
    socket.resume().end(text);
  }
}

/** Refusals that are no fault of an address: one line a minute tells of all. */
class RefusalCount {
  private count = 0;
  private toldAt = -Infinity;

  refused(log: Log, why: () => string): void {
    this.count += 1;
    const now = performance.now();
    if (now - this.toldAt < WARNING_SECONDS * 1000) return;
    log.warn(`connections are refused (${this.count} since the last such line): ${why()}`);
    this.toldAt = now;
    this.count = 0;
  }
}

/** The file descriptor of a socket; 0 where it has none. */
export function descriptorOf(socket: Socket): number {
  return (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? 0;
}

/** How many clients there can be with so many descriptors. */
function mostClients(limit: number): number {
  return limit - Math.min(RESERVED_DESCRIPTORS, Math.floor(limit * RESERVED_PART));
}

/** A sentence for an operator where there can never be as many clients; undefined where there can. */
export function tooManyClients(maxClients: number | undefined): string | undefined {
  const limit = descriptorLimit();
  const most = mostClients(limit);
  if (maxClients === undefined || maxClients <= most) return undefined;
  return (
    `--max-clients is ${maxClients}, and this process may have ${limit} file descriptors, enough for ${most} clients at ` +
    'most: raise LimitNOFILE in the systemd unit, or "ulimit -n"'
  );
}

/** The most descriptors of this process. Only Linux tells it; elsewhere nothing is refused. */
function descriptorLimit(fallback = Infinity): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return limit === undefined ? fallback : Number(limit);
  } catch {
    return fallback;
  }
}
