/** jabberd2 as Debian packages it (`apt-get install jabberd2`): router, sm and c2s with a configuration of our own. */
import Database from 'better-sqlite3';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PASSWORD } from '../client.js';
import { account, ACCOUNTS } from '../load.js';
import { freePort, Server, type Peer, type Program, type Started } from './peer.js';

const STOCK = '/etc/jabberd2';
const SCHEMA = '/usr/share/doc/jabberd2/db-setup.sqlite.gz';
const BINARIES = '/usr/sbin';

interface Ports {
  readonly router: number;
  readonly clients: number;
}

/** @param directory for configuration, database and logs */
export function jabberd2(directory: string, domain: string): Peer {
  return { name: 'jabberd2', start: () => start(directory, domain) };
}

async function start(directory: string, domain: string): Promise<Started> {
  mkdirSync(directory, { recursive: true });
  const ports = { router: await freePort(), clients: await freePort() };
  makeDatabase(directory, domain);
  for (const name of ['router', 'sm', 'c2s'] as const) writeConfig(directory, name, domain, ports);
  const router = await Server.start(program(directory, 'router', ports.router));
  const sm = await Server.start(program(directory, 'sm', ports.router));
  const c2s = await Server.start(program(directory, 'c2s', ports.clients));
  const stop = async (): Promise<void> => {
    for (const server of [c2s, sm, router]) await server.stop();
  };
  return { subject: { host: '127.0.0.1', port: ports.clients, domain, pid: c2s.pid }, stop };
}

function program(directory: string, name: 'router' | 'sm' | 'c2s', port: number): Program {
  return {
    command: path.join(BINARIES, `jabberd2-${name}`),
    args: ['-c', path.join(directory, `${name}.xml`)],
    role: name === 'c2s' ? 'socket manager' : 'around',
    port,
    log: path.join(directory, `${name}.out`),
  };
}

/** With the accounts in it: registering many at once fails now and then, see `again` in load.ts. */
function makeDatabase(directory: string, domain: string): void {
  const file = path.join(directory, 'sqlite.db');
  if (existsSync(file)) return;
  const database = new Database(file);
  database.exec(gunzipSync(readFileSync(SCHEMA)).toString());
  const credentials = database.prepare('INSERT INTO authreg (username, realm, password) VALUES (?, ?, ?)');
  const active = database.prepare('INSERT INTO active ("collection-owner", time) VALUES (?, 0)');
  for (let number = 0; number < ACCOUNTS; number += 1) {
    credentials.run(account(number), domain, PASSWORD);
    active.run(`${account(number)}@${domain}`);
  }
  database.close();
}

/** The stock file, with our places, ports and domain; limits that would only fill the log are off. */
function writeConfig(directory: string, name: 'router' | 'sm' | 'c2s', domain: string, ports: Ports): void {
  let text = readFileSync(path.join(STOCK, `${name}.xml`), 'utf8').replace(/<!--.*?-->/gs, '');
  text = text
    .replace(/localhost\.localdomain/g, domain)
    .replace(/\/var\/(?:run|log|lib)\/jabberd2/g, directory)
    .replace(/<ip>0\.0\.0\.0<\/ip>/g, '<ip>127.0.0.1</ip>')
    .replace(/<port>5347<\/port>/g, `<port>${ports.router}</port>`)
    .replace(/<port>5222<\/port>/g, `<port>${ports.clients}</port>`)
    .replace(/<max_fds>\d+<\/max_fds>/g, '<max_fds>8192</max_fds>')
    .replace(/<stanzas>\d+<\/stanzas>/g, '<stanzas>0</stanzas>');
  writeFileSync(path.join(directory, `${name}.xml`), text);
}
