import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { DigestAnswer, directives } from '../xmpp/sasl/digest-md5.js';

export interface Credentials {
  readonly user: string;
  readonly password: string;
  /** The domain that is logged in to. */
  readonly domain: string;
}

/** One login by SASL: what is said first, then an answer to each challenge. */
export interface Mechanism {
  readonly name: string;
  /** Undefined where the server speaks first. */
  readonly initial: string | undefined;
  /** @throws Error when the server's side of it is wrong */
  respond(challenge: string): string;
  /** What comes with the success; @throws Error when the server did not prove that it knows the password */
  finish(data: string): void;
}

type Make = (credentials: Credentials) => Mechanism;

/** The strongest first. */
const MECHANISMS: ReadonlyMap<string, Make> = new Map([
  ['SCRAM-SHA-256', (credentials) => scram('SCRAM-SHA-256', 'sha256', credentials)],
  ['SCRAM-SHA-1', (credentials) => scram('SCRAM-SHA-1', 'sha1', credentials)],
  ['DIGEST-MD5', (credentials) => digestMd5(credentials)],
  ['PLAIN', (credentials) => plain(credentials)],
]);

/** The strongest of the mechanisms offered that we know. */
export function chooseMechanism(offered: readonly string[], credentials: Credentials): Mechanism | undefined {
  for (const [name, make] of MECHANISMS) if (offered.includes(name)) return make(credentials);
  return undefined;
}

/** [RFC4616] */
function plain({ user, password }: Credentials): Mechanism {
  return { name: 'PLAIN', initial: `\0${user}\0${password}`, respond: () => '', finish: () => undefined };
}

/**
 * [RFC5802] [RFC7677] Without channel binding.
 *
 * @param nonce for specs only: what the examples of the RFCs use
 */
export function scram(
  name: string,
  hash: 'sha1' | 'sha256',
  { user, password }: Credentials,
  nonce = randomBytes(18).toString('base64'),
): Mechanism {
  const bare = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  let signature: Buffer | undefined;

  const proveIt = (challenge: string): string => {
    const { r = '', s = '', i = '' } = fields(challenge);
    const rounds = Number(i);
    if (!r.startsWith(nonce) || r === nonce) throw new Error('the server did not repeat our nonce');
    if (!(rounds >= 1 && rounds <= 10_000_000)) throw new Error(`the server wants ${i} rounds`);
    const length = hash === 'sha1' ? 20 : 32;
    const salted = pbkdf2Sync(password.normalize('NFKC'), Buffer.from(s, 'base64'), rounds, length, hash);
    const key = hmac(salted, 'Client Key');
    const final = `c=biws,r=${r}`;
    const said = `${bare},${challenge},${final}`;
    const proof = hmac(createHash(hash).update(key).digest(), said);
    signature = hmac(hmac(salted, 'Server Key'), said);
    return `${final},p=${Buffer.from(key.map((byte, at) => byte ^ proof[at])).toString('base64')}`;
  };
  const check = (data: string): void => {
    const { v = '', e } = fields(data);
    const got = Buffer.from(v, 'base64');
    if (signature && got.length === signature.length && timingSafeEqual(got, signature)) return;
    throw new Error(e ?? 'the server did not prove that it knows the password');
  };

  let checked = false;
  return {
    name,
    initial: `n,,${bare}`,
    respond(challenge) {
      if (!signature) return proveIt(challenge);
      check(challenge);
      checked = true;
      return '';
    },
    finish(data) {
      if (!checked) check(data);
    },
  };
}

/** `r=…,s=…,i=4096` by letter. */
function fields(text: string): Partial<Record<string, string>> {
  return Object.fromEntries(text.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}

/** [RFC2831] */
export function digestMd5(
  { user: username, password, domain }: Credentials,
  cnonce = randomBytes(16).toString('base64'),
): Mechanism {
  let answer: DigestAnswer | undefined;
  return {
    name: 'DIGEST-MD5',
    initial: undefined,
    respond(challenge) {
      const given = directives(challenge);
      if (!given.has('rspauth')) {
        answer = new DigestAnswer(given, {
          username,
          password,
          realm: domain,
          uri: `xmpp/${domain}`,
          cnonce,
        });
        return answer.text;
      }
      if (answer?.isProof(given.get('rspauth')) !== true)
        throw new Error('the server did not prove that it knows the password');
      return '';
    },
    finish: () => undefined,
  };
}
