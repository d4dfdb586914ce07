import { setTimeout as sleep } from 'node:timers/promises';
import type { Element } from '../xml/index.js';
import { bareJidOf, type ScriptAccount, type AccountMapping } from './account-mapping.js';
import { ScriptClient } from './script-client.js';
import type { ServerAccess } from './login.js';
import { matchStanza, totalWeight, type Captures, type Difference } from './match.js';
import { describeAction, type ScriptAction, type Character, type Script } from './script.js';
import { describeError, NoServer, StreamFailure } from './stream.js';
import { mapValues, replaceVariables } from './variables.js';
import { DISCO_INFO } from '../xmpp/namespaces.js';

/** Without a stanza, for `receives: nothing`. */
const SILENCE_MS = 300;

/** For the server to tell other sessions of a logout. */
const LOGOUT_MS = 30;
/** The same where every stanza matters: in jabberd2 three programs pass it on, each within 40 ms. */
const SLOW_LOGOUT_MS = 200;

/** A received stanza, and its differences from the expected one. */
export interface Mismatch {
  readonly stanza: Element;
  readonly differences: readonly Difference[];
}

/** Why a script failed. */
export interface ScriptFailure {
  readonly line: number;
  /** A sentence: the action, and what happened instead. */
  readonly what: string;
  readonly expected?: Element;
  /** The most similar one of the stanzas that came instead. */
  readonly nearest?: Mismatch;
  /** How many stanzas came instead. */
  readonly came?: number;
  /** The character could not log in. */
  readonly fatal?: true;
  /** There is no server, so no other character can log in either. */
  readonly noServer?: true;
}

/** Callbacks while a script is played. */
export interface PlayObserver {
  /** An action begins. */
  onAction?(action: ScriptAction): void;
  /** A character has received a stanza, expected or not; `line` is that of the current action. */
  onReceived?(who: Character, line: number, stanza: Element): void;
  /** A stanza was skipped, because the script expects another one. */
  onSkipped?(who: Character, line: number, stanza: Element): void;
}

/** How scripts are played. */
export interface PlayOptions {
  readonly mapping: AccountMapping;
  /** Must each received stanza match the next expected one? Otherwise those that do not match are skipped. */
  readonly exact: boolean;
  /** How long to wait for an expected stanza, in milliseconds. */
  readonly timeout: number;
  /** Does the script go on when an expected stanza does not come? */
  readonly continueAfterFailure: boolean;
  serverOf(character: Character): ServerAccess;
}

/** The result of a script. */
export interface PlayResult {
  /** Empty: it passed. More than one only with `continueAfterFailure`. */
  readonly failures: readonly ScriptFailure[];
  /** The full addresses that its characters had, by name; a character may have had several. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
}

/** The accounts that a script needs. */
export function accountsOf({ characters }: Script, mapping: AccountMapping): ScriptAccount[] {
  const accounts = new Map<string, ScriptAccount>();
  for (const character of characters) {
    const account = mapping.account(character);
    if (account && !accounts.has(bareJidOf(account))) accounts.set(bareJidOf(account), account);
  }
  return [...accounts.values()];
}

/** Plays a script to its last action, or to the first that fails. */
export async function play(
  script: Script,
  options: PlayOptions,
  observer: PlayObserver = {},
): Promise<PlayResult> {
  const player = new ScriptPlayer(options, observer);
  try {
    return await player.play(script);
  } finally {
    await player.end();
  }
}

class ScriptPlayer {
  private readonly clients = new Map<string, ScriptClient>();
  private readonly addresses = new Map<string, string[]>();
  private readonly disconnected = new Set<ScriptClient>();
  /** Names of characters whose login failed: their other actions are skipped. */
  private readonly notLoggedIn = new Set<string>();
  private captures: Captures = new Map();
  private line = 0;
  private readonly bareJids = new Map<string, string>();

  constructor(
    private readonly options: PlayOptions,
    private readonly observer: PlayObserver,
  ) {}

