import type { Log } from '../../observe/log.js';
import type { ReconnectingLink } from '../reconnecting-link.js';
import { Jid, STRINGPREP } from '../../xmpp/jid.js';
import * as dialect from './dialect.js';
import type { Action, Bounced, Undeliverable } from './dialect.js';
import type { Outbox } from './outbox.js';
import type { Sessions } from './sessions.js';
import type { Users } from './users.js';

/**
 * What comes of what we have sent: answers of the sms, what they say of a session unasked, and what comes back, from an
 * sm or from the router. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 */
export class Responses {
  constructor(
    private readonly link: ReconnectingLink,
    private readonly outbox: Outbox,
    private readonly sessions: Sessions,
    private readonly users: Users,
    private readonly log: Log,
  ) {}

  action(said: Action): void {
    this.settleUnacknowledged(said);
    const { id, action, from } = said;
    if (id !== undefined && this.outbox.requests.answer(id, said)) return;
    const at = this.sessions.known(said);
    if (at && action === 'replaced') return this.sessions.over(at, 'replaced');
    if (!at || action !== 'ended') return this.tooLate(said);
    // Where a limit of the sm's storage ended it, the sm still has it. [jabberd2 2.7.0 sm]
    this.outbox.tell(from, dialect.session('end', at));
    this.sessions.over(at, undefined);
  }

  /** An end that failed is one: there was no such session any more. */
  private settleUnacknowledged(said: Action): void {
    const { action, id } = said;
    if (action === 'ended' || action === 'end') this.sessions.endAnswered(said);
    else if (action === 'deleted' && id !== undefined) this.users.deleteAnswered(id);
  }

  /** An answer that came when nobody waited for it any more: what was made by it is undone. */
  private tooLate({ action, failed, from, c2s, sm, target, id }: Action): void {
    if (failed || id === undefined || !this.outbox.requests.wasGivenUp(id)) return;
    if (action === 'started' && c2s !== undefined && !this.isAskedAgain(c2s, sm, target)) {
      this.sessions.tellEnd(from, { c2s, sm });
    }
    const user = action === 'created' ? Jid.parse(target, STRINGPREP) : undefined;
    if (user) this.users.remove(user.bare, user.host);
  }

  /**
   * The same client may have asked for the same session again: that replaces the first one, and may have both its ids.
   * [jabberd2 2.7.0: the sm's id is made of the address and the second]
   */
  private isAskedAgain(c2s: string, sm: string | undefined, target: string | undefined): boolean {
    const at = this.sessions.get(c2s);
    if (at?.jid !== Jid.parse(target, STRINGPREP)?.full) return false;
    return at?.state === 'starting' || at?.sm === sm;
  }

  /**
   * The sm does not know a session any more. Its client hears of each stanza that did not arrive; behind the last one
   * comes a probe back, which ends the session.
   */
  bounced(said: Bounced): void {
    if (this.outbox.queues.onProbeBack(said.c2s)) return;
    const at = this.sessions.known(said);
    if (!at) return;
    if (dialect.isProbe(said.text)) return this.sessions.over(at, 'Invalid Session');
    this.sessions.undelivered(at, said.text);
    this.sessions.probe(at);
  }

  /** The router does not know us, or a name, or would not let a packet through. [jabberd2 2.7.0 router] */
  undeliverable(said: Undeliverable): void {
    const { code, name, action, id, text } = said;
    this.log.debug('the router cannot deliver a packet', { to: name, error: code, action });
    if (code === '401') return this.link.fail('the router no longer knows our name');
    if (id !== undefined && this.outbox.requests.answer(id, undefined)) return;
    const at = this.sessions.known(said);
    if (action !== undefined || !at) return;
    this.sessions.undelivered(at, text);
    // Any other reason is one against this stanza, and not against the session.
    if (code === '404') this.sessions.leaveBehind(at);
  }
}
