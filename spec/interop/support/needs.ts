import { command, missing, type Need } from './clients.js';

/** What Debian has for limits and proxies. */
export const REDIS: Need = { package: 'redis-server', present: command('redis-server') };
export const HAPROXY: Need = { package: 'haproxy', present: command('haproxy') };
export const STUNNEL: Need = { package: 'stunnel4', present: command('stunnel') };
export const FAIL2BAN: Need = { package: 'fail2ban', present: command('fail2ban-regex') };
export const OPENSSL: Need = { package: 'openssl', present: command('openssl') };

/** Where a missing peer is a failure, since a fresh machine gets all of them. */
const STRICT = Boolean(process.env.CI);

/** Specs that need servers. Without them they are skipped, loudly; in CI they fail. */
export function describeWith(name: string, needs: readonly Need[], title: string, body: () => void): void {
  if (isThere(name, needs, title)) describe(title, body);
}

/** Is it there to be tried? Else what is to be said of it has been said. */
export function isThere(name: string, needs: readonly Need[], title: string): boolean {
  const absent = missing({ needs });
  if (absent.length === 0) return true;
  const reason = `${name} cannot be tried: missing ${absent.join(', ')}`;
  if (STRICT) {
    it(title, () => {
      throw new Error(reason);
    });
    return false;
  }
  shout(`${reason} (apt-get install ${absent.join(' ')})`);
  it.skip(`${title} (${reason})`);
  return false;
}

const shouted = new Set<string>();

export function shout(text: string): void {
  if (!shouted.has(text)) console.error(`\n*** ${text} ***`);
  shouted.add(text);
}
