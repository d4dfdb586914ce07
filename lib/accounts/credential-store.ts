/**
 * Names and passwords of accounts, for session managers that leave the check of passwords to the socket manager. With
 * jabberd2 it takes the place of the "authreg" modules of c2s. [jabberd2 2.7.0 c2s]
 *
 * The caller prepares names (stringprep); the store compares them as they are. A text that cannot be a name (see
 * {@link isName}) names no account, and a text that cannot be a password matches no account. Every method settles in
 * bounded time.
 *
 * @throws {CredentialsError} from every method, where the store cannot be reached or is broken
 */
export interface CredentialStore {
  /** Does the store give passwords in clear? Only then digest logins can be offered. */
  readonly readable: boolean;
  /** The changes that this store supports; the methods of the others reject. */
  readonly can: ReadonlySet<AccountChange>;
  exists(username: string, realm: string): Promise<boolean>;
  /** Is this the password of that user? An empty password never is. */
  check(username: string, realm: string, password: string): Promise<boolean>;
  /** The password in clear; undefined where the store gives none in clear, or there is no such account or password. */
  secret(username: string, realm: string): Promise<string | undefined>;
  /**
   * Gives an account another password.
   *
   * @returns false where there is no such account
   * @throws {RangeError} where this store cannot hold that password, or not for that user
   */
  set(username: string, realm: string, password: string): Promise<boolean>;
  /**
   * Makes an account.
   *
   * @returns false where the name is taken; of several calls at once for one new name, exactly one returns true
   * @throws {RangeError} where this store cannot hold that name or that password
   */
  create(username: string, realm: string, password: string): Promise<boolean>;
  /** @returns all accounts, by realm, then by name; rejects where the store cannot list them */
  list(): Promise<readonly Account[]>;
  /** Removes an account, if it exists. */
  delete(username: string, realm: string): Promise<void>;
  /** Closes files, connections and programs. May be called twice. */
  close(): Promise<void>;
}

/** The name of an account. */
export interface Account {
  readonly username: string;
  readonly realm: string;
}

export type AccountChange = 'set' | 'create' | 'delete';

/** What a store supports that writes to its table itself. */
export const ALL_CHANGES: ReadonlySet<AccountChange> = new Set<AccountChange>(['set', 'create', 'delete']);

/** Why a store did not answer: a sentence for the log, without a password. Clients are told of a temporary error. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
}

/** What fits into the buffers of c2s, which cuts off the rest. [jabberd2 2.7.0 c2s/authreg.c, authreg_sqlite.c] */
const MAX_USERNAME_BYTES = 1023;
const MAX_REALM_BYTES = 256;
/** A longer one in the table makes c2s write past the end of a buffer. */
const MAX_PASSWORD_BYTES = 256;
/** The longest password that a login may present: c2s takes as much. */
const MAX_PRESENTED_PASSWORD_BYTES = 1023;

/** NUL ends a text for a program in C, and lone surrogates have no UTF-8. */
const NOT_STORABLE = /[\0\p{Cs}]/u;

const fits = (text: string, most: number): boolean =>
  Buffer.byteLength(text) <= most && !NOT_STORABLE.test(text);

/** Can this be the name of an account? A realm may be empty, a username not. */
export function isName(username: string, realm: string): boolean {
  return username !== '' && fits(username, MAX_USERNAME_BYTES) && fits(realm, MAX_REALM_BYTES);
}

/** Can this be a new password? */
export function isPassword(password: string): boolean {
  return password !== '' && fits(password, MAX_PASSWORD_BYTES);
}

/** Can this be the password of a login? It may be longer than a new one, since some stores cut passwords off. */
export function isPlausiblePassword(password: string): boolean {
  return password !== '' && fits(password, MAX_PRESENTED_PASSWORD_BYTES);
}

/** @throws {RangeError} */
export function requireName(username: string, realm: string): void {
  if (!isName(username, realm)) throw new RangeError('this is not a valid account name');
}

/** @throws {RangeError} */
export function requirePassword(password: string): void {
  if (isPassword(password)) return;
  throw new RangeError(`a password must have 1 to ${MAX_PASSWORD_BYTES} bytes, and no NUL byte`);
}
