import Database from 'better-sqlite3';
import { chmodSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { makeDirectory } from '../config/directory.js';

export type { Statement } from './statement.js';
export type Sqlite = Database.Database;

/**
 * Opens a file that is ours alone, made where it is missing, as is its directory; others may not read either. In WAL
 * mode, and `synchronous` FULL: what is committed is there after a loss of power too.
 *
 * @throws Error when the directory or the file cannot be used
 */
export function openOwn(directory: string, name: string): Sqlite {
  makeDirectory(directory);
  const file = path.join(directory, name);
  const database = open(file);
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
  const database = open(file, { fileMustExist: true, timeout: wait });
  database.pragma('synchronous = FULL');
  return database;
}

/** A file that is there to be locked. @param wait milliseconds to wait for a lock that somebody else holds */
export function openLock(file: string, wait: number): Sqlite {
  return open(file, { timeout: wait });
}

/** A database that ends with the process. */
export function openMemory(): Sqlite {
  return open(':memory:');
}

function open(file: string, options?: Database.Options): Sqlite {
  try {
    return new Database(file, options);
  } catch (error) {
    throw isWithoutBinding(error as NodeJS.ErrnoException)
      ? new Error(withoutBinding(), { cause: error })
      : error;
  }
}

/** Was nothing installed that fits this Node and this system? */
function isWithoutBinding({ code, message }: NodeJS.ErrnoException): boolean {
  return code === 'ERR_DLOPEN_FAILED' || message.startsWith('Could not locate the bindings file');
}

/** It is missing where packages were installed without their scripts, and is another one's after a change of Node. */
function withoutBinding(): string {
  const own = path.dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json'));
  return (
    `the native part of better-sqlite3 is missing, or is not for Node ${process.version} on ${process.platform} ` +
    `${process.arch}: run "npm rebuild better-sqlite3" in ${path.dirname(path.dirname(own))}`
  );
}

/** The code of SQLite, `SQLITE_BUSY`, where it is an error of SQLite. */
export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined;
}

/** Does another program hold the lock that was needed? */
export function isLocked(error: unknown): boolean {
  return /^SQLITE_(?:BUSY|LOCKED)/.test(sqliteCode(error) ?? '');
}

/** Is it a failure of the file (a full disk, a lock, no rights), and not of what was to be written? */
export function isUnwritable(error: unknown): boolean {
  return /^SQLITE_(?:FULL|BUSY|LOCKED|IOERR|READONLY|CANTOPEN|NOMEM)/.test(sqliteCode(error) ?? '');
}
