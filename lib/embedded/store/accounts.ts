import type { Database } from '../../store/database.js';
import { Jid, prepareAccountName } from '../../xmpp/jid.js';

/** When a resource of an account was last available, and the status it left. */
export interface LastActivity {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly status: string;
}

/** Longest password, in characters. */
const MAX_PASSWORD_LENGTH = 1023;

/** May this text be a password? */
export function isAccountPassword(text: string): boolean {
  return text !== '' && text.length <= MAX_PASSWORD_LENGTH;
}

/**
 * The accounts. They are named by their bare JID (`juliet@localhost`): in any spelling in parameters, folded in
 * results.
 */
export class AccountTable {
  private readonly statements;

  constructor(private readonly database: Database) {
    this.statements = prepare(database);
  }

  /**
   * @returns false where the account exists already
   * @throws RangeError when the address cannot be that of an account, or the password is empty or over 1023 characters
   */
  add(account: string, password: string): boolean {
    const jid = accountName(account);
    requirePassword(password);
    const now = Date.now();
    return this.database.write(() => this.statements.add.run(jid, password, now, now).changes > 0);
  }

  /**
   * Removes the account and all that is stored for it. Subscriptions between it and others end too: a new account of that
   * name belongs to another user.
   *
   * @returns false where there is none
   */
  remove(account: string): boolean {
    const jid = canonical(account);
    return this.database.write(() => {
      if (this.statements.remove.run(jid).changes === 0) return false;
      this.statements.growOthers.run(jid);
      this.statements.forgetUnlisted.run(jid);
      this.statements.unsubscribe.run(jid);
      return true;
    });
  }

  /** Bare JIDs in alphabetical order. */
  list(): string[] {
    return this.statements.list.all().map((row) => row.jid);
  }

  /** @returns false where there is no such account @throws RangeError when the text cannot be a password */
  setPassword(account: string, password: string): boolean {
    requirePassword(password);
    const jid = canonical(account);
    return this.database.write(() => this.statements.setPassword.run(password, jid).changes > 0);
  }

  exists(account: string): boolean {
    return this.password(account) !== undefined;
  }

  /** The password in clear; undefined where there is no such account. Must not be logged, nor sent to anybody. */
  password(account: string): string | undefined {
    return this.statements.password.get(canonical(account))?.password;
  }

  /** Stores when a resource of the account was last available. */
  setLastActivity(account: string, { at, status }: LastActivity): void {
    this.database.write(() => this.statements.saw.run(at, status, canonical(account)));
  }

  lastActivity(account: string): LastActivity | undefined {
    const row = this.statements.lastSeen.get(canonical(account));
    return row?.at == null ? undefined : { at: row.at, status: row.status ?? '' };
  }
}

function prepare(database: Database) {
  return {
    // The roster begins with a version that no earlier account of that name had: clients store rosters by version.
    add: database.prepare<[string, string, number, number]>(
      'INSERT INTO account (jid, password, created, roster_version) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    ),
    remove: database.prepare<[string]>('DELETE FROM account WHERE jid = ?'),
    growOthers: database.prepare<[string]>(
      'UPDATE account SET roster_version = roster_version + 1 WHERE jid IN (SELECT account FROM contact WHERE jid = ?)',
    ),
    forgetUnlisted: database.prepare<[string]>('DELETE FROM contact WHERE jid = ? AND listed = 0'),
    unsubscribe: database.prepare<[string]>(
      `UPDATE contact SET mine = 'none', theirs = 'none', request = NULL WHERE jid = ?`,
    ),
    list: database.prepare<[], { jid: string }>('SELECT jid FROM account ORDER BY jid'),
    setPassword: database.prepare<[string, string]>('UPDATE account SET password = ? WHERE jid = ?'),
    password: database.prepare<[string], { password: string }>('SELECT password FROM account WHERE jid = ?'),
    saw: database.prepare<[number, string, string]>(
      'UPDATE account SET last_seen = ?, last_status = ? WHERE jid = ?',
    ),
    lastSeen: database.prepare<[string], { at: number | null; status: string | null }>(
      'SELECT last_seen AS at, last_status AS status FROM account WHERE jid = ?',
    ),
  };
}

/** The prepared bare JID of an account; empty, and so no account's, for a text that is no address. */
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
  if (!isAccountPassword(password)) {
    throw new RangeError(`a password must have 1 to ${MAX_PASSWORD_LENGTH} characters`);
  }
}
