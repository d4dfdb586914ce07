/**
 * The accounts of a session manager that leaves them to us: who may log in, and the making, changing and removing of
 * accounts. [XEP-0078] [XEP-0077] [jabberd2 2.7.0: c2s has the passwords, the sm the users]
 */
import type { Log } from '../observe/log.js';
import { isSame } from '../xmpp/sasl/same.js';
import { IQ_AUTH, REGISTER } from '../xmpp/namespaces.js';
import { streamDigest } from '../xmpp/stream-digest.js';
import { Jid, STRINGPREP } from '../xmpp/jid.js';
import type { Authenticator, UserProvisioning } from '../session/upstream.js';
import type { AccountRequest, Answer, LoginRequest, Proof, Request } from '../session/requests.js';
import type { Session } from '../session/session.js';
import type { Condition } from '../xmpp/stanza-error.js';
import { element, type Element, type Stanza } from '../xml/index.js';
import type { CredentialStore } from '../accounts/credential-store.js';
import { writeRefusal } from './errors.js';

/** Changes of one session that may be under way: a client that asks for more must not make the logins of others wait. */
const MAX_CHANGES = 4;

/** The result of a request: that it is done, an element for the answer, or what is wrong. */
type Reply = Element | 'done' | Condition;

export interface AuthenticatorOptions {
  /** There from the start on. */
  readonly credentials: () => CredentialStore;
  /** The name that the credentials of a domain are kept under. */
  readonly realm: (domain: string) => string;
}

/** Checks logins, and makes, changes and removes accounts: in the credentials and at the session manager. */
export class CredentialsAuthenticator implements Authenticator {
  /** How many changes of a session are under way. */
  private readonly changing = new Map<Session, number>();

  /** @param provisioning makes and removes users at the session manager */
  constructor(
    private readonly provisioning: UserProvisioning,
    private readonly options: AuthenticatorOptions,
    private readonly log: Log,
  ) {}

  private get credentials(): CredentialStore {
    return this.options.credentials();
  }

  ask(_session: Session, request: Request, onAnswer: (answer: Answer) => void): void {
    this.start(this.answer(request).then(onAnswer));
  }

  private async answer(request: Request): Promise<Answer> {
    const reply = await this.settled(() =>
      request.kind === 'login' ? this.login(request) : this.account(request),
    );
    if (request.kind !== 'login')
      return { kind: 'answered', result: isResult(reply), text: textOf(request.iq, reply) };
    if (isResult(reply)) return { kind: 'accepted' };
    const temporary = reply === 'service-unavailable';
    return { kind: 'refused', at: 'login', condition: reply, temporary };
  }

  /** Takes what an authenticated client asks about its own account. [XEP-0077 3.2, 3.3] */
  takes(session: Session, stanza: Stanza): boolean {
    if (stanza.name !== 'iq' || !stanza.source.includes(REGISTER)) return false;
    const type = stanza.attribute('type');
    const account = Jid.parse(session.sessionAddress, STRINGPREP)!;
    const iq = stanza.element();
    const query = iq.child('query', REGISTER);
    if (!query || (type !== 'get' && type !== 'set') || !isAbout(account, iq.attribute('to'))) return false;
    this.start(
      this.tell(session, iq, (tell) =>
        type === 'get' ? registered(account) : this.counted(session, () => this.change(account, query, tell)),
      ),
    );
    return true;
  }

  private start(answered: Promise<void>): void {
    answered.catch((error: Error) => this.log.error('internal error', { error: error.stack }));
  }

  /**
   * Answers an iq of an authenticated client, whatever goes wrong.
   *
   * @param settle makes the reply; it may also give it early, by the function that it gets
   */
  private async tell(
    session: Session,
    iq: Element,
    settle: (tell: (reply: Reply) => void) => Reply | Promise<Reply>,
  ): Promise<void> {
    let told = false;
    const tell = (reply: Reply): void => {
      if (!told) session.tell(textOf(iq, reply));
      told = true;
    };
    tell(await this.settled(() => settle(tell)));
  }

  private async settled(settle: () => Reply | Promise<Reply>): Promise<Reply> {
    try {
      return await settle();
    } catch (error) {
      // A name or a password that this store cannot hold.
      if (error instanceof RangeError) return 'not-acceptable';
      this.log.error('the credentials cannot be used', { error: (error as Error).message });
      return 'service-unavailable';
    }
  }

  private account({ kind, iq, domain }: AccountRequest): Reply | Promise<Reply> {
    return kind === 'fields' ? this.fields(iq.child('query', IQ_AUTH)!) : this.register(iq, domain);
  }

  /** The same for names that nobody has: a client must not find out which accounts there are. [XEP-0078 3.1] */
  private fields(query: Element): Reply {
    const fields = ['password', ...(this.credentials.readable ? ['digest'] : []), 'resource'];
    const username = element('username', {}, query.childText('username') ?? '');
    return element('query', { xmlns: IQ_AUTH }, username, ...fields.map((name) => element(name)));
  }

