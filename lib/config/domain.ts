/**
 * Internationalized domain names: `bücher.example` and `xn--bcher-kva.example` are one domain. A session manager is sent
 * the spelling that it knows. [RFC7622 3.2.1] [RFC5890 2.3.2.1] [UTS 46]
 */
import { domainToASCII, domainToUnicode } from 'node:url';

const BEYOND_ASCII = /[^\x00-\x7f]/;
const A_LABEL = /(?:^|\.)xn--/i;
/** `domainToASCII` takes names of only digits for IPv4 addresses, and writes them in another form. */
const NUMBERS = /^[\d.]*$/;

/** Changes only ASCII letters: hosts that cannot be written with A-labels stay different from each other. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Does a host have more spellings than those in upper and lower case? */
export function isInternationalized(host: string): boolean {
  return BEYOND_ASCII.test(host) || A_LABEL.test(host);
}

/** A domain with A-labels, in lower case: equal for all its spellings. */
export function domainKey(host: string): string {
  if (!isInternationalized(host)) return lowerCase(host);
  const ascii = domainToASCII(host);
  return NUMBERS.test(ascii) ? lowerCase(host) : ascii;
}

/** A host with U-labels, in lower case. */
export function withULabels(host: string): string {
  return isInternationalized(host) ? domainToUnicode(domainKey(host)) || lowerCase(host) : lowerCase(host);
}

/** A host in lower case; with U-labels only, where it has a character beyond ASCII. */
export function normalizedDomain(host: string): string {
  return BEYOND_ASCII.test(host) ? withULabels(host) : lowerCase(host);
}

/** Each domain once: of several spellings of one domain, the first. */
export function distinctDomains(names: readonly string[]): string[] {
  const first = new Map<string, string>();
  for (const name of names) if (!first.has(domainKey(name))) first.set(domainKey(name), name);
  return [...first.values()];
}

/** The one of `names` that is the same domain as `host`. */
export function sameDomain(host: string, names: readonly string[]): string | undefined {
  if (names.includes(host)) return host;
  if (!isInternationalized(host)) return undefined;
  const key = domainKey(host);
  return names.find((name) => domainKey(name) === key);
}
