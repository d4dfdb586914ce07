import { setTimeout as sleep } from 'node:timers/promises';
import { element, type Element } from '../xml/index.js';
import type { Inbox } from './inbox.js';
import { logIn, openStream, type ServerAccess } from './login.js';
import type { ClientCredentials } from '../xmpp/sasl/index.js';
import { ANSWER_TIMEOUT_MS, type ServerStream } from './stream.js';

/** Begins the ids of our own questions, which no script gets to see. */
const PING_ID_PREFIX = 'scenario-barrier-';

/** How long a server that has never answered one of them may take, in milliseconds. */
const FIRST_PING_TIMEOUT_MS = 3_000;

/** Given to other sessions to hear of what was done, once the server has it. In milliseconds. */
const DELIVERY_MS = 5;
/** The same where the server does not say when it has it. */
const DELIVERY_WITHOUT_PING_MS = 100;

/** How long a server may take to end the stream of somebody who has removed his account, in milliseconds. */
const SERVER_CLOSE_TIMEOUT_MS = 300;

const STANZAS = ['message', 'presence', 'iq'];

/** Is it a question of our own, or the answer to one? */
export function isRunnerPing(stanza: Element): boolean {
  return stanza.name === 'iq' && stanza.attribute('id')?.startsWith(PING_ID_PREFIX) === true;
}

/** A client of a script, logged in. */
export class ScriptClient {
  private readonly onAnswered = new Map<string, () => void>();
  private pingSupport: 'untried' | 'answered' | 'unanswered' = 'untried';
  private count = 0;

  /** @param hear told of each stanza that arrives @throws {StreamFailure} */
  static async connect(
    server: ServerAccess,
    credentials: ClientCredentials,
    resource: string,
    hear?: (stanza: Element) => void,
  ): Promise<ScriptClient> {
    const ready = await openStream(server, credentials.domain);
    try {
      const jid = await logIn(ready, server.auth, credentials, resource);
      return new ScriptClient(ready.stream, jid, credentials.domain, hear);
    } catch (error) {
      await ready.stream.close();
      throw error;
    }
  }

  private constructor(
    private readonly stream: ServerStream,
    /** The full address. */
    readonly jid: string,
    private readonly domain: string,
    hear?: (stanza: Element) => void,
  ) {
    stream.intercept((stanza) => {
      const ours = this.isOurs(stanza);
      if (!ours) hear?.(stanza);
      return ours;
    });
  }

  get inbox(): Inbox<Element> {
    return this.stream.inbox;
  }

  send(stanza: Element): void {
    // Who speaks more than stanzas (stream management counts them, client state holds them back) must not hear ours.
    if (!STANZAS.includes(stanza.name)) this.pingSupport = 'unanswered';
    this.stream.send(stanza.toString());
  }

  /** A question to the server, straight from the script's own runner. @throws {StreamFailure} */
  ask(type: 'get' | 'set', query: Element): Promise<Element> {
    return this.stream.ask(type, query);
  }

  /**
   * Waits until the server has taken all that was sent: it answers in order, so we ask something and wait for whatever
   * it says. Every server says something to a ping, and be it that it knows none [RFC6120 8.4] [jabberd 1.4.3: code 404].
   */
  async waitUntilProcessed(): Promise<void> {
    if (this.inbox.ended !== undefined) return;
    if (this.pingSupport === 'unanswered') return void (await sleep(DELIVERY_WITHOUT_PING_MS));
    const id = `${PING_ID_PREFIX}${(this.count += 1)}-${Math.random().toString(36).slice(2)}`;
    const patience = this.pingSupport === 'untried' ? FIRST_PING_TIMEOUT_MS : ANSWER_TIMEOUT_MS;
    const answered = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), patience);
      this.onAnswered.set(id, () => {
        clearTimeout(timer);
        resolve(true);
      });
      void this.inbox.over.then(() => this.release(id));
      const ping = element('ping', { xmlns: 'urn:xmpp:ping' });
      this.stream.send(element('iq', { type: 'get', id, to: this.domain }, ping).toString());
    });
    this.pingSupport = answered ? 'answered' : 'unanswered';
    await sleep(DELIVERY_MS);
  }

  /**
   * Gives the server time to end the stream by itself, as it should for a removed account [XEP-0077 3.2]. Who leaves on
   * his own at that moment makes jabberd2's c2s end the session twice, and the second end hits whoever connects next.
   * [jabberd2 2.7.0 c2s: it numbers clients by their file descriptors]
   */
  async waitForServerClose(): Promise<void> {
    const waiting = new AbortController();
    await Promise.race([
      this.inbox.over,
      sleep(SERVER_CLOSE_TIMEOUT_MS, undefined, { signal: waiting.signal }).catch(() => undefined),
    ]);
    waiting.abort();
  }

  close(): Promise<void> {
    return this.stream.close();
  }

  private isOurs(stanza: Element): boolean {
    if (!isRunnerPing(stanza)) return false;
    this.release(stanza.attribute('id')!);
    return true;
  }

  private release(id: string): void {
    this.onAnswered.get(id)?.();
    this.onAnswered.delete(id);
  }
}
