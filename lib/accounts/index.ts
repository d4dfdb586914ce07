import type { CredentialsSource } from '../config/config.js';
import type { Log } from '../observe/log.js';
import type { Credentials } from './credentials.js';
import { openEmbedded } from './embedded.js';
import { openPipe } from './pipe.js';
import { openPostgres } from './postgres.js';
import { openSqlite } from './sqlite.js';

export { hasEmbedded } from './embedded.js';
export { CredentialsError, type Account, type Change, type Credentials } from './credentials.js';

export interface Around {
  /** The directory of the embedded store. */
  readonly data: string;
  readonly log: Log;
}

/**
 * Opens the accounts that `--credentials` names.
 *
 * @throws {CredentialsError} where they can not be used as they are. A server that is only away is no reason: it is
 * logged, and the calls reject until it is there
 */
export async function openCredentials(
  source: CredentialsSource,
  { data, log }: Around,
): Promise<Credentials> {
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