  private async login({ user, resource, domain, proof }: LoginRequest): Promise<'done' | Condition> {
    const username = STRINGPREP.user(user);
    if (username === undefined || STRINGPREP.resource(resource) === undefined) return 'not-acceptable';
    return (await this.isProven(proof, username, this.options.realm(domain))) ? 'done' : 'not-authorized';
  }

  private async isProven({ password, digest }: Proof, user: string, realm: string): Promise<boolean> {
    if (digest === undefined) return password !== undefined && this.credentials.check(user, realm, password);
    const secret = await this.credentials.secret(user, realm);
    if (secret === undefined) return false;
    return isSame(digest.text.trim().toLowerCase(), streamDigest(digest.streamId, secret));
  }

  private register(iq: Element, domain: string): Reply | Promise<Reply> {
    if (iq.attribute('type') === 'get') return registrationForm();
    const query = iq.child('query', REGISTER)!;
    const user = STRINGPREP.user(query.childText('username') ?? '');
    const password = query.childText('password') ?? '';
    if (query.child('remove')) return query.elements.length > 1 ? 'bad-request' : 'not-allowed';
    if (!this.credentials.can.has('create')) return 'not-allowed';
    if (user === undefined || password === '') return 'not-acceptable';
    return this.create(user, domain, password);
  }

  /**
   * Makes the credentials first, which fails for a name that is taken, and then the user. Where the session manager
   * refuses the user, or does not answer, the credentials are removed: else nobody could have that name any more.
   */
  private async create(user: string, domain: string, password: string): Promise<Reply> {
    const realm = this.options.realm(domain);
    const account = `${user}@${domain}`;
    if (!(await this.credentials.create(user, realm, password))) return 'conflict';
    const made = await this.provisioning.create(account, domain);
    if (made === 'done') {
      this.log.info('account created', { account });
      return 'done';
    }
    this.log.warn(`no account created: ${NOT_MADE[made]}`, { account });
    await this.credentials.delete(user, realm);
    return made === 'refused' ? 'internal-server-error' : 'service-unavailable';
  }

  private async counted(session: Session, change: () => Promise<Reply>): Promise<Reply> {
    const others = this.changing.get(session) ?? 0;
    if (others >= MAX_CHANGES) return 'service-unavailable';
    this.changing.set(session, others + 1);
    try {
      return await change();
    } finally {
      const left = this.changing.get(session)! - 1;
      if (left > 0) this.changing.set(session, left);
      else this.changing.delete(session);
    }
  }

  private change(account: Jid, query: Element, tell: (reply: Reply) => void): Promise<Reply> {
    const username = query.childText('username');
    const isOther = username !== undefined && STRINGPREP.user(username) !== account.user;
    const isRemoval = query.child('remove') !== undefined;
    if (isRemoval && query.elements.length > 1) return Promise.resolve('bad-request');
    if (!this.credentials.can.has(isRemoval ? 'delete' : 'set')) return Promise.resolve('not-allowed');
    if (isRemoval) return this.remove(account, tell);
    if (isOther) return Promise.resolve('not-allowed');
    return this.changePassword(account, query.childText('password') ?? '');
  }

  private async changePassword({ user, host, bare }: Jid, password: string): Promise<Reply> {
    if (password === '') return 'not-acceptable';
    if (!(await this.credentials.set(user!, this.options.realm(host), password)))
      return 'internal-server-error';
    this.log.info('password changed', { account: bare });
    return 'done';
  }

  /**
   * Removes the credentials first: then nobody can log in, even if the rest fails. The client is told before the session
   * manager ends its sessions.
   */
  private async remove({ user, host, bare }: Jid, tell: (reply: Reply) => void): Promise<Reply> {
    await this.credentials.delete(user!, this.options.realm(host));
    this.log.info('account removed', { account: bare });
    tell('done');
    this.provisioning.remove(bare, host);
    return 'done';
  }
}

const NOT_MADE = {
  refused: 'the session manager refuses it (perhaps it already has a user of that name)',
  unanswered: 'the session manager does not answer',
} as const;

function isResult(reply: Reply): reply is Element | 'done' {
  return typeof reply !== 'string' || reply === 'done';
}

/** The iq that answers another one. */
function textOf(iq: Element, reply: Reply): string {
  if (!isResult(reply)) return writeRefusal('rfc6120', iq, reply);
  const addressing = { id: iq.attribute('id'), from: iq.attribute('to'), to: iq.attribute('from') };
  const result = element('iq', { type: 'result', ...addressing });
  return (reply === 'done' ? result : result.append(reply)).toString();
}

function isAbout({ host, bare }: Jid, to: string | undefined): boolean {
  return to === undefined || to === '' || [host, bare].includes(Jid.parse(to, STRINGPREP)?.full ?? '');
}

function registered({ user }: Jid): Element {
  const username = element('username', {}, user!);
  return element('query', { xmlns: REGISTER }, element('registered'), username, element('password'));
}

function registrationForm(): Element {
  const instructions = element(
    'instructions',
    {},
    'Choose a username and a password to register with this server.',
  );
  return element('query', { xmlns: REGISTER }, instructions, element('username'), element('password'));
}
