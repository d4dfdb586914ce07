import type { Duplex } from 'node:stream';
import type { Outbox } from './outbox.js';
import type { Sessions } from './sessions.js';

/** How long names are waited for, in milliseconds. */
const TIMES_MS = {
  /** Those that are served, after the first bind. */
  names: 1_000,
  /** Those that sessions are on, after the link was lost. */
  grace: 10_000,
} as const;

export interface ComponentPresenceOptions {
  /** Domains that clients are to find here; where there are none, whatever the router has. */
  readonly domains: readonly string[];
  /** Does the router still take new connections? */
  readonly answers: () => Promise<boolean>;
  /** Called after each bind, once: the names that are needed are there, or were waited for long enough. */
  readonly settled: () => void;
  /** There may be room again for what waits. */
  readonly relieved: () => void;
}

/**
 * Names come to the router and go, and it tells everybody, by a `<presence/>` that is nobody's presence. A name that comes
 * gets what waited for it, and one that goes takes its sessions along; but where it is the router that goes, or has been
 * away, the sms live on, and their names are given time to come back. [jabberd2 2.7.0 docs/dev/component-protocol]
 */
export class ComponentPresence {
  /** Runs from the bind until the link is opened. */
  private settling: NodeJS.Timeout | undefined;
  /** Runs from the bind on, while a session may get its sm back. */
  private grace: NodeJS.Timeout | undefined;
  /** Names that are gone, while it is found out whether the router is going as well. */
  private doubted: Set<string> | undefined;

  /** @param names that are on the router now: nobody else writes there */
  constructor(
    private readonly names: ComponentNames,
    private readonly outbox: Outbox,
    private readonly sessions: Sessions,
    private readonly options: ComponentPresenceOptions,
  ) {}

  /** The router tells right behind the bind which names it has. Those that are needed are waited for a little. */
  bound(): void {
    this.settling = setTimeout(() => this.settle(), TIMES_MS.names);
    this.allowGrace();
  }

  /** Without a link nothing is known of any name. */
  unbound(): void {
    this.stop();
    this.settling = undefined;
    this.doubted = undefined;
    this.names.clear();
  }

  /** Waits for nothing any more. */
  stop(): void {
    clearTimeout(this.settling);
    clearTimeout(this.grace);
  }

  came(name: string): void {
    if (!this.names.add(name)) return;
    if (this.doubted?.delete(name)) this.giveUp(name);
    this.outbox.came(name);
    this.probeSessions(name);
    this.options.relieved();
    this.settleWhenComplete();
  }

  gone(name: string): void {
    if (!this.names.delete(name)) return;
    this.outbox.queues.reset(name);
    if (!this.sessions.hasOn(name)) return this.giveUp(name);
    if (this.doubted) this.doubted.add(name);
    else void this.doubt(new Set([name]));
  }

  /** With nothing in particular to wait for, the names that come in one read are as good as all of them. */
  private settleWhenComplete(): void {
    if (!this.settling) return;
    const needed = this.needed();
    if (needed.size === 0) setImmediate(() => this.settle());
    else if ([...needed].every((name) => this.names.has(name))) this.settle();
  }

  private settle(): void {
    if (!this.settling) return;
    clearTimeout(this.settling);
    this.settling = undefined;
    this.options.settled();
  }

  private needed(): Set<string> {
    const needed = new Set(this.options.domains);
    for (const { name, domain } of this.sessions.allOpen()) needed.add(name).add(domain);
    return needed;
  }

  /**
   * The sms end our sessions when they hear that our name is gone, and hear nothing when the whole router was: which of
   * the two it was, nobody says. Sessions that are on a name when it comes are older than it.
   */
  private probeSessions(name: string): void {
    for (const at of this.sessions.allOpen()) if (at.name === name) this.sessions.probe(at);
  }

  /**
   * A router that is being stopped takes no new connections any more, then parts from one component after the other, and
   * tells the rest: but their sms live on, with all sessions. [jabberd2 2.7.0 router/main.c]
   */
  private async doubt(names: Set<string>): Promise<void> {
    this.doubted = names;
    const isThere = await this.options.answers();
    if (this.doubted !== names) return;
    this.doubted = undefined;
    if (isThere) for (const name of names) this.giveUp(name);
    else this.allowGrace();
  }

  /** The router may have been restarted, and the sms may be slower to find it again than we were; but not for ever. */
  private allowGrace(): void {
    clearTimeout(this.grace);
    this.grace = setTimeout(() => this.giveUpMissing(), TIMES_MS.grace);
  }

  private giveUpMissing(): void {
    for (const name of this.needed()) if (!this.names.has(name)) this.giveUp(name);
  }

  /** An sm that only lost its link has its sessions still when it is back, and they must be ended then. */
  private giveUp(name: string): void {
    for (const { c2s, payload } of this.outbox.giveUp(name)) {
      const at = this.sessions.get(c2s);
      if (at?.state === 'open') this.sessions.undelivered(at, payload);
    }
    for (const at of this.sessions.on(name)) this.sessions.leaveBehind(at);
    this.options.relieved();
  }
}

/** Most names that are remembered of those that were once there. */
const MAX_NAMES = 10_000;

/** The names that are on a router now, and those that once were. */
export class ComponentNames implements Iterable<string> {
  private readonly here = new Set<string>();
  private readonly seen = new Set<string>();

  /** @returns whether it was not there before */
  add(name: string): boolean {
    if (this.here.has(name)) return false;
    this.here.add(name);
    if (this.seen.size < MAX_NAMES) this.seen.add(name);
    return true;
  }

  /** @returns whether it was there */
  delete(name: string): boolean {
    return this.here.delete(name);
  }

  /** Without a router nothing is known to be there. */
  clear(): void {
    this.here.clear();
  }

  has(name: string): boolean {
    return this.here.has(name);
  }

  wasThere(name: string): boolean {
    return this.seen.has(name);
  }

  [Symbol.iterator](): Iterator<string> {
    return this.here[Symbol.iterator]();
  }
}

/** Why there is nothing to be had at a name, for clients and for the log. */
export function away(name: string): string {
  return `${name} is not connected to the router`;
}

/** How long an answer is waited for, in milliseconds. Who takes longer is there, and slow. */
const LOOKUP_TIMEOUT_MS = 1_000;

/**
 * Does a server still take new connections, and answer on them? One that is being stopped closes its door first, and
 * only then what is connected already. A port that is passed on by others may be open all the same: so a word is waited for.
 *
 * @param word what it would answer
 */
export function acceptsConnections(
  connect: (connected: () => void) => Duplex,
  word: string,
): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = connect(() => stream.write(word));
    const timer = setTimeout(() => settle(true), LOOKUP_TIMEOUT_MS);
    const settle = (isThere: boolean): void => {
      clearTimeout(timer);
      stream.destroy();
      resolve(isThere);
    };
    stream.on('error', () => settle(false));
    stream.on('end', () => settle(false));
    stream.on('close', () => settle(false));
    stream.on('data', () => settle(true));
  });
}
