import { statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { PasswordType } from '../config/config.js';
import { isLocked, openShared, type Sqlite, type Statement } from '../store/sqlite.js';
import { CredentialsError, type Account, type CredentialStore } from './credential-store.js';
import { AuthregCredentialStore, type AuthregTable } from './authreg-table.js';

/**
 * jabberd2's own SQLite file as deployed, which its c2s and sm may be using at the same time.
 *
 * @throws {CredentialsError} where there is no such file, or no table `authreg` in it: neither is created
 */
export async function openSqlite(file: string, type: PasswordType): Promise<CredentialStore> {
  return new AuthregCredentialStore(await SqliteTable.open(file), type);
}

/** How long a call waits for a lock that another program holds, as c2s does. */
const LOCK_TIMEOUT_MS = 2000;
/** Between two tries to get the lock. */
const LOCK_RETRY_MS = 20;

interface Row extends Account {
  readonly stored: string;
}

interface Statements {
  readonly read: Statement<[Account], { password: string | null }>;
  readonly update: Statement<[Row], unknown>;
  readonly insert: Statement<[Row], unknown>;
  readonly names: Statement<[], Account>;
  readonly remove: Statement<[Account], unknown>;
}

/** An open file; its `identity` changes when another file is put in its place. */
interface Opened {
  readonly database: Sqlite;
  readonly statements: Statements;
  readonly identity: string;
}

const LOCKED = Symbol('locked');

/** Reads do not wait behind writes: a lock may keep out writers only. */
type Access = 'reading' | 'writing';

/** `authreg` in a SQLite file. After an error, or when the file was replaced, the next call opens it again. */
class SqliteTable implements AuthregTable {
  private opened: Opened | undefined;
  private closed = false;
  /** The call that the next one waits for: while a lock is held only one call of each kind tries to get it. */
  private readonly lastCalls: Record<Access, Promise<unknown>> = {
    reading: Promise.resolve(),
    writing: Promise.resolve(),
  };

  private constructor(private readonly file: string) {}

  static async open(file: string): Promise<SqliteTable> {
    const table = new SqliteTable(file);
    await table.run('reading', () => undefined);
    return table;
  }

  read(username: string, realm: string): Promise<string | null | undefined> {
    return this.run('reading', ({ read }) => read.get({ username, realm })?.password);
  }

  update(username: string, realm: string, stored: string): Promise<boolean> {
    return this.run('writing', ({ update }) => update.run({ username, realm, stored }).changes > 0);
  }

  insert(username: string, realm: string, stored: string): Promise<boolean> {
    return this.run('writing', ({ insert }) => insert.run({ username, realm, stored }).changes > 0);
  }

  names(): Promise<readonly Account[]> {
    return this.run('reading', ({ names }) => names.all());
  }

  remove(username: string, realm: string): Promise<void> {
    return this.run('writing', ({ remove }) => void remove.run({ username, realm }));
  }

  close(): Promise<void> {
    this.closed = true;
    this.release();
    return Promise.resolve();
  }

  /** Waits for locks of other programs here, and not inside SQLite, which would block the thread. */
  private run<Result>(way: Access, call: (statements: Statements) => Result): Promise<Result> {
    const until = performance.now() + LOCK_TIMEOUT_MS;
    const result = this.lastCalls[way].then(() => this.tryUntil(until, call));
    this.lastCalls[way] = result.catch(() => undefined);
    return result;
  }

  private async tryUntil<Result>(until: number, call: (statements: Statements) => Result): Promise<Result> {
    for (;;) {
      const result = this.try(call, performance.now() < until);
      if (result !== LOCKED) return result;
      await delay(LOCK_RETRY_MS);
    }
  }

  private try<Result>(call: (statements: Statements) => Result, patient = false): Result | typeof LOCKED {
    if (this.closed) throw new CredentialsError('the accounts are closed');
    try {
      return call(this.current());
    } catch (error) {
      if (patient && isLocked(error)) return LOCKED;
      this.release();
      throw new CredentialsError(describeError(this.file, error), { cause: error });
    }
  }

  private current(): Statements {
    const identity = identityOf(this.file);
    if (this.opened?.identity !== identity) this.release();
    this.opened ??= open(this.file, identity);
    return this.opened.statements;
  }

  private release(): void {
    this.opened?.database.close();
    this.opened = undefined;
  }
}

function open(file: string, identity: string): Opened {
  const database = openShared(file, 0);
  try {
    return { database, statements: prepare(database), identity };
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * jabberd2's schema has no unique index, so `insert` itself tests whether the name is free: it is one statement, and
 * SQLite has one writer at a time. Where two rows have one name (two c2s registered it at once), the first one counts.
 */
function prepare(database: Sqlite): Statements {
  return {
    read: database.prepare(
      `SELECT CAST(password AS TEXT) AS password FROM authreg
       WHERE username = @username AND realm = @realm ORDER BY rowid LIMIT 1`,
    ),
    update: database.prepare(
      'UPDATE authreg SET password = @stored WHERE username = @username AND realm = @realm',
    ),
    insert: database.prepare(
      `INSERT INTO authreg (username, realm, password) SELECT @username, @realm, @stored
       WHERE NOT EXISTS (SELECT 1 FROM authreg WHERE username = @username AND realm = @realm)`,
    ),
    names: database.prepare(
      `SELECT DISTINCT CAST(username AS TEXT) AS username, CAST(realm AS TEXT) AS realm FROM authreg
       ORDER BY realm, username`,
    ),
    remove: database.prepare('DELETE FROM authreg WHERE username = @username AND realm = @realm'),
  };
}

/** @throws where there is no such file */
function identityOf(file: string): string {
  const { dev, ino } = statSync(file);
  return `${dev}:${ino}`;
}

function describeError(file: string, error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return `the accounts file ${file} does not exist`;
  if (isLocked(error)) return `the accounts in ${file} are locked by another program`;
  if (message === 'no such table: authreg')
    return `${file} has no table authreg: it is not a database of jabberd2`;
  return `the accounts in ${file} cannot be used: ${message}`;
}
