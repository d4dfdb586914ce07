/** What the actions of `users` have in common. */
import { CredentialsError } from '../../accounts/index.js';
import { file, text } from '../../config/kinds.js';
import { loadOptions, type Loaded } from '../../config/load.js';
import type { Values } from '../../config/options.js';
import { isLocked, sqliteCode } from '../../store/sqlite.js';
import { Jid } from '../../xmpp/jid.js';
import { Failure, UsageError, type Call } from '../command.js';
import { hasStore, openAccountAdmin, type AccountAdmin } from './account-admin.js';

/** The word that names an account. */
export const ACCOUNT = {
  account: { kind: text, help: 'NAME@DOMAIN; without @DOMAIN, the first --domain is used' },
} as const;

/** Where a new password comes from. */
export const PASSWORD = {
  'password-file': { kind: file, help: 'A file whose first line is the password' },
  password: {
    kind: text,
    help: 'The password. Other users of the machine can read it while the command runs',
    secret: true,
  },
} as const;

/** @throws {ConfigError} */
export function load({ options }: Pick<Call, 'options'>): Loaded {
  return loadOptions({ command: 'users', args: options, env: process.env });
}

/**
 * The account that an action is for.
 *
 * @throws {UsageError} where none is named
 */
export function accountOf(account: string | undefined, action: string, { domain }: Values): string {
  if (account === undefined) throw new UsageError(`users ${action} takes an account: NAME@${domain[0]}`);
  return account.includes('@') ? account : `${account}@${domain[0]}`;
}

/**
 * A store is made only with `--create`, and not in a directory that was named by mistake.
 *
 * @param remedy follows the advice to name another directory
 * @throws {Failure} where there is no store
 */
export function requireStore(loaded: Loaded, remedy = ''): void {
  if (hasStore(loaded)) return;
  throw new Failure(`there is no store in ${loaded.values.data}: name the right one with --data${remedy}`);
}

/**
 * An account of another domain would be useless: nobody could log in by it.
 *
 * @throws {Failure}
 */
export async function requireServed(admin: AccountAdmin, account: string): Promise<void> {
  const served = await admin.servedDomains();
  const host = Jid.parse(account)?.host;
  if (served === undefined || host === undefined || served.includes(host)) return;
  throw new Failure(
    `${host} is not served here; the served domains are ${served.join(', ')}: correct the account, or name its domain with --domain`,
  );
}

/**
 * Works on the accounts while they are open.
 *
 * @throws {Failure} and {UsageError} with a sentence about what went wrong
 */
export async function withAccounts(
  loaded: Loaded,
  work: (admin: AccountAdmin) => Promise<void>,
): Promise<void> {
  try {
    const admin = await openAccountAdmin(loaded);
    try {
      await work(admin);
    } finally {
      await admin.close();
    }
  } catch (error) {
    throw asKnown(error, loaded.values);
  }
}

function asKnown(error: unknown, { data }: Values): unknown {
  if (error instanceof RangeError) return new UsageError(error.message);
  if (isLocked(error)) return new Failure(`the store in ${data} is locked by another program; try again`);
  if (sqliteCode(error) !== undefined)
    return new Failure(`the store in ${data} cannot be used: ${(error as Error).message}`);
  return error instanceof CredentialsError ? new Failure(error.message) : error;
}

export const unknownAccount = (account: string): Failure =>
  new Failure(`there is no account ${account}; "users list" shows all accounts`);
