import type { Connection } from '../store.js';
import { Jid, prepareAccountName } from '../../session/jid.js';

/** When and how an account was last seen. */
export interface LastSeen {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly status: string;
}

/** Longest password in characters. */
const LONGEST_PASSWORD = 1023;

/** May this text be a password? */
export function isPassword(text: string): boolean {
  return text !== '' && text.length <= LONGEST_PASSWORD;
}

/**
 * Who may log in. Accounts are named by their bare JID (`juliet@localhost`), in any spelling on the way in and in the
 * folded one on the way out.
 */
export class Accounts {
  private readonly statements;

  constructor(private readonly connection: Connection) {
    this.statements = prepare(connection);
  }

  /**
   * @returns false where the account exists already
   * @throws RangeError when the address cannot be that of an account, or the password is empty or over 1023 characters
   */
  add(account: string, password: string): boolean {
    const jid = accountName(account);
    requirePassword(password);
    return this.connection.write(() => this.statements.add.run(jid, password, Date.now()).changes > 0);
  }

  /** Removes the account and all that was kept for it. @returns false where there is none */
  remove(account: string): boolean {
    return this.connection.write(() => this.statements.remove.run(canonical(account)).changes > 0);
  }

  /** Bare JIDs in alphabetical order. */
  list(): string[] {
    return this.statements.list.all().map((row) => row.jid);
  }

  /** @returns false where there is no such account @throws RangeError when the text cannot be a password */
  setPassword(account: string, password: string): boolean {
    requirePassword(password);
    const jid = canonical(account);
    return this.connection.write(() => this.statements.setPassword.run(password, jid).changes > 0);
  }

  exists(account: string): boolean {
    return this.password(account) !== undefined;
  }

  /** The password in clear; undefined where there is no such account. Not to be logged, nor sent to anybody. */
  password(account: string): string | undefined {
    return this.statements.password.get(canonical(account))?.password;
  }

  /** Keeps that the last session of the account has just gone. */
  saw(account: string, status: string): void {
    this.connection.write(() => this.statements.saw.run(Date.now(), status, canonical(account)));
  }

  lastSeen(account: string): LastSeen | undefined {
    const row = this.statements.lastSeen.get(canonical(account));
    return row?.at == null ? undefined : { at: row.at, status: row.status ?? '' };
  }
}

function prepare(connection: Connection) {
  return {
    add: connection.prepare<[string, string, number]>(
      'INSERT INTO account (jid, password, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    ),
    remove: connection.prepare<[string]>('DELETE FROM account WHERE jid = ?'),
    list: connection.prepare<[], { jid: string }>('SELECT jid FROM account ORDER BY jid'),
    setPassword: connection.prepare<[string, string]>('UPDATE account SET password = ? WHERE jid = ?'),
    password: connection.prepare<[string], { password: string }>(
      'SELECT password FROM account WHERE jid = ?',
    ),
    saw: connection.prepare<[number, string, string]>(
      'UPDATE account SET last_seen = ?, last_status = ? WHERE jid = ?',
    ),
    lastSeen: connection.prepare<[string], { at: number | null; status: string | null }>(
      'SELECT last_seen AS at, last_status AS status FROM account WHERE jid = ?',
    ),
  };
}

/** The one spelling of an account's name; what is no address at all names no account. */
function canonical(account: string): string {
  return Jid.parse(account)?.bare ?? '';
}

function accountName(account: string): string {
  const jid = Jid.parse(account);
  if (jid?.user === undefined || jid.resource !== undefined || prepareAccountName(jid.user) === undefined) {
    throw new RangeError(`no account can have the address "${account}"`);
  }
  return jid.bare;
}

function requirePassword(password: string): void {
  if (!isPassword(password)) {
    throw new RangeError(`a password has between 1 and ${LONGEST_PASSWORD} characters`);
  }
}
