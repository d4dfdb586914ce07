import type { Config } from '../config/config.js';
import { SessionManager } from '../embedded/session-manager.js';
import { Store } from '../embedded/store.js';
import type { Log } from '../observe/log.js';
import { Failure } from './command.js';

/** The store in a directory; a failure says which directory. */
export function openStore(directory: string): Store {
  try {
    return Store.open(directory);
  } catch (error) {
    throw new Failure(`the store in ${directory} can not be opened: ${(error as Error).message}`);
  }
}

/** The embedded session manager of a configuration, on its store, which is closed after it. */
export class Embedded {
  readonly sessionManager: SessionManager;
  private readonly store: Store;

  constructor({ name, secret, domains, data, registration }: Config, log: Log) {
    this.store = openStore(data);
    this.sessionManager = new SessionManager({ name, secret, domains, registration, store: this.store, log });
  }

  async stop(): Promise<void> {
    await this.sessionManager.stop();
    this.store.close();
  }
}
