import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Makes a directory that its owner alone may use, and those above it, where they are missing. `recursive` of Node's own
 * function never comes to an end where the parent is there and takes no directories, as in /proc. [Node.js 20.19]
 *
 * @throws Error of the system (EACCES, EEXIST for a file, ENOENT, ENOTDIR, EROFS, …)
 */
export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (isDirectory(directory)) return;
    const parent = path.dirname(directory);
    if (code !== 'ENOENT' || parent === directory || isDirectory(parent)) throw error;
    makeDirectory(parent);
    mkdirSync(directory, { mode: 0o700 });
  }
}

function isDirectory(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
}
