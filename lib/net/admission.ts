import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/** Descriptors that no client gets: the link, the control socket and files need some at any time. */
const RESERVED_DESCRIPTORS = 32;
/** Where the limit is low, no more than this part of it is kept free. */
const RESERVED_PART = 1 / 4;
/** Connections that are told at a time why they are refused; what comes over that is closed without a word. */
const MAX_REFUSALS = 8;
/** How long one of them may take to read it, in milliseconds. */
const REFUSAL_MS = 1_000;
/** From one line of the log to the next, and from one look at the limit to the next, in milliseconds. */
const WARNING_MS = 60_000;
const LOOK_MS = 1_000;

export interface AdmissionEvents {
  /** What is said to a connection that is refused. */
  refusal(): string;
  /** Something that the operator should know, as a sentence. */
  onWarning(text: string): void;
}

/**
 * Refuses connections while the process is nearly out of file descriptors. At the limit itself it would be too late: the
 * system's answer then is to close them without a word to anybody, and neither link nor store get theirs.
 */
export class Admission {
  private limit = readLimit();
  private lookedAt = performance.now();
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

  /** A new descriptor is the lowest that is free, so a high one tells that all below it are in use. */
  private isScarce(descriptor: number): boolean {
    if (descriptor < this.highest) return false;
    const now = performance.now();
    if (now - this.lookedAt > LOOK_MS) {
      this.lookedAt = now;
      this.limit = readLimit(this.limit);
    }
    return descriptor >= this.highest;
  }

  private get highest(): number {
    return this.limit - Math.min(RESERVED_DESCRIPTORS, Math.floor(this.limit * RESERVED_PART));
  }

  /** What it still sends is read and thrown away, or it would lose our words with the connection. */
  private refuse(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const words = this.refusals < MAX_REFUSALS ? this.events.refusal() : '';
    if (words === '') return void socket.destroy();
    this.refusals += 1;
    const timer = setTimeout(() => socket.destroy(), REFUSAL_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      this.refusals -= 1;
    });
    socket.resume().end(words);
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

/** The file descriptor of a socket; 0 for what has none. */
export function descriptorOf(socket: Socket): number {
  return (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? 0;
}

/** How many descriptors this process may have. Where the system does not say (only Linux does), nothing is refused. */
function readLimit(fallback = Infinity): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return limit === undefined ? fallback : Number(limit);
  } catch {
    return fallback;
  }
}
