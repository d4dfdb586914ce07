/** The base64 of crypt(3), which has an order of characters of its own. */
const CHARS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Writes a number with its lowest 6 bits first. */
export function encode(value: number, length: number): string {
  let text = '';
  for (let i = 0; i < length; i += 1) text += CHARS[(value >>> (6 * i)) & 63];
  return text;
}

/** @param char one of the 64 characters */
export function decode(char: string): number {
  return CHARS.indexOf(char);
}

/** Writes bits in their order, six to a character, filled up with zeros. */
export function encodeBits(bits: readonly number[]): string {
  let text = '';
  for (let i = 0; i < bits.length; i += 6) {
    const six = [0, 1, 2, 3, 4, 5].map((bit) => bits[i + bit] ?? 0);
    text += CHARS[parseInt(six.join(''), 2)];
  }
  return text;
}

/** Random characters: 6 bits of each byte. */
export function characters(bytes: Buffer): string {
  return Array.from(bytes, (byte) => CHARS[byte & 63]).join('');
}

/**
 * Writes a digest in the byte order of its scheme, three bytes at a time.
 *
 * @param order for each three bytes their indexes in the digest, the highest byte first
 * @param rest indexes of the bytes that remain at the end, the highest first
 */
export function encodeShuffled(digest: Buffer, order: readonly Triple[], rest: readonly number[]): string {
  const of = (indexes: readonly number[]): number =>
    indexes.reduce((value, index) => (value << 8) | digest[index], 0);
  const text = order.map((triple) => encode(of(triple), 4)).join('');
  return text + encode(of(rest), rest.length + 1);
}

export type Triple = readonly [number, number, number];
