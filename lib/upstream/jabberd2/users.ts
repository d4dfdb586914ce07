import type { Log } from '../../observe/log.js';
import type { Registered, UserProvisioning } from '../../session/upstream.js';
import { Jid, STRINGPREP } from '../../xmpp/jid.js';
import * as dialect from './dialect.js';
import { NO_ANSWER, type Outbox } from './outbox.js';
import type { Sessions } from './sessions.js';

/** Has a user an account now, with a password to log in with? */
export type HasCredentials = (user: string, domain: string) => Promise<boolean>;

/**
 * The users of the sms. An sm keeps the data of accounts and never sees a password; `<session/>` with `create` and `delete`
 * tells it which users there are. Users are bare addresses here. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
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
   * An sm that is away is told when it is back. An sm that has no session of the user keeps the user in memory, and so the
   * name in use, for ever: then a session is opened first, which the removal ends. [jabberd2 2.7.0 sm/user.c]
   */
  remove(user: string, domain: string): void {
    this.sessions.userRemoved(user);
    if (!this.outbox.reaches(domain) || this.sessions.hasUser(user)) return this.delete(user, domain);
    const [c2s, request] = [dialect.newId(), dialect.newId()];
    const start = dialect.session('start', { c2s }, `${user}/${c2s}`, request);
    this.outbox.ask(domain, start, request, () => this.delete(user, domain));
  }

  /**
   * Makes a user at the sm who has just logged in: an sm without auto-create refuses sessions of users that it does not
   * know, and nobody has told it of an account that was not registered in-band. A user whose account was removed since the
   * password was checked is not made. Where another login made the user meanwhile, that is as good.
   * [jabberd2 2.7.0 sm.xml user]
   *
   * @param jid the full address of the login
   * @param onIntroduced called with undefined where the sm knows the user now, else with the reason
   */
  async introduce(jid: string, onIntroduced: (reason: string | undefined) => void): Promise<void> {
    const { user, host, bare } = Jid.parse(jid, STRINGPREP)!;
    const isThere = await this.hasCredentials(user!, host).catch((error: Error) => error);
    if (isThere instanceof Error) return onIntroduced(isThere.message);
    if (!isThere) return onIntroduced('the account was removed meanwhile');
    const id = dialect.newId();
    this.outbox.ask(host, dialect.session('create', {}, bare, id), id, (answer) => {
      // The account is there, so that a late answer needs not be undone.
      if (!answer) this.outbox.requests.forget(id);
      if (!answer) return onIntroduced(NO_ANSWER);
      if (answer.action === 'created')
        this.log.info('user created at the sm, which did not know it', { user: bare });
      onIntroduced(undefined);
    });
  }

  /** An sm has answered a removal. */
  deleteAnswered(id: string): void {
    this.outbox.acknowledged(id);
  }

  private delete(user: string, domain: string): void {
    const id = dialect.newId();
    this.outbox.tellUntilAcknowledged(id, domain, dialect.session('delete', {}, user, id));
  }
}
