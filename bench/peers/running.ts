/** A socket manager that runs already, with its session manager. */
import { pinRunning, type Peer } from './peer.js';

export function running(name: string, port: number, pid: number, at: { domain: string; tls: boolean }): Peer {
  return {
    name,
    start: () => {
      pinRunning(pid, 'socket manager');
      const subject = { host: '127.0.0.1', port, ...at, pid };
      return Promise.resolve({ subject, stop: () => Promise.resolve() });
    },
  };
}
