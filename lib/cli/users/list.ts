import type { Account } from '../../accounts/index.js';
import { command, EXIT } from '../command.js';
import { load, requireStore, withAccounts } from './accounts.js';

const MAX_LISTED_REALMS = 10;

export const list = command({
  usage: 'list',
  help: 'List the accounts, one per line',
  configured: 'users',
  async run({ options }) {
    const loaded = load({ options });
    requireStore(loaded);
    await withAccounts(loaded, async (admin) => {
      const { accounts, unreachable } = await admin.list();
      console.log(accounts.join('\n') || '(no accounts)');
      if (unreachable.length > 0) console.error(describe(unreachable));
    });
    return EXIT.stopped;
  },
});

/** A sentence about the accounts by which nobody can log in. */
function describe(unreachable: readonly Account[]): string {
  const realms = [...new Set(unreachable.map(({ realm }) => JSON.stringify(realm)))].sort();
  const some =
    realms.slice(0, MAX_LISTED_REALMS).join(', ') + (realms.length > MAX_LISTED_REALMS ? ', …' : '');
  return `${unreachable.length} more without a domain here (see --domain and --realm), in the realms ${some}`;
}
