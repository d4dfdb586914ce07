import type { PasswordType } from '../config/config.js';
import {
  EVERY_CHANGE,
  isName,
  isTry,
  requireName,
  requirePassword,
  type Account,
  type Credentials,
} from './credentials.js';
import { formOf, type Form } from './forms.js';

/** jabberd2's table `authreg(username, realm, password)`, wherever it is. Every verb answers in bounded time. */
export interface Table {
  /** What stands in `password`: null where nothing does, undefined where nobody is called so. */
  read(username: string, realm: string): Promise<string | null | undefined>;
  /** @returns false where nobody is called so */
  update(username: string, realm: string, stored: string): Promise<boolean>;
  /** @returns false where the name is taken */
  insert(username: string, realm: string, stored: string): Promise<boolean>;
  /** Each name once, by realm, then by name. */
  names(): Promise<readonly Account[]>;
  remove(username: string, realm: string): Promise<void>;
  close(): Promise<void>;
}

/** The accounts of such a table, with passwords in one form throughout, as c2s.xml has it in `<password_type>`. */
export class TableCredentials implements Credentials {
  readonly can = EVERY_CHANGE;
  private readonly form: Form;

  constructor(
    private readonly table: Table,
    type: PasswordType,
  ) {
    this.form = formOf(type);
  }

  get readable(): boolean {
    return this.form.readable;
  }

  async exists(username: string, realm: string): Promise<boolean> {
    return isName(username, realm) && (await this.table.read(username, realm)) !== undefined;
  }

  async check(username: string, realm: string, password: string): Promise<boolean> {
    if (!isTry(password)) return false;
    const stored = await this.stored(username, realm);
    return stored !== undefined && this.form.matches({ username, realm, password }, stored);
  }

  async secret(username: string, realm: string): Promise<string | undefined> {
    return this.readable ? this.stored(username, realm) : undefined;
  }

  async set(username: string, realm: string, password: string): Promise<boolean> {
    requirePassword(password);
    if (!isName(username, realm)) return false;
    return this.table.update(username, realm, await this.form.make({ username, realm, password }));
  }

  async create(username: string, realm: string, password: string): Promise<boolean> {
    requireName(username, realm);
    requirePassword(password);
    return this.table.insert(username, realm, await this.form.make({ username, realm, password }));
  }

  list(): Promise<readonly Account[]> {
    return this.table.names();
  }

  async delete(username: string, realm: string): Promise<void> {
    if (isName(username, realm)) await this.table.remove(username, realm);
  }

  async close(): Promise<void> {
    await Promise.all([this.table.close(), this.form.close?.()]);
  }

  /** An account that is being registered by jabberd2 has a row, and for a moment no password in it. */
  private async stored(username: string, realm: string): Promise<string | undefined> {
    const stored = isName(username, realm) ? await this.table.read(username, realm) : undefined;
    return stored || undefined;
  }
}
