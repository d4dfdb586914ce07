/**
 * Internationalized domain names: `bücher.example` and `xn--bcher-kva.example` are one domain. What goes to a session
 * manager has the spelling that it knows. [RFC7622 3.2.1] [RFC5890 2.3.2.1] [UTS 46]
 */
import { domainToASCII, domainToUnicode } from 'node:url';

const BEYOND_ASCII = /[^\x00-\x7f]/;
const A_LABEL = /(?:^|\.)xn--/i;
/** What only numbers come to is taken for an IPv4 address, and written anew. */
const NUMBERS = /^[\d.]*$/;

/** ASCII letters only: hosts of which no A-labels can be made stay what they are, and different. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Are there other spellings of a host than upper and lower case? */
export function isInternationalized(host: string): boolean {
  return BEYOND_ASCII.test(host) || A_LABEL.test(host);
}

/** Equal for all spellings of one domain: with A-labels, in lower case. */
export function domainKey(host: string): string {
  if (!isInternationalized(host)) return lowerCase(host);
  const ascii = domainToASCII(host);
  return NUMBERS.test(ascii) ? lowerCase(host) : ascii;
}

/** A host with U-labels, in lower case. */
export function withULabels(host: string): string {
  return isInternationalized(host) ? domainToUnicode(domainKey(host)) || lowerCase(host) : lowerCase(host);
}

/** A host in its one form of those that it is written in: U-labels where it is not all ASCII, else as it is. */
export function normalizedDomain(host: string): string {
  return BEYOND_ASCII.test(host) ? withULabels(host) : lowerCase(host);
}

/** Without those that are another one's domain in another spelling: the first stands. */
export function distinctDomains(names: readonly string[]): string[] {
  const first = new Map<string, string>();
  for (const name of names) if (!first.has(domainKey(name))) first.set(domainKey(name), name);
  return [...first.values()];
}

/** The name among these that is the same domain. */
export function sameDomain(host: string, names: readonly string[]): string | undefined {
  if (names.includes(host)) return host;
  if (!isInternationalized(host)) return undefined;
  const key = domainKey(host);
  return names.find((name) => domainKey(name) === key);
}
