import { isatty } from 'node:tty';
import { CredentialsError } from '../accounts/index.js';
import type { Log } from '../observe/log.js';
import { LinkRefused } from '../server.js';
import { EXIT, Failure } from './command.js';
import { STOP_SIGNALS } from './signals.js';

/** Something that runs until a signal stops it. */
export interface Service {
  start(): Promise<unknown>;
  stop(reason?: string): Promise<void>;
  /** What SIGHUP reads again, for the log; absent: nothing. */
  readonly reloads?: string | undefined;
  reload?(): void;
}

/** From the first signal to the end of the process. */
const STOP_TIMEOUT_MS = 4_500;

/**
 * With `npm start` one Ctrl-C arrives twice: from the terminal, and again from npm. The same signal within this time
 * counts once.
 */
const REPEATED_SIGNAL_MS = 300;

/** How long the last lines of output may take to be written. */
const FLUSH_TIMEOUT_MS = 1_000;

/** Starts a service, calls `ready`, and stops the service at a signal. @returns the exit code */
export async function serve(service: Service, log: Log, ready: () => void): Promise<number> {
  const signal = firstSignal(() => {
    const what = service.reloads;
    if (what === undefined) return log.info('SIGHUP is ignored: the configuration is read only at the start');
    log.info(`SIGHUP: reading ${what} again; the rest of the configuration is read only at the start`);
    service.reload?.();
  });
  writeWithoutWaiting();
  try {
    // A signal also ends a start that still waits, for instance for the session manager; then it is not ready.
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
 * Resolves at the first signal, with its name. From then on the time to stop is limited, and another signal ends the
 * process at once. SIGHUP stops the service only when its terminal was closed: nobody could stop it otherwise.
 *
 * @param onHangup called for any other SIGHUP
 */
function firstSignal(onHangup: () => void): Promise<string> {
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  const isTerminalGone = (): boolean => terminals.some((descriptor) => !isatty(descriptor));
  return new Promise((resolve) => {
    let first: { name: string; at: number } | undefined;
    const heard = (name: NodeJS.Signals): void => {
      if (first === undefined) {
        first = { name, at: Date.now() };
        endWithin(STOP_TIMEOUT_MS);
        resolve(name);
      } else if (name !== first.name || Date.now() - first.at > REPEATED_SIGNAL_MS) process.exit(EXIT.failed);
    };
    for (const name of STOP_SIGNALS) process.on(name, heard);
    process.on('SIGHUP', () => (isTerminalGone() ? heard('SIGHUP') : onHangup()));
  });
}

/** Node blocks until a terminal accepts output. Without this, Ctrl-S in the terminal would stop all clients. */
function writeWithoutWaiting(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const { _handle: handle } = stream as unknown as { _handle?: { setBlocking?(on: boolean): void } };
    if (stream.isTTY) handle?.setBlocking?.(false);
  }
}

/** Waits until all output is written, and then ends the process; the output may have no reader, so the wait is limited. */
export async function exitAfterFlush(code: number): Promise<void> {
  const written = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.write('', () => resolve())),
  );
  const late = setTimeout(() => process.exit(code), FLUSH_TIMEOUT_MS);
  await Promise.all(written);
  clearTimeout(late);
}

/** Normally the process ends by itself once everything is closed; this ends it where something does not close. */
function endWithin(milliseconds: number): void {
  setTimeout(() => {
    console.error(`sm-component: not everything could be closed within ${milliseconds / 1000} s; ending now`);
    process.exit(EXIT.failed);
  }, milliseconds).unref();
}

type SystemError = NodeJS.ErrnoException & { address?: string; port?: number };

/** A sentence for an address that cannot be listened on; other errors as they are. */
function asFailure(error: unknown): unknown {
  if (error instanceof LinkRefused || error instanceof CredentialsError) return new Failure(error.message);
  if (!(error instanceof Error) || (error as SystemError).syscall === undefined) return error;
  const { code = '', syscall, address = '', port } = error as SystemError;
  if (!/^(?:listen|bind|getaddrinfo)$/.test(syscall!)) return error;
  const place = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const known: Partial<Record<string, string>> = {
    EADDRINUSE: `another program already listens on ${place}: stop it, or choose another port with --listen`,
    EACCES: `listening on ${place} is not allowed for this user: choose a port from 1024 up with --listen`,
    EADDRNOTAVAIL: `this machine does not have the address of ${place}: give one of its addresses with --listen`,
    ENOTFOUND: `the host of --listen cannot be found: ${error.message}`,
    EAI_AGAIN: `the host of --listen cannot be found: ${error.message}`,
  };
  return new Failure(known[code] ?? `cannot listen on ${place}: ${error.message}`);
}
