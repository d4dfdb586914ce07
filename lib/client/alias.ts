import { stanzaOf, type Stanza } from '../xml/index.js';
import { bareOf, hostOf } from '../xmpp/address.js';
import { domainKey, isInternationalized, sameDomain } from '../config/domain.js';

/** Old names of hosts, and the hosts that they stand for. The empty name stands for every other name, and for none. */
export type Aliases = ReadonlyMap<string, string>;

/**
 * The name that a client has for its host (an old one, or another spelling), and the name that the session manager has.
 * Both are the same where only addresses may be spelt in another way.
 */
export interface Alias {
  readonly alias: string;
  readonly host: string;
}

/**
 * The host behind the name that a client asks for. [jabberd 1.4 pth-csock alias]
 *
 * @param asked lower case; undefined where the client names none
 */
export function aliasFor(
  aliases: Aliases,
  asked: string | undefined,
  served: readonly string[],
): Alias | undefined {
  const named = asked === undefined ? undefined : aliases.get(domainKey(asked));
  if (named !== undefined) return { alias: asked!, host: named };
  const known = asked === undefined ? undefined : sameDomain(asked, served);
  if (known !== undefined) return isInternationalized(known) ? { alias: asked!, host: known } : undefined;
  const host = aliases.get('');
  return host === undefined || host === asked ? undefined : { alias: asked ?? host, host };
}

function moved(address: string | undefined, from: string, to: string): string | undefined {
  if (address === undefined) return undefined;
  const host = hostOf(address);
  if (host === to || domainKey(host) !== domainKey(from)) return undefined;
  const bare = bareOf(address);
  return bare.slice(0, bare.length - host.length) + to + address.slice(bare.length);
}

function movedStanza(stanza: Stanza, from: string, to: string): Stanza {
  return withAddresses(stanza, (address) => moved(address, from, to));
}

/** @param change gives the new address, or undefined where the address stays */
function withAddresses(stanza: Stanza, change: (address: string | undefined) => string | undefined): Stanza {
  const values = new Map<string, string>();
  for (const name of ['to', 'from']) {
    const address = change(stanza.attribute(name));
    if (address !== undefined) values.set(name, address);
  }
  return values.size === 0 ? stanza : stanza.with(values);
}

/**
 * A stanza of a client, with the domains that are served spelt as the session manager spells them.
 *
 * @param served internationalized domains only
 */
export function toServed(stanza: Stanza, served: readonly string[]): Stanza {
  return withAddresses(stanza, (address) => {
    const host = address === undefined ? undefined : sameDomain(hostOf(address), served);
    return host === undefined ? undefined : moved(address, host, host);
  });
}

/** A stanza of a client for the session manager: `to` and `from` with the real host. */
export function toHost(stanza: Stanza, { alias, host }: Alias): Stanza {
  const spelt = isInternationalized(host) ? movedStanza(stanza, host, host) : stanza;
  return alias === host ? spelt : movedStanza(spelt, alias, host);
}

/** A stanza of the session manager for the client: `to` and `from` with the name that the client knows. */
export function toAlias(text: string, { alias, host }: Alias): string {
  const stanza = stanzaOf(text);
  return stanza ? movedStanza(stanza, host, alias).source : text;
}
