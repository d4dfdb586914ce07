import type { Config } from '../config/config.js';
import type { ControlCommands } from '../control/server.js';
import { SessionManager } from '../embedded/session-manager.js';
import { Store, type StoreUse } from '../embedded/store/store.js';
import type { Log } from '../observe/log.js';
import { isDamaged } from '../store/sqlite.js';
import { DirectoryLock } from '../store/lock.js';
import { Failure } from './command.js';

const DAMAGED =
  '; restore a backup, or save the readable part: docs/running.md has the commands. ' +
  'To start without accounts, move the files sm-component.sqlite* away';
const NO_DIRECTORY = '; --data must be a directory';
const RIGHTS = '; check that this user may read and write there';

/** What to do about errors of the system and of SQLite, by their code. */
const HINTS: Readonly<Record<string, string>> = {
  EACCES: RIGHTS,
  EEXIST: NO_DIRECTORY,
  ENOTDIR: NO_DIRECTORY,
  ENOENT: '; the directory cannot be made: choose another one with --data',
  EPERM: RIGHTS,
  EROFS: '; choose a writable directory with --data',
  SQLITE_BUSY: '; another program has locked it: try again when that program has ended',
  SQLITE_CANTOPEN: RIGHTS,
  SQLITE_READONLY: RIGHTS,
};

/** Opens the store in a directory. @throws {Failure} that names the directory */
export function openStore(directory: string, use: StoreUse): Store {
  return orFailure(directory, () => Store.open(directory, use));
}

/** @returns undefined where another process has the lock @throws {Failure} where the directory cannot be used */
export function tryToLock(directory: string, wait: number): DirectoryLock | undefined {
  return orFailure(directory, () => DirectoryLock.take(directory, wait));
}

function orFailure<Result>(directory: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const hint = isDamaged(error) ? DAMAGED : (HINTS[code ?? ''] ?? '');
    throw new Failure(`the store in ${directory} cannot be opened: ${message}${hint}`);
  }
}

/** The embedded session manager of a configuration, with its store and its lock. */
export class Embedded {
  readonly sessionManager: SessionManager;
  private readonly store: Store;

  /** With the dialect `auto` it gets the default one; the configuration rules out `jabberd2`. */
  constructor(
    config: Config,
    log: Log,
    private readonly lock: DirectoryLock,
  ) {
    const { name, secret, domains, data, registration } = config;
    const dialect = config.dialect === 'route' ? 'route' : undefined;
    this.store = openStore(data, 'alone');
    const accounts = { registration, store: this.store };
    this.sessionManager = new SessionManager({ name, secret, domains, dialect, log, ...accounts });
  }

  /** Its commands of the control socket. */
  readonly commands: ControlCommands = {
    remove: ({ account = '' }) => [{ removed: this.sessionManager.removeAccount(account) }],
  };

  async stop(): Promise<void> {
    await this.sessionManager.stop();
    this.store.close();
    this.lock.release();
  }
}
