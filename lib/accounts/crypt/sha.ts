import { createHash, hash } from 'node:crypto';
import { encodeShuffled, type Triple } from './encode.js';

/** "Unix crypt using SHA-256 and SHA-512" (Ulrich Drepper, 2008), `$5$` and `$6$`. */
export interface ShaSetting {
  readonly rounds: number;
  /** At most 16 characters. */
  readonly salt: string;
}

export const DEFAULT_ROUNDS = 5000;

/** The text after the last `$`. Blocks for about a microsecond per round. */
export function sha256Crypt(password: Buffer, setting: ShaSetting): string {
  return encodeShuffled(
    digest('sha256', password, setting),
    shuffledOrder(10, [0, 10, 20], [2, 0, 1]),
    [31, 30],
  );
}

/** The same with SHA-512. */
export function sha512Crypt(password: Buffer, setting: ShaSetting): string {
  return encodeShuffled(digest('sha512', password, setting), shuffledOrder(21, [0, 21, 42], [1, 2, 0]), [63]);
}

/** Three bytes, then the three after them, and so on; the order of the three rotates each time. */
function shuffledOrder(count: number, first: Triple, turn: Triple): Triple[] {
  const triples: Triple[] = [first];
  for (let i = 1; i < count; i += 1) {
    const last = triples[i - 1];
    triples.push([last[turn[0]] + 1, last[turn[1]] + 1, last[turn[2]] + 1]);
  }
  return triples;
}

/** The steps 1 to 21 of the specification. */
function digest(name: string, password: Buffer, { rounds, salt }: ShaSetting): Buffer {
  const saltBytes = Buffer.from(salt);
  const one = start(name, password, saltBytes);
  const P = repeated(hash(name, times(password, password.length), 'buffer'), password.length);
  const S = repeated(hash(name, times(saltBytes, 16 + one[0]), 'buffer'), saltBytes.length);
  let current = one;
  for (let round = 0; round < rounds; round += 1) {
    const parts = [round % 2 ? P : current];
    if (round % 3) parts.push(S);
    if (round % 7) parts.push(P);
    parts.push(round % 2 ? current : P);
    current = hash(name, Buffer.concat(parts), 'buffer');
  }
  return current;
}

/** The steps 1 to 12: digest A, with digest B in it. */
function start(name: string, password: Buffer, salt: Buffer): Buffer {
  const B = hash(name, Buffer.concat([password, salt, password]), 'buffer');
  const A = createHash(name).update(password).update(salt).update(repeated(B, password.length));
  for (let bits = password.length; bits > 0; bits >>>= 1) A.update(bits & 1 ? B : password);
  return A.digest();
}

/** The bytes repeated up to a length. */
function repeated(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}

function times(bytes: Buffer, count: number): Buffer {
  return Buffer.concat(Array<Buffer>(count).fill(bytes));
}
