/** sm-component with the embedded session manager, as `npm start` runs it, and a store that is filled for floods. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from '../../spec/support/free-port.js';
import type { Store } from '../../lib/index.js';
import { PASSWORD } from '../client.js';
import { FULL_ACCOUNTS, fullAccount, contact, CONTACTS, FLOODER } from '../floods.js';
import { account, ACCOUNTS } from '../load.js';
import { Server, type Peer, type Started } from './peer.js';
import { program, type Checkout } from './sm-component.js';

export function embedded(checkout: Checkout): Peer {
  return { name: checkout.name, start: () => start(checkout) };
}

/** Each start has a copy of the initial store. */
async function start(checkout: Checkout): Promise<Started> {
  const { domain, directory, name, tls } = checkout;
  const data = path.join(directory, `data of ${name}`);
  rmSync(data, { recursive: true, force: true });
  await fill(checkout, data);
  const port = await freePort();
  const server = await Server.start(
    program(checkout, 'socket manager', port, ['run', '--data', data, '--registration', 'on']),
  );
  const subject = { host: '127.0.0.1', port, domain, tls, pid: server.pid };
  return { subject, stop: () => server.stop() };
}

/** Fills the store by the code of the checkout, whose schema may be another. */
async function fill({ root, domain }: Checkout, data: string): Promise<void> {
  const module = pathToFileURL(path.join(root, 'dist/lib/index.js')).href;
  const { Store: Opened } = (await import(module)) as { Store: typeof Store };
  const store = Opened.open(data);
  store.rosters.change(() => {
    addAccounts(store, domain);
    addContacts(store, domain);
    addGroups(store, domain);
    addOffline(store, domain);
  });
  store.close();
}

function addAccounts(store: Store, domain: string): void {
  const names = [FLOODER];
  for (let number = 0; number < ACCOUNTS; number += 1) names.push(account(number));
  for (let number = 0; number < CONTACTS; number += 1) names.push(contact(number));
  for (let number = 0; number < FULL_ACCOUNTS; number += 1) names.push(fullAccount(number));
  for (const name of names) store.accounts.add(`${name}@${domain}`, PASSWORD);
}

/** The flooder and all contacts are subscribed to each other; the roster has the maximum size. */
function addContacts(store: Store, domain: string): void {
  const both = { mine: 'granted', theirs: 'granted', listed: true, request: undefined } as const;
  for (let number = 0; number < CONTACTS; number += 1) {
    const [one, other] = [`${FLOODER}@${domain}`, `${contact(number)}@${domain}`];
    store.rosters.save(one, { ...both, jid: other, name: 'n'.repeat(150), groups: [] });
    store.rosters.save(other, { ...both, jid: one, name: undefined, groups: [] });
  }
}

/** A roster with many groups. */
function addGroups(store: Store, domain: string): void {
  const none = { mine: 'none', theirs: 'none', listed: true, name: undefined, request: undefined } as const;
  const groups = Array.from({ length: 100 }, (_none, at) => String.fromCharCode(33 + at));
  for (let number = 0; number < 400; number += 1) {
    store.rosters.save(`${contact(1)}@${domain}`, { ...none, jid: `x${number}@${domain}`, groups });
  }
}

function addOffline(store: Store, domain: string): void {
  const bounds = { messages: 1000, characters: 16 * 1024 * 1024 };
  for (let number = 0; number < FULL_ACCOUNTS; number += 1) {
    const to = `${fullAccount(number)}@${domain}`;
    const message = `<message from='${FLOODER}@${domain}/f' to='${to}'><body>${'x'.repeat(16_000)}</body></message>`;
    for (let count = 0; count < 1000; count += 1) store.offline.add(to, message, bounds);
  }
}
