import { decode, encodeBits } from './encode.js';

/**
 * The traditional crypt(3): zeros encrypted 25 times by DES [FIPS 46-3]. The password is the key, and the salt swaps bits
 * of the expansion E. The DES of OpenSSL has a fixed E. Bits are the numbers 0 and 1 here, and blocks are lists of them:
 * simple rather than fast, a few milliseconds.
 *
 * @param salt two characters
 * @returns the text after the salt
 */
export function desCrypt(password: Buffer, salt: string): string {
  const keys = schedule(keyOf(password));
  const expansion = salted((decode(salt[1]) << 6) | decode(salt[0]));
  let block = Array<number>(64).fill(0);
  for (let i = 0; i < 25; i += 1) block = encrypt(block, keys, expansion);
  return encodeBits(block);
}

type Bits = number[];

/** The lower seven bits of each of the first eight bytes; the eighth is for parity. */
function keyOf(password: Buffer): Bits {
  const bits: Bits = [];
  for (let i = 0; i < 8; i += 1)
    for (let bit = 6; bit >= -1; bit -= 1) bits.push(bit < 0 ? 0 : ((password[i] ?? 0) >> bit) & 1);
  return bits;
}

/** Each bit that is set in the salt swaps two places of E that are 24 apart. */
function salted(salt: number): readonly number[] {
  const places = [...E];
  for (let i = 0; i < 12; i += 1)
    if ((salt >> i) & 1) [places[i], places[i + 24]] = [places[i + 24], places[i]];
  return places;
}

function schedule(key: Bits): Bits[] {
  let halves = permute(key, PC1);
  return SHIFTS.map((shift) => {
    halves = [...turn(halves.slice(0, 28), shift), ...turn(halves.slice(28), shift)];
    return permute(halves, PC2);
  });
}

function encrypt(block: Bits, keys: readonly Bits[], expansion: readonly number[]): Bits {
  const start = permute(block, IP);
  let [left, right] = [start.slice(0, 32), start.slice(32)];
  for (const key of keys) [left, right] = [right, xor(left, mix(xor(permute(right, expansion), key)))];
  return permute([...right, ...left], FP);
}

/** The S-boxes and the permutation P. */
function mix(bits: Bits): Bits {
  const mixed: Bits = [];
  for (const [box, S] of BOXES.entries()) {
    const [a, b, c, d, e, f] = bits.slice(6 * box, 6 * box + 6);
    const value = S[(a << 5) | (f << 4) | (b << 3) | (c << 2) | (d << 1) | e];
    mixed.push(value >> 3, (value >> 2) & 1, (value >> 1) & 1, value & 1);
  }
  return permute(mixed, P);
}

const permute = (bits: Bits, places: readonly number[]): Bits => places.map((place) => bits[place - 1]);
const xor = (one: Bits, other: Bits): Bits => one.map((bit, i) => bit ^ other[i]);
const turn = (bits: Bits, by: number): Bits => [...bits.slice(by), ...bits.slice(0, by)];

/** Tables of FIPS 46-3: the place, from 1, where each bit comes from. */
const IP = [58, 60, 62, 64, 57, 59, 61, 63].flatMap((first) =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((i) => first - 8 * i),
);
const FP = IP.map((_, i) => IP.indexOf(i + 1) + 1);
const E = Array.from({ length: 48 }, (_, i) => ((4 * Math.floor(i / 6) + (i % 6) + 31) % 32) + 1);

// prettier-ignore
const P = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
  2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
];
// prettier-ignore
const PC1 = [
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
  63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
];
// prettier-ignore
const PC2 = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
  41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
const SHIFTS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];

/** The S-boxes S1 to S8, row after row, a hexadecimal digit for each number. */
const BOXES = [
  'e4d12fb83a6c5907 0f74e2d1a6cb9538 41e8d62bfc973a50 fc8249175b3ea06d',
  'f18e6b34972dc05a 3d47f28ec01a69b5 0e7ba4d158c6932f d8a13f42b67c05e9',
  'a09e63f51dc7b428 d709346a285ecbf1 d6498f30b12c5ae7 1ad069874fe3b52c',
  '7de3069a1285bc4f d8b56f03472c1ae9 a690cb7df13e5284 3f06a1d8945bc72e',
  '2c417ab6853fd0e9 eb2c47d150fa3986 421bad78f9c5630e b8c71e2d6f09a453',
  'c1af92680d34e75b af427c9561de0b38 9ef528c3704a1db6 432c95fabe17608d',
  '4b2ef08d3c975a61 d0b7491ae35c2f86 14bdc37eaf680592 6bd814a7950fe23c',
  'd2846fb1a93e50c7 1fd8a374c56b0e92 7b419ce206adf358 21e74a8dfc90356b',
].map((box) => Array.from(box.replaceAll(' ', ''), (digit) => parseInt(digit, 16)));
