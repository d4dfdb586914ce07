/** jabberd2 as Debian packages it (`apt-get install jabberd2`): router, sm and c2s with a configuration of our own. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../../spec/support/free-port.js';
import {
  binary,
  configuration,
  createDatabase,
  databaseIn,
  type Server as Name,
} from '../../spec/support/jabberd2-files.js';
import { PASSWORD } from '../client.js';
import { account, ACCOUNTS } from '../load.js';
import { Server, type Peer, type Program, type Started } from './peer.js';

/** @param directory for configuration, database and logs */
export function jabberd2(directory: string, domain: string): Peer {
  return { name: 'jabberd2', start: () => start(directory, domain) };
}

async function start(directory: string, domain: string): Promise<Started> {
  mkdirSync(directory, { recursive: true });
  const ports = { router: await freePort(), clients: await freePort() };
  makeDatabase(directory, domain);
  for (const name of ['router', 'sm', 'c2s'] as const) {
    writeFileSync(path.join(directory, `${name}.xml`), configuration(name, directory, domain, ports));
  }
  const router = await Server.start(program(directory, 'router', ports.router));
  const sm = await Server.start(program(directory, 'sm', ports.router));
  const c2s = await Server.start(program(directory, 'c2s', ports.clients));
  const stop = async (): Promise<void> => {
    for (const server of [c2s, sm, router]) await server.stop();
  };
  return { subject: { host: '127.0.0.1', port: ports.clients, domain, pid: c2s.pid }, stop };
}

function program(directory: string, name: Name, port: number): Program {
  return {
    command: binary(name),
    args: ['-c', path.join(directory, `${name}.xml`)],
    role: name === 'c2s' ? 'socket manager' : 'around',
    port,
    log: path.join(directory, `${name}.out`),
  };
}

/** With the accounts in it: registering many at once fails now and then, see `again` in load.ts. */
function makeDatabase(directory: string, domain: string): void {
  if (existsSync(databaseIn(directory))) return;
  const database = createDatabase(directory);
  const credentials = database.prepare('INSERT INTO authreg (username, realm, password) VALUES (?, ?, ?)');
  const active = database.prepare('INSERT INTO active ("collection-owner", time) VALUES (?, 0)');
  for (let number = 0; number < ACCOUNTS; number += 1) {
    credentials.run(account(number), domain, PASSWORD);
    active.run(`${account(number)}@${domain}`);
  }
  database.close();
}
