/** What `scenario run` and `scenario compare` have in common: scripts, and how they are played on a server. */
import type { Address } from '../../config/config.js';
import * as kinds from '../../config/kinds.js';
import { AccountMapping } from '../../scenario/account-mapping.js';
import type { RunOptions } from '../../scenario/run.js';
import { findScripts, readScript, type Candidate } from '../../scenario/select.js';
import { UsageError, type Call } from '../command.js';
import { onceInterrupted } from '../signals.js';
import * as scenarioKinds from './kinds.js';

export const FILES = { files: { kind: kinds.texts, help: 'Scripts, and folders with scripts' } } as const;

/** Options of both actions. In `compare` they apply to both servers. */
export const PLAYING = {
  domain: {
    kind: scenarioKinds.domainPairs,
    help: 'The domain of the server, in place of localhost in the scripts; OLD=DOMAIN replaces another domain.',
  },
  account: {
    kind: scenarioKinds.accounts,
    help:
      'An existing account: USER:PASSWORD, or USER=OTHER:PASSWORD to let OTHER play USER. Such ' +
      'accounts are neither made nor removed.',
    secret: true,
  },
  fresh: {
    kind: kinds.flag,
    help: 'Also remove and register again accounts that existed before, with the password of the script',
    default: 'false',
  },
  auth: {
    kind: kinds.oneOf('auto', 'sasl', 'iq-auth'),
    help: 'How to log in; auto: by SASL if the server offers it.',
    default: 'auto',
  },
  tls: {
    kind: kinds.oneOf('auto', 'off', 'required'),
    help: 'STARTTLS; auto: if the server requires it.',
    default: 'auto',
  },
  tags: {
    kind: scenarioKinds.tags,
    help: 'Only scripts with this tag (slow, "status: stable"), or without it (!slow); several separated by commas.',
  },
} as const;

type Playing = Call<typeof PLAYING>['own'];

/** A server to play scripts on, and the domains and accounts that replace those of the scripts there. */
export interface PlayedServer {
  /** Undefined: each character of a script names its server itself. */
  readonly to: Address | undefined;
  readonly domain: Playing['domain'];
  readonly account: Playing['account'];
}

/** How scripts are played on a server, but for the settings in which the two actions differ. */
export function playingOn(
  { to, domain, account }: PlayedServer,
  { auth, tls, tags, fresh }: Playing,
  candidates: readonly Candidate[],
): Omit<RunOptions, 'exact' | 'timeout' | 'continueAfterFailure'> {
  const manner = { auth, tls };
  return {
    tags: tags.flat(),
    fresh,
    mapping: new AccountMapping(new Map(domain), account),
    serverOf: ({ host, port, domain: name }) => ({
      ...manner,
      ...(to ?? { host: host ?? name, port: port ?? 5222 }),
    }),
    serverFor: ({ domain: name }) => ({ ...manner, ...(to ?? placeOf(name, candidates)) }),
  };
}

/** The server that the characters of a domain name. */
function placeOf(domain: string, candidates: readonly Candidate[]): Address {
  const characters = candidates.flatMap((one) => ('script' in one ? one.script.characters : []));
  const one = characters.find((character) => character.domain === domain);
  return { host: one?.host ?? domain, port: one?.port ?? 5222 };
}

/** @throws {UsageError} where there is no script, or one that cannot be read */
export function readAll(files: readonly string[]): Candidate[] {
  if (files.length === 0) throw new UsageError('which scripts? Name .scs files, or folders with .scs files');
  try {
    const found = findScripts(files);
    if (found.length === 0) throw new UsageError(`there is no .scs file in ${files.join(', ')}`);
    return found.map(readScript);
  } catch (error) {
    if (error instanceof Error && 'code' in error)
      throw new UsageError(`a script cannot be read: ${error.message}`);
    throw error;
  }
}

/** Aborts at the first Ctrl-C: the current script ends, and its accounts are removed. A second one ends the program. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  onceInterrupted(() => {
    console.error('sm-component: stopping after this script; a second signal stops at once');
    controller.abort();
  });
  return controller.signal;
}
