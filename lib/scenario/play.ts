import { setTimeout as sleep } from 'node:timers/promises';
import type { Element } from '../xml/index.js';
import { bare, type Account, type AccountMapping } from './account-mapping.js';
import { Client } from './client.js';
import type { Server } from './login.js';
import { compare, weigh, type Captures, type Difference } from './match.js';
import { describeAction, type Action, type Character, type Script } from './script.js';
import { describeError, NoServer, StreamError } from './stream.js';
import { mapValues, replaceVariables } from './variables.js';

/** How long it must be quiet for `receives: nothing`, in milliseconds. */
const QUIET_MS = 300;

/** Given to a server to tell others that somebody has left, in milliseconds. */
const FAREWELL_MS = 30;
/** The same for those who want to hear all of it: jabberd2 is three programs, and each hop may take 40 ms. */
const LAST_WORDS_MS = 200;

/** A stanza that came, and in what it is not the expected one. */
export interface Miss {
  readonly stanza: Element;
  readonly differences: readonly Difference[];
}

/** Why a script did not go on. */
export interface Failure {
  readonly line: number;
  /** A sentence: what was done or expected, and what happened. */
  readonly what: string;
  readonly expected?: Element;
  /** The nearest of those that came instead. */
  readonly nearest?: Miss;
  /** How many came instead. */
  readonly came?: number;
  /** Its character did not even get in. */
  readonly fatal?: true;
  /** Nor would anybody else: there is no server. */
  readonly noServer?: true;
}

/** What is told while a script is played. */
export interface Observer {
  /** An action begins. */
  acts?(action: Action): void;
  /** A stanza arrived at a character, whether the script wants it or not; `line` is that of the action under way. */
  heard?(who: Character, line: number, stanza: Element): void;
  /** A stanza was passed over, since the script waits for another one. */
  discarded?(who: Character, line: number, stanza: Element): void;
}

/** How scripts are played. */
export interface Stage {
  readonly mapping: AccountMapping;
  /** Must each stanza that arrives be the next that is expected? Else what does not match is passed over. */
  readonly exact: boolean;
  /** How long an expected stanza is waited for, in milliseconds. */
  readonly timeout: number;
  /** Go on after something that did not come: for those who want to see all of it. */
  readonly goOn: boolean;
  serverOf(character: Character): Server;
}

/** What became of a script. */
export interface Played {
  /** None: it passed. More than one only where it went on. */
  readonly failures: readonly Failure[];
  /** The full addresses that its characters had, by name; a character may have had several. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
}

/** The accounts that a script needs. */
export function accountsOf({ characters }: Script, mapping: AccountMapping): Account[] {
  const accounts = new Map<string, Account>();
  for (const character of characters) {
    const account = mapping.account(character);
    if (account && !accounts.has(bare(account))) accounts.set(bare(account), account);
  }
  return [...accounts.values()];
}

/** Plays a script from its first action to its last, or to the first that fails. */
export async function play(script: Script, stage: Stage, observer: Observer = {}): Promise<Played> {
  const performance = new Performance(stage, observer);
  try {
    return await performance.play(script);
  } finally {
    await performance.end();
  }
}

class Performance {
  private readonly clients = new Map<string, Client>();
  private readonly addresses = new Map<string, string[]>();
  private readonly gone = new Set<Client>();
  /** Names of those who did not get in: what they should do is no failure of its own. */
  private readonly absent = new Set<string>();
  private captures: Captures = new Map();
  private line = 0;
  private readonly bares = new Map<string, string>();

  constructor(
    private readonly stage: Stage,
    private readonly observer: Observer,
  ) {}

  async play({ characters, actions }: Script): Promise<Played> {
    for (const character of characters) {
      const account = this.stage.mapping.account(character) ?? { ...character, password: '', given: false };
      this.bares.set(character.name, bare(account));
    }
    const failures: Failure[] = [];
    for (const action of actions) {
      if (this.absent.has(action.who.name) && action.kind !== 'connects') continue;
      const failure = await this.tryTo(action);
      if (failure) failures.push(failure);
      if (failure && (!this.stage.goOn || failure.noServer)) break;
    }
    if (this.stage.goOn) await this.lastWords();
    return { failures, addresses: this.addresses };
  }

  private async tryTo(action: Action): Promise<Failure | undefined> {
    this.line = action.line;
    this.observer.acts?.(action);
    const failure = await this.act(action);
    if (failure?.fatal) this.absent.add(action.who.name);
    return failure;
  }

  /** What others did at last may still be under way. */
  private async lastWords(): Promise<void> {
    await Promise.all(this.present().map((client) => client.settle()));
    await sleep(LAST_WORDS_MS);
  }

  async end(): Promise<void> {
    await Promise.all(this.present().map((client) => client.close()));
    await sleep(FAREWELL_MS);
  }

  private present(): Client[] {
    return [...this.clients.values()].filter((client) => !this.gone.has(client));
  }

  private act(action: Action): Promise<Failure | undefined> {
    switch (action.kind) {
      case 'connects':
        return this.connect(action);
      case 'disconnects':
        return this.disconnect(action);
      case 'sends':
        return this.send(action, action.stanza);
      case 'receives':
        return this.receive(action, action.stanza);
      case 'receives nothing':
        return this.receiveNothing(action);
    }
  }

