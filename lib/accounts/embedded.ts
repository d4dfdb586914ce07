import { existsSync } from 'node:fs';
import path from 'node:path';
import { openOwn, requireWhole } from '../store/sqlite.js';
import { CredentialsError, type CredentialStore } from './credential-store.js';
import { openSqlite } from './sqlite.js';

const FILE = 'credentials.sqlite';

/** jabberd2's table, with the unique key that its schema for SQLite lacks. */
const TABLE = `CREATE TABLE authreg (
  username TEXT NOT NULL, realm TEXT NOT NULL, password TEXT, PRIMARY KEY (username, realm))`;

/** Is there a store of our own in that directory? */
export function hasEmbeddedCredentials(directory: string): boolean {
  return existsSync(path.join(directory, FILE));
}

/**
 * A store of our own in the data directory. Directory and file are made where they are missing, and only their owner can
 * read them: passwords are stored in clear, since digest logins need that.
 *
 * @throws {CredentialsError} where the directory or the file cannot be used
 */
export async function openEmbedded(directory: string): Promise<CredentialStore> {
  try {
    const database = openOwn(directory, FILE, (fresh) => void fresh.exec(TABLE));
    requireWhole(database);
    database.close();
  } catch (error) {
    const reason = (error as Error).message;
    throw new CredentialsError(`the accounts in ${path.join(directory, FILE)} cannot be used: ${reason}`, {
      cause: error,
    });
  }
  return openSqlite(path.join(directory, FILE), 'plaintext');
}