  async play({ characters, actions }: Script): Promise<PlayResult> {
    for (const character of characters) {
      const account = this.options.mapping.account(character) ?? {
        ...character,
        password: '',
        isMapped: false,
      };
      this.bareJids.set(character.name, bareJidOf(account));
    }
    const failures: ScriptFailure[] = [];
    for (const action of actions) {
      if (this.notLoggedIn.has(action.who.name) && action.kind !== 'connects') continue;
      const failure = await this.perform(action);
      if (failure) failures.push(failure);
      if (failure && (!this.options.continueAfterFailure || failure.noServer)) break;
    }
    if (this.options.continueAfterFailure) await this.waitForLateStanzas();
    return { failures, addresses: this.addresses };
  }

  private async perform(action: ScriptAction): Promise<ScriptFailure | undefined> {
    this.line = action.line;
    this.observer.onAction?.(action);
    const failure = await this.act(action);
    if (failure?.fatal) this.notLoggedIn.add(action.who.name);
    return failure;
  }

  /** Stanzas of the last actions may still be under way. */
  private async waitForLateStanzas(): Promise<void> {
    await Promise.all(this.connected().map((client) => client.waitUntilProcessed()));
    await sleep(SLOW_LOGOUT_MS);
  }

  async end(): Promise<void> {
    await Promise.all(this.connected().map((client) => client.close()));
    await sleep(LOGOUT_MS);
  }

  private connected(): ScriptClient[] {
    return [...this.clients.values()].filter((client) => !this.disconnected.has(client));
  }

