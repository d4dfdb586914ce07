import type { Duplex } from 'node:stream';

/** How long an answer is waited for, in milliseconds. Who takes longer is there, and slow. */
const LOOKUP_TIMEOUT_MS = 1_000;

/**
 * Does a server still take new connections, and answer on them? One that is being stopped closes its door first, and
 * only then what is connected already. A port that is passed on by others may be open all the same: so a word is waited for.
 *
 * @param word what it would answer
 */
export function acceptsConnections(
  connect: (connected: () => void) => Duplex,
  word: string,
): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = connect(() => stream.write(word));
    const timer = setTimeout(() => settle(true), LOOKUP_TIMEOUT_MS);
    const settle = (isThere: boolean): void => {
      clearTimeout(timer);
      stream.destroy();
      resolve(isThere);
    };
    stream.on('error', () => settle(false));
    stream.on('end', () => settle(false));
    stream.on('close', () => settle(false));
    stream.on('data', () => settle(true));
  });
}
