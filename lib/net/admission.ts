import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/** Descriptors that are kept for the link, the control socket and files. */
const RESERVED_DESCRIPTORS = 32;
/** Under a low limit, the part of it that is kept. */
const RESERVED_PART = 1 / 4;
/** The most refused connections that are told why at the same time; others are closed without an error. */
const MAX_REFUSALS = 8;
/** How long such a connection may take to read it. */
const REFUSAL_MS = 1_000;
/** The least time between two warnings, and between two reads of the limit. */
const WARNING_MS = 60_000;
const LIMIT_AGE_MS = 1_000;

export interface AdmissionEvents {
  /** The text for a connection that is refused; empty for none. */
  refusal(): string;
  /** A sentence for the operator. */
  onWarning(text: string): void;
}

/**
 * Refuses connections while nearly all file descriptors of the process are in use. At the limit itself it is too late:
 * then the system closes connections without an error, and neither link nor store get descriptors.
 */
export class Admission {
  private limit = readLimit();
  private limitReadAt = performance.now();
  private warnedAt = -Infinity;
  private refused = 0;
  private refusals = 0;

  constructor(private readonly events: AdmissionEvents) {}

  /** @returns whether the connection may stay; if not, it is being closed */
  admits(socket: Socket): boolean {
    if (!this.isScarce(descriptorOf(socket))) return true;
    this.refused += 1;
    this.refuse(socket);
    this.warn();
    return false;
  }

  /** A new descriptor is the lowest free one, so a high one shows that all below it are in use. */
  private isScarce(descriptor: number): boolean {
    if (descriptor < this.highest) return false;
    const now = performance.now();
    if (now - this.limitReadAt > LIMIT_AGE_MS) {
      this.limitReadAt = now;
      this.limit = readLimit(this.limit);
    }
    return descriptor >= this.highest;
  }

  private get highest(): number {
    return this.limit - Math.min(RESERVED_DESCRIPTORS, Math.floor(this.limit * RESERVED_PART));
  }

  /** Its bytes are read and dropped, so that it can read our text before the connection is gone. */
  private refuse(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const text = this.refusals < MAX_REFUSALS ? this.events.refusal() : '';
    if (text === '') return void socket.destroy();
    this.refusals += 1;
    const timer = setTimeout(() => socket.destroy(), REFUSAL_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      this.refusals -= 1;
    });
    socket.resume().end(text);
  }

  private warn(): void {
    const now = performance.now();
    if (now - this.warnedAt < WARNING_MS) return;
    this.events.onWarning(
      `connections are refused (${this.refused} since the last such line): nearly all ${this.limit} file ` +
        'descriptors are in use; raise LimitNOFILE in the systemd unit, or "ulimit -n"',
    );
    this.warnedAt = now;
    this.refused = 0;
  }
}

/** The file descriptor of a socket; 0 where it has none. */
export function descriptorOf(socket: Socket): number {
  return (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? 0;
}

/** The most descriptors of this process. Only Linux tells it; elsewhere nothing is refused. */
function readLimit(fallback = Infinity): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return limit === undefined ? fallback : Number(limit);
  } catch {
    return fallback;
  }
}
