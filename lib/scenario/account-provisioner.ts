import { setTimeout as sleep } from 'node:timers/promises';
import { element, type Element } from '../xml/index.js';
import { bareJidOf, type ScriptAccount } from './account-mapping.js';
import { ScriptClient } from './script-client.js';
import { openStream, type ServerAccess } from './login.js';
import { describeError, NoServer, StreamFailure } from './stream.js';
import { REGISTER, ROSTER } from '../xmpp/namespaces.js';

/** Values for fields that servers ask for besides name and password. */
const FIELDS: Readonly<Record<string, string>> = { email: 'scenario@example.org' };

/** Between two attempts to register or to remove an account. */
const RETRY_MS = 200;

/** `refused`: the server refuses registrations; `failed`: there was no answer, with `noServer` where there is no server at all. */
type Registered =
  'made' | 'exists' | { readonly refused: string } | { readonly failed: string; readonly noServer: boolean };

/**
 * Registers the accounts of a script before it is played, where the server lets clients register, and removes them after
 * it. An account that exists already is used as it is, and never removed, unless the caller asks for that with `fresh`
 * and the script has its password.
 */
export class AccountProvisioner {
  /** Registered by us, and not removed yet. */
  private readonly created = new Map<string, ScriptAccount>();
  /** Sentences that were reported; each is reported once. */
  private readonly reported = new Set<string>();
  /** Domains that refuse registrations, and why. */
  private readonly closed = new Map<string, string>();
  /** Can a removed name be registered again? By domain; tried when it is needed first. */
  private readonly reusable = new Map<string, boolean>();

  constructor(
    private readonly serverOf: (account: ScriptAccount) => ServerAccess,
    private readonly fresh: boolean,
    private readonly tell: (text: string) => void,
  ) {}

  /** Registers the accounts that do not exist. Failures are only reported: the login shows whether they matter. */
  async prepare(accounts: readonly ScriptAccount[]): Promise<void> {
    for (const account of accounts) {
      if (!account.isMapped && !this.created.has(bareJidOf(account))) await this.provide(account);
    }
  }

  /** Removes the accounts that {@link prepare} has registered, unless the server never allows their names again. */
  async removeCreated(): Promise<void> {
    for (const account of [...this.created.values()]) {
      if (await this.canReuseNames(account)) await this.removeCreatedOne(account);
    }
  }

  private async provide(account: ScriptAccount): Promise<void> {
    if (this.closed.has(account.domain)) return;
    const outcome = await this.registerTwice(account);
    if (outcome === 'made') return void this.created.set(bareJidOf(account), account);
    if (outcome !== 'exists') return this.reportRefusal(account, outcome);
    if (!this.fresh) {
      return this.reportOnce(
        `${bareJidOf(account)} exists already, and is used as it is (--fresh replaces it)`,
      );
    }
    await this.replace(account);
  }

  private async replace(account: ScriptAccount): Promise<void> {
    if (!(await this.canReuseNames(account))) return;
    if (!(await this.removeCreatedOne(account))) return;
    const outcome = await this.register(account);
    if (outcome === 'made') this.created.set(bareJidOf(account), account);
  }

  private reportRefusal({ domain }: ScriptAccount, outcome: Exclude<Registered, string>): void {
    if ('refused' in outcome) {
      this.closed.set(domain, outcome.refused);
      const why = `(${outcome.refused}): the accounts of the scripts must exist`;
      this.reportOnce(`no account can be registered at ${domain} ${why}`);
      // Where there is no server, logging in says so.
    } else if (!outcome.noServer) {
      this.reportOnce(`accounts at ${domain} could not be registered: ${outcome.failed}`);
    }
  }

  private async registerTwice(account: ScriptAccount): Promise<Registered> {
    const outcome = await this.register(account);
    if (typeof outcome === 'string' || 'refused' in outcome || outcome.noServer) return outcome;
    await sleep(RETRY_MS);
    return this.register(account);
  }

  private async register(account: ScriptAccount): Promise<Registered> {
    try {
      const { stream } = await openStream(this.serverOf(account), account.domain);
      try {
        const form = await stream.ask('get', query());
        if (form.attribute('type') !== 'result') return { refused: describeError(form) };
        const answer = await stream.ask('set', query(...filled(form, account)));
        if (answer.attribute('type') === 'result') return 'made';
        return isConflict(answer) ? 'exists' : { refused: describeError(answer) };
      } finally {
        await stream.close();
      }
    } catch (error) {
      if (error instanceof StreamFailure)
        return { failed: error.message, noServer: error instanceof NoServer };
      throw error;
    }
  }

