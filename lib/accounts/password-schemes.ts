import { createHash } from 'node:crypto';
import type { PasswordType } from '../config/config.js';
import { isSame } from '../xmpp/sasl/same.js';
import { CredentialsError } from './credential-store.js';
import { newSetting } from './crypt/crypt.js';
import { Hasher } from './crypt/hasher.js';

/** A password, with the account that it belongs to or is presented for. */
export interface AccountPassword {
  readonly username: string;
  readonly realm: string;
  readonly password: string;
}

/** How passwords are stored in the table. [jabberd2 2.7.0 c2s.xml password_type] */
export interface PasswordScheme {
  /** Is the password stored in clear? */
  readonly readable: boolean;
  /** What is stored for a new password. @throws {RangeError} where the scheme cannot store it */
  encode(login: AccountPassword): string | Promise<string>;
  /** Is this the stored password? @throws {CredentialsError} where the stored text is of a scheme that is not known here */
  verify(login: AccountPassword, stored: string): boolean | Promise<boolean>;
  close?(): Promise<void>;
}

export function passwordScheme(type: PasswordType): PasswordScheme {
  switch (type) {
    case 'plaintext':
      return plaintext;
    case 'a1hash':
      return a1hash;
    case 'crypt':
    case 'bcrypt':
      return new CryptScheme(newSetting[type]);
  }
}

const plaintext: PasswordScheme = {
  readable: true,
  encode: ({ password }) => password,
  verify: ({ password }, stored) => isSame(password, stored),
};

/** c2s refuses names with a colon: the hash could be that of another user. [jabberd2 2.7.0 authreg_sqlite.c] */
const a1hash: PasswordScheme = {
  readable: false,
  encode: (login) => {
    if (hasColon(login)) throw new RangeError('with a1hash, a user name must not contain a colon');
    return a1(login);
  },
  // c2s compares the first 32 characters only
  verify: (login, stored) => !hasColon(login) && isSame(a1(login), stored.slice(0, 32)),
};

/** `crypt` and `bcrypt`: both verify all that crypt(3) knows, and differ in what they write. */
class CryptScheme implements PasswordScheme {
  readonly readable = false;
  private readonly hasher = new Hasher();

  constructor(private readonly newSetting: () => string) {}

  async encode({ password }: AccountPassword): Promise<string> {
    const stored = await this.hasher.hash(password, this.newSetting());
    if (stored === undefined) throw new CredentialsError('a new password could not be hashed');
    return stored;
  }

  /** A stored text like `*` or `!` locks an account; a text with a prefix may be of a scheme that is not known here. */
  async verify({ password }: AccountPassword, stored: string): Promise<boolean> {
    const hash = await this.hasher.hash(password, stored);
    if (hash !== undefined) return isSame(hash, stored);
    const prefix = /^(?:\$[^$]{1,9}\$|_)/.exec(stored)?.[0];
    if (prefix === undefined) return false;
    throw new CredentialsError(`a stored password has an unknown form (${prefix})`);
  }

  close(): Promise<void> {
    return this.hasher.close();
  }
}

const hasColon = ({ username, realm }: AccountPassword): boolean =>
  username.includes(':') || realm.includes(':');

/** c2s hashes only so much of a password, when it is set and when it is compared. */
const MAX_A1_PASSWORD_BYTES = 256;

function a1({ username, realm, password }: AccountPassword): string {
  return createHash('md5')
    .update(`${username}:${realm}:`)
    .update(Buffer.from(password).subarray(0, MAX_A1_PASSWORD_BYTES))
    .digest('hex');
}
