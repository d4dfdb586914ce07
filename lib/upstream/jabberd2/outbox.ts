import type { Log } from '../../observe/log.js';
import type { ReconnectingLink } from '../reconnecting-link.js';
import { FairQueue, logStalled } from '../flow/fair-queue.js';
import { FairQueues } from '../flow/fair-queues.js';
import * as dialect from './dialect.js';
import type { Action } from './dialect.js';
import type { ComponentNames } from './component-presence.js';
import { Requests } from './requests.js';

/** How long an answer of an sm is waited for: neither side has a limit of its own. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Why a request failed that has no answer. */
export const NO_ANSWER = 'no answer from the sm';

export interface OutboxOptions {
  /** Our name on the router. */
  readonly name: string;
  /** Bytes that may wait, for the link or for names that are away, before clients are no longer read. */
  readonly queueBytes: number;
}

/**
 * Packets to the names on the router, each in a route. The router would only return what is sent to a name that is away; so
 * such packets are kept here. A stanza is parked while its session may go on; an order that needs an answer is kept until
 * it has one, and sent again each time that the name comes. Only requests do not wait.
 * [jabberd2 2.7.0 docs/dev/component-protocol, router]
 */
export class Outbox {
  /** The queues of clients with a session, by the name of its sm. */
  readonly queues: FairQueues;
  /** The queue of clients without one: nothing is sent on it, but it is closed while the link is full. */
  readonly loginQueue: FairQueue;
  /** The queue of stanzas that are given back, to whichever sm. */
  readonly returnQueue: FairQueue;
  readonly requests = new Requests<Action>(ANSWER_TIMEOUT_MS);
  private readonly parked = new Parked();
  private readonly unacknowledged = new Unacknowledged();
  /** The opening tags of routes, by their addressee. */
  private readonly openingTags = new Map<string, string>();

  /** @param names that are on the router now; only read here */
  constructor(
    private readonly link: ReconnectingLink,
    private readonly names: ComponentNames,
    private readonly options: OutboxOptions,
    log: Log,
  ) {
    this.queues = new FairQueues({
      probe: (name, id) => this.probe(name, id),
      isBlocked: (name) => link.isFull || (this.parksMuch && !names.has(name)),
      onStalled: (name, stalled) => logStalled(log, name, stalled),
      most: options.queueBytes,
    });
    this.loginQueue = this.gate(() => link.isFull);
    this.returnQueue = this.gate(() => link.isFull || this.parksMuch);
  }

  /** There may be room again for packets that wait. */
  giveTurns(): void {
    this.loginQueue.giveTurns();
    this.queues.giveTurns();
    this.returnQueue.giveTurns();
  }

  /** Is the name there? */
  reaches(name: string): boolean {
    return this.names.has(name);
  }

  /** To a name that is there; called for each stanza. */
  send(name: string, payload: string, ascii = false): void {
    const packet = this.route(name, payload);
    this.link.send(packet, ascii);
    if (this.link.up) this.queues.to(name).window.add(packet.length);
  }

  /** A stanza for a name that is away, and may come back with its sessions. */
  park(name: string, stanza: ParkedStanza): void {
    this.parked.addStanza(name, stanza);
  }

  /** Now, or when the name is there. */
  tell(name: string, payload: string): void {
    if (this.names.has(name)) this.send(name, payload);
    else this.parked.add(name, payload);
  }

  /** Whenever the name comes, until {@link acknowledged}. */
  keepUntilAcknowledged(key: string, name: string, payload: string): void {
    this.unacknowledged.add(key, name, payload);
  }

  /** Now, and again whenever the name comes, until {@link acknowledged}. */
  tellUntilAcknowledged(key: string, name: string, payload: string): void {
    this.keepUntilAcknowledged(key, name, payload);
    if (this.names.has(name)) this.send(name, payload);
  }

  /** The packet of that key has been answered. */
  acknowledged(key: string): void {
    this.unacknowledged.delete(key);
  }

  /**
   * Asks an sm.
   *
   * @param id of the request, as the payload has it
   * @param onAnswer see {@link Requests.add}; never called before `ask` returns
   */
  ask(name: string, payload: string, id: string, onAnswer: (answer: Action | undefined) => void): void {
    this.requests.add(id, name, onAnswer);
    if (this.link.up && this.names.has(name)) this.send(name, payload);
    else setImmediate(() => this.requests.answer(id, undefined));
  }

