import type { Details, Log } from './log.js';

/**
 * What an address has done that it had better not. Programs read these lines, so each has the address right after these
 * words: `login failed ip=192.0.2.1 …`. [fail2ban]
 */
export type Abuse =
  | 'login failed'
  | 'logins refused'
  | 'registrations refused'
  | 'connection refused'
  | 'component handshake failed';

/** @param ip empty where there is none: of a client inside this process */
export function logAbuse(log: Log, what: Abuse, ip: string, details: Details = {}): void {
  const line = { ip: ip || undefined, ...details };
  if (what === 'login failed') log.info(what, line);
  else log.warn(what, line);
}
