/** SASL DIGEST-MD5 as old servers and the router of jabberd2 speak it: one round, no integrity layer. [RFC2831] */
import { createHash, randomBytes } from 'node:crypto';
import type { ClientCredentials, ClientMechanism } from './mechanism.js';
import { isSame } from './same.js';

export interface DigestUser {
  readonly username: string;
  readonly password: string;
  /** Taken where the challenge names none. */
  readonly realm?: string;
  /** `service/host`. */
  readonly uri: string;
  /** Fresh for each answer. */
  readonly cnonce: string;
}

const COUNT = '00000001';

const md5 = (data: string | Buffer): Buffer => createHash('md5').update(data).digest();
const hex = (data: string): string => md5(data).toString('hex');

/** `name=value` and `name="value"`, separated by commas. [RFC2831 7.1] */
export function directives(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, quoted, plain] of text.matchAll(
    /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\[^])*)"|([^\s,"]+))/g,
  )) {
    found.set(name.toLowerCase(), quoted?.replace(/\\([^])/g, '$1') ?? plain);
  }
  return found;
}

const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** The client's answer to a challenge, and what a server that knows the password must say to it. */
export class DigestAnswer {
  readonly text: string;
  private readonly expected: string;

  /**
   * @param challenge directives of the challenge; the realm is given back as it is
   * @throws Error that says what the challenge lacks
   */
  constructor(challenge: ReadonlyMap<string, string>, user: DigestUser) {
    const realm = challenge.get('realm') ?? user.realm;
    const nonce = challenge.get('nonce') ?? '';
    if (realm === undefined) throw new Error('its challenge names no realm');
    if (nonce === '') throw new Error('its challenge has no nonce');
    if (challenge.get('algorithm') !== 'md5-sess') throw new Error('its challenge is not for md5-sess');
    const { username, password, uri, cnonce } = user;
    const secret = md5(`${username}:${realm}:${password}`);
    const a1 = md5(Buffer.concat([secret, Buffer.from(`:${nonce}:${cnonce}`)])).toString('hex');
    const prove = (a2: string): string => hex(`${a1}:${nonce}:${COUNT}:${cnonce}:auth:${hex(a2)}`);
    this.expected = prove(`:${uri}`);
    this.text = [
      `username=${quote(username)}`,
      `realm=${quote(realm)}`,
      `nonce=${quote(nonce)}`,
      `cnonce=${quote(cnonce)}`,
      `nc=${COUNT}`,
      'qop=auth',
      `digest-uri=${quote(uri)}`,
      `response=${prove(`AUTHENTICATE:${uri}`)}`,
      'charset=utf-8',
    ].join(',');
  }

  /** Is that the `rspauth` of a server that knows the password? [RFC2831 2.1.3] */
  isProof(rspauth: string | undefined): boolean {
    return isSame(rspauth ?? '', this.expected);
  }
}

/** @param cnonce for specs only: what the example of the RFC uses */
export function digestMd5Client(
  { user: username, password, domain }: ClientCredentials,
  cnonce = randomBytes(16).toString('base64'),
): ClientMechanism {
  let answer: DigestAnswer | undefined;
  return {
    name: 'DIGEST-MD5',
    initial: undefined,
    respond(challenge) {
      const given = directives(challenge);
      if (!given.has('rspauth')) {
        const uri = `xmpp/${domain}`;
        answer = new DigestAnswer(given, { username, password, realm: domain, uri, cnonce });
        return answer.text;
      }
      if (answer?.isProof(given.get('rspauth')) !== true)
        throw new Error('the server did not prove that it knows the password');
      return '';
    },
    // The proof comes as a challenge of its own; servers that leave it out are not refused.
    finish: () => undefined,
  };
}
