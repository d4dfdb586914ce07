import {
  hasEmbeddedCredentials,
  openCredentialStore,
  type Account,
  type CredentialStore,
} from '../../accounts/index.js';
import { printCredentials } from '../../config/kinds.js';
import type { Loaded } from '../../config/load.js';
import { optionOf, type Values } from '../../config/options.js';
import { ask, ControlError, NoInstanceError } from '../../control/client.js';
import { Store } from '../../embedded/store/store.js';
import { createLog } from '../../observe/log.js';
import { Jid, STRINGPREP, type Preparation } from '../../xmpp/jid.js';
import type { DirectoryLock } from '../../store/lock.js';
import { Failure } from '../command.js';
import { runningInstance, type Instance } from '../control.js';
import { openStore, tryToLock } from '../embedded.js';

/**
 * Lists, adds, changes and removes accounts, by their bare addresses.
 *
 * @throws {RangeError} from a method, where no account can have that address or that password
 */
export interface AccountAdmin {
  /** The rest of the sentence "ALICE was added" or "ALICE was removed": from where, and what that means. */
  readonly added: string;
  readonly removed: string;
  list(): Promise<AccountList>;
  /** The domains that are served here; undefined where that is not known. */
  servedDomains(): Promise<readonly string[] | undefined>;
  /** @returns false where the account exists already */
  add(account: string, password: string): Promise<boolean>;
  /** This and `remove`: @returns false where there is no such account */
  setPassword(account: string, password: string): Promise<boolean>;
  remove(account: string): Promise<boolean>;
  close(): Promise<void>;
}

export interface AccountList {
  readonly accounts: readonly string[];
  /** Accounts that are stored, but by which nobody can log in. */
  readonly unreachable: readonly Account[];
}

/** Are the accounts in a credential store, and not in that of the embedded session manager? */
export function hasCredentials({ values, origins }: Loaded): boolean {
  const given = (['credentials', 'realm'] as const).some((name) => origins.get(name) !== 'default');
  return given || values.dialect === optionOf('credentials').onlyWith;
}

/** Does the store exist already? Of a store that is not ours this is not known before it is opened: true. */
export function hasStore(loaded: Loaded): boolean {
  const { credentials, data } = loaded.values;
  if (!hasCredentials(loaded)) return Store.exists(data);
  return credentials.store !== 'embedded' || hasEmbeddedCredentials(data);
}

/** @throws {CredentialsError} and {Failure} where the accounts cannot be opened */
export async function openAccountAdmin(loaded: Loaded): Promise<AccountAdmin> {
  const { values } = loaded;
  if (!hasCredentials(loaded)) return StoreAccountAdmin.open(values.data, namedDomains(loaded));
  const { credentials, data } = values;
  // A warning about a database server is left out: the first call fails with the same error.
  const log = createLog(credentials.store === 'postgres' ? 'error' : 'warn', 'text');
  return new CredentialsAccountAdmin(
    await openCredentialStore(credentials, { data, log }),
    values,
    namedDomains(loaded),
  );
}

/** The domains that were given for this call; undefined where none were. */
function namedDomains({ origins, values }: Loaded): readonly string[] | undefined {
  return origins.get('domain') === 'default' ? undefined : values.domain;
}

/** The accounts of the embedded session manager. */
class StoreAccountAdmin implements AccountAdmin {
  readonly added = '';
  readonly removed = ', with all its data';

  private constructor(
    private readonly store: Store,
    private readonly directory: string,
    /** Undefined where a session manager runs on the store, and has the lock. */
    private readonly lock: DirectoryLock | undefined,
    private readonly domains: readonly string[] | undefined,
  ) {}

  /** @throws {Failure} */
  static open(directory: string, domains: readonly string[] | undefined): StoreAccountAdmin {
    const lock = tryToLock(directory, 0);
    return new StoreAccountAdmin(openStore(directory, lock ? 'alone' : 'shared'), directory, lock, domains);
  }

  /** The domains of the running instance; without one those given for this call, else those of the stored accounts. */
  async servedDomains(): Promise<readonly string[]> {
    const running = await this.runningDomains();
    if (running ?? this.domains) return (running ?? this.domains)!;
    const hosts = this.store.accounts.list().map((account) => account.slice(account.indexOf('@') + 1));
    return [...new Set(['localhost', ...hosts])];
  }

  private async runningDomains(): Promise<readonly string[] | undefined> {
    if (this.lock) return undefined;
    const instance = await runningInstance(this.directory);
    return instance?.embedded ? instance.domains : undefined;
  }

  list(): Promise<AccountList> {
    return Promise.resolve({ accounts: this.store.accounts.list(), unreachable: [] });
  }

