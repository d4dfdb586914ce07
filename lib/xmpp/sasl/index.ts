import { digestMd5Client } from './digest-md5.js';
import type { ClientCredentials, ClientMechanism } from './mechanism.js';
import { plainClient } from './plain.js';
import { scramClient } from './scram.js';

export type { ClientCredentials, ClientMechanism } from './mechanism.js';

/** The client's side of the mechanisms, the strongest first. */
const CLIENT_MECHANISMS: ReadonlyMap<string, (credentials: ClientCredentials) => ClientMechanism> = new Map([
  ['SCRAM-SHA-256', (credentials) => scramClient('SCRAM-SHA-256', credentials)],
  ['SCRAM-SHA-1', (credentials) => scramClient('SCRAM-SHA-1', credentials)],
  ['DIGEST-MD5', (credentials) => digestMd5Client(credentials)],
  ['PLAIN', plainClient],
]);

/** The strongest of the mechanisms that a server offers; undefined where none of them is known here. */
export function chooseMechanism(
  offered: readonly string[],
  credentials: ClientCredentials,
): ClientMechanism | undefined {
  for (const [name, make] of CLIENT_MECHANISMS) if (offered.includes(name)) return make(credentials);
  return undefined;
}
