import Database from 'better-sqlite3';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { makeDirectory } from '../config/directory.js';

export type { Statement } from './database.js';
export type Sqlite = Database.Database;

/** A file that is damaged; the message says how. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}

/**
 * Opens a file that only this program uses, in WAL mode. The file and its directory are made where they are missing, and
 * other users may not read them. `synchronous` is FULL: committed changes survive a loss of power.
 *
 * @param create makes the tables of a new file; the file appears with all of them, or not at all
 * @throws DamagedFile where the file is empty
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

/** Two processes that make the file at once get the same one. */
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

/** Does not replace an existing file, where the file system has hard links. */
function giveName(fresh: string, file: string): void {
  try {
    linkSync(fresh, file);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(code)) renameSync(fresh, file);
    else if (code !== 'EEXIST') throw error;
  }
}

/** Bytes up to which a file is checked when it is opened; that takes a second at most. */
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;

/** @throws DamagedFile where the tables of the file are inconsistent; a large file is not checked */
export function requireWhole(database: Sqlite): void {
  if (statSync(database.name).size > MAX_CHECKED_BYTES) return;
  const found = database.pragma('quick_check(1)', { simple: true }) as string;
  if (found === 'ok') return;
  throw new DamagedFile(`${path.basename(database.name)} is damaged (${found.replaceAll(/\s+/g, ' ')})`);
}

/**
 * Opens a file of another program, which may be using it at the same time. Neither the file nor its journal mode nor its
 * permissions are changed.
 *
 * @param wait milliseconds to block for another program's lock before SQLITE_BUSY is thrown
 * @throws Error when the file is missing or cannot be used
 */
export function openShared(file: string, wait: number): Sqlite {
  const database = open(file, { fileMustExist: true, timeout: wait });
  database.pragma('synchronous = FULL');
  return database;
}

/** Opens a file that serves as a lock. @param wait milliseconds to block for another program's lock */
export function openLock(file: string, wait: number): Sqlite {
  return open(file, { timeout: wait });
}

/** A database in memory. */
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

/** Is there no native part for this version of Node and this system? */
function isWithoutBinding({ code, message }: NodeJS.ErrnoException): boolean {
  return code === 'ERR_DLOPEN_FAILED' || message.startsWith('Could not locate the bindings file');
}

/** It is missing where packages were installed without their scripts, and does not fit after a change of Node. */
function withoutBinding(): string {
  const own = path.dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json'));
  return (
    `the native part of better-sqlite3 is missing, or is not for Node ${process.version} on ${process.platform} ` +
    `${process.arch}: run "npm rebuild better-sqlite3" in ${path.dirname(path.dirname(own))}`
  );
}

/** The code of an error of SQLite, such as `SQLITE_BUSY`; undefined for other errors. */
export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined;
}

/** Did an operation fail because another program holds a lock? */
export function isLocked(error: unknown): boolean {
  return /^SQLITE_(?:BUSY|LOCKED)/.test(sqliteCode(error) ?? '');
}

/** Did the file fail (a full disk, a lock, no permission), and not the change that was to be written? */
export function isUnwritable(error: unknown): boolean {
  return /^SQLITE_(?:FULL|BUSY|LOCKED|IOERR|READONLY|CANTOPEN|NOMEM)/.test(sqliteCode(error) ?? '');
}

/** Is the file no database, or an inconsistent one? */
export function isDamaged(error: unknown): boolean {
  return error instanceof DamagedFile || /^SQLITE_(?:CORRUPT|NOTADB)/.test(sqliteCode(error) ?? '');
}
