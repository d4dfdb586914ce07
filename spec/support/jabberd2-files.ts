/** What jabberd2 of Debian (`apt-get install jabberd2`) is run with: its own files, with places and ports of ours. */
import Database from 'better-sqlite3';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

const STOCK = '/etc/jabberd2';
const SCHEMA = '/usr/share/doc/jabberd2/db-setup.sqlite.gz';
const BINARIES = '/usr/sbin';

export type Server = 'router' | 'sm' | 'c2s';

/** Everything that must be there to run it. The configuration is readable by root only, as Debian installs it. */
export const NEEDED: readonly string[] = [
  ...(['router', 'sm', 'c2s'] as const).flatMap((name) => [binary(name), stockFile(name)]),
  SCHEMA,
];

export function binary(name: Server): string {
  return path.join(BINARIES, `jabberd2-${name}`);
}

export interface Ports {
  readonly router: number;
  readonly clients: number;
}

/**
 * The configuration of Debian, with a directory, a domain and ports of ours, on loopback only. Limits that would only fill
 * the log are off.
 *
 * @param directory for the database, process ids and logs
 */
export function configuration(name: Server, directory: string, domain: string, ports: Ports): string {
  return readFileSync(stockFile(name), 'utf8')
    .replace(/<!--.*?-->/gs, '')
    .replace(/localhost\.localdomain/g, domain)
    .replace(/\/var\/(?:run|log|lib)\/jabberd2/g, directory)
    .replace(/<ip>0\.0\.0\.0<\/ip>/g, '<ip>127.0.0.1</ip>')
    .replace(/<port>5347<\/port>/g, `<port>${ports.router}</port>`)
    .replace(/<port>5222<\/port>/g, `<port>${ports.clients}</port>`)
    .replace(/<max_fds>\d+<\/max_fds>/g, '<max_fds>8192</max_fds>')
    .replace(/<stanzas>\d+<\/stanzas>/g, '<stanzas>0</stanzas>');
}

/** A database that sm and c2s share, new, with the tables that Debian makes. To be closed by the caller. */
export function createDatabase(directory: string): Database.Database {
  const database = new Database(databaseIn(directory));
  database.exec(gunzipSync(readFileSync(SCHEMA)).toString());
  return database;
}

/** Where the configuration has it. */
export function databaseIn(directory: string): string {
  return path.join(directory, 'sqlite.db');
}

function stockFile(name: Server): string {
  return path.join(STOCK, `${name}.xml`);
}
