/** SASL SCRAM-SHA-1 and SCRAM-SHA-256, without channel binding. [RFC5802] [RFC7677] */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ClientCredentials, ClientMechanism } from './mechanism.js';

/** The hash of each mechanism, and its bytes. */
const HASHES = {
  'SCRAM-SHA-1': { name: 'sha1', bytes: 20 },
  'SCRAM-SHA-256': { name: 'sha256', bytes: 32 },
} as const;

export type ScramName = keyof typeof HASHES;

/** A server that asks for more would keep the client busy for seconds. */
const MAX_ROUNDS = 10_000_000;

const NOT_PROVED = 'the server did not prove that it knows the password';

/** @param nonce for specs only: what the examples of the RFCs use */
export function scramClient(
  name: ScramName,
  { user, password }: ClientCredentials,
  nonce = randomBytes(18).toString('base64'),
): ClientMechanism {
  const hash = HASHES[name];
  const bare = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash.name, key).update(text).digest();
  /** What the server must sign with; undefined before its challenge. */
  let signature: Buffer | undefined;
  let isProved = false;

  const prove = (challenge: string): string => {
    const { r = '', s = '', i = '' } = attributes(challenge);
    const rounds = Number(i);
    if (!r.startsWith(nonce) || r === nonce) throw new Error('the server did not repeat our nonce');
    if (!(rounds >= 1 && rounds <= MAX_ROUNDS)) throw new Error(`the server wants ${i} rounds`);
    const salt = Buffer.from(s, 'base64');
    const salted = pbkdf2Sync(password.normalize('NFKC'), salt, rounds, hash.bytes, hash.name);
    const key = hmac(salted, 'Client Key');
    const final = `c=biws,r=${r}`;
    const signed = `${bare},${challenge},${final}`;
    const proof = hmac(createHash(hash.name).update(key).digest(), signed);
    signature = hmac(hmac(salted, 'Server Key'), signed);
    return `${final},p=${Buffer.from(key.map((byte, at) => byte ^ proof[at])).toString('base64')}`;
  };
  const check = (data: string): void => {
    const { v = '', e } = attributes(data);
    const got = Buffer.from(v, 'base64');
    isProved = signature !== undefined && got.length === signature.length && timingSafeEqual(got, signature);
    if (!isProved) throw new Error(e ?? NOT_PROVED);
  };

  return {
    name,
    initial: `n,,${bare}`,
    respond(challenge) {
      if (!signature) return prove(challenge);
      check(challenge);
      return '';
    },
    finish(data) {
      if (!isProved) check(data);
    },
  };
}

/** `r=…,s=…,i=4096` by letter. */
function attributes(text: string): Partial<Record<string, string>> {
  return Object.fromEntries(text.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}
