import { openMemory, openOwn, type Sqlite } from '../store/sqlite.js';
import type { Statement } from '../store/statement.js';
import { Accounts } from './store/accounts.js';
import { Documents } from './store/documents.js';
import { OfflineMessages } from './store/offline.js';
import { Rosters } from './store/rosters.js';
import { STEPS } from './store/schema.js';

const FILE = 'sm-component.sqlite';

/** What the tables know of the database. */
export interface Connection {
  prepare<Parameters extends unknown[], Row = unknown>(source: string): Statement<Parameters, Row>;
  /** Runs a change whole or not at all. Changes may stand inside each other. */
  write<Result>(change: () => Result): Result;
}

/**
 * Everything the embedded session manager keeps: accounts, rosters, offline messages, documents of the users.
 *
 * One SQLite file in WAL mode. `synchronous` is FULL, because a message that was taken must be there after a loss of
 * power too; what that costs is paid once a turn of the event loop, see {@link commitPerTurn}.
 *
 * Passwords are kept in clear: the digest of jabber:iq:auth is made of the clear password and the stream id, so
 * whoever checks it needs the password [XEP-0078 3.1]. The file is therefore readable by its owner alone.
 */
export class Store {
  readonly accounts: Accounts;
  readonly rosters: Rosters;
  readonly offline: OfflineMessages;
  readonly documents: Documents;
  private failed: ((error: unknown) => void) | undefined;

  private constructor(private readonly database: Sqlite) {
    database.pragma('foreign_keys = ON');
    migrate(database);
    const connection: Connection = {
      prepare: (source) => database.prepare(source) as never,
      write: (change) => this.write(change),
    };
    this.accounts = new Accounts(connection);
    this.rosters = new Rosters(connection);
    this.offline = new OfflineMessages(connection);
    this.documents = new Documents(connection);
  }

  /**
   * Opens the store in a directory, which is made where it is missing.
   *
   * @throws Error when the directory cannot be used or the file comes from a newer version of this program
   */
  static open(directory: string): Store {
    return new Store(openOwn(directory, FILE));
  }

  /** A store that ends with the process. */
  static memory(): Store {
    return new Store(openMemory());
  }

  /** Commits what is open and closes the file. Closing twice is harmless. */
  close(): void {
    if (!this.database.open) return;
    this.commit();
    this.database.close();
  }

  /**
   * From now on the changes of one turn of the event loop are committed together, at its end or by {@link commit},
   * whichever comes first: one wait for the disk, however many messages the turn has brought. Who tells others of a
   * change calls `commit` before.
   *
   * @param failed told why the changes of a turn were lost, where nobody called `commit`
   */
  commitPerTurn(failed: (error: unknown) => void): void {
    this.failed = failed;
  }

  /** @throws Error when the changes could not be written; they are lost then */
  commit(): void {
    if (!this.database.inTransaction) return;
    try {
      this.database.exec('COMMIT');
    } catch (error) {
      if (this.database.inTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
  }

  private write<Result>(change: () => Result): Result {
    if (this.failed && !this.database.inTransaction) this.begin();
    return this.database.transaction(change)();
  }

  private begin(): void {
    this.database.exec('BEGIN IMMEDIATE');
    setImmediate(() => {
      try {
        if (this.database.open) this.commit();
      } catch (error) {
        this.failed?.(error);
      }
    });
  }
}

function migrate(database: Sqlite): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version > STEPS.length) {
    throw new Error(
      `the store has version ${version}, and this program knows versions up to ${STEPS.length} only`,
    );
  }
  for (let step = version; step < STEPS.length; step += 1) {
    database.transaction(() => {
      database.exec(STEPS[step]);
      database.pragma(`user_version = ${step + 1}`);
    })();
  }
}
