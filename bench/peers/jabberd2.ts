/** jabberd2 of Debian (`apt-get install jabberd2`): router, sm and c2s with a configuration of our own. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
import { CERTIFICATE, startInFrontOf, type Checkout } from './sm-component.js';

/** @param directory for configuration, database and logs */
export function jabberd2(directory: string, domain: string, tls: boolean): Peer {
  return { name: 'jabberd2', start: () => start(directory, domain, tls) };
}

/** sm-component in place of its c2s, with the same router, sm and accounts. */
export function inPlaceOfC2s(checkout: Checkout): Peer {
  return { name: checkout.name, start: () => startInPlace(checkout) };
}

async function startInPlace(checkout: Checkout): Promise<Started> {
  const directory = path.join(checkout.directory, 'jabberd2');
  const { ports, servers } = await startBack(directory, checkout.domain);
  const started = await startInFrontOf(checkout, {
    sm: `127.0.0.1:${ports.router}`,
    name: 'sm-component',
    secret: 'secret',
    dialect: 'jabberd2',
    options: ['--credentials', `sqlite:${databaseIn(directory)}`, '--data', path.join(directory, 'data')],
  });
  const stop = async (): Promise<void> => {
    await started.stop();
    for (const server of servers) await server.stop();
  };
  return { ...started, stop };
}

async function start(directory: string, domain: string, tls: boolean): Promise<Started> {
  const { ports, servers } = await startBack(directory, domain);
  const file = path.join(directory, 'c2s.xml');
  if (tls) writeFileSync(file, withTls(readFileSync(file, 'utf8'), ports.clients));
  const c2s = await Server.start(program(directory, 'c2s', ports.clients));
  const stop = async (): Promise<void> => {
    for (const server of [c2s, ...servers]) await server.stop();
  };
  return { subject: { host: '127.0.0.1', port: ports.clients, domain, tls, pid: c2s.pid }, stop };
}

/** The configuration of a c2s whose clients begin with TLS. */
function withTls(configuration: string, port: number): string {
  return configuration.replace(
    `<port>${port}</port>`,
    `<port>0</port><ssl-port>${port}</ssl-port><pemfile>${CERTIFICATE}</pemfile>`,
  );
}

interface Back {
  readonly ports: { readonly router: number; readonly clients: number };
  /** In the order in which they are stopped. */
  readonly servers: readonly Server[];
}

/** Router and sm. */
async function startBack(directory: string, domain: string): Promise<Back> {
  mkdirSync(directory, { recursive: true });
  const ports = { router: await freePort(), clients: await freePort() };
  makeDatabase(directory, domain);
  for (const name of ['router', 'sm', 'c2s'] as const) {
    writeFileSync(path.join(directory, `${name}.xml`), configuration(name, directory, domain, ports));
  }
  const router = await Server.start(program(directory, 'router', ports.router));
  const sm = await Server.start(program(directory, 'sm', ports.router));
  return { ports, servers: [sm, router] };
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

/** Contains the accounts, since registering many at once sometimes fails: see `again` in load.ts. */
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
