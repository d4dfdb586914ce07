import { command, EXIT } from '../command.js';
import { askPassword } from '../password.js';
import {
  ACCOUNT,
  accountOf,
  load,
  PASSWORD,
  requireStore,
  unknownAccount,
  withAccounts,
} from './accounts.js';

export const passwd = command({
  usage: 'passwd [account]',
  help: 'Change the password of an account',
  configured: 'users',
  words: ACCOUNT,
  own: PASSWORD,
  examples: [['$0 users passwd alice@localhost < secret', 'reads it from standard input']],
  async run({ own, options }) {
    const loaded = load({ options });
    const account = accountOf(own.account, 'passwd', loaded.values);
    requireStore(loaded);
    const password = await askPassword(own);
    await withAccounts(loaded, async (admin) => {
      if (!(await admin.setPassword(account, password))) throw unknownAccount(account);
      console.log(`${account} has a new password`);
    });
    return EXIT.stopped;
  },
});
