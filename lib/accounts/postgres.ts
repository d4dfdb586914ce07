import type { Pool, PoolClient } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import type { PasswordType } from '../config/config.js';
import { withoutPassword } from '../config/kinds.js';
import type { Log } from '../observe/log.js';
import { CredentialsError, type Account, type Credentials } from './credentials.js';
import { TableCredentials, type Table } from './table.js';

/** Milliseconds: to get a connection, for one statement, and for the connections to end. */
const QUERY_TIMEOUT_MS = 5000;
/** A call takes one for some milliseconds; servers have a hundred for everybody. */
const MAX_CONNECTIONS = 4;
/** Milliseconds that a connection is kept without use. */
const IDLE_TIMEOUT_MS = 60_000;

/** Codes that waiting does not help against: who we are, what we ask for. [PostgreSQL, Appendix A: classes 28, 3D, 42] */
const WRONG = /^(?:28|3D|42)/;
/** What does not go into the table: too long for a column, or with letters that the encoding of the database lacks. [class 22] */
const UNFIT = /^22/;

/**
 * jabberd2's table in a PostgreSQL server, which its c2s may be using at the same time.
 *
 * @param url may hold a password, which nothing shows
 * @throws {CredentialsError} where the server says that it can not be used like that. A server that is away is logged,
 * and asked again with every call
 */
export async function openPostgres(url: string, type: PasswordType, log: Log): Promise<Credentials> {
  const table = await PostgresTable.open(url, log);
  return new TableCredentials(table, type);
}

/**
 * The schema of jabberd2 has a primary key of username and realm, but since 2007 only, and an upgrade may have left it
 * out. So a new account is made with the table locked against other writers, which is right either way.
 */
class PostgresTable implements Table {
  private closed = false;

  private constructor(
    private readonly pool: Pool,
    private readonly place: string,
  ) {}

  static async open(url: string, log: Log): Promise<PostgresTable> {
    // Others do not pay for it.
    const pg = await import('pg');
    const place = withoutPassword(url);
    const pool = new pg.Pool({
      connectionString: url,
      max: MAX_CONNECTIONS,
      connectionTimeoutMillis: QUERY_TIMEOUT_MS,
      statement_timeout: QUERY_TIMEOUT_MS,
      // for a server that is gone without a word
      query_timeout: QUERY_TIMEOUT_MS + 1000,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'sm-component',
    });
    // Whoever uses a connection that is lost has an error of their own; for the others the next call opens another one.
    const lost = (error: Error): void =>
      log.debug('lost a connection to the accounts database', { reason: reasonOf(error) });
    pool.on('error', lost).on('connect', (client) => client.on('error', lost));
    const table = new PostgresTable(pool, place);
    await table.look(log);
    return table;
  }

  /** Two rows of one name are possible without the key; as with c2s, nobody logs in by them then. */
  async read(username: string, realm: string): Promise<string | null | undefined> {
    const rows = await nobody(
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

  /** In the order of their bytes, wherever the server stands. */
  names(): Promise<readonly Account[]> {
    return this.query<Account>(
      `SELECT username, realm FROM authreg GROUP BY username, realm ORDER BY realm COLLATE "C", username COLLATE "C"`,
      [],
    );
  }

  async remove(username: string, realm: string): Promise<void> {
    await nobody(this.query('DELETE FROM authreg WHERE username = $1 AND realm = $2', [username, realm]));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await Promise.race([this.pool.end(), delay(QUERY_TIMEOUT_MS, undefined, { ref: false })]);
  }

  /** The first look: is it what it should be? */
  private async look(log: Log): Promise<void> {
    try {
      await this.query('SELECT username, realm, password FROM authreg LIMIT 0', []);
    } catch (error) {
      const { message, cause } = error as CredentialsError;
      if (!WRONG.test(codeOf(cause))) return log.warn(message);
      await this.close();
      throw error;
    }
  }

  private query<Row extends object>(text: string, values: string[]): Promise<Row[]> {
    return this.run(async (client) => (await client.query<Row>(text, values)).rows);
  }

  /** A connection that something went wrong with is not used again, and what it has not committed is forgotten. */
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
      if (UNFIT.test(codeOf(error)))
        throw new RangeError(`it does not fit into the table: ${reasonOf(error)}`);
      const why = this.closed ? 'are closed' : `in ${this.place} cannot be used: ${reasonOf(error)}`;
      throw new CredentialsError(`the accounts ${why}`, { cause: error });
    }
  }
}

/** What can not stand in the table stands in none of its rows. */
async function nobody<Row>(rows: Promise<Row[]>): Promise<Row[]> {
  try {
    return await rows;
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

/** A host may have several addresses, and each refuse. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return (error as Error).message;
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? '';
}
