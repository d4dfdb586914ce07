import { CredentialsError } from '../accounts/index.js';
import { loadOptions, type Loaded } from '../config/load.js';
import type { Values } from '../config/options.js';
import { Jid } from '../xmpp/jid.js';
import { isLocked, sqliteCode } from '../store/sqlite.js';
import { actionOf, EXIT, Failure, UsageError, type Call, type Command } from './command.js';
import { hasCredentials, hasStore, openAccountAdmin, type AccountAdmin } from './account-admin.js';
import { askPassword } from './password.js';

const ACTIONS = ['add', 'remove', 'list', 'passwd'] as const;

type Action = (typeof ACTIONS)[number];

export const users: Command = {
  usage: 'users [action] [account]',
  help:
    'Accounts of the embedded session manager, or (with --credentials or --dialect jabberd2) of those who log in in ' +
    'front of jabberd2: add, remove, list, passwd. It works while the server runs',
  configured: 'users',
  positionals: {
    action: { describe: 'add, remove, list or passwd (give another password)' },
    account: { describe: 'NAME@DOMAIN; without @DOMAIN it is in the first --domain' },
  },
  options: {
    create: { describe: 'With add: make the store where there is none', type: 'boolean' },
    'password-file': { describe: 'A file whose first line is the password', requiresArg: true },
    password: {
      describe: 'The password. Other users of the machine can read it while this runs',
      requiresArg: true,
    },
  },
  examples: [
    ['$0 users add alice@localhost', 'asks for the password'],
    ['$0 users add alice@foo.com --domain foo.com --create', 'before the first start'],
    ['$0 users passwd alice@localhost < secret', 'takes it from standard input'],
    ['$0 users list', 'one account a line'],
    [
      '$0 users add romeo@foo.com --credentials sqlite:/var/lib/jabberd2/sqlite.db',
      'in the accounts of jabberd2',
    ],
  ],
  async run(call) {
    const action = actionOf(call, 'users', ACTIONS);
    const loaded = loadOptions({ command: 'users', args: call.options, env: process.env });
    const account = accountOf(call, action, loaded.values);
    requireStore(loaded, action, call);
    try {
      // Who is asked for a password may take their time: the store is not open meanwhile, and free to be run on.
      if (action === 'add' && !hasCredentials(loaded))
        await keep(loaded, (admin) => requireServed(admin, account));
      const password = action === 'add' || action === 'passwd' ? await askPassword(call.own) : '';
      await keep(loaded, (admin) => act(admin, action, account, password));
    } catch (error) {
      throw asKnown(error, loaded.values);
    }
    return EXIT.stopped;
  },
};

function accountOf({ own: { account } }: Call, action: Action, { domain }: Values): string {
  if (action === 'list') {
    if (account !== undefined) throw new UsageError('users list takes no account');
    return '';
  }
  if (account === undefined) throw new UsageError(`users ${action} takes an account: NAME@${domain[0]}`);
  return account.includes('@') ? account : `${account}@${domain[0]}`;
}

/** A store is made by who says so, and not in whatever directory this happens to be called in. */
function requireStore(loaded: Loaded, action: Action, { own: { create } }: Call): void {
  if (create === 'true' && action !== 'add') throw new UsageError('--create goes with users add');
  if (create === 'true' || hasStore(loaded)) return;
  const way = action === 'add' ? '; start sm-component there once, or make one with --create' : '';
  throw new Failure(`there is no store in ${loaded.values.data}: name the right one with --data${way}`);
}

/** An account that nobody could log in to is a mistake in its name, or in the directory. */
async function requireServed(admin: AccountAdmin, account: string): Promise<void> {
  const served = await admin.served();
  const host = Jid.parse(account)?.host;
  if (served === undefined || host === undefined || served.includes(host)) return;
  throw new Failure(
    `${host} is not served here, but ${served.join(', ')}: correct the account, or name its domain with --domain`,
  );
}

async function keep(loaded: Loaded, work: (admin: AccountAdmin) => Promise<void>): Promise<void> {
  const admin = await openAccountAdmin(loaded);
  try {
    await work(admin);
  } finally {
    await admin.close();
  }
}

function asKnown(error: unknown, { data }: Values): unknown {
  if (error instanceof RangeError) return new UsageError(error.message);
  if (isLocked(error)) return new Failure(`the store in ${data} is locked by another program; try again`);
  if (sqliteCode(error) !== undefined)
    return new Failure(`the store in ${data} can not be used: ${(error as Error).message}`);
  return error instanceof CredentialsError ? new Failure(error.message) : error;
}

/** Does it, and tells what was done. */
async function act(admin: AccountAdmin, action: Action, account: string, password: string): Promise<void> {
  switch (action) {
    case 'list':
      return list(admin);
    case 'add':
      await requireServed(admin, account);
      if (await admin.add(account, password)) return console.log(`${account} was added${admin.added}`);
      throw new Failure(`${account} exists already; "users passwd" gives it another password`);
    case 'remove':
      if (await admin.remove(account)) return console.log(`${account} was removed${admin.removed}`);
      throw unknown(account);
    case 'passwd':
      if (await admin.setPassword(account, password)) return console.log(`${account} has a new password`);
      throw unknown(account);
  }
}

async function list(admin: AccountAdmin): Promise<void> {
  const { accounts, strangers } = await admin.list();
  console.log(accounts.join('\n') || '(no accounts)');
  if (strangers.length === 0) return;
  const realms = [...new Set(strangers.map(({ realm }) => JSON.stringify(realm)))].sort();
  const some =
    realms.slice(0, MAX_LISTED_REALMS).join(', ') + (realms.length > MAX_LISTED_REALMS ? ', …' : '');
  console.error(
    `${strangers.length} more that nobody can log in by here (see --domain and --realm), of the realms ${some}`,
  );
}

/** How many are named. */
const MAX_LISTED_REALMS = 10;

const unknown = (account: string): Failure =>
  new Failure(`there is no account ${account}; "users list" shows those that there are`);
