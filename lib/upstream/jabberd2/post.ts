import type { Log } from '../../observe/log.js';
import type { ReconnectingLink } from '../reconnecting-link.js';
import { logStalled } from '../flow/fair-queue.js';
import * as dialect from './dialect.js';
import type { Action } from './dialect.js';
import { Parked, type ParkedStanza } from './held.js';
import type { ComponentNames } from './names.js';
import { Unacknowledged } from './owed.js';
import { Requests } from './requests.js';
import { FairQueues } from './fair-queues.js';

/** How long an answer of an sm is waited for, in milliseconds: neither side has a limit of its own. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Why nothing came of a request whose answer is undefined. */
export const NO_ANSWER = 'no answer of the sm';

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
  readonly queues: FairQueues;
  readonly requests = new Requests<Action>(ANSWER_TIMEOUT_MS);
  private readonly held = new Parked();
  private readonly owed = new Unacknowledged();
  /** The opening tags of routes, by where they go. */
  private readonly heads = new Map<string, string>();

  /** @param names that are on the router now: only read here */
  constructor(
    private readonly line: ReconnectingLink,
    private readonly names: ComponentNames,
    private readonly options: OutboxOptions,
    log: Log,
  ) {
    this.queues = new FairQueues({
      probe: (name, id) => this.probe(name, id),
      blocked: (name) => this.isBlocked(name),
      stalled: (name, stalled) => logStalled(log, name, stalled),
      most: options.queueBytes,
    });
  }

  get congested(): boolean {
    return this.holdsMuch || this.line.congested;
  }

  private get holdsMuch(): boolean {
    return this.held.size > this.options.queueBytes;
  }

  /** What is kept for an sm that is away is the trouble of its users, and not of those of another one. */
  private isBlocked(name: string | undefined): boolean {
    return this.line.congested || (name !== undefined && this.holdsMuch && !this.names.has(name));
  }

  /** Is the name there? */
  reaches(name: string): boolean {
    return this.names.has(name);
  }

  /** To a name that is there; called for each stanza. */
  send(name: string, payload: string, ascii = false): void {
    const packet = this.routed(name, payload);
    this.line.send(packet, ascii);
    if (this.line.up) this.queues.to(name).window.add(packet.length);
  }

  /** A stanza for a name that is away, and that may come back with its sessions. */
  park(name: string, stanza: ParkedStanza): void {
    this.held.stanza(name, stanza);
  }

  /** Now, or when the name is there. */
  tell(name: string, payload: string): void {
    if (this.names.has(name)) this.send(name, payload);
    else this.held.tell(name, payload);
  }

  /** Whenever the name comes, until {@link settle}. */
  keepUntilAcknowledged(key: string, name: string, payload: string): void {
    this.owed.add(key, name, payload);
  }

  /** Now, and again whenever the name comes, until {@link settle}. */
  tellUntilAcknowledged(key: string, name: string, payload: string): void {
    this.keepUntilAcknowledged(key, name, payload);
    if (this.names.has(name)) this.send(name, payload);
  }

  /** What is owed by that key has been answered. */
  settle(key: string): void {
    this.owed.settle(key);
  }

  /**
   * Asks an sm.
   *
   * @param id of the request, as the payload has it
   * @param settle gets the answer while that is being read; undefined where there is none, but never before `ask` returns
   */
  ask(name: string, payload: string, id: string, settle: (answer: Action | undefined) => void): void {
    this.requests.add(id, name, settle);
    if (this.line.up && this.names.has(name)) this.send(name, payload);
    else setImmediate(() => this.requests.answer(id, undefined));
  }

  /** A stanza that did not reach its client goes to its addressee's sm, to be delivered anew, stored or refused there. */
  giveBack(text: string): void {
    const returned = dialect.returned(text);
    if (returned) this.tell(returned.to, returned.payload);
  }

  /** A name is there again: sends all that waited for it. */
  came(name: string): void {
    for (const payload of [...this.held.take(name), ...this.owed.to(name)]) this.send(name, payload);
  }

  /**
   * A name will not answer what it was asked, and its sessions do not go on.
   *
   * @returns the stanzas that waited for it
   */
  giveUp(name: string): ParkedStanza[] {
    this.requests.giveUp((request) => request.about === name);
    return this.held.takeStanzas(name);
  }

  /** There is no link any more, and so no answer, and nothing on its way. */
  unlinked(): void {
    this.requests.giveUp();
    this.queues.resetAll();
  }

  /** What is for a session that nobody has comes back from the sm. [jabberd2 2.7.0 sm] */
  private probe(name: string, id: string): void {
    this.line.send(this.routed(name, dialect.probe({ c2s: id, sm: id })));
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
