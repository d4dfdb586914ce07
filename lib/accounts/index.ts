import type { CredentialsSource } from '../config/config.js';
import type { Log } from '../observe/log.js';
import type { CredentialStore } from './credential-store.js';
import { openEmbedded } from './embedded.js';
import { openPipe } from './pipe.js';
import { openPostgres } from './postgres.js';
import { openSqlite } from './sqlite.js';

export { hasEmbeddedCredentials } from './embedded.js';
export {
  CredentialsError,
  type Account,
  type AccountChange,
  type CredentialStore,
} from './credential-store.js';

export interface CredentialStoreOptions {
  /** The directory of the embedded store. */
  readonly data: string;
  readonly log: Log;
}

/**
 * Opens the accounts that `--credentials` names.
 *
 * @throws {CredentialsError} where they cannot be used as they are. A database server that cannot be reached is only
 * logged: calls reject until it can
 */
export async function openCredentialStore(
  source: CredentialsSource,
  { data, log }: CredentialStoreOptions,
): Promise<CredentialStore> {
  switch (source.store) {
    case 'embedded':
      return openEmbedded(data);
    case 'sqlite':
      return openSqlite(source.file, source.passwordType);
    case 'pipe':
      return openPipe(source.command, log);
    case 'postgres':
      return openPostgres(source.url, source.passwordType, log);
  }
}
