/** SASL DIGEST-MD5 from the client's side, as old servers and the router of jabberd2 speak it: one round, no integrity layer. [RFC2831] */
import { createHash } from 'node:crypto';
import { isSame } from './same.js';

export interface DigestUser {
  readonly username: string;
  readonly password: string;
  /** Where the challenge names none. */
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

/** The answer to a challenge, and what the server must say to it to show that it knows the password, too. */
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

  /** Is that the `rspauth` of one who knows the password? [RFC2831 2.1.3] */
  isProof(rspauth: string | undefined): boolean {
    return isSame(rspauth ?? '', this.expected);
  }
}
