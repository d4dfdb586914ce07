import * as dialect from './dialect.js';
import { NO_ANSWER, type Outbox } from './post.js';
import type { Sessions, Starting } from './sessions.js';
import type { Users } from './users.js';

const REFUSED = 'the sm refuses to start a session';

/**
 * How a session is asked for: by `<session action='start'/>`, and once more where the sm had to be told of its user
 * first. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 */
export class SessionRequests {
  constructor(
    private readonly post: Outbox,
    private readonly sessions: Sessions,
    private readonly users: Users,
  ) {}

  /**
   * @param c2s our id of the session
   * @param jid whose it is to be; his sm has the name of the domain
   */
  start(c2s: string, jid: string, domain: string): void {
    const starting = this.sessions.starting(c2s, jid, domain);
    this.ask(starting, () => void this.users.introduce(jid, (reason) => this.introduced(starting, reason)));
  }

  private introduced(starting: Starting, reason: string | undefined): void {
    if (reason === undefined) this.ask(starting, () => this.sessions.refused(starting, REFUSED));
    else this.sessions.refused(starting, reason);
  }

  private ask(starting: Starting, refused: () => void): void {
    const { c2s, jid, domain } = starting;
    const id = dialect.newId();
    this.post.ask(domain, dialect.session('start', { c2s }, jid, id), id, (answer) => {
      if (answer?.action === 'started' && answer.sm) this.sessions.started(starting, answer.from, answer.sm);
      else if (answer?.action === 'start') refused();
      else this.sessions.refused(starting, answer ? REFUSED : NO_ANSWER);
    });
  }
}
