import type { ComponentStream } from './component-stream.js';
import type { Jid } from '../xmpp/jid.js';

/**
 * Logins that were accepted where the session is asked for by itself: who may ask, and for which address. A session
 * manager that gives a session to whoever asks leaves every account to the faults of its socket managers.
 * [jabberd 1.4.3 jsm does]
 */
export class LoginTickets {
  private readonly links = new WeakMap<ComponentStream, Map<string, Jid>>();

  /** @param most logins of one link that may wait for their session; the oldest is forgotten */
  constructor(private readonly most: number) {}

  /** The newest login of a socket is the one that counts. */
  add(link: ComponentStream, socket: string, address: Jid): void {
    const tickets = this.of(link);
    tickets.delete(socket);
    if (tickets.size >= this.most) tickets.delete(tickets.keys().next().value!);
    tickets.set(socket, address);
  }

  /** The grant of a socket, which is used up by that. */
  take(link: ComponentStream, socket: string): Jid | undefined {
    const address = this.of(link).get(socket);
    this.of(link).delete(socket);
    return address;
  }

  private of(link: ComponentStream): Map<string, Jid> {
    let tickets = this.links.get(link);
    if (!tickets) this.links.set(link, (tickets = new Map<string, Jid>()));
    return tickets;
  }
}
