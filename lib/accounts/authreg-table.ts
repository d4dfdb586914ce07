import type { PasswordType } from '../config/config.js';
import {
  ALL_CHANGES,
  isName,
  isPlausiblePassword,
  requireName,
  requirePassword,
  type Account,
  type CredentialStore,
} from './credential-store.js';
import { passwordScheme, type PasswordScheme } from './password-schemes.js';

/** jabberd2's table `authreg(username, realm, password)` in some database. Every method settles in bounded time. */
export interface AuthregTable {
  /** The column `password`: null where it is NULL, undefined where there is no such account. */
  read(username: string, realm: string): Promise<string | null | undefined>;
  /** @returns false where there is no such account */
  update(username: string, realm: string, stored: string): Promise<boolean>;
  /** @returns false where the name is taken */
  insert(username: string, realm: string, stored: string): Promise<boolean>;
  /** Each name once, by realm, then by name. */
  names(): Promise<readonly Account[]>;
  remove(username: string, realm: string): Promise<void>;
  close(): Promise<void>;
}

/** The accounts of such a table. All passwords are stored by one scheme, that of `<password_type>` in c2s.xml. */
export class AuthregCredentialStore implements CredentialStore {
  readonly can = ALL_CHANGES;
  private readonly scheme: PasswordScheme;

  constructor(
    private readonly table: AuthregTable,
    type: PasswordType,
  ) {
    this.scheme = passwordScheme(type);
  }

  get readable(): boolean {
    return this.scheme.readable;
  }

  async exists(username: string, realm: string): Promise<boolean> {
    return isName(username, realm) && (await this.table.read(username, realm)) !== undefined;
  }

  async check(username: string, realm: string, password: string): Promise<boolean> {
    if (!isPlausiblePassword(password)) return false;
    const stored = await this.stored(username, realm);
    return stored !== undefined && this.scheme.verify({ username, realm, password }, stored);
  }

  async secret(username: string, realm: string): Promise<string | undefined> {
    return this.readable ? this.stored(username, realm) : undefined;
  }

  async set(username: string, realm: string, password: string): Promise<boolean> {
    requirePassword(password);
    if (!isName(username, realm)) return false;
    return this.table.update(username, realm, await this.scheme.encode({ username, realm, password }));
  }

  async create(username: string, realm: string, password: string): Promise<boolean> {
    requireName(username, realm);
    requirePassword(password);
    return this.table.insert(username, realm, await this.scheme.encode({ username, realm, password }));
  }

  list(): Promise<readonly Account[]> {
    return this.table.names();
  }

  async delete(username: string, realm: string): Promise<void> {
    if (isName(username, realm)) await this.table.remove(username, realm);
  }

  async close(): Promise<void> {
    await Promise.all([this.table.close(), this.scheme.close?.()]);
  }

  /** While jabberd2 registers an account, its row has no password for a moment. */
  private async stored(username: string, realm: string): Promise<string | undefined> {
    const stored = isName(username, realm) ? await this.table.read(username, realm) : undefined;
    return stored || undefined;
  }
}
