import type { Log } from '../../observe/log.js';
import type { ReconnectingLink } from '../reconnecting-link.js';
import { FairQueue, logStalled } from '../flow/fair-queue.js';
import { FairQueues } from '../flow/fair-queues.js';
import * as dialect from './dialect.js';
import type { Action } from './dialect.js';
import type { ComponentNames } from './component-presence.js';
import { Requests } from './requests.js';

/** How long an answer of an sm is waited for, in milliseconds: neither side has a limit of its own. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Why nothing came of a request whose answer is undefined. */
export const NO_ANSWER = 'no answer from the sm';

export interface OutboxOptions {
  /** Our name on the router. */
  readonly name: string;
  /** Bytes that may wait, for the link or for names that are away, before clients are no longer read. */
  readonly queueBytes: number;
}

/**
 * How packets get to the names on the router, each in a route. What is for a name that is away would only come back from
 * the router, so it waits here: a stanza while its session may go on, what is told until the name comes, what is owed
 * until the name has answered it. Only a request does not wait. [jabberd2 2.7.0 docs/dev/component-protocol, router]
 */
export class Outbox {
  /** The queues of clients with a session, by the name of its sm. */
  readonly queues: FairQueues;
  /** That of clients without one: nothing is sent on it, but it is closed while the link is full. */
  readonly loginQueue: FairQueue;
  /** That of stanzas that are given back, to whichever sm. */
  readonly returnQueue: FairQueue;
  readonly requests = new Requests<Action>(ANSWER_TIMEOUT_MS);
  private readonly parked = new Parked();
  private readonly unacknowledged = new Unacknowledged();
  /** The opening tags of routes, by where they go. */
  private readonly heads = new Map<string, string>();

  /** @param names that are on the router now: only read here */
  constructor(
    private readonly link: ReconnectingLink,
    private readonly names: ComponentNames,
    private readonly options: OutboxOptions,
    log: Log,
  ) {
    this.queues = new FairQueues({
      probe: (name, id) => this.probe(name, id),
      isBlocked: (name) => this.isBlocked(name),
      onStalled: (name, stalled) => logStalled(log, name, stalled),
      most: options.queueBytes,
    });
    this.loginQueue = this.unsent(() => link.isFull);
    this.returnQueue = this.unsent(() => this.parksMuch || link.isFull);
  }

  /** There may be room again for those that wait. */
  giveTurns(): void {
    this.loginQueue.giveTurns();
    this.queues.giveTurns();
    this.returnQueue.giveTurns();
  }

  /** A queue that is only closed or open: nothing that is sent is counted on it. */
  private unsent(isBlocked: () => boolean): FairQueue {
    return new FairQueue({ probe: () => undefined, isBlocked, most: this.options.queueBytes });
  }

  private get parksMuch(): boolean {
    return this.parked.size > this.options.queueBytes;
  }

  /** What is kept for an sm that is away is the trouble of its users, and not of those of another one. */
  private isBlocked(name: string): boolean {
    return this.link.isFull || (this.parksMuch && !this.names.has(name));
  }

  /** Is the name there? */
  reaches(name: string): boolean {
    return this.names.has(name);
  }

  /** To a name that is there; called for each stanza. */
  send(name: string, payload: string, ascii = false): void {
    const packet = this.routed(name, payload);
    this.link.send(packet, ascii);
    if (this.link.up) this.queues.to(name).window.add(packet.length);
  }

  /** A stanza for a name that is away, and that may come back with its sessions. */
  park(name: string, stanza: ParkedStanza): void {
    this.parked.stanza(name, stanza);
  }

  /** Now, or when the name is there. */
  tell(name: string, payload: string): void {
    if (this.names.has(name)) this.send(name, payload);
    else this.parked.tell(name, payload);
  }

  /** Whenever the name comes, until {@link settle}. */
  keepUntilAcknowledged(key: string, name: string, payload: string): void {
    this.unacknowledged.add(key, name, payload);
  }

  /** Now, and again whenever the name comes, until {@link settle}. */
  tellUntilAcknowledged(key: string, name: string, payload: string): void {
    this.keepUntilAcknowledged(key, name, payload);
    if (this.names.has(name)) this.send(name, payload);
  }

  /** What is owed by that key has been answered. */
  settle(key: string): void {
    this.unacknowledged.settle(key);
  }

