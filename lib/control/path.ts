import path from 'node:path';

const FILE = 'control.sock';

/** Of the path of a socket, without the final NUL: `sun_path` in unix(7), and in BSD and macOS. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** The control socket of the sm-component that runs on a data directory. */
export function controlPath(directory: string): string {
  return path.join(directory, FILE);
}

/** A sentence where a path is too long for a socket: the system would cut it off without an error. */
export function pathProblem(file: string): string | undefined {
  const bytes = Buffer.byteLength(file);
  if (bytes <= MAX_PATH_BYTES) return undefined;
  return `the path of the control socket has ${bytes} bytes, but the system allows only ${MAX_PATH_BYTES}: choose a shorter --data (${file})`;
}
