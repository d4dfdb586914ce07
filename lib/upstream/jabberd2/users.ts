import type { Log } from '../../observe/log.js';
import type { Registered, UserProvisioning } from '../../session/upstream.js';
import { Jid, STRINGPREP } from '../../xmpp/jid.js';
import * as dialect from './dialect.js';
import { NO_ANSWER, type Outbox } from './outbox.js';
import type { Sessions } from './sessions.js';

/** Has somebody of that name credentials now? */
export type HasCredentials = (user: string, domain: string) => Promise<boolean>;

/**
 * The users of the sms, which keep what belongs to an account and never see its password: they are told who there is, by
 * `<session/>` with `create` and `delete`. Users are bare addresses here. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 */
export class Users implements UserProvisioning {
  constructor(
    private readonly outbox: Outbox,
    private readonly sessions: Sessions,
    private readonly hasCredentials: HasCredentials,
    private readonly log: Log,
  ) {}

  create(user: string, domain: string): Promise<Registered> {
    const id = dialect.newId();
    return new Promise((resolve) => {
      this.outbox.ask(domain, dialect.session('create', {}, user, id), id, (answer) => {
        if (answer?.action === 'created') resolve('done');
        else resolve(answer ? 'refused' : 'unanswered');
      });
    });
  }

  /**
   * An sm that is away is told when it is back. One that has no session of the user keeps him in memory, and his name for
   * ever: so one is opened for the purpose, which the removal ends. [jabberd2 2.7.0 sm/user.c]
   */
  remove(user: string, domain: string): void {
    this.sessions.userRemoved(user);
    if (!this.outbox.reaches(domain) || this.sessions.hasUser(user)) return this.delete(user, domain);
    const [c2s, request] = [dialect.newId(), dialect.newId()];
    const start = dialect.session('start', { c2s }, `${user}/${c2s}`, request);
    this.outbox.ask(domain, start, request, () => this.delete(user, domain));
  }

  /**
   * An sm without auto-create refuses a session to whom it does not know. Where the account was not registered in-band
   * nobody has told it, and it is told now; but not of one that has been removed since the password was looked at. That
   * it knows him meanwhile (by another login) is as good. [jabberd2 2.7.0 sm.xml user]
   *
   * @param jid who logs in, by his full address
   * @param done called with undefined where the sm knows him now, and with the reason where it does not
   */
  async introduce(jid: string, done: (reason: string | undefined) => void): Promise<void> {
    const { user, host, bare } = Jid.parse(jid, STRINGPREP)!;
    const isThere = await this.hasCredentials(user!, host).catch((error: Error) => error);
    if (isThere instanceof Error) return done(isThere.message);
    if (!isThere) return done('the account was removed meanwhile');
    const id = dialect.newId();
    this.outbox.ask(host, dialect.session('create', {}, bare, id), id, (answer) => {
      // The account is there, so that a late answer is none that had to be undone.
      if (!answer) this.outbox.requests.forget(id);
      if (!answer) return done(NO_ANSWER);
      if (answer.action === 'created')
        this.log.info('user created at the sm, which did not know it', { user: bare });
      done(undefined);
    });
  }

  /** An sm has answered a removal. */
  deleteAnswered(id: string): void {
    this.outbox.settle(id);
  }

  private delete(user: string, domain: string): void {
    const id = dialect.newId();
    this.outbox.tellUntilAcknowledged(id, domain, dialect.session('delete', {}, user, id));
  }
}
