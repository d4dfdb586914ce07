import path from 'node:path';

const FILE = 'control.sock';

/** Longest name of a socket in bytes, without the closing zero: `sun_path` of unix(7), and of BSD and macOS. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** The control socket of whoever runs on a data directory. */
export function controlPath(directory: string): string {
  return path.join(directory, FILE);
}

/** What is wrong with a path that is too long for a socket, as a sentence; the system would cut it in silence. */
export function pathProblem(file: string): string | undefined {
  const bytes = Buffer.byteLength(file);
  if (bytes <= MAX_PATH_BYTES) return undefined;
  return `the path of the control socket has ${bytes} bytes, but the system allows only ${MAX_PATH_BYTES}: choose a shorter --data (${file})`;
}
