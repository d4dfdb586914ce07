import { existsSync } from 'node:fs';
import { loadOptions } from '../config/load.js';
import type { Values } from '../config/options.js';
import { didYouMean } from '../config/error.js';
import type { Store } from '../embedded/store.js';
import { EXIT, Failure, UsageError, type Call, type Command } from './command.js';
import { openStore } from './embedded.js';
import { askPassword } from './password.js';

const ACTIONS = ['add', 'remove', 'list', 'passwd'] as const;

type Action = (typeof ACTIONS)[number];

export const users: Command = {
  usage: 'users [action] [account]',
  help: 'Accounts of the embedded session manager: add, remove, list, passwd',
  configured: 'users',
  positionals: {
    action: { describe: 'add, remove, list or passwd (give another password)' },
    account: { describe: 'NAME@DOMAIN; without @DOMAIN it is in the first --domain' },
  },
  options: {
    'password-file': { describe: 'A file whose first line is the password', requiresArg: true },
    password: {
      describe: 'The password. Other users of the machine can read it while this runs',
      requiresArg: true,
    },
  },
  examples: [
    ['$0 users add alice@localhost', 'asks for the password'],
    ['$0 users passwd alice@localhost < secret', 'takes it from standard input'],
    ['$0 users list', 'one account a line'],
  ],
  async run(call) {
    const action = actionOf(call);
    const { values } = loadOptions({ command: 'users', args: call.options, env: process.env });
    const account = accountOf(call, action, values);
    requireStore(values.data, action);
    const password = action === 'add' || action === 'passwd' ? await askPassword(call.own) : '';
    const store = openStore(values.data);
    try {
      console.log(act(store, action, account, password));
    } catch (error) {
      throw error instanceof RangeError ? new UsageError(error.message) : error;
    } finally {
      store.close();
    }
    return EXIT.stopped;
  },
};

function actionOf({ own: { action } }: Call): Action {
  const found = ACTIONS.find((one) => one === action);
  if (found) return found;
  const wanted = `users takes ${ACTIONS.join(', ')}`;
  throw new UsageError(
    action === undefined ? wanted : `${wanted}, not "${action}"${didYouMean(action, ACTIONS)}`,
  );
}

function accountOf({ own: { account } }: Call, action: Action, { domain }: Values): string {
  if (action === 'list') {
    if (account !== undefined) throw new UsageError('users list takes no account');
    return '';
  }
  if (account === undefined) throw new UsageError(`users ${action} takes an account: NAME@${domain[0]}`);
  return account.includes('@') ? account : `${account}@${domain[0]}`;
}

/** Only `add` makes a store where there is none. */
function requireStore(directory: string, action: Action): void {
  if (action === 'add' || existsSync(directory)) return;
  throw new Failure(`there is no data directory ${directory}: name the right one with --data`);
}

/** @returns what to tell */
function act({ accounts }: Store, action: Action, account: string, password: string): string {
  switch (action) {
    case 'list':
      return accounts.list().join('\n') || '(no accounts)';
    case 'add':
      if (accounts.add(account, password)) return `${account} was added`;
      throw new Failure(`${account} exists already; "users passwd" gives it another password`);
    case 'remove':
      if (accounts.remove(account)) return `${account} was removed, with all that was kept for it`;
      throw unknown(account);
    case 'passwd':
      if (accounts.setPassword(account, password)) return `${account} has a new password`;
      throw unknown(account);
  }
}

const unknown = (account: string): Failure =>
  new Failure(`there is no account ${account}; "users list" shows those that there are`);
