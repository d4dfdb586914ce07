import { expect } from 'chai';
import { SessionManager } from '../../../lib/embedded/session-manager.js';
import { Store } from '../../../lib/embedded/store/store.js';
import { silent } from '../../../lib/observe/log.js';
import { SECRET } from '../support/peer.js';
import { ROUTE_DEVIATIONS } from '../support/route-deviations.js';
import { RoutePlayer, sentLines, type RouteDeviation } from '../support/route-player.js';

/** Accounts that were there when the recordings began. */
const ACCOUNTS = [
  'ann',
  'bob',
  'boo',
  'gone',
  'pam',
  'of35800',
  'of36547',
  'ro35688',
  'rp35688',
  'ro36435',
  'rp36435',
];

/** Not among them: 09, logins of zero knowledge, which are not offered because nothing here could check them. */
const RECORDINGS = [
  '01-handshake',
  '02-handshake-bad-secret',
  '02b-handshake-upper',
  '02c-bad-secret-kicks-out-good',
  '03-bad-namespace',
  '04-no-handshake',
  '04b-other-to',
  '05-register',
  '06-auth-get',
  '07-auth-plain-session',
  '08-auth-digest',
  '10-auth-bad',
  '11-session-start-odd',
  '12-messages',
  '13-roster',
  '14-replaced',
  '14b-replaced-same-id',
  '15-client-close-bounce',
  '16-dead-session',
  '17-boot-user',
  '18-unregister',
  '19-password',
  '20-unwrapped',
  '21-away-short',
  '22-away-long',
  '23-override',
  '24-bad-xml',
  '25-routing',
  '26-bytes',
  '27-offline',
];

/** Of 1.4.3 only. */
const OLD_ONLY = new Set(['02b-handshake-upper', '02c-bad-secret-kicks-out-good', '04b-other-to']);

const FILES = [
  ...RECORDINGS.map((name) => `${name}.txt`),
  ...RECORDINGS.filter((name) => !OLD_ONLY.has(name)).map((name) => `1.4.4/${name}.txt`),
];

/** What differs from 1.4.3 differs from 1.4.4, and there may be more. */
function deviationsOf(name: string): Record<number, RouteDeviation> {
  return { ...ROUTE_DEVIATIONS[name.replace('1.4.4/', '')], ...ROUTE_DEVIATIONS[name] };
}

type Compare = (ours: string[], theirs: string[], where: string) => void;

export async function play(name: string, compare: Compare): Promise<void> {
  const store = Store.memory();
  for (const user of ACCOUNTS) store.accounts.add(`${user}@localhost`, 'pw');
  const manager = new SessionManager({
    domains: ['localhost'],
    name: 'foo-sockets',
    secret: SECRET,
    store,
    registration: true,
    log: silent,
    dialect: 'route',
    limits: name.endsWith('22-away-long.txt') ? { linkAwayTimeout: 0.01 } : {},
  });
  await new RoutePlayer(name, manager, deviationsOf(name), compare).play();
  await manager.stop();
  store.close();
}

describe('embedded: recordings of jabberd 1.4, we as the session manager', () => {
  for (const name of FILES) {
    it(name, () => play(name, (ours, theirs, where) => expect(ours).to.deep.equal(theirs, where)));
  }

  it('every deviation stands at a line that was sent', () => {
    for (const [name, deviations] of Object.entries(ROUTE_DEVIATIONS)) {
      expect(sentLines(name)).to.include.members(Object.keys(deviations).map(Number), name);
    }
  });
});
