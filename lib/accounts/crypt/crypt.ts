import { encodeBase64, hashSync } from 'bcryptjs';
import { randomBytes } from 'node:crypto';
import { desCrypt } from './des.js';
import { characters } from './encode.js';
import { md5Crypt } from './md5.js';
import { DEFAULT_ROUNDS, sha256Crypt, sha512Crypt, type ShaSetting } from './sha.js';

/**
 * crypt(3), which Node lacks, for the schemes that tables hold: `$1$`, `$5$`, `$6$`, `$2a$`, `$2b$`, `$2y$`, and DES
 * without a dollar. It blocks, with some schemes for 0.1 s and longer, as the setting says; so it is called in a thread
 * of its own (hasher.ts).
 *
 * @param stored a whole stored password, or the part of it that precedes the hash
 * @returns what is stored for this password; undefined where `stored` is of none of these schemes
 */
export function crypt(password: string, stored: string): string | undefined {
  for (const [pattern, make] of SCHEMES) {
    const found = pattern.exec(stored);
    if (found) return make(password, found);
  }
  return undefined;
}

/** The part before the hash, for a new password, as jabberd2 makes it. [jabberd2 2.7.0 authreg_sqlite.c, authreg_pgsql.c] */
export const newSetting = {
  crypt: (): string => `$6$rounds=50000$${characters(randomBytes(16))}$`,
  /** 10 is the cost in the example c2s.xml; jabberd2 hashes again at the next login where its own cost is another. */
  bcrypt: (): string => `$2y$10$${encodeBase64(randomBytes(16), 16)}`,
};

type Make = (password: string, found: RegExpExecArray) => string | undefined;

const SCHEMES: readonly (readonly [RegExp, Make])[] = [
  [
    /^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./0-9A-Za-z]{22}/,
    (password, [setting]) => hashSync(password, setting),
  ],
  [/^(\$1\$([^$]{0,8})\$)/, (password, [, head, salt]) => head + md5Crypt(Buffer.from(password), salt)],
  [
    /^(\$5\$(?:rounds=(\d+)\$)?(?!rounds=)([^$]{0,16})\$)/,
    (password, found) => sha(sha256Crypt, password, found),
  ],
  [
    /^(\$6\$(?:rounds=(\d+)\$)?(?!rounds=)([^$]{0,16})\$)/,
    (password, found) => sha(sha512Crypt, password, found),
  ],
  [
    /^([./0-9A-Za-z]{2})[./0-9A-Za-z]{11}$/,
    (password, [, salt]) => salt + desCrypt(Buffer.from(password), salt),
  ],
];

function sha(
  make: (password: Buffer, setting: ShaSetting) => string,
  password: string,
  [, head, given, salt]: RegExpExecArray,
): string | undefined {
  const rounds = given === undefined ? DEFAULT_ROUNDS : Number(given);
  if (rounds < 1000 || rounds > 999_999_999) return undefined;
  return head + make(Buffer.from(password), { rounds, salt });
}
