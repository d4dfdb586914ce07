import {
  hasEmbeddedCredentials,
  openCredentialStore,
  type Account,
  type CredentialStore,
} from '../../accounts/index.js';
import { printCredentials } from '../../config/kinds.js';
import type { Loaded } from '../../config/load.js';
import type { Values } from '../../config/options.js';
import { ask, ControlError, NoInstanceError } from '../../control/client.js';
import { Store } from '../../embedded/store/store.js';
import { createLog } from '../../observe/log.js';
import { Jid, STRINGPREP, type Preparation } from '../../xmpp/jid.js';
import type { DirectoryLock } from '../../store/lock.js';
import { Failure } from '../command.js';
import { occupant, type Instance } from '../control.js';
import { openStore, tryToLock } from '../embedded.js';

/**
 * Accounts that can be made, changed and removed, by their bare addresses.
 *
 * @throws {RangeError} from a verb, where the account can not be called so, or can not have that password
 */
export interface AccountAdmin {
  /** What there is to say about a place; follows "ALICE was added", "… was removed". */
  readonly added: string;
  readonly removed: string;
  list(): Promise<Listed>;
  /** The domains that accounts can have; undefined where that is not known here. */
  served(): Promise<readonly string[] | undefined>;
  /** @returns false where there is one of that name */
  add(account: string, password: string): Promise<boolean>;
  /** These two: @returns false where there is none of that name */
  setPassword(account: string, password: string): Promise<boolean>;
  remove(account: string): Promise<boolean>;
  close(): Promise<void>;
}

export interface Listed {
  readonly accounts: readonly string[];
  /** Whose there are besides, that nobody can log in by. */
  readonly strangers: readonly Account[];
}

/** Are the accounts in credentials, and not those of the embedded session manager? */
export function hasCredentials({ values, origins }: Loaded): boolean {
  const given = (['credentials', 'realm'] as const).some((name) => origins.get(name) !== 'default');
  return given || values.dialect === 'jabberd2';
}

/** Is there already a store to keep them in? Where it is not ours, whoever opens it says so. */
export function hasStore(loaded: Loaded): boolean {
  const { credentials, data } = loaded.values;
  if (!hasCredentials(loaded)) return Store.exists(data);
  return credentials.store !== 'embedded' || hasEmbeddedCredentials(data);
}

/** @throws {CredentialsError} and {Failure} where they can not be opened */
export async function openAccountAdmin(loaded: Loaded): Promise<AccountAdmin> {
  const { values } = loaded;
  if (!hasCredentials(loaded)) return StoreAccountAdmin.open(values.data, namedDomains(loaded));
  const { credentials, data } = values;
  // A server that is away is the error of the first call as well.
  const log = createLog(credentials.store === 'postgres' ? 'error' : 'warn', 'text');
  return new CredentialsAccountAdmin(
    await openCredentialStore(credentials, { data, log }),
    values,
    namedDomains(loaded),
  );
}

/** Those that there are; undefined where nobody says. */
function namedDomains({ origins, values }: Loaded): readonly string[] | undefined {
  return origins.get('domain') === 'default' ? undefined : values.domain;
}

/** The accounts of the embedded session manager. */
class StoreAccountAdmin implements AccountAdmin {
  readonly added = '';
  readonly removed = ', with all that was kept for it';

  private constructor(
    private readonly store: Store,
    private readonly directory: string,
    /** Ours, where no session manager runs on the store. */
    private readonly lock: DirectoryLock | undefined,
    private readonly domains: readonly string[] | undefined,
  ) {}

  /** @throws {Failure} */
  static open(directory: string, domains: readonly string[] | undefined): StoreAccountAdmin {
    const lock = tryToLock(directory, 0);
    return new StoreAccountAdmin(openStore(directory, lock ? 'alone' : 'shared'), directory, lock, domains);
  }

  /** What runs knows best; else what was named for this call; else those of the accounts there are. */
  async served(): Promise<readonly string[]> {
    const running = await this.runningDomains();
    if (running ?? this.domains) return (running ?? this.domains)!;
    const hosts = this.store.accounts.list().map((account) => account.slice(account.indexOf('@') + 1));
    return [...new Set(['localhost', ...hosts])];
  }