  /** @returns whether it was removed */
  private async removeCreatedOne(account: ScriptAccount): Promise<boolean> {
    this.created.delete(bareJidOf(account));
    const failed = await this.remove(account);
    if (failed !== undefined) this.reportOnce(`${bareJidOf(account)} could not be removed: ${failed}`);
    return failed === undefined;
  }

  /** Some servers never allow a removed name again (mod_tombstones). Tested with a random name. */
  private async canReuseNames({ domain, password }: ScriptAccount): Promise<boolean> {
    let reusable = this.reusable.get(domain);
    if (reusable === undefined) {
      const user = `scenario-${Math.random().toString(36).slice(2, 12)}`;
      reusable = await this.tryReuse({ user, domain, password, isMapped: false });
      this.reusable.set(domain, reusable);
      if (!reusable)
        this.reportOnce(`${domain} does not allow a removed name to be registered again: accounts are kept`);
    }
    return reusable;
  }

  private async tryReuse(account: ScriptAccount): Promise<boolean> {
    if ((await this.register(account)) !== 'made') return false;
    if ((await this.remove(account)) !== undefined) return false;
    if ((await this.register(account)) !== 'made') return false;
    return (await this.remove(account)) === undefined;
  }

  /** @returns why it was not removed; undefined when it was */
  private async remove(account: ScriptAccount): Promise<string | undefined> {
    if ((await this.removeOnce(account)) === undefined) return undefined;
    // The script may have removed its account itself: then it can be registered, and removed. Else try once more, since
    // jabberd2's c2s sometimes ends a new connection in place of one that has just been closed. [jabberd2 2.7.0 c2s]
    if ((await this.register(account)) !== 'made') await sleep(RETRY_MS);
    return this.removeOnce(account);
  }

  private async removeOnce(account: ScriptAccount): Promise<string | undefined> {
    try {
      const client = await ScriptClient.connect(this.serverOf(account), account, '');
      await empty(client);
      // A server may close the stream without an answer. [XEP-0077 3.2]
      const answer = await client.ask('set', query(element('remove'))).catch(() => undefined);
      if (answer?.attribute('type') !== 'error') await client.waitForServerClose();
      await client.close();
      return answer?.attribute('type') === 'error' ? describeError(answer) : undefined;
    } catch (error) {
      if (error instanceof StreamFailure) return error.message;
      throw error;
    }
  }

  private reportOnce(text: string): void {
    if (this.reported.has(text)) return;
    this.reported.add(text);
    this.tell(text);
  }
}

/**
 * Removes contacts, subscription requests and stored messages. Servers keep some of them when the account is removed:
 * jabberd 1.x does not tell the contacts, Prosody 0.12 keeps the roster in a cache.
 */
async function empty(client: ScriptClient): Promise<void> {
  const roster = await client.ask('get', element('query', { xmlns: ROSTER }));
  for (const { attributes } of roster.child('query', ROSTER)?.elements ?? []) {
    const item = element('item', { jid: attributes.get('jid'), subscription: 'remove' });
    await client.ask('set', element('query', { xmlns: ROSTER }, item));
  }
  client.send(element('presence'));
  await client.waitUntilProcessed();
  for (const stanza of client.inbox.takeAll()) {
    if (stanza.name !== 'presence' || stanza.attribute('type') !== 'subscribe') continue;
    client.send(element('presence', { type: 'unsubscribed', to: stanza.attribute('from') }));
  }
  await client.waitUntilProcessed();
}

const query = (...children: Element[]): Element => element('query', { xmlns: REGISTER }, ...children);

/** The fields that the form asks for. [XEP-0077 3.1] */
function filled(form: Element, { user, password }: ScriptAccount): Element[] {
  const known: Record<string, string> = { username: user, password };
  const asked = form.child('query')?.elements ?? [];
  const others = asked
    .filter(
      ({ localName, namespace }) =>
        namespace === REGISTER && !['instructions', 'registered', 'key'].includes(localName),
    )
    .map(({ localName }) => localName);
  const key = form.child('query')?.child('key');
  const names = new Set(['username', 'password', ...others]);
  const fields = [...names].map((name) => element(name, {}, known[name] ?? FIELDS[name] ?? user));
  return key ? [...fields, element('key', {}, key.text)] : fields;
}

function isConflict(answer: Element): boolean {
  const error = answer.child('error');
  return error?.child('conflict') !== undefined || error?.attribute('code') === '409';
}
