import type { CredentialsSource } from '../../config/config.js';
import type { Log } from '../../observe/log.js';
import { CredentialsError, type Credentials } from './credentials.js';
import { openEmbedded } from './embedded.js';
import { openSqlite } from './sqlite.js';

export { CredentialsError, type Change, type Credentials } from './credentials.js';

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

export async function openCredentials(source: CredentialsSource, { data }: Around): Promise<Credentials> {
  switch (source.store) {
    case 'embedded':
      return openEmbedded(data);
    case 'sqlite':
      return openSqlite(source.file, source.passwordType);
    case 'postgres':
    case 'pipe':
      return Promise.reject(new CredentialsError(`accounts in ${source.store} are not known yet`));
  }
}