  private async runningDomains(): Promise<readonly string[] | undefined> {
    if (this.lock) return undefined;
    const instance = await occupant(this.directory);
    return instance?.embedded ? instance.domains : undefined;
  }

  list(): Promise<Listed> {
    return Promise.resolve({ accounts: this.store.accounts.list(), strangers: [] });
  }

  async add(account: string, password: string): Promise<boolean> {
    return Promise.resolve(this.store.accounts.add(account, password));
  }

  async setPassword(account: string, password: string): Promise<boolean> {
    return Promise.resolve(this.store.accounts.setPassword(named(account).bare, password));
  }

  async remove(account: string): Promise<boolean> {
    const { bare } = named(account);
    const there = await askToRemove(this.directory, bare);
    if (there !== 'nobody to ask') return there;
    if (this.lock) return this.store.accounts.remove(bare);
    throw new Failure(
      `a sm-component runs on ${this.directory} that cannot be asked to end the sessions of ${bare} ` +
        '(its log says why it has no control socket): stop it first',
    );
  }

  close(): Promise<void> {
    this.store.close();
    this.lock?.release();
    return Promise.resolve();
  }
}

/**
 * What an account is called: no address of somebody's client, and nothing that no account can have.
 *
 * @throws RangeError
 */
function named(
  account: string,
  preparation?: Preparation,
): { readonly user: string; readonly host: string; readonly bare: string } {
  const jid = Jid.parse(account, preparation);
  if (jid?.user === undefined || jid.resource !== undefined)
    throw new RangeError(`no account can have the address "${account}"`);
  return { user: jid.user, host: jid.host, bare: jid.bare };
}

/**
 * Has the session manager that runs on the store remove the account: it ends its sessions, and tells its contacts.
 *
 * @returns false where it has no such account
 */
async function askToRemove(directory: string, account: string): Promise<boolean | 'nobody to ask'> {
  try {
    const [instance] = (await ask(directory, { command: 'instance' })) as Instance[];
    if (!instance.embedded) return 'nobody to ask';
    const [answer] = (await ask(directory, { command: 'remove', account })) as { removed: boolean }[];
    return answer.removed;
  } catch (error) {
    if (error instanceof NoInstanceError) return 'nobody to ask';
    throw error instanceof ControlError ? new Failure(error.message) : error;
  }
}

/** Who may log in in front of jabberd2. What else there is of somebody is the sm's, which nobody tells anything here. */
class CredentialsAccountAdmin implements AccountAdmin {
  readonly added: string;
  readonly removed: string;
  private readonly realms: ReadonlyMap<string, string>;

  constructor(
    private readonly credentials: CredentialStore,
    { credentials: source, data, realm }: Pick<Values, 'credentials' | 'data' | 'realm'>,
    /** Those that there are; undefined where nobody says. */
    private readonly domains: readonly string[] | undefined,
  ) {
    const where = source.store === 'embedded' ? data : printCredentials(source);
    this.added = ` to the accounts in ${where}`;
    this.removed =
      ` from the accounts in ${where}: nobody can log in as that user. Who is logged in stays; and what the sm of ` +
      'jabberd2 has of the user (roster, messages) is for whoever gets the name next';
    this.realms = new Map(realm);
  }

  served(): Promise<readonly string[] | undefined> {
    return Promise.resolve(this.domains && [...this.domains, ...this.realms.keys()]);
  }

  async list(): Promise<Listed> {
    const accounts: string[] = [];
    const strangers: Account[] = [];
    for (const one of await this.credentials.list()) {
      const addresses = this.addressesOf(one);
      accounts.push(...addresses);
      if (addresses.length === 0) strangers.push(one);
    }
    return { accounts, strangers };
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

  /** As a login asks for it. */
  private nameOf(account: string): [username: string, realm: string] {
    const { user, host } = named(account, STRINGPREP);
    return [user, this.realms.get(host) ?? host];
  }

  /** Those that a login by this account can have: some domains may have one realm, and some realms no domain. */
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
