import type { Log } from '../../observe/log.js';
import { Jid, STRINGPREP } from '../../xmpp/jid.js';
import type { ReconnectingLink } from '../reconnecting-link.js';
import * as dialect from './dialect.js';
import type { Action, Bounced, Undeliverable } from './dialect.js';
import type { Outbox } from './outbox.js';
import type { Sessions } from './sessions.js';
import type { Users } from './users.js';

/**
 * Packets that follow from those we have sent: answers of the sms, ends of sessions that they report unasked, and packets
 * that an sm or the router returns. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 */
export class Responses {
  constructor(
    private readonly link: ReconnectingLink,
    private readonly outbox: Outbox,
    private readonly sessions: Sessions,
    private readonly users: Users,
    private readonly log: Log,
  ) {}

  action(packet: Action): void {
    this.acknowledge(packet);
    const { id, action, from } = packet;
    if (id !== undefined && this.outbox.requests.answer(id, packet)) return;
    const session = this.sessions.known(packet);
    if (session && action === 'replaced') return this.sessions.over(session, 'replaced');
    if (!session || action !== 'ended') return this.tooLate(packet);
    // Where a limit of its storage ended the session, the sm has it still. [jabberd2 2.7.0 sm]
    this.outbox.tell(from, dialect.session('end', session));
    this.sessions.over(session, undefined);
  }

  /** An end that failed is acknowledged as well: there was no such session any more. */
  private acknowledge(packet: Action): void {
    const { action, id } = packet;
    if (action === 'ended' || action === 'end') this.sessions.endAnswered(packet);
    else if (action === 'deleted' && id !== undefined) this.users.deleteAnswered(id);
  }

  /** An answer to a request that was given up: what the sm made for it is undone. */
  private tooLate({ action, failed, from, c2s, sm, target, id }: Action): void {
    if (failed || id === undefined || !this.outbox.requests.wasGivenUp(id)) return;
    if (action === 'started' && c2s !== undefined && !this.isAskedAgain(c2s, sm, target)) {
      this.sessions.tellEnd(from, { c2s, sm });
    }
    const user = action === 'created' ? Jid.parse(target, STRINGPREP) : undefined;
    if (user) this.users.remove(user.bare, user.host);
  }

  /**
   * The same client may have asked for the same session again: that one replaces the first, and may have both its ids.
   * [jabberd2 2.7.0: the sm's id is made of the address and the second]
   */
  private isAskedAgain(c2s: string, sm: string | undefined, target: string | undefined): boolean {
    const session = this.sessions.get(c2s);
    if (session?.jid !== Jid.parse(target, STRINGPREP)?.full) return false;
    return session?.state === 'starting' || session?.sm === sm;
  }

  /**
   * The sm does not know a session any more. Its client is told of each stanza that did not arrive; a probe comes back
   * after the last one, and ends the session.
   */
  bounced(packet: Bounced): void {
    if (this.outbox.queues.onProbeBack(packet.c2s)) return;
    const session = this.sessions.known(packet);
    if (!session) return;
    if (dialect.isProbe(packet.text)) return this.sessions.over(session, 'Invalid Session');
    this.sessions.undelivered(session, packet.text);
    this.sessions.probe(session);
  }

  /** The router does not know us, or a name, or refuses a packet. [jabberd2 2.7.0 router] */
  undeliverable(packet: Undeliverable): void {
    const { code, name, action, id, text } = packet;
    this.log.debug('the router cannot deliver a packet', { to: name, error: code, action });
    if (code === '401') return this.link.fail('the router no longer knows our name');
    if (id !== undefined && this.outbox.requests.answer(id, undefined)) return;
    const session = this.sessions.known(packet);
    if (action !== undefined || !session) return;
    this.sessions.undelivered(session, text);
    // Any other code refuses this stanza only, and not the session.
    if (code === '404') this.sessions.leaveBehind(session);
  }
}
