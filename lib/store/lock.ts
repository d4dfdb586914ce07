import { chmodSync } from 'node:fs';
import path from 'node:path';
import { makeDirectory } from '../config/directory.js';
import { isLocked, openLock, type Sqlite } from './sqlite.js';

const FILE = 'sm-component.lock';

/**
 * The right to use a directory alone. The system keeps it, on an open file: whichever way the process ends, it is free
 * again, and nothing that is left behind in the directory is taken for it. The lock is one of SQLite's (on an empty
 * database), since Node has none; it holds between containers too, where they share the directory.
 */
export class DirectoryLock {
  private constructor(private readonly database: Sqlite) {}

  /**
   * @param wait milliseconds to wait for another one, in which nothing else happens
   * @returns undefined where another process has it
   * @throws Error where the directory can not be made or written
   */
  static take(directory: string, wait: number): DirectoryLock | undefined {
    makeDirectory(directory);
    const file = path.join(directory, FILE);
    const database = openLock(file, wait);
    try {
      database.exec('BEGIN EXCLUSIVE');
      chmodSync(file, 0o600);
      return new DirectoryLock(database);
    } catch (error) {
      database.close();
      if (isLocked(error)) return undefined;
      throw error;
    }
  }

  /** Others may use the directory. The file stays: whoever removed it could remove one that others have locked. */
  release(): void {
    this.database.close();
  }
}
