import { encodeBase64, hashSync } from 'bcryptjs';
import { randomBytes } from 'node:crypto';
import { desCrypt } from './des.js';
import { characters } from './encode.js';
import { md5Crypt } from './md5.js';
import { DEFAULT_ROUNDS, sha256Crypt, sha512Crypt, type Setting } from './sha.js';

/**
 * crypt(3) for the forms that tables hold: `$1$`, `$5$`, `$6$`, `$2a$`, `$2b$`, `$2y$`, and DES without a dollar. Node
 * has none. It blocks, some forms for a tenth of a second and as long as their setting says: a thread of its own is the
 * place for it (see hasher.ts).
 *
 * @param stored a whole stored password, or the part of it that comes before the hash
 * @returns what is stored for this password; undefined where `stored` is none of these forms
 */
export function crypt(password: string, stored: string): string | undefined {
  for (const [pattern, make] of SCHEMES) {
    const found = pattern.exec(stored);
    if (found) return make(password, found);
  }
  return undefined;
}

/** What a new password is made with, as jabberd2 does. [jabberd2 2.7.0 authreg_sqlite.c, authreg_pgsql.c] */
export const newSetting = {
  crypt: (): string => `$6$rounds=50000$${characters(randomBytes(16))}$`,
  /** It takes the cost from c2s.xml, and writes what has another one anew at the next login; 10 is that of its example. */
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
  make: (password: Buffer, setting: Setting) => string,
  password: string,
  [, head, given, salt]: RegExpExecArray,
): string | undefined {
  const rounds = given === undefined ? DEFAULT_ROUNDS : Number(given);
  if (rounds < 1000 || rounds > 999_999_999) return undefined;
  return head + make(Buffer.from(password), { rounds, salt });
}
