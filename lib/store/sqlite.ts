import Database from 'better-sqlite3';
import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';

export type Sqlite = Database.Database;
export type Statement<Parameters extends unknown[], Row> = Database.Statement<Parameters, Row>;

/**
 * Opens a file that is ours alone, made where it is missing, as is its directory; others may not read either. In WAL
 * mode, and `synchronous` FULL: what is committed is there after a loss of power too.
 *
 * @throws Error when the directory or the file cannot be used
 */
export function openOwn(directory: string, name: string): Sqlite {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = path.join(directory, name);
  const database = new Database(file);
  chmodSync(file, 0o600);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  return database;
}

/**
 * Opens a file that belongs to somebody else, who may be using it right now: neither it, nor its journal mode, nor its
 * permissions are changed by that.
 *
 * @param wait milliseconds to block for a lock that somebody else holds, before SQLITE_BUSY is thrown
 * @throws Error when the file is missing or cannot be used
 */
export function openShared(file: string, wait: number): Sqlite {
  const database = new Database(file, { fileMustExist: true, timeout: wait });
  database.pragma('synchronous = FULL');
  return database;
}

/** A database that ends with the process. */
export function openMemory(): Sqlite {
  return new Database(':memory:');
}

/** The code of SQLite, `SQLITE_BUSY`, where it is an error of SQLite. */
export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined;
}
