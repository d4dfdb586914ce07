import { command, EXIT } from '../command.js';
import { ACCOUNT, accountOf, load, requireStore, unknownAccount, withAccounts } from './accounts.js';

export const remove = command({
  usage: 'remove [account]',
  help: 'Remove an account',
  configured: 'users',
  words: ACCOUNT,
  async run({ own, options }) {
    const loaded = load({ options });
    const account = accountOf(own.account, 'remove', loaded.values);
    requireStore(loaded);
    await withAccounts(loaded, async (admin) => {
      if (!(await admin.remove(account))) throw unknownAccount(account);
      console.log(`${account} was removed${admin.removed}`);
    });
    return EXIT.stopped;
  },
});
