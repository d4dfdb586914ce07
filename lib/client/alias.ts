import { stanzaOf, type Stanza } from '../xml/index.js';
import { bareOf, hostOf, lowerCase } from '../session/address.js';

/** Old names of hosts and the hosts they stand for; under the empty name: for every other name, and for none. */
export type Aliases = ReadonlyMap<string, string>;

/** A client that came by an old name: what it calls its host, and what the session manager does. */
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
  const named = asked === undefined ? undefined : aliases.get(asked);
  if (named !== undefined) return { alias: asked!, host: named };
  const host = aliases.get('');
  if (host === undefined || host === asked || (asked !== undefined && served.includes(asked)))
    return undefined;
  return { alias: asked ?? host, host };
}

function moved(address: string | undefined, from: string, to: string): string | undefined {
  if (address === undefined || lowerCase(hostOf(address)) !== from) return undefined;
  const bare = bareOf(address);
  return bare.slice(0, bare.length - from.length) + to + address.slice(bare.length);
}

function movedStanza(stanza: Stanza, from: string, to: string): Stanza {
  const values = new Map<string, string>();
  for (const name of ['to', 'from']) {
    const address = moved(stanza.attribute(name), from, to);
    if (address !== undefined) values.set(name, address);
  }
  return values.size === 0 ? stanza : stanza.with(values);
}

/** What the client says, to the session manager: `to` and `from` with the real host. */
export function toHost(stanza: Stanza, { alias, host }: Alias): Stanza {
  return movedStanza(stanza, alias, host);
}

/** What the session manager says, to the client: `to` and `from` with the name that the client knows. */
export function toAlias(text: string, { alias, host }: Alias): string {
  const stanza = stanzaOf(text);
  return stanza ? movedStanza(stanza, host, alias).source : text;
}
