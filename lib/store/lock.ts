import { chmodSync } from 'node:fs';
import path from 'node:path';
import { makeDirectory } from '../config/directory.js';
import { isLocked, openLock, type Sqlite } from './sqlite.js';

const FILE = 'sm-component.lock';

/**
 * The right to use a directory alone. The operating system keeps it, on an open file: however the process ends, the
 * directory is free again, and a file left in it does not count as a lock. The lock is one of SQLite's (on an empty
 * database), because Node has none. It also works between containers that share the directory.
 */
export class DirectoryLock {
  private constructor(private readonly database: Sqlite) {}

  /**
   * @param wait milliseconds to block while another process has the lock
   * @returns undefined where another process has the lock
   * @throws Error where the directory cannot be made or written
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

  /** Lets others use the directory. The file stays, because another process may have locked it meanwhile. */
  release(): void {
    this.database.close();
  }
}
