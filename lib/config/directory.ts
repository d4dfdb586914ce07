import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Makes a directory that only its owner can use, and the missing directories above it. The `recursive` of Node's own
 * function loops for ever where the parent exists and no directory can be made in it, as in /proc. [Node.js 20.19]
 *
 * @throws the system's error (EACCES, EEXIST for a file, ENOENT, ENOTDIR, EROFS, …)
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
