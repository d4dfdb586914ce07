import { randomBytes } from 'node:crypto';

/**
 * A part of every address that this process gives out. The session manager may still hold sessions of an earlier
 * process, and their addresses must not be used for other clients.
 */
const LIFE = randomBytes(6).toString('hex');

let given = 0;

/**
 * A socket address, `12@foo-sockets/4f1c`: file descriptor, component name, and a tag that is never used twice.
 * [README.SM sfrom] [jabberd 1.1.2: compared by user and resource, at most 64 bytes of user]
 */
export function newSocketAddress(descriptor: number, name: string): string {
  given += 1;
  return `${descriptor}@${name}/${LIFE}${given.toString(16)}`;
}

/**
 * The same for a link that knows us by one name anyway: `12/4f1c`. [jabberd2 2.7.0: at most 43 characters, and those that
 * begin with PBX are not for clients]
 */
export function newConnectionId(descriptor: number): string {
  given += 1;
  return `${descriptor}/${LIFE}${given.toString(16)}`;
}

/** Was this address given out by this process? */
export function isOfThisLife(address: string): boolean {
  return address.includes(`/${LIFE}`);
}

/** Characters that end a part of an address, or that jabberd never lets into one. [jabberd 1.4 jid.c] */
const NOT_IN_PART = /[\x00-\x20\x7f"&'/:<>@]/;

function isPart(name: string): boolean {
  return name !== '' && name.length <= 255 && !NOT_IN_PART.test(name);
}

/** Is this a valid host of an address, without user or resource? */
export const isHost = isPart;

/** Is this a valid user of an address, without host or resource? */
export const isUser = isPart;

const CONTROL = /\p{Cc}/u;

/**
 * Is this a valid resource of an address? Control characters are not valid: jabberd writes line feeds, tabs and carriage
 * returns into attributes unescaped, the next reader takes them for spaces, and the session is not found any more.
 * [RFC7622 3.4] [XML 1.0 3.3.3] [jabberd 1.1.2, 1.4.3]
 */
export function isResource(text: string): boolean {
  return text !== '' && !CONTROL.test(text);
}

/** The user part of an address; empty where it has none. */
export function userOf(address: string): string {
  const slash = address.indexOf('/');
  const at = address.indexOf('@');
  return at > 0 && (slash < 0 || at < slash) ? address.slice(0, at) : '';
}

/** The host part of an address. */
export function hostOf(address: string): string {
  const bare = bareOf(address);
  return bare.slice(bare.indexOf('@') + 1);
}

/** The address without its resource. */
export function bareOf(address: string): string {
  const slash = address.indexOf('/');
  return slash < 0 ? address : address.slice(0, slash);
}

/** The resource of an address; empty where it has none. */
export function resourceOf(address: string): string {
  const slash = address.indexOf('/');
  return slash < 0 ? '' : address.slice(slash + 1);
}

const UPPER = /[A-Z]/;
const UPPERS = /[A-Z]/g;

/**
 * Lower-cases ASCII letters only, as jabberd does when it compares. Unicode's lower case would merge different accounts of
 * jabberd (the Kelvin sign becomes a k). [jabberd 1.4 jid.c]
 */
export function lowerCase(text: string): string {
  return UPPER.test(text) ? text.replace(UPPERS, (letter) => letter.toLowerCase()) : text;
}

/** Equal for addresses of the same session: the case of user and host does not matter, the case of the resource does. */
export function canonical(address: string): string {
  const bare = bareOf(address);
  return lowerCase(bare) + address.slice(bare.length);
}
