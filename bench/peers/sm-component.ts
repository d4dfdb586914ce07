/** sm-component, in front of a session manager that is there, or of its own. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../spec/support/free-port.js';
import { Server, type Peer, type Program, type Started } from './peer.js';

/** A session manager that sm-component can be put in front of. */
export interface SessionManagerAddress {
  /** `HOST:PORT`. */
  readonly sm: string;
  readonly name: string;
  readonly secret: string;
  readonly dialect: string;
  /** What else sm-component has to be told. */
  readonly options?: readonly string[];
}

/** How sm-component and a session manager that we start know each other. */
const HOUSE = { name: 'foo-sockets', secret: 'bench', dialect: 'sto-sfrom' } as const;

const STUB = fileURLToPath(new URL('../stub-manager.js', import.meta.url));

export interface Checkout {
  readonly name: string;
  /** The directory of the checkout to run: two of them can be compared. */
  readonly root: string;
  readonly domain: string;
  /** For logs and accounts. */
  readonly directory: string;
}

export function inFrontOf(checkout: Checkout, manager: SessionManagerAddress): Peer {
  return { name: checkout.name, start: () => startInFrontOf(checkout, manager) };
}

/** @param behind a session manager of ours, that is stopped too */
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
  const subject = { host: '127.0.0.1', port, domain, pid: server.pid };
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
      ...['session-manager', '--secret', HOUSE.secret, '--data', path.join(checkout.directory, 'data')],
      ...['--registration', 'on'],
    ]),
  );
  return startInFrontOf(checkout, { ...HOUSE, sm: `127.0.0.1:${port}` }, behind);
}

/** In front of a session manager that costs next to nothing: what sm-component itself can do. */
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
  return startInFrontOf(checkout, { ...HOUSE, sm: `127.0.0.1:${port}` }, stub);
}

export function program(
  checkout: Checkout,
  role: Program['role'],
  port: number,
  args: readonly string[],
): Program {
  const { root, domain, directory, name } = checkout;
  mkdirSync(directory, { recursive: true });
  return {
    command: process.execPath,
    args: [
      ...process.execArgv,
      path.join(root, 'bin/sm-component'),
      ...args,
      ...['--domain', domain, '--listen', `127.0.0.1:${port}`],
    ],
    role,
    port,
    log: path.join(directory, `${name} ${role}.log`),
  };
}
