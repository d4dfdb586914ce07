import { isatty } from 'node:tty';
import { CredentialsError } from '../accounts/index.js';
import type { Log } from '../observe/log.js';
import { LinkRefused } from '../server.js';
import { EXIT, Failure } from './command.js';
import { STOP_SIGNALS } from './signals.js';

/** Something that runs until it is told to stop. */
export interface Service {
  start(): Promise<unknown>;
  stop(reason?: string): Promise<void>;
}

/** From the first signal to the end of the process, at most, in milliseconds. */
const STOP_TIMEOUT_MS = 4_500;

/**
 * `npm start` in a terminal brings one Ctrl-C twice, from the terminal and again from npm: the same signal this soon
 * again, in milliseconds, is no second one.
 */
const SAME_SIGNAL_MS = 300;

/** How long the last lines may take to be read, in milliseconds. */
const LAST_LINES_MS = 1_000;

/** Starts a service, tells that it is ready, and stops it at a signal. @returns the exit code */
export async function serve(service: Service, log: Log, ready: () => void): Promise<number> {
  const signal = firstSignal(() => log.info('SIGHUP is ignored: the configuration is read at a start'));
  writeWithoutWaiting();
  try {
    // A start that waits (for the session manager, say) must hear a signal too, and is not ready then.
    const stopped = await Promise.race([signal, service.start().then(() => undefined)]);
    if (stopped === undefined) ready();
  } catch (error) {
    await service.stop();
    throw asFailure(error);
  }
  await service.stop(await signal);
  return EXIT.stopped;
}

/**
 * Resolves at the first signal; from then on the clock runs, and another signal ends the process at once. A terminal that
 * is closed sends SIGHUP, too: nobody could stop the service any more.
 *
 * @param ignored a SIGHUP that somebody has sent
 */
function firstSignal(ignored: () => void): Promise<string> {
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  const isTerminalGone = (): boolean => terminals.some((descriptor) => !isatty(descriptor));
  return new Promise((resolve) => {
    let first: { name: string; at: number } | undefined;
    const heard = (name: NodeJS.Signals): void => {
      if (first === undefined) {
        first = { name, at: Date.now() };
        endWithin(STOP_TIMEOUT_MS);
        resolve(name);
      } else if (name !== first.name || Date.now() - first.at > SAME_SIGNAL_MS) process.exit(EXIT.failed);
    };
    for (const name of STOP_SIGNALS) process.on(name, heard);
    process.on('SIGHUP', () => (isTerminalGone() ? heard('SIGHUP') : ignored()));
  });
}

/** Node waits for a terminal to take what it writes, and so would every client where somebody has pressed Ctrl-S. */
function writeWithoutWaiting(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const { _handle: handle } = stream as unknown as { _handle?: { setBlocking?(on: boolean): void } };
    if (stream.isTTY) handle?.setBlocking?.(false);
  }
}

/** Ends a service's process with that code, where what it has printed keeps it: nobody may be there to read it. */
export async function leave(code: number): Promise<void> {
  const written = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.write('', () => resolve())),
  );
  const late = setTimeout(() => process.exit(code), LAST_LINES_MS);
  await Promise.all(written);
  clearTimeout(late);
}

/** The process ends by itself, when all is closed; should something hang, it ends all the same. */
function endWithin(milliseconds: number): void {
  setTimeout(() => {
    console.error(`sm-component: not all could be closed within ${milliseconds / 1000} s; ending now`);
    process.exit(EXIT.failed);
  }, milliseconds).unref();
}

type SystemError = NodeJS.ErrnoException & { address?: string; port?: number };

/** A port that can not be had is told in one sentence; anything else as it is. */
function asFailure(error: unknown): unknown {
  if (error instanceof LinkRefused || error instanceof CredentialsError) return new Failure(error.message);
  if (!(error instanceof Error) || (error as SystemError).syscall === undefined) return error;
  const { code = '', syscall, address = '', port } = error as SystemError;
  if (!/^(?:listen|bind|getaddrinfo)$/.test(syscall!)) return error;
  const place = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const known: Partial<Record<string, string>> = {
    EADDRINUSE: `another program already listens on ${place}: stop it, or choose another port with --listen`,
    EACCES: `listening on ${place} is not allowed for this user: choose a port from 1024 up with --listen`,
    EADDRNOTAVAIL: `this machine does not have the address of ${place}: give one it has with --listen`,
    ENOTFOUND: `the host of --listen cannot be found: ${error.message}`,
    EAI_AGAIN: `the host of --listen cannot be found: ${error.message}`,
  };
  return new Failure(known[code] ?? `cannot listen on ${place}: ${error.message}`);
}