  /** A stanza that did not reach its client goes to the sm of its addressee, which delivers it anew, stores or refuses it. */
  giveBack(text: string): void {
    const returned = dialect.returned(text);
    if (returned) this.tell(returned.to, returned.payload);
  }

  /** A name is there again: sends all that waited for it. */
  sendWaiting(name: string): void {
    for (const payload of [...this.parked.take(name), ...this.unacknowledged.to(name)])
      this.send(name, payload);
  }

  /**
   * A name will answer no requests, and its sessions do not go on.
   *
   * @returns the stanzas that waited for it
   */
  giveUp(name: string): ParkedStanza[] {
    this.requests.giveUp(name);
    return this.parked.takeStanzas(name);
  }

  /** The link was lost: no answers come, and nothing is in flight. */
  unlinked(): void {
    this.requests.giveUp();
    this.queues.resetAll();
  }

  private get parksMuch(): boolean {
    return this.parked.size > this.options.queueBytes;
  }

  /** A queue that is only open or closed: nothing that is sent is counted on it. */
  private gate(isBlocked: () => boolean): FairQueue {
    return new FairQueue({ probe: () => undefined, isBlocked, most: this.options.queueBytes });
  }

  /** A stanza for a session that nobody has comes back from the sm. [jabberd2 2.7.0 sm] */
  private probe(name: string, id: string): void {
    this.link.send(this.route(name, dialect.probe({ c2s: id, sm: id })));
  }

  private route(name: string, payload: string): string {
    return `${this.openingTag(name)}${payload}</route>`;
  }

  private openingTag(name: string): string {
    let tag = this.openingTags.get(name);
    if (tag === undefined) this.openingTags.set(name, (tag = dialect.routeTo(name, this.options.name)));
    return tag;
  }
}

/** Characters that are kept besides stanzas; packets beyond that are dropped. */
const MAX_PARKED_BYTES = 50_000_000;

/** A stanza of a session, as it will be sent. */
export interface ParkedStanza {
  readonly c2s: string;
  readonly payload: string;
}

/** Packets for names that are away: stanzas of sessions that may go on, and others. */
class Parked {
  private readonly others = new Map<string, string[]>();
  private readonly stanzas = new Map<string, ParkedStanza[]>();
  /** Characters of all stanzas. */
  size = 0;
  private otherSize = 0;

  /** To be sent when the name is back, even if its sessions are over. */
  add(name: string, packet: string): void {
    if (this.otherSize + packet.length > MAX_PARKED_BYTES) return;
    this.otherSize += packet.length;
    listOf(this.others, name).push(packet);
  }

  /** To be sent when the name is back with its sessions. */
  addStanza(name: string, stanza: ParkedStanza): void {
    listOf(this.stanzas, name).push(stanza);
    this.size += stanza.payload.length;
  }

  /** All packets for a name, in the order in which they may be sent. */
  take(name: string): string[] {
    const others = this.others.get(name) ?? [];
    this.others.delete(name);
    for (const { length } of others) this.otherSize -= length;
    return [...this.takeStanzas(name).map(({ payload }) => payload), ...others];
  }

  /** The stanzas for a name whose sessions are over. */
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

/** Packets that are kept; the oldest is forgotten for one more. */
const MAX_UNACKNOWLEDGED = 100_000;

/**
 * Packets that are sent until they are answered: that a session is over, that a user is removed. One that was only sent may
 * have been lost with the router, or with a session manager that did not read it any more.
 */
class Unacknowledged {
  /** By the key of their answer, in the order in which they were made. */
  private readonly packets = new Map<string, { readonly name: string; readonly payload: string }>();

  add(key: string, name: string, payload: string): void {
    this.packets.set(key, { name, payload });
    if (this.packets.size > MAX_UNACKNOWLEDGED) this.packets.delete(this.packets.keys().next().value!);
  }

  /** Its answer came. */
  delete(key: string): void {
    this.packets.delete(key);
  }

  /** Those for a name, the oldest first. */
  *to(name: string): Iterable<string> {
    for (const packet of this.packets.values()) if (packet.name === name) yield packet.payload;
  }
}
