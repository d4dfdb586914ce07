import { createHash, hash } from 'node:crypto';
import { encodeShuffled } from './encode.js';

const ROUNDS = 1000;

/** The text after the last `$` of `$1$` (FreeBSD, 1994). Salts have up to 8 characters. */
export function md5Crypt(password: Buffer, salt: string): string {
  const saltBytes = Buffer.from(salt);
  let current = start(password, saltBytes);
  for (let round = 0; round < ROUNDS; round += 1) {
    const parts = [round % 2 ? password : current];
    if (round % 3) parts.push(saltBytes);
    if (round % 7) parts.push(password);
    parts.push(round % 2 ? current : password);
    current = hash('md5', Buffer.concat(parts), 'buffer');
  }
  const order = [0, 1, 2, 3, 4].map((i) => [i, i + 6, i < 4 ? i + 12 : 5] as const);
  return encodeShuffled(current, order, [11]);
}

/** Where a bit of the length is set, a NUL is hashed: a mistake of the first implementation that all others repeat. */
function start(password: Buffer, salt: Buffer): Buffer {
  const inner = hash('md5', Buffer.concat([password, salt, password]), 'buffer');
  const whole = createHash('md5').update(password).update('$1$').update(salt);
  whole.update(Buffer.alloc(password.length, inner));
  for (let bits = password.length; bits > 0; bits >>>= 1)
    whole.update(bits & 1 ? Buffer.from([0]) : password.subarray(0, 1));
  return whole.digest();
}
