/** The router's half of DIGEST-MD5, computed apart from lib. [RFC2831 2.1] [jabberd2 2.7.0 router] */
import { createHash } from 'node:crypto';

const md5 = (...parts: (string | Buffer)[]): Buffer => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** The directives of a challenge or a response. */
export function directives(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, quoted, token] of text.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)) {
    if (found.has(name)) throw new Error(`${name} is given twice: ${text}`);
    found.set(name, quoted?.replace(/\\(.)/g, '$1') ?? token);
  }
  return found;
}

/** What a response says, and what it should: who it is, and the two proofs that go with that. */
export interface Proofs {
  /** What `response` must be. */
  readonly response: string;
  /** What the answer to it proves. */
  readonly rspauth: string;
}

/** @param said the directives of a response; @param secret what its user should know */
export function proofs(said: ReadonlyMap<string, string>, secret: string): Proofs {
  const of = (name: string): string => said.get(name) ?? '';
  const user = md5(`${of('username')}:${of('realm')}:${secret}`);
  const session = md5(user, `:${of('nonce')}:${of('cnonce')}`).toString('hex');
  const proof = (method: string): string => {
    const asked = md5(`${method}:${of('digest-uri')}`).toString('hex');
    return md5([session, of('nonce'), of('nc'), of('cnonce'), of('qop'), asked].join(':')).toString('hex');
  };
  return { response: proof('AUTHENTICATE'), rspauth: proof('') };
}