  private async connect(action: Action): Promise<Failure | undefined> {
    const { who } = action;
    const account = this.stage.mapping.account(who);
    if (!account) {
      return { ...fail(action, 'it has no password, neither in the script nor by --account'), fatal: true };
    }
    const before = this.clients.get(who.name);
    if (before && !this.gone.has(before)) {
      if (before.inbox.ended === undefined) return fail(action, 'it is connected already');
      await before.close();
    }
    try {
      const hear = (stanza: Element): void => this.observer.heard?.(who, this.line, stanza);
      const client = await Client.connect(this.stage.serverOf(who), account, who.resource, hear);
      this.clients.set(who.name, client);
      this.absent.delete(who.name);
      this.bares.set(who.name, client.jid.split('/', 1)[0]);
      this.addresses.set(who.name, [...(this.addresses.get(who.name) ?? []), client.jid]);
      return undefined;
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      const noServer = error instanceof NoServer || undefined;
      return { ...fail(action, `${bare(account)}: ${error.message}`), fatal: true, noServer };
    }
  }

  private async disconnect({ who }: Action): Promise<undefined> {
    const client = this.clients.get(who.name);
    if (!client || this.gone.has(client)) return;
    this.gone.add(client);
    await client.close();
    await sleep(this.stage.goOn ? LAST_WORDS_MS : FAREWELL_MS);
  }

  private async send(action: Action, stanza: Element): Promise<Failure | undefined> {
    const client = this.clients.get(action.who.name);
    if (!client || this.gone.has(client)) return fail(action, 'it is not connected');
    if (client.inbox.ended !== undefined) return fail(action, why(client, client.inbox.takeAll()));
    const written = mapValues(stanza, (value) => this.captured(this.fill(value)));
    client.send(withoutOurs(written));
    await client.settle();
    return undefined;
  }

  private async receive(action: Action, stanza: Element): Promise<Failure | undefined> {
    const client = this.clients.get(action.who.name);
    if (!client) return fail(action, 'it was never connected');
    const { exact, goOn } = this.stage;
    const expected = mapValues(stanza, (value) => this.fill(value));
    const deadline = performance.now() + this.stage.timeout;
    const misses: Miss[] = [];
    for (;;) {
      const received = await client.inbox.take(deadline - performance.now());
      if (!received) break;
      const { differences, captures } = compare(expected, received, this.captures);
      if (differences.length === 0) {
        this.captures = captures;
        this.passOver(action, misses);
        return undefined;
      }
      misses.push({ stanza: received, differences });
      if (exact) break;
    }
    if (goOn) client.inbox.putBack(misses.map((miss) => miss.stanza));
    else this.passOver(action, misses);
    return this.missing(action, expected, misses, client);
  }

  private missing(action: Action, expected: Element, misses: readonly Miss[], client: Client): Failure {
    const nearest = [...misses].sort((a, b) => weigh(a.differences) - weigh(b.differences))[0];
    const seconds = this.stage.timeout / 1000;
    const exact = this.stage.exact && misses.length > 0;
    const what = exact
      ? 'another stanza came'
      : client.inbox.ended === undefined
        ? `it did not come within ${seconds} s${isRemembered(expected) ? REMEMBERED : ''}`
        : `it did not come, and ${why(
            client,
            misses.map(({ stanza }) => stanza),
          )}`;
    return { ...fail(action, what), expected, nearest, came: misses.length };
  }

  private async receiveNothing(action: Action): Promise<Failure | undefined> {
    const client = this.clients.get(action.who.name);
    if (!client) return fail(action, 'it was never connected');
    if (!this.gone.has(client)) await client.settle();
    const stanza = await client.inbox.take(QUIET_MS);
    if (!stanza) return this.isQuiet(client) ? undefined : fail(action, client.inbox.ended!);
    const came = client.inbox.length + 1;
    if (this.stage.goOn) client.inbox.putBack([stanza]);
    return {
      ...fail(action, 'something is there, which was not read before'),
      nearest: { stanza, differences: [] },
      came,
    };
  }

  /** A stream that the server has ended is more than nothing. */
  private isQuiet(client: Client): boolean {
    return this.gone.has(client) || client.inbox.ended === undefined;
  }

  private passOver({ who, line }: Action, misses: readonly Miss[]): void {
    for (const { stanza } of misses) this.observer.discarded?.(who, line, stanza);
  }

  /** A value of the script with its variables replaced, as the server has to get it. */
  private fill(value: string): string {
    const mapped = this.stage.mapping.text(value);
    return replaceVariables(mapped, (name, full) =>
      full ? (this.addresses.get(name)?.at(-1) ?? '') : (this.bares.get(name) ?? ''),
    );
  }

  /** What was captured may be sent as well. */
  private captured(value: string): string {
    return value.replace(
      /\{scansion:capture:([^}]*)\}/g,
      (found, name: string) => this.captures.get(name) ?? found,
    );
  }
}

const REMEMBERED = ' (servers remember the features of a client, and ask once)';

/** Is it a question about the features behind a hash? [XEP-0115 5.2] */
function isRemembered(stanza: Element): boolean {
  const query = stanza.child('query', 'http://jabber.org/protocol/disco#info');
  return stanza.attribute('type') === 'get' && query?.attribute('node')?.includes('#') === true;
}

function fail(action: Action, what: string): Failure {
  return { line: action.line, what: `${describeAction(action)}: ${what}` };
}

/** Why nothing comes any more: the stream error where there was one. */
function why(client: Client, stanzas: readonly Element[]): string {
  const error = stanzas.find(({ name }) => name === 'stream:error');
  return error ? `the server ended the stream: ${describeError(error)}` : client.inbox.ended!;
}

/** `scansion:…` attributes speak to us, not to the server. */
function withoutOurs(stanza: Element): Element {
  for (const name of [...stanza.attributes.keys()])
    if (name.startsWith('scansion:')) stanza.set(name, undefined);
  stanza.elements.forEach(withoutOurs);
  return stanza;
}
