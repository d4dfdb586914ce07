/**
 * Who may log in where the session manager never sees a password: in front of jabberd2, whose c2s asks its "authreg"
 * modules. [jabberd2 2.7.0 c2s]
 *
 * Names are whole texts, compared as they are: whoever asks has prepared them. What could not be a name (see
 * {@link isName}) is the name of nobody, and what could not be a password fits nobody. Every verb answers in bounded
 * time.
 *
 * @throws {CredentialsError} from every verb, where the store is away or broken
 */
export interface Credentials {
  /** Can passwords be had in clear, so that digest logins may be offered? */
  readonly readable: boolean;
  /** What else this store does; a verb that is not here rejects. */
  readonly can: ReadonlySet<Change>;
  exists(username: string, realm: string): Promise<boolean>;
  /** Is this the password of that user? Never with an empty one. */
  check(username: string, realm: string, password: string): Promise<boolean>;
  /** The password in clear; undefined where the store does not give it, has none, or nobody is called so. */
  secret(username: string, realm: string): Promise<string | undefined>;
  /**
   * @returns false where nobody is called so
   * @throws {RangeError} where this can not be a password, or not of that user, in this store
   */
  set(username: string, realm: string, password: string): Promise<boolean>;
  /**
   * @returns false where the name is taken; of any number of calls at once for a new name, one wins
   * @throws {RangeError} where this can not be a name, or not a password, in this store
   */
  create(username: string, realm: string, password: string): Promise<boolean>;
  /** @returns everybody that there is, by realm, then by name; rejects in a store that can not tell */
  list(): Promise<readonly Account[]>;
  /** Nobody is called so any more. */
  delete(username: string, realm: string): Promise<void>;
  /** Nothing is left open afterwards; closing twice is harmless. */
  close(): Promise<void>;
}

/** Whose credentials are kept. */
export interface Account {
  readonly username: string;
  readonly realm: string;
}

export type Change = 'set' | 'create' | 'delete';

/** What a store can do that keeps the table itself. */
export const EVERY_CHANGE: ReadonlySet<Change> = new Set<Change>(['set', 'create', 'delete']);

/** Why a store did not answer, in a sentence for the log; it holds no password. For the client it is temporary. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
}

/** Bytes that fit into the buffers of c2s; it cuts off what is longer. [jabberd2 2.7.0 c2s/authreg.c, authreg_sqlite.c] */
const MAX_USERNAME_LENGTH = 1023;
const MAX_REALM_LENGTH = 256;
/** A longer one in its table makes it write behind a buffer. */
const MAX_PASSWORD_LENGTH = 256;
/** Nothing longer is looked at in a login: this is what c2s takes. */
const MAX_TRY_LENGTH = 1023;

/** Texts that are no UTF-8, or that a program in C takes for shorter than they are. */
const UNFIT = /[\0\p{Cs}]/u;

const fits = (text: string, most: number): boolean => Buffer.byteLength(text) <= most && !UNFIT.test(text);

/** Can this be the name of an account? A realm may be empty, a username not. */
export function isName(username: string, realm: string): boolean {
  return username !== '' && fits(username, MAX_USERNAME_LENGTH) && fits(realm, MAX_REALM_LENGTH);
}

/** Can this be a new password? */
export function isPassword(password: string): boolean {
  return password !== '' && fits(password, MAX_PASSWORD_LENGTH);
}

/** Is this worth comparing with a password? Longer ones than can be set may come from a store that cuts them. */
export function isTry(password: string): boolean {
  return password !== '' && fits(password, MAX_TRY_LENGTH);
}

/** @throws {RangeError} */
export function requireName(username: string, realm: string): void {
  if (!isName(username, realm)) throw new RangeError('this is not a valid account name');
}

/** @throws {RangeError} */
export function requirePassword(password: string): void {
  if (isPassword(password)) return;
  throw new RangeError(`a password must have 1 to ${MAX_PASSWORD_LENGTH} bytes, and no NUL byte`);
}