  /**
   * Asks an sm.
   *
   * @param id of the request, as the payload has it
   * @param settle gets the answer while that is being read; undefined where there is none, but never before `ask` returns
   */
  ask(name: string, payload: string, id: string, settle: (answer: Action | undefined) => void): void {
    this.requests.add(id, name, settle);
    if (this.link.up && this.names.has(name)) this.send(name, payload);
    else setImmediate(() => this.requests.answer(id, undefined));
  }

  /** A stanza that did not reach its client goes to its addressee's sm, to be delivered anew, stored or refused there. */
  giveBack(text: string): void {
    const returned = dialect.returned(text);
    if (returned) this.tell(returned.to, returned.payload);
  }

  /** A name is there again: sends all that waited for it. */
  came(name: string): void {
    for (const payload of [...this.parked.take(name), ...this.unacknowledged.to(name)])
      this.send(name, payload);
  }

  /**
   * A name will not answer what it was asked, and its sessions do not go on.
   *
   * @returns the stanzas that waited for it
   */
  giveUp(name: string): ParkedStanza[] {
    this.requests.giveUp((request) => request.about === name);
    return this.parked.takeStanzas(name);
  }

  /** There is no link any more, and so no answer, and nothing on its way. */
  unlinked(): void {
    this.requests.giveUp();
    this.queues.resetAll();
  }

  /** What is for a session that nobody has comes back from the sm. [jabberd2 2.7.0 sm] */
  private probe(name: string, id: string): void {
    this.link.send(this.routed(name, dialect.probe({ c2s: id, sm: id })));
  }

  private routed(name: string, payload: string): string {
    return `${this.head(name)}${payload}</route>`;
  }

  private head(name: string): string {
    let head = this.heads.get(name);
    if (head === undefined) this.heads.set(name, (head = dialect.routeTo(name, this.options.name)));
    return head;
  }
}

/** Most characters that are kept of what names are to be told; what is more is forgotten. */
const MAX_TOLD_BYTES = 50_000_000;

/** A stanza of a session, as it will be sent. */
export interface ParkedStanza {
  readonly c2s: string;
  readonly payload: string;
}

/** Packets for names that are not there: what they are to be told, and stanzas of sessions that may go on. */
export class Parked {
  private readonly told = new Map<string, string[]>();
  private readonly stanzas = new Map<string, ParkedStanza[]>();
  /** Characters of all stanzas. */
  size = 0;
  private toldSize = 0;

  /** To be said when the name is back, whatever becomes of sessions. */
  tell(name: string, packet: string): void {
    if (this.toldSize + packet.length > MAX_TOLD_BYTES) return;
    this.toldSize += packet.length;
    listOf(this.told, name).push(packet);
  }

  /** To go on when the name is back with its sessions. */
  stanza(name: string, stanza: ParkedStanza): void {
    listOf(this.stanzas, name).push(stanza);
    this.size += stanza.payload.length;
  }

  /** All that waits for a name, in the order in which it may be sent. */
  take(name: string): string[] {
    const told = this.told.get(name) ?? [];
    this.told.delete(name);
    for (const { length } of told) this.toldSize -= length;
    return [...this.takeStanzas(name).map(({ payload }) => payload), ...told];
  }

  /** The stanzas that wait for a name whose sessions are over. */
  takeStanzas(name: string): ParkedStanza[] {
    const stanzas = this.stanzas.get(name) ?? [];
    this.stanzas.delete(name);
    for (const { payload } of stanzas) this.size -= payload.length;
    return stanzas;
  }
}

function listOf<Item>(lists: Map<string, Item[]>, name: string): Item[] {
  let list = lists.get(name);
  if (!list) lists.set(name, (list = []));
  return list;
}

/** Most of them that are kept; the oldest is forgotten for one more. */
const MAX_UNACKNOWLEDGED = 100_000;

/** What is owed to one name. */
interface Entry {
  readonly name: string;
  readonly payload: string;
}

/**
 * What names have to be told until they have answered: that a session is over, that a user is. What was only sent may
 * have been lost with the router, or with a session manager that did not read it any more.
 */
export class Unacknowledged {
  /** In the order in which they were made. */
  private readonly entries = new Map<string, Entry>();

  /** @param key what the answer is known by */
  add(key: string, name: string, payload: string): void {
    this.entries.set(key, { name, payload });
    if (this.entries.size > MAX_UNACKNOWLEDGED) this.entries.delete(this.entries.keys().next().value!);
  }

  /** The answer came. */
  settle(key: string): void {
    this.entries.delete(key);
  }

  /** All that a name is owed, the oldest first. */
  *to(name: string): Iterable<string> {
    for (const entry of this.entries.values()) if (entry.name === name) yield entry.payload;
  }
}
