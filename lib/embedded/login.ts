import type { Element, Node } from '../xml/index.js';
import { AUTH, authenticate, authFields } from './auth.js';
import type { ComponentStream } from './component-stream.js';
import type { Asked, Opening } from './dialects/dialect.js';
import { LoginTickets } from './login-tickets.js';
import type { Jid } from '../xmpp/jid.js';
import { legacyError, type LegacyRefusal } from './refusals.js';
import { REGISTER, register, registrationFields } from './registration.js';
import type { Services } from './services.js';
import { Session } from './routing/connected-resource.js';
import { mayBeRefused } from './routing/refusal.js';
import { withoutPasswords } from './routing/stanza.js';

/** What comes from clients that have no session yet. */
export class Login {
  private readonly tickets: LoginTickets;

  constructor(private readonly services: Services) {
    this.tickets = new LoginTickets(services.limits.loginTickets);
  }

  /** Takes what a client asks. [jabberd 1.1.2, 1.4.3 jsm] */
  receive(stream: ComponentStream, asked: Asked): void {
    const query = asked.stanza.localName === 'iq' ? asked.stanza.child('query') : undefined;
    const type = asked.stanza.attribute('type');
    const answerable = query !== undefined && (type === 'get' || type === 'set');
    if (!mayBeRefused(asked.stanza)) return;
    if (answerable && query.namespace === AUTH) this.auth(stream, asked, query, type);
    else if (answerable && query.namespace === REGISTER) this.registration(stream, asked, query, type);
    else this.refuse(stream, asked, 'notAcceptable');
  }

  /**
   * Opens a session that is asked for by itself: for whose login was accepted on that link, and no other.
   *
   * @returns false where it was not
   */
  open(stream: ComponentStream, { to, socket, whole }: Opening): boolean {
    const granted = this.tickets.take(stream, socket);
    if (granted?.full !== to.full || !this.services.store.accounts.exists(to.bare)) return false;
    if (!this.hasRoom(to)) return false;
    const session = this.newSession(stream, socket, granted);
    stream.send(this.services.dialect.opened!(session, whole));
    this.start(session);
    return true;
  }

  /** The client has gone: it will not ask for a session any more. */
  forget(stream: ComponentStream, socket: string): void {
    this.tickets.take(stream, socket);
  }

  /** Tells a client what is wrong. */
  refuse(stream: ComponentStream, asked: Asked, refusal: LegacyRefusal): void {
    this.services.log.debug('refused before login', { socket: asked.socket, refusal });
    const error = legacyError(this.services.dialect.refusals, refusal);
    const { children } = withoutPasswords(asked.stanza);
    if (!this.answer(stream, asked, 'error', [...children, error]))
      this.answer(stream, asked, 'error', [error]);
  }

  private auth(stream: ComponentStream, asked: Asked, query: Element, type: 'get' | 'set'): void {
    if (type === 'set') this.authenticate(stream, asked, query);
    else this.form(stream, asked, authFields(query));
  }

  private registration(stream: ComponentStream, asked: Asked, query: Element, type: 'get' | 'set'): void {
    if (!this.services.registration) this.refuse(stream, asked, 'notAllowed');
    else if (type === 'set') this.register(stream, asked, query);
    else this.form(stream, asked, registrationFields());
  }

  private form(stream: ComponentStream, asked: Asked, fields: Element): void {
    this.answer(stream, asked, 'result', [fields]);
  }

  private answer(stream: ComponentStream, asked: Asked, type: 'result' | 'error', content: Node[]): boolean {
    return stream.send(this.services.dialect.answer(asked, type, content));
  }

  private register(stream: ComponentStream, asked: Asked, query: Element): void {
    const { host } = asked.to;
    const refusal = register(this.services.store, query, host);
    if (refusal) return this.refuse(stream, asked, refusal);
    const { journal, log } = this.services;
    journal.whenStored(() => log.info('account made', { user: query.childText('username'), host }));
    this.answer(stream, asked, 'result', []);
  }

  /** A login that is refused takes back what an earlier one of that socket was granted. */
  private authenticate(stream: ComponentStream, asked: Asked, query: Element): void {
    this.forget(stream, asked.socket);
    const outcome = authenticate(this.services.store, query, asked.to);
    if (typeof outcome === 'string') return this.refuse(stream, asked, outcome);
    if (!this.hasRoom(outcome)) return this.refuse(stream, asked, 'notAllowed');
    if (this.services.dialect.opened) this.grant(stream, asked, outcome);
    else this.openAtOnce(stream, asked, outcome);
  }

  private grant(stream: ComponentStream, asked: Asked, address: Jid): void {
    this.tickets.add(stream, asked.socket, address);
    this.answer(stream, asked, 'result', []);
  }

  private openAtOnce(stream: ComponentStream, asked: Asked, address: Jid): void {
    const session = this.newSession(stream, asked.socket, address);
    stream.send(this.services.dialect.answer(asked, 'result', [], session.address));
    this.start(session);
  }

  private newSession(stream: ComponentStream, socket: string, address: Jid): Session {
    const { dialect, store } = this.services;
    return new Session(stream, socket, address, dialect, store.rosters.of(address.bare));
  }

  /**
   * The new client knows of its session; only now the old one hears that it is replaced, if by a name that the new one
   * does not have as well. [jabberd 1.1.2, 1.4.3 jsm]
   */
  private start(session: Session): void {
    const { sessions, log, end } = this.services;
    const { fullJid, address, socket } = session;
    const old = sessions.get(fullJid);
    const sameNames = old?.socket === socket && old.address === address;
    if (old) end(old, sameNames ? 'disconnected' : 'replaced');
    sessions.add(session);
    log.info('session opened', { session: fullJid, socket });
  }

  private hasRoom(address: Jid): boolean {
    const { sessions, limits } = this.services;
    return sessions.get(address.full) !== undefined || sessions.of(address.bare).length < limits.sessions;
  }
}
