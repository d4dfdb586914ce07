import { existsSync } from 'node:fs';
import path from 'node:path';
import { openMemory, openOwn, requireWhole, type Sqlite } from '../../store/sqlite.js';
import type { Database } from '../../store/database.js';
import { AccountTable } from './accounts.js';
import { DocumentTable } from './documents.js';
import { OfflineTable } from './offline.js';
import { RosterTable } from './rosters.js';
import { STEPS } from './schema.js';

const FILE = 'sm-component.sqlite';

/**
 * `alone`: nobody else uses the store while it is open. `shared`: a session manager may run on it; then its tables are not
 * migrated.
 */
export type StoreUse = 'alone' | 'shared';

/**
 * All that the embedded session manager stores: accounts, rosters, offline messages, documents of the users.
 *
 * One SQLite file in WAL mode. `synchronous` is FULL, because a message that was accepted must survive a loss of power.
 * Many changes share the cost of that, see {@link gather}.
 *
 * Passwords are stored in clear: the digest of jabber:iq:auth is made of the clear password and the stream id, so it
 * cannot be checked without the password [XEP-0078 3.1]. Therefore only the owner of the file may read it.
 */
export class Store {
  readonly accounts: AccountTable;
  readonly rosters: RosterTable;
  readonly offline: OfflineTable;
  readonly documents: DocumentTable;
  /** `gathering`: changes wait for {@link commit}; `changed`: the running work has made some already. */
  private state: 'direct' | 'gathering' | 'changed' = 'direct';

  private constructor(
    private readonly database: Sqlite,
    use: StoreUse,
  ) {
    database.pragma('foreign_keys = ON');
    requireOurs(database);
    if (use === 'shared') requireCurrent(database);
    else {
      if (!database.memory) requireWhole(database);
      migrate(database);
    }
    const tables: Database = {
      prepare: (source) => database.prepare(source) as never,
      write: (change) => this.write(change),
    };
    this.accounts = new AccountTable(tables);
    this.rosters = new RosterTable(tables);
    this.offline = new OfflineTable(tables);
    this.documents = new DocumentTable(tables);
  }

  /**
   * Opens the store in a directory, and makes the directory where it is missing.
   *
   * @throws DamagedFile where the tables are inconsistent
   * @throws Error when the directory cannot be used or the file comes from a newer version of this program
   */
  static open(directory: string, use: StoreUse = 'alone'): Store {
    const database = openOwn(directory, FILE, migrate);
    try {
      return new Store(database, use);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** A store in memory. */
  static memory(): Store {
    return new Store(openMemory(), 'alone');
  }

  /** Is there a store in that directory? */
  static exists(directory: string): boolean {
    return existsSync(path.join(directory, FILE));
  }

  /** Commits open changes and closes the file. Closing twice is harmless. */
  close(): void {
    if (!this.database.open) return;
    this.commit();
    this.database.close();
  }

  /**
   * From now on a change throws SQLITE_BUSY at once where another program has a lock. A server must not block; it tries
   * again later.
   */
  doNotWait(): void {
    this.database.pragma('busy_timeout = 0');
  }

  /**
   * Runs work that may make changes. The changes of several calls stay open until {@link commit} commits them together or
   * {@link undo} undoes them. Those of a call that throws are undone.
   */
  gather(work: () => void): void {
    this.state = 'gathering';
    try {
      work();
    } catch (error) {
      if (this.hasChanged && this.isOpen) this.database.exec('ROLLBACK TO work');
      throw error;
    } finally {
      if (this.hasChanged && this.isOpen) this.database.exec('RELEASE work');
      this.state = 'direct';
    }
  }

  /** Are there changes that are not committed? */
  get isOpen(): boolean {
    return this.database.inTransaction;
  }

  /** @throws Error when the changes could not be written; all open changes are undone then */
  commit(): void {
    if (!this.isOpen) return;
    try {
      this.database.exec('COMMIT');
    } catch (error) {
      this.undo();
      throw error;
    }
  }

  /** Undoes the changes that are open. */
  undo(): void {
    if (this.isOpen) this.database.exec('ROLLBACK');
  }

  private get hasChanged(): boolean {
    return this.state === 'changed';
  }

  private write<Result>(change: () => Result): Result {
    if (this.state === 'direct') return this.database.transaction(change).immediate();
    if (this.state === 'gathering') this.open();
    return change();
  }

  private open(): void {
    if (!this.isOpen) this.database.exec('BEGIN IMMEDIATE');
    this.database.exec('SAVEPOINT work');
    this.state = 'changed';
  }
}

const versionOf = (database: Sqlite): number => database.pragma('user_version', { simple: true }) as number;

const TABLES = ['account', 'contact', 'document', 'offline'];

/** @throws Error where the database is that of another program */
function requireOurs(database: Sqlite): void {
  const names = database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all() as Named[];
  const isOurs = TABLES.every((table) => names.some(({ name }) => name === table));
  const isNew = versionOf(database) === 0 && names.length === 0;
  if (!isOurs && !isNew) throw new Error(`${FILE} is a database of another program`);
}

interface Named {
  readonly name: string;
}

/** @throws Error where the tables are those of another version, on which its session manager may run */
function requireCurrent(database: Sqlite): void {
  if (versionOf(database) === STEPS.length) return;
  throw new Error('another version of sm-component uses it: use that version, or stop it first');
}

function migrate(database: Sqlite): void {
  const version = versionOf(database);
  if (version > STEPS.length) {
    throw new Error(
      `the store has version ${version}, but this sm-component supports only versions up to ${STEPS.length}`,
    );
  }
  for (let step = version; step < STEPS.length; step += 1) {
    database.transaction(() => {
      database.exec(STEPS[step]);
      database.pragma(`user_version = ${step + 1}`);
    })();
  }
}
