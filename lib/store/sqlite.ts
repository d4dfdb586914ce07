import Database from 'better-sqlite3';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { makeDirectory } from '../config/directory.js';

export type { Statement } from './database.js';
export type Sqlite = Database.Database;

/** A file that is not what it was: what is wrong with it. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}

/**
 * Opens a file that is ours alone, made where it is missing, as is its directory; others may not read either. In WAL
 * mode, and `synchronous` FULL: what is committed is there after a loss of power too.
 *
 * @param create makes the tables of a new file, which is there with all of them or not at all
 * @throws DamagedFile where there is a file without anything in it
 * @throws Error when the directory or the file cannot be used
 */
export function openOwn(directory: string, name: string, create: (database: Sqlite) => void): Sqlite {
  makeDirectory(directory);
  const file = path.join(directory, name);
  if (!existsSync(file)) make(file, create);
  if (statSync(file).size === 0) throw new DamagedFile(`${name} is empty (0 bytes)`);
  chmodSync(file, 0o600);
  const database = open(file);
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Two that make it at once get the same file. */
function make(file: string, create: (database: Sqlite) => void): void {
  if (existsSync(`${file}-wal`))
    throw new DamagedFile(`${path.basename(file)} is missing, but ${path.basename(file)}-wal exists`);
  const fresh = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const database = open(fresh);
    chmodSync(fresh, 0o600);
    create(database);
    database.close();
    giveName(fresh, file);
  } finally {
    for (const end of ['', '-journal']) rmSync(fresh + end, { force: true });
  }
}

/** Never in the place of another file, where the file system has links. */
function giveName(fresh: string, file: string): void {
  try {
    linkSync(fresh, file);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(code)) renameSync(fresh, file);
    else if (code !== 'EEXIST') throw error;
  }
}

/** Bytes of a file that is checked whenever it is opened, which takes a second at most. */
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;

/** @throws DamagedFile where the tables of the file do not hold together; a large file is not looked through */
export function requireWhole(database: Sqlite): void {
  if (statSync(database.name).size > MAX_CHECKED_BYTES) return;
  const found = database.pragma('quick_check(1)', { simple: true }) as string;
  if (found === 'ok') return;
  throw new DamagedFile(`${path.basename(database.name)} is damaged (${found.replaceAll(/\s+/g, ' ')})`);
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

/** Is the file no database, or one whose parts do not fit together? */
export function isDamaged(error: unknown): boolean {
  return error instanceof DamagedFile || /^SQLITE_(?:CORRUPT|NOTADB)/.test(sqliteCode(error) ?? '');
}
