import { flag } from '../../config/kinds.js';
import { command, EXIT, Failure } from '../command.js';
import { askPassword } from '../password.js';
import { hasCredentials } from './account-admin.js';
import { ACCOUNT, accountOf, load, PASSWORD, requireServed, requireStore, withAccounts } from './accounts.js';

export const add = command({
  usage: 'add [account]',
  help: 'Add an account',
  configured: 'users',
  words: ACCOUNT,
  own: {
    create: { kind: flag, help: 'Make the store if there is none', default: 'false' },
    ...PASSWORD,
  },
  examples: [
    ['$0 users add alice@localhost', 'asks for the password'],
    ['$0 users add alice@foo.com --domain foo.com --create', 'before the first start'],
    [
      '$0 users add romeo@foo.com --credentials sqlite:/var/lib/jabberd2/sqlite.db',
      'in the accounts of jabberd2',
    ],
  ],
  async run({ own, options }) {
    const loaded = load({ options });
    const account = accountOf(own.account, 'add', loaded.values);
    if (!own.create) requireStore(loaded, '; start sm-component there once, or make one with --create');
    // The store is closed while a person types the password, so that a server can start on it.
    if (!hasCredentials(loaded)) await withAccounts(loaded, (admin) => requireServed(admin, account));
    const password = await askPassword(own);
    await withAccounts(loaded, async (admin) => {
      await requireServed(admin, account);
      if (await admin.add(account, password)) return console.log(`${account} was added${admin.added}`);
      throw new Failure(`${account} exists already; "users passwd" changes its password`);
    });
    return EXIT.stopped;
  },
});
