import type { Account } from '../../accounts/index.js';
import { command, EXIT } from '../command.js';
import { load, requireStore, withAccounts } from './accounts.js';

/** More realms than these are not named. */
const MAX_LISTED_REALMS = 10;

export const list = command({
  usage: 'list',
  help: 'Show the accounts, one a line',
  configured: 'users',
  async run({ options }) {
    const loaded = load({ options });
    requireStore(loaded);
    await withAccounts(loaded, async (admin) => {
      const { accounts, strangers } = await admin.list();
      console.log(accounts.join('\n') || '(no accounts)');
      if (strangers.length > 0) console.error(describe(strangers));
    });
    return EXIT.stopped;
  },
});

/** Accounts that no login here can name. */
function describe(strangers: readonly Account[]): string {
  const realms = [...new Set(strangers.map(({ realm }) => JSON.stringify(realm)))].sort();
  const some =
    realms.slice(0, MAX_LISTED_REALMS).join(', ') + (realms.length > MAX_LISTED_REALMS ? ', …' : '');
  return `${strangers.length} more that nobody can log in by here (see --domain and --realm), of the realms ${some}`;
}
