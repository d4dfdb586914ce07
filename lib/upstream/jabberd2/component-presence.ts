import type { Transport } from '../../net/transport.js';
import type { Outbox } from './outbox.js';
import type { Sessions } from './sessions.js';

/** How long the names that are served are waited for after a bind. */
const NAMES_TIMEOUT_MS = 1_000;
/** How long the names of open sessions are waited for after the link, or the router, was away. */
const GRACE_TIMEOUT_MS = 10_000;

export interface ComponentPresenceOptions {
  /** The domains that are served; where there are none, all names of the router. */
  readonly domains: readonly string[];
  /** Does the router still accept connections? */
  readonly acceptsConnections: () => Promise<boolean>;
  /** Called once after each bind: the names that are needed are there, or were waited for long enough. */
  readonly onSettled: () => void;
  /** There may be room again for packets that wait. */
  readonly onRoom: () => void;
}

/**
 * Which components are connected to the router. It announces each one that comes or goes to all others, by a `<presence/>`
 * from its name. When a name comes, packets that waited for it are sent; when it goes, its sessions end. But where the
 * router itself is stopped, or was away, the sms go on with their sessions: their names get time to come back.
 * [jabberd2 2.7.0 docs/dev/component-protocol]
 */
export class ComponentPresence {
  /** Runs from the bind until the link is opened. */
  private settling: NodeJS.Timeout | undefined;
  /** Runs while sessions may get their sm back. */
  private grace: NodeJS.Timeout | undefined;
  /** Names that have gone, while it is checked whether the router is being stopped. */
  private checked: Set<string> | undefined;

  /** @param names that are on the router now; only written here */
  constructor(
    private readonly names: ComponentNames,
    private readonly outbox: Outbox,
    private readonly sessions: Sessions,
    private readonly options: ComponentPresenceOptions,
  ) {}

  /** Our name is bound. The router announces its names right after that; the ones that are needed are waited for. */
  bound(): void {
    this.settling = setTimeout(() => this.settle(), NAMES_TIMEOUT_MS);
    this.allowGrace();
  }

  /** The link is lost: no name is known to be there. */
  unbound(): void {
    this.stop();
    this.settling = undefined;
    this.checked = undefined;
    this.names.clear();
  }

  /** Waits for nothing any more. */
  stop(): void {
    clearTimeout(this.settling);
    clearTimeout(this.grace);
  }

  available(name: string): void {
    if (!this.names.add(name)) return;
    // It has connected again, so its old connection was lost, and the router was there all the time.
    if (this.checked?.delete(name)) this.giveUp(name);
    this.outbox.sendWaiting(name);
    this.probeSessions(name);
    this.options.onRoom();
    this.settleWhenComplete();
  }

  unavailable(name: string): void {
    if (!this.names.delete(name)) return;
    this.outbox.queues.reset(name);
    if (!this.sessions.hasOn(name)) return this.giveUp(name);
    if (this.checked) this.checked.add(name);
    else void this.checkRouter(new Set([name]));
  }

  /** Where no name is needed, the names that come in one read are taken for all of them. */
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
    this.options.onSettled();
  }

  private needed(): Set<string> {
    const needed = new Set(this.options.domains);
    for (const { name, domain } of this.sessions.allOpen()) needed.add(name).add(domain);
    return needed;
  }

  /**
   * Asks about the sessions of a name that has just come: they are older than its connection. Its sm has ended them if it
   * heard that our name was gone, and has them still if the whole router was: nobody tells which of the two it was.
   */
  private probeSessions(name: string): void {
    for (const open of this.sessions.allOpen()) if (open.name === name) this.sessions.probe(open);
  }

  /**
   * A router that is being stopped accepts no new connections, then disconnects one component after the other and
   * announces that to the rest; but their sms go on, with all sessions. [jabberd2 2.7.0 router/main.c]
   */
  private async checkRouter(names: Set<string>): Promise<void> {
    this.checked = names;
    const isThere = await this.options.acceptsConnections();
    if (this.checked !== names) return;
    this.checked = undefined;
    if (isThere) for (const name of names) this.giveUp(name);
    else this.allowGrace();
  }

  /** The router may have been restarted, and sms may find it again later than we do. */
  private allowGrace(): void {
    clearTimeout(this.grace);
    this.grace = setTimeout(() => this.giveUpMissing(), GRACE_TIMEOUT_MS);
  }

  private giveUpMissing(): void {
    for (const name of this.needed()) if (!this.names.has(name)) this.giveUp(name);
  }

  /** The sessions of a name end. An sm that only lost its link has them still when it is back: then it is told. */
  private giveUp(name: string): void {
    for (const { c2s, payload } of this.outbox.giveUp(name)) {
      const session = this.sessions.get(c2s);
      if (session?.state === 'open') this.sessions.undelivered(session, payload);
    }
    for (const open of this.sessions.on(name)) this.sessions.leaveBehind(open);
    this.options.onRoom();
  }
}

/** Names that are remembered after they have gone. */
const MAX_NAMES = 10_000;

/** The names that are on a router now, and those that once were. */
export class ComponentNames implements Iterable<string> {
  private readonly present = new Set<string>();
  private readonly seen = new Set<string>();

  /** @returns whether it was not there before */
  add(name: string): boolean {
    if (this.present.has(name)) return false;
    this.present.add(name);
    if (this.seen.size < MAX_NAMES) this.seen.add(name);
    return true;
  }

  /** @returns whether it was there */
  delete(name: string): boolean {
    return this.present.delete(name);
  }

  clear(): void {
    this.present.clear();
  }

  has(name: string): boolean {
    return this.present.has(name);
  }

  wasThere(name: string): boolean {
    return this.seen.has(name);
  }

  [Symbol.iterator](): Iterator<string> {
    return this.present[Symbol.iterator]();
  }
}

/** Why nothing can be sent to a name, for clients and for the log. */
export function away(name: string): string {
  return `${name} is not connected to the router`;
}

/** How long the answer to a first text is waited for: a server that takes longer is there, and slow. */
const ANSWER_TIMEOUT_MS = 1_000;

/**
 * Does a server still accept connections, and answer on them? One that is being stopped first closes its port, and then its
 * connections. The port alone proves nothing, because a proxy may hold it open: so an answer is waited for.
 *
 * @param text to which it would answer
 */
export function acceptsConnections(
  connect: (onConnect: () => void) => Transport,
  text: string,
): Promise<boolean> {
  return new Promise((resolve) => {
    const transport = connect(() => transport.send(text));
    const timer = setTimeout(() => settle(true), ANSWER_TIMEOUT_MS);
    const settle = (isThere: boolean): void => {
      clearTimeout(timer);
      transport.destroy();
      resolve(isThere);
    };
    transport.start({
      onData: () => settle(true),
      onFailed: () => settle(false),
      onEnded: () => settle(false),
      onClosed: () => settle(false),
    });
  });
}
