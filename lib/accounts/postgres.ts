import type { Pool, PoolClient } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import type { PasswordType } from '../config/config.js';
import { withoutPassword } from '../config/kinds.js';
import type { Log } from '../observe/log.js';
import { CredentialsError, type Account, type CredentialStore } from './credential-store.js';
import { AuthregCredentialStore, type AuthregTable } from './authreg-table.js';

/** To get a connection, for one statement, and for the connections to end. */
const QUERY_TIMEOUT_MS = 5000;
/** A call uses one for some milliseconds; a server has about a hundred for all its clients. */
const MAX_CONNECTIONS = 4;
/** How long an unused connection is kept. */
const IDLE_TIMEOUT_MS = 60_000;

/** Errors that do not go away by waiting: wrong user, database, table. [PostgreSQL, Appendix A: classes 28, 3D, 42] */
const CONFIGURATION_ERROR = /^(?:28|3D|42)/;
/** The table cannot hold the value: too long for a column, or characters that the database has no encoding for. [class 22] */
const DATA_ERROR = /^22/;

/**
 * jabberd2's table in a PostgreSQL server, which its c2s may be using at the same time.
 *
 * @param url may hold a password, which is never logged
 * @throws {CredentialsError} where the server refuses the user, the database or the table. A server that cannot be
 * reached is logged, and tried again with every call
 */
export async function openPostgres(url: string, type: PasswordType, log: Log): Promise<CredentialStore> {
  const table = await PostgresTable.open(url, log);
  return new AuthregCredentialStore(table, type);
}

/**
 * The schema of jabberd2 has a primary key of username and realm only since 2007, and an upgraded database may lack it.
 * So a new account is made while the table is locked against other writers, which is right with and without the key.
 */
class PostgresTable implements AuthregTable {
  private closed = false;

  private constructor(
    private readonly pool: Pool,
    private readonly place: string,
  ) {}

  static async open(url: string, log: Log): Promise<PostgresTable> {
    // Loaded only where it is used.
    const pg = await import('pg');
    const place = withoutPassword(url);
    const pool = new pg.Pool({
      connectionString: url,
      max: MAX_CONNECTIONS,
      connectionTimeoutMillis: QUERY_TIMEOUT_MS,
      statement_timeout: QUERY_TIMEOUT_MS,
      // for a server that vanished without closing the connection
      query_timeout: QUERY_TIMEOUT_MS + 1000,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'sm-component',
    });
    // A query on a lost connection has an error of its own; the next call opens another connection.
    const lost = (error: Error): void =>
      log.debug('lost a connection to the accounts database', { reason: reasonOf(error) });
    pool.on('error', lost).on('connect', (client) => client.on('error', lost));
    const table = new PostgresTable(pool, place);
    await table.checkTable(log);
    return table;
  }

  /** Without the key two rows can have one name; then, as with c2s, nobody can log in by that name. */
  async read(username: string, realm: string): Promise<string | null | undefined> {
    const rows = await emptyWhenUnstorable(
      this.query<{ password: string | null }>(
        'SELECT password FROM authreg WHERE username = $1 AND realm = $2 LIMIT 2',
        [username, realm],
      ),
    );
    return rows.length > 1 ? null : rows[0]?.password;
  }

  async update(username: string, realm: string, stored: string): Promise<boolean> {
    const rows = await this.query(
      'UPDATE authreg SET password = $3 WHERE username = $1 AND realm = $2 RETURNING 1',
      [username, realm, stored],
    );
    return rows.length > 0;
  }

  insert(username: string, realm: string, stored: string): Promise<boolean> {
    return this.run(async (client) => {
      await client.query('BEGIN');
      await client.query('LOCK TABLE authreg IN SHARE ROW EXCLUSIVE MODE');
      const { rowCount } = await client.query(
        `INSERT INTO authreg (username, realm, password) SELECT $1::varchar, $2::varchar, $3::varchar
         WHERE NOT EXISTS (SELECT 1 FROM authreg WHERE username = $1::varchar AND realm = $2::varchar)`,
        [username, realm, stored],
      );
      await client.query('COMMIT');
      return rowCount === 1;
    });
  }

  /** In the order of their bytes, whatever the locale of the server is. */
  names(): Promise<readonly Account[]> {
    return this.query<Account>(
      `SELECT username, realm FROM authreg GROUP BY username, realm ORDER BY realm COLLATE "C", username COLLATE "C"`,
      [],
    );
  }

  async remove(username: string, realm: string): Promise<void> {
    await emptyWhenUnstorable(
      this.query('DELETE FROM authreg WHERE username = $1 AND realm = $2', [username, realm]),
    );
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await Promise.race([this.pool.end(), delay(QUERY_TIMEOUT_MS, undefined, { ref: false })]);
  }

  /** Tests at the start whether the table can be used. */
  private async checkTable(log: Log): Promise<void> {
    try {
      await this.query('SELECT username, realm, password FROM authreg LIMIT 0', []);
    } catch (error) {
      const { message, cause } = error as CredentialsError;
      if (!CONFIGURATION_ERROR.test(codeOf(cause))) return log.warn(message);
      await this.close();
      throw error;
    }
  }

  private query<Row extends object>(text: string, values: string[]): Promise<Row[]> {
    return this.run(async (client) => (await client.query<Row>(text, values)).rows);
  }

  /** After an error the connection is closed, which rolls back what was not committed. */
  private async run<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    if (this.closed) throw new CredentialsError('the accounts are closed');
    let client: PoolClient | undefined;
    try {
      client = await this.pool.connect();
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client?.release(true);
      if (DATA_ERROR.test(codeOf(error)))
        throw new RangeError(`it does not fit into the table: ${reasonOf(error)}`);
      const why = this.closed ? 'are closed' : `in ${this.place} cannot be used: ${reasonOf(error)}`;
      throw new CredentialsError(`the accounts ${why}`, { cause: error });
    }
  }
}

/** A value that the table cannot hold is in none of its rows. */
async function emptyWhenUnstorable<Row>(rows: Promise<Row[]>): Promise<Row[]> {
  try {
    return await rows;
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

/** A host may have several addresses, each with an error of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return (error as Error).message;
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? '';
}
