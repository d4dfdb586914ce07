import { hash } from 'node:crypto';

/** Proves a secret without sending it: lower-case hex SHA1 of stream id and secret. [XEP-0114 3] [XEP-0078 3.2] */
export function streamDigest(id: string, secret: string): string {
  return hash('sha1', id + secret);
}
