/** sm-component with a given session manager, or with its own. */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../spec/support/free-port.js';
import { Server, type Peer, type Program, type Started } from './peer.js';

/** A session manager that sm-component can connect to. */
export interface SessionManagerAddress {
  /** `HOST:PORT`. */
  readonly sm: string;
  readonly name: string;
  readonly secret: string;
  readonly dialect: string;
  /** Other arguments for sm-component. */
  readonly options?: readonly string[];
}

/** Name and secret for sm-component and a session manager that the bench starts. */
const LINK_OPTIONS = { name: 'foo-sockets', secret: 'bench', dialect: 'sto-sfrom' } as const;

/** Of RSA, as the certificate of Debian's jabberd2. */
export const CERTIFICATE = fileURLToPath(
  new URL('../../../spec/fixtures/tls/server-rsa.pem', import.meta.url),
);

const STUB = fileURLToPath(new URL('../stub-manager.js', import.meta.url));

export interface Checkout {
  readonly name: string;
  /** The directory of the checkout that is run, so that two checkouts can be compared. */
  readonly root: string;
  readonly domain: string;
  /** What clients may say, as `--client-rate` of the checkouts that know it. */
  readonly clientRate: string;
  /** Do clients connect by TLS? */
  readonly tls: boolean;
  /** For logs and accounts. */
  readonly directory: string;
}

export function inFrontOf(checkout: Checkout, manager: SessionManagerAddress): Peer {
  return { name: checkout.name, start: () => startInFrontOf(checkout, manager) };
}

/** @param behind a session manager that the bench has started, and stops too */
export async function startInFrontOf(
  checkout: Checkout,
  manager: SessionManagerAddress,
  behind?: Server,
): Promise<Started> {
  const { domain } = checkout;
  const port = await freePort();
  const server = await Server.start(
    program(checkout, 'socket manager', port, [
      ...['--sm', manager.sm, '--dialect', manager.dialect],
      ...['--name', manager.name, '--secret', manager.secret],
      ...(manager.options ?? []),
    ]),
  );
  const subject = { host: '127.0.0.1', port, domain, tls: checkout.tls, pid: server.pid };
  const stop = async (): Promise<void> => {
    await server.stop();
    await behind?.stop();
  };
  return { subject, stop };
}

/** Two processes, linked by TCP. */
export function withOwnSessionManager(checkout: Checkout): Peer {
  return { name: checkout.name, start: () => startBoth(checkout) };
}

async function startBoth(checkout: Checkout): Promise<Started> {
  const port = await freePort();
  const behind = await Server.start(
    program(checkout, 'around', port, [
      ...[
        'session-manager',
        '--secret',
        LINK_OPTIONS.secret,
        '--data',
        path.join(checkout.directory, 'data'),
      ],
      ...['--registration', 'on'],
    ]),
  );
  return startInFrontOf(checkout, { ...LINK_OPTIONS, sm: `127.0.0.1:${port}` }, behind);
}

/** With the stub session manager: this measures sm-component itself. */
export function withStub(checkout: Checkout): Peer {
  return { name: checkout.name, start: () => startWithStub(checkout) };
}

async function startWithStub(checkout: Checkout): Promise<Started> {
  const port = await freePort();
  mkdirSync(checkout.directory, { recursive: true });
  const stub = await Server.start({
    command: process.execPath,
    args: [STUB, String(port)],
    role: 'around',
    port,
    log: path.join(checkout.directory, 'stub.log'),
  });
  return startInFrontOf(checkout, { ...LINK_OPTIONS, sm: `127.0.0.1:${port}` }, stub);
}

export function program(
  checkout: Checkout,
  role: Program['role'],
  port: number,
  args: readonly string[],
): Program {
  const { root, domain, directory, name, clientRate, tls } = checkout;
  const listen = `127.0.0.1:${port}`;
  const byTls = tls && role === 'socket manager';
  mkdirSync(directory, { recursive: true });
  return {
    command: process.execPath,
    args: [
      ...process.execArgv,
      path.join(root, 'bin/sm-component'),
      ...args,
      ...['--domain', domain, '--listen', byTls ? '127.0.0.1:0' : listen],
      ...(byTls ? ['--listen-tls', listen, '--tls-cert', CERTIFICATE] : []),
      ...(role === 'socket manager' && hasClientRate(root) ? ['--client-rate', clientRate] : []),
    ],
    role,
    port,
    log: path.join(directory, `${name} ${role}.log`),
  };
}

/** An older checkout has no such option, and reads clients as fast as they are. */
function hasClientRate(root: string): boolean {
  return readFileSync(path.join(root, 'docs/options.md'), 'utf8').includes('`--client-rate');
}
