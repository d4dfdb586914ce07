import { createHash } from 'node:crypto';
import type { PasswordType } from '../config/config.js';
import { isSame } from '../xmpp/sasl/same.js';
import { CredentialsError } from './credentials.js';
import { newSetting } from './crypt/crypt.js';
import { Hasher } from './crypt/hasher.js';

/** A password and whose it is, or is to be. */
export interface PasswordCheck {
  readonly username: string;
  readonly realm: string;
  readonly password: string;
}

/** How passwords stand in the table. [jabberd2 2.7.0 c2s.xml password_type] */
export interface Form {
  /** Is it the password in clear? */
  readonly readable: boolean;
  /** What is written for a new password. @throws {RangeError} where this form has none for it */
  make(login: PasswordCheck): string | Promise<string>;
  /** @throws {CredentialsError} where that can not be said */
  matches(login: PasswordCheck, stored: string): boolean | Promise<boolean>;
  close?(): Promise<void>;
}

export function formOf(type: PasswordType): Form {
  switch (type) {
    case 'plaintext':
      return plaintext;
    case 'a1hash':
      return a1hash;
    case 'crypt':
    case 'bcrypt':
      return new Crypt(newSetting[type]);
  }
}

const plaintext: Form = {
  readable: true,
  make: ({ password }) => password,
  matches: ({ password }, stored) => isSame(password, stored),
};

/** c2s refuses names with a colon, which could be told as another user's. [jabberd2 2.7.0 authreg_sqlite.c] */
const a1hash: Form = {
  readable: false,
  make: (login) => {
    if (hasColon(login)) throw new RangeError('with a1hash, a user name must not contain a colon');
    return a1(login);
  },
  // c2s compares 32 characters, whatever stands behind them
  matches: (login, stored) => !hasColon(login) && isSame(a1(login), stored.slice(0, 32)),
};

/** Both verify whatever crypt(3) has; they differ in what they write. */
class Crypt implements Form {
  readonly readable = false;
  private readonly hasher = new Hasher();

  constructor(private readonly newSetting: () => string) {}

  async make({ password }: PasswordCheck): Promise<string> {
    const stored = await this.hasher.hash(password, this.newSetting());
    if (stored === undefined) throw new CredentialsError('a new password could not be hashed');
    return stored;
  }

  /** A word like `*` or `!` locks an account; what has a prefix could be a password that we do not know to check. */
  async matches({ password }: PasswordCheck, stored: string): Promise<boolean> {
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

const hasColon = ({ username, realm }: PasswordCheck): boolean =>
  username.includes(':') || realm.includes(':');

/** Bytes of a password that c2s puts into the hash, when it is set and when it is compared. */
const A1_PASSWORD = 256;

function a1({ username, realm, password }: PasswordCheck): string {
  return createHash('md5')
    .update(`${username}:${realm}:`)
    .update(Buffer.from(password).subarray(0, A1_PASSWORD))
    .digest('hex');
}