  private act(action: ScriptAction): Promise<ScriptFailure | undefined> {
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

  private async connect(action: ScriptAction): Promise<ScriptFailure | undefined> {
    const { who } = action;
    const account = this.options.mapping.account(who);
    if (!account) {
      return {
        ...failure(action, 'it has no password in the script or in --account'),
        fatal: true,
      };
    }
    const before = this.clients.get(who.name);
    if (before && !this.disconnected.has(before)) {
      if (before.inbox.ended === undefined) return failure(action, 'it is connected already');
      await before.close();
    }
    try {
      const hear = (stanza: Element): void => this.observer.onReceived?.(who, this.line, stanza);
      const client = await ScriptClient.connect(this.options.serverOf(who), account, who.resource, hear);
      this.clients.set(who.name, client);
      this.notLoggedIn.delete(who.name);
      this.bareJids.set(who.name, client.jid.split('/', 1)[0]);
      this.addresses.set(who.name, [...(this.addresses.get(who.name) ?? []), client.jid]);
      return undefined;
    } catch (error) {
      if (!(error instanceof StreamFailure)) throw error;
      const noServer = error instanceof NoServer || undefined;
      return { ...failure(action, `${bareJidOf(account)}: ${error.message}`), fatal: true, noServer };
    }
  }

  private async disconnect({ who }: ScriptAction): Promise<undefined> {
    const client = this.clients.get(who.name);
    if (!client || this.disconnected.has(client)) return;
    this.disconnected.add(client);
    await client.close();
    await sleep(this.options.continueAfterFailure ? SLOW_LOGOUT_MS : LOGOUT_MS);
  }

  private async send(action: ScriptAction, stanza: Element): Promise<ScriptFailure | undefined> {
    const client = this.clients.get(action.who.name);
    if (!client || this.disconnected.has(client)) return failure(action, 'it is not connected');
    if (client.inbox.ended !== undefined) return failure(action, endReason(client, client.inbox.takeAll()));
    const written = mapValues(stanza, (value) => this.replaceCaptures(this.replaceVariables(value)));
    client.send(withoutScansionAttributes(written));
    await client.waitUntilProcessed();
    return undefined;
  }

  private async receive(action: ScriptAction, stanza: Element): Promise<ScriptFailure | undefined> {
    const client = this.clients.get(action.who.name);
    if (!client) return failure(action, 'it was never connected');
    const { exact, continueAfterFailure } = this.options;
    const expected = mapValues(stanza, (value) => this.replaceVariables(value));
    const deadline = performance.now() + this.options.timeout;
    const misses: Mismatch[] = [];
    for (;;) {
      const received = await client.inbox.take(deadline - performance.now());
      if (!received) break;
      const { differences, captures } = matchStanza(expected, received, this.captures);
      if (differences.length === 0) {
        this.captures = captures;
        this.skip(action, misses);
        return undefined;
      }
      misses.push({ stanza: received, differences });
      if (exact) break;
    }
    if (continueAfterFailure) client.inbox.putBack(misses.map((miss) => miss.stanza));
    else this.skip(action, misses);
    return this.missing(action, expected, misses, client);
  }

  private missing(
    action: ScriptAction,
    expected: Element,
    misses: readonly Mismatch[],
    client: ScriptClient,
  ): ScriptFailure {
    const nearest = [...misses].sort((a, b) => totalWeight(a.differences) - totalWeight(b.differences))[0];
    const seconds = this.options.timeout / 1000;
    const exact = this.options.exact && misses.length > 0;
    const what = exact
      ? 'another stanza arrived'
      : client.inbox.ended === undefined
        ? `it did not arrive within ${seconds} s${isFeatureQuery(expected) ? FEATURES_HINT : ''}`
        : `it did not arrive, and ${endReason(
            client,
            misses.map(({ stanza }) => stanza),
          )}`;
    return { ...failure(action, what), expected, nearest, came: misses.length };
  }

  private async receiveNothing(action: ScriptAction): Promise<ScriptFailure | undefined> {
    const client = this.clients.get(action.who.name);
    if (!client) return failure(action, 'it was never connected');
    if (!this.disconnected.has(client)) await client.waitUntilProcessed();
    const stanza = await client.inbox.take(SILENCE_MS);
    if (!stanza) return this.isStillOpen(client) ? undefined : failure(action, client.inbox.ended!);
    const came = client.inbox.length + 1;
    if (this.options.continueAfterFailure) client.inbox.putBack([stanza]);
    return {
      ...failure(action, 'there is a stanza that was not read before'),
      nearest: { stanza, differences: [] },
      came,
    };
  }

  /** Has the server not ended the stream? */
  private isStillOpen(client: ScriptClient): boolean {
    return this.disconnected.has(client) || client.inbox.ended === undefined;
  }

  private skip({ who, line }: ScriptAction, misses: readonly Mismatch[]): void {
    for (const { stanza } of misses) this.observer.onSkipped?.(who, line, stanza);
  }

  /** Replaces variables, and the names of accounts and domains, in a value of the script. */
  private replaceVariables(value: string): string {
    const mapped = this.options.mapping.text(value);
    return replaceVariables(mapped, (name, full) =>
      full ? (this.addresses.get(name)?.at(-1) ?? '') : (this.bareJids.get(name) ?? ''),
    );
  }

  /** Replaces captures by the values that were captured. */
  private replaceCaptures(value: string): string {
    return value.replace(
      /\{scansion:capture:([^}]*)\}/g,
      (found, name: string) => this.captures.get(name) ?? found,
    );
  }
}

const FEATURES_HINT = ' (servers remember the features of a client, and ask once)';

/** Does it ask for the features behind a hash of entity capabilities? [XEP-0115 5.2] */
function isFeatureQuery(stanza: Element): boolean {
  const query = stanza.child('query', DISCO_INFO);
  return stanza.attribute('type') === 'get' && query?.attribute('node')?.includes('#') === true;
}

function failure(action: ScriptAction, what: string): ScriptFailure {
  return { line: action.line, what: `${describeAction(action)}: ${what}` };
}

/** Why the stream has ended: the stream error, where there was one. */
function endReason(client: ScriptClient, stanzas: readonly Element[]): string {
  const error = stanzas.find(({ name }) => name === 'stream:error');
  return error ? `the server ended the stream: ${describeError(error)}` : client.inbox.ended!;
}

/** The attributes `scansion:…` are for the player, not for the server. */
function withoutScansionAttributes(stanza: Element): Element {
  for (const name of [...stanza.attributes.keys()])
    if (name.startsWith('scansion:')) stanza.set(name, undefined);
  stanza.elements.forEach(withoutScansionAttributes);
  return stanza;
}