  async add(account: string, password: string): Promise<boolean> {
    return Promise.resolve(this.store.accounts.add(account, password));
  }

  async setPassword(account: string, password: string): Promise<boolean> {
    return Promise.resolve(this.store.accounts.setPassword(parseAccount(account).bare, password));
  }

  async remove(account: string): Promise<boolean> {
    const { bare } = parseAccount(account);
    const removed = await removeByInstance(this.directory, bare);
    if (removed !== 'no instance') return removed;
    if (this.lock) return this.store.accounts.remove(bare);
    throw new Failure(
      `the sm-component on ${this.directory} has no control socket (its log says why), so it cannot end the ` +
        `sessions of ${bare}: stop it first`,
    );
  }

  close(): Promise<void> {
    this.store.close();
    this.lock?.release();
    return Promise.resolve();
  }
}

/**
 * Parses a bare address.
 *
 * @throws {RangeError} where no account can have that address
 */
function parseAccount(
  account: string,
  preparation?: Preparation,
): { readonly user: string; readonly host: string; readonly bare: string } {
  const jid = Jid.parse(account, preparation);
  if (jid?.user === undefined || jid.resource !== undefined)
    throw new RangeError(`no account can have the address "${account}"`);
  return { user: jid.user, host: jid.host, bare: jid.bare };
}

/**
 * Asks the session manager that runs on the store to remove the account: it also ends its sessions and tells its contacts.
 *
 * @returns false where there is no such account
 */
async function removeByInstance(directory: string, account: string): Promise<boolean | 'no instance'> {
  try {
    const [instance] = (await ask(directory, { command: 'instance' })) as Instance[];
    if (!instance.embedded) return 'no instance';
    const [answer] = (await ask(directory, { command: 'remove', account })) as { removed: boolean }[];
    return answer.removed;
  } catch (error) {
    if (error instanceof NoInstanceError) return 'no instance';
    throw error instanceof ControlError ? new Failure(error.message) : error;
  }
}

/** Accounts in a credential store. The rest of what an account has is kept by the sm of jabberd2, which is not told. */
class CredentialsAccountAdmin implements AccountAdmin {
  readonly added: string;
  readonly removed: string;
  private readonly realms: ReadonlyMap<string, string>;

  constructor(
    private readonly credentials: CredentialStore,
    { credentials: source, data, realm }: Pick<Values, 'credentials' | 'data' | 'realm'>,
    /** The domains that were given for this call; undefined where none were. */
    private readonly domains: readonly string[] | undefined,
  ) {
    const where = source.store === 'embedded' ? data : printCredentials(source);
    this.added = ` to the accounts in ${where}`;
    this.removed =
      ` from the accounts in ${where}: new logins are refused. Sessions continue, and the sm of jabberd2 ` +
      'keeps the roster and messages of the user: the next user of this name gets them';
    this.realms = new Map(realm);
  }

  servedDomains(): Promise<readonly string[] | undefined> {
    return Promise.resolve(this.domains && [...this.domains, ...this.realms.keys()]);
  }

  async list(): Promise<AccountList> {
    const accounts: string[] = [];
    const unreachable: Account[] = [];
    for (const one of await this.credentials.list()) {
      const addresses = this.addressesOf(one);
      accounts.push(...addresses);
      if (addresses.length === 0) unreachable.push(one);
    }
    return { accounts, unreachable };
  }

  async add(account: string, password: string): Promise<boolean> {
    return this.credentials.create(...this.nameOf(account), password);
  }

  async setPassword(account: string, password: string): Promise<boolean> {
    return this.credentials.set(...this.nameOf(account), password);
  }

  async remove(account: string): Promise<boolean> {
    const name = this.nameOf(account);
    if (!(await this.credentials.exists(...name))) return false;
    await this.credentials.delete(...name);
    return true;
  }

  close(): Promise<void> {
    return this.credentials.close();
  }

  /** The name under which a login looks for it. */
  private nameOf(account: string): [username: string, realm: string] {
    const { user, host } = parseAccount(account, STRINGPREP);
    return [user, this.realms.get(host) ?? host];
  }

  /** The addresses of logins by this account: several domains can have one realm, and a realm can have no domain. */
  private addressesOf({ username, realm }: Account): string[] {
    const domains = [...this.realms].filter(([, of]) => of === realm).map(([domain]) => domain);
    if (!this.realms.has(realm) && this.domains?.includes(realm) !== false) domains.push(realm);
    const addresses = domains.map((domain) => `${username}@${domain}`);
    return addresses.filter((address) => {
      const jid = Jid.parse(address, STRINGPREP);
      return jid?.user === username && jid.bare === address;
    });
  }
}
