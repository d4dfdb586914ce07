import type { Services } from './services.js';

/**
 * Removes an account: its sessions end, and who knew it hears that it is gone. [XEP-0077 3.2]
 *
 * @param account bare address in its one spelling
 * @returns false where there is none
 */
export function removeAccount(services: Services, account: string): boolean {
  const { store, sessions, subscriptions, journal, log } = services;
  if (!store.accounts.exists(account)) return false;
  for (const one of sessions.of(account)) {
    const restore = one.remember();
    services.end(one, 'account removed');
    journal.whenUndone(() => {
      restore();
      sessions.add(one);
    });
  }
  store.rosters.change(() => {
    subscriptions.cancelAll(account);
    store.accounts.remove(account);
  });
  journal.whenStored(() => {
    services.lastSeen.forget(account);
    log.info('account removed', { account });
  });
  return true;
}
