import { setTimeout as sleep } from 'node:timers/promises';
import { element, type Element } from '../xml/index.js';
import type { Inbox } from './inbox.js';
import { logIn, openStream, type ServerAccess } from './login.js';
import type { ClientCredentials } from '../xmpp/sasl/index.js';
import { ANSWER_TIMEOUT_MS, type ServerStream } from './stream.js';
import { PING } from '../xmpp/namespaces.js';

/** Of the ids of our own pings, which scripts do not see. */
const PING_ID_PREFIX = 'scenario-barrier-';

/** For the first ping; later ones have longer. */
const FIRST_PING_TIMEOUT_MS = 3_000;

/** Time for the server to deliver stanzas to other sessions, after it has processed them. */
const DELIVERY_MS = 5;
/** The same where the server does not answer pings. */
const DELIVERY_WITHOUT_PING_MS = 100;

/** For the server to close the stream of an account that was removed. */
const SERVER_CLOSE_TIMEOUT_MS = 300;

const STANZAS = ['message', 'presence', 'iq'];

/** Is it a ping of our own, or the answer to one? */
export function isRunnerPing(stanza: Element): boolean {
  return stanza.name === 'iq' && stanza.attribute('id')?.startsWith(PING_ID_PREFIX) === true;
}

/** A client of a script, logged in. */
export class ScriptClient {
  private readonly onAnswered = new Map<string, () => void>();
  private pingSupport: 'untried' | 'answered' | 'unanswered' = 'untried';
  private count = 0;

  /** @param hear called with each received stanza @throws {StreamFailure} */
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
      const ours = this.takePingAnswer(stanza);
      if (!ours) hear?.(stanza);
      return ours;
    });
  }

  get inbox(): Inbox<Element> {
    return this.stream.inbox;
  }

  send(stanza: Element): void {
    // No pings when the script uses stream extensions: stream management counts stanzas, client state delays them.
    if (!STANZAS.includes(stanza.name)) this.pingSupport = 'unanswered';
    this.stream.send(stanza.toString());
  }

  /** Sends an iq that is not part of the script. @throws {StreamFailure} */
  ask(type: 'get' | 'set', query: Element): Promise<Element> {
    return this.stream.ask(type, query);
  }

  /**
   * Waits until the server has processed all that was sent. Servers answer in order, so this sends a ping and waits for
   * its answer, which may be an error. [RFC6120 8.4] [jabberd 1.4.3: code 404]
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
      void this.inbox.over.then(() => this.resolvePing(id));
      const ping = element('ping', { xmlns: PING });
      this.stream.send(element('iq', { type: 'get', id, to: this.domain }, ping).toString());
    });
    this.pingSupport = answered ? 'answered' : 'unanswered';
    await sleep(DELIVERY_MS);
  }

  /**
   * Waits until the server closes the stream, as it should for a removed account [XEP-0077 3.2]. A client that closes it
   * at that moment makes jabberd2's c2s end the session twice, and the second time it is that of the next client.
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

  private takePingAnswer(stanza: Element): boolean {
    if (!isRunnerPing(stanza)) return false;
    this.resolvePing(stanza.attribute('id')!);
    return true;
  }

  private resolvePing(id: string): void {
    this.onAnswered.get(id)?.();
    this.onAnswered.delete(id);
  }
}
