import { isIPv6 } from 'node:net';
import { isInternationalized, withULabels } from '../config/domain.js';
import { nameprep, nodeprep, resourceprep } from './stringprep.js';

/** Longest part of a JID, in bytes of UTF-8. [RFC7622 3.1] */
const MAX_PART_LENGTH = 1023;
/** Longest user name of an account here, in bytes. jabberd 1.1.2 cuts longer ones without an error. */
const MAX_ACCOUNT_NAME_LENGTH = 64;

/** Characters that no user name may hold: the list of nodeprep, white space, and invisible characters. [RFC6122 A.5] */
const NOT_IN_USER = /["&'/:<>@\s\p{C}\p{Z}]/u;
const HOST = /^[\p{L}\p{N}\p{M}_-]+(?:\.[\p{L}\p{N}\p{M}_-]+)*$/u;
const NOT_IN_RESOURCE = /[\p{Cc}\p{Cs}]/u;

const isTooLong = (part: string): boolean =>
  part.length > MAX_PART_LENGTH || Buffer.byteLength(part) > MAX_PART_LENGTH;

const ASCII = /^[\x00-\x7f]*$/;

/** Folds case and compatibility forms: twice, because a lower-case form may fold again. */
function fold(text: string): string {
  return ASCII.test(text) ? text.toLowerCase() : text.normalize('NFKC').toLowerCase().normalize('NFKC');
}

/** A user name in its canonical spelling; undefined where the text is no user name. Simpler than nodeprep, and stricter. */
export function prepareUser(text: string): string | undefined {
  if (isTooLong(text)) return undefined;
  const user = fold(text);
  return user === '' || isTooLong(user) || NOT_IN_USER.test(user) ? undefined : user;
}

/** As {@link prepareUser}, for the name of an account of ours: 64 bytes at most. */
export function prepareAccountName(text: string): string | undefined {
  const user = prepareUser(text);
  return user !== undefined && Buffer.byteLength(user) <= MAX_ACCOUNT_NAME_LENGTH ? user : undefined;
}

/**
 * A resource with its characters composed, and otherwise unchanged [RFC7622 3.4]; undefined where the text is no
 * resource (empty, over 1023 bytes, control characters).
 */
export function prepareResource(text: string): string | undefined {
  if (text === '' || isTooLong(text) || NOT_IN_RESOURCE.test(text)) return undefined;
  const resource = text.normalize('NFC');
  return isTooLong(resource) ? undefined : resource;
}

/**
 * A host in its canonical spelling: without a trailing dot, with U-labels instead of A-labels. [RFC7622 3.2] An IPv6
 * address has brackets. [RFC3986 3.2.2]
 */
function prepareHost(text: string): string | undefined {
  if (isTooLong(text)) return undefined;
  const folded = fold(text).replace(/\.$/, '');
  const host = isInternationalized(folded) ? withULabels(folded) : folded;
  return (HOST.test(host) || isIPv6Literal(host)) && !isTooLong(host) ? host : undefined;
}

function isIPv6Literal(host: string): boolean {
  return host.startsWith('[') && host.endsWith(']') && isIPv6(host.slice(1, -1));
}

/**
 * An address that is in its canonical spelling already, as nearly all are: ASCII, user and host in lower case. A host
 * with an A-label does not match, nor does one that ends with a dot.
 */
const PREPARED = /^(?:([a-z0-9._=+-]+)@)?((?![^@/]*xn--)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?:\/([ -~]+))?$/;

/** Brings each part of an address into its canonical spelling; undefined where the text is no such part. */
export interface Preparation {
  user(text: string): string | undefined;
  host(text: string): string | undefined;
  resource(text: string): string | undefined;
}

/** The comparison of the embedded session manager. [RFC7622] */
const PRECIS: Preparation = { user: prepareUser, host: prepareHost, resource: prepareResource };

/**
 * The comparison of jabberd2. A part that is empty after preparation, such as a soft hyphen, is refused: the sm treats
 * such a user or resource as absent, and crashes at such a host. [RFC 3920 3] [jabberd2 2.7.0 util/jid.c]
 */
export const STRINGPREP: Preparation = {
  user: (text) => nodeprep(text) || undefined,
  host: (text) => nameprep(text) || undefined,
  resource: (text) => resourceprep(text) || undefined,
};

/** An address in its canonical spelling: user and host folded, the resource composed. */
export class Jid {
  /** `user@host`, or `host`. */
  readonly bare: string;
  /** `user@host/resource`, or the parts that there are. */
  readonly full: string;

  private constructor(
    readonly user: string | undefined,
    readonly host: string,
    readonly resource: string | undefined,
  ) {
    this.bare = user === undefined ? host : `${user}@${host}`;
    this.full = resource === undefined ? this.bare : `${this.bare}/${resource}`;
  }

  /** Parses an address; undefined where the text is none. */
  static parse(text: string | undefined, prepare = PRECIS): Jid | undefined {
    if (text === undefined) return undefined;
    if (prepare === PRECIS && text.length <= MAX_PART_LENGTH) {
      const parts = PREPARED.exec(text);
      if (parts) return new Jid(parts[1], parts[2], parts[3]);
    }
    return Jid.prepared(text, prepare);
  }

  private static prepared(text: string, prepare: Preparation): Jid | undefined {
    const slash = text.indexOf('/');
    const bare = slash < 0 ? text : text.slice(0, slash);
    const at = bare.indexOf('@');
    const user = at < 0 ? undefined : prepare.user(bare.slice(0, at));
    const host = prepare.host(bare.slice(at + 1));
    const resource = slash < 0 ? undefined : prepare.resource(text.slice(slash + 1));
    if (host === undefined || (at >= 0 && user === undefined)) return undefined;
    return slash >= 0 && resource === undefined ? undefined : new Jid(user, host, resource);
  }

  toString(): string {
    return this.full;
  }
}
