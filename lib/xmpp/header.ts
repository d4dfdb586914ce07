import { randomFillSync } from 'node:crypto';
import { normalizedDomain } from '../config/domain.js';
import type { Tag } from '../xml/index.js';
import type { Framing, HeaderError, OwnHeader } from './framing/framing.js';
import { CLIENT } from './namespaces.js';

/** The kind of a client's stream: with a version (RFC 6120), or from the time before versions. */
export type StreamKind = 'rfc6120' | 'legacy';

/** A client's stream header. */
export interface Header {
  readonly kind: StreamKind;
  /** The host that it names, in lower case; undefined where it names none. */
  readonly to: string | undefined;
  /** The language of the client's stanzas; undefined where it names none, or no valid language tag. */
  readonly language: string | undefined;
  /** The error to end the stream with; undefined for a valid header. */
  readonly end: HeaderError | undefined;
}

/** A version is two numbers. A stream without one, or with one below 1.0, is a legacy stream. [RFC6120 4.7.5] */
function kindOf(version: string | undefined): StreamKind | undefined {
  if (version === undefined) return 'legacy';
  const match = /^(\d+)\.\d+$/.exec(version);
  if (!match) return undefined;
  return Number(match[1]) >= 1 ? 'rfc6120' : 'legacy';
}

/** The longest language tag that anybody needs. [RFC5646 2.1, 4.4.1] */
const MAX_LANGUAGE_LENGTH = 35;
const LANGUAGE_TAG = /^[a-z]{1,8}(?:-[a-z0-9]{1,8})*$/i;

function languageOf(tag: Tag): string | undefined {
  const language = tag.attribute('xml:lang');
  if (language === undefined || language.length > MAX_LANGUAGE_LENGTH) return undefined;
  return LANGUAGE_TAG.test(language) ? language : undefined;
}

/** Reads a client's stream header. [RFC6120 4.7] [XEP-0078 3] */
export function readHeader(tag: Tag, framing: Framing): Header {
  const kind = kindOf(tag.attribute('version'));
  const to = tag.attribute('to');
  return {
    kind: kind ?? 'rfc6120',
    to: to === undefined ? undefined : normalizedDomain(to),
    language: languageOf(tag),
    end: framing.checkRoot(tag) ?? (kind ? undefined : { kind: 'unsupported-version' }),
  };
}

/**
 * Enough to be unpredictable [RFC6120 4.7.3], and short: the digest of a login is the SHA-1 of stream id and password,
 * and on 64-bit machines the SHA-1 of jabberd up to 1.4 is wrong for more than 55 bytes. The id has 16 characters.
 * [jabberd 1.4.3 lib/sha.c]
 */
const STREAM_ID_BYTES = 12;

/** Random bytes for the next ids. One call of the system's generator for many ids costs about as much as for one. */
const pool = Buffer.alloc(STREAM_ID_BYTES * 128);
let used = pool.length;

/** A new stream id, which is never used twice. */
export function newStreamId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return pool.toString('base64url', used, (used += STREAM_ID_BYTES));
}

/**
 * The header that answers a client. A legacy stream gets no version, as from the servers of its time; other clients
 * wait for one.
 *
 * @param id the stream id, which a digest login is made with
 * @param from the host that answers; undefined where neither the client nor the configuration names one
 */
export function responseHeader(kind: StreamKind, id: string, from: string | undefined): OwnHeader {
  const header: OwnHeader = { id, xmlns: CLIENT, from };
  return kind === 'rfc6120' ? { ...header, version: '1.0', language: 'en' } : header;
}
