import type { Element, Node } from '../xml/index.js';
import type { Jid } from '../xmpp/jid.js';
import { IQ_AUTH, REGISTER } from '../xmpp/namespaces.js';
import { mayBeRefused, withoutPasswords } from '../xmpp/stanza-error.js';
import { authenticate, authFields } from './auth.js';
import type { ComponentStream } from './component-stream.js';
import type { EmbeddedContext } from './context.js';
import {
  legacyError,
  type LegacyRefusal,
  type OpenRequest,
  type PreLoginRequest,
} from './dialects/dialect.js';
import { makeAccount, registrationFields } from './features/register.js';
import { ConnectedResource } from './routing/connected-resources.js';
import { disconnect } from './routing/disconnect.js';

/** Handles the requests of clients that have no session yet: logins and registrations. */
export class LoginHandler {
  private readonly tickets: LoginTickets;

  constructor(private readonly context: EmbeddedContext) {
    this.tickets = new LoginTickets(context.limits.loginTickets);
  }

  /** Handles a request. [jabberd 1.1.2, 1.4.3 jsm] */
  receive(stream: ComponentStream, request: PreLoginRequest): void {
    const { stanza } = request;
    const query = stanza.localName === 'iq' ? stanza.child('query') : undefined;
    const type = stanza.attribute('type');
    const answerable = query !== undefined && (type === 'get' || type === 'set');
    if (!mayBeRefused(stanza)) return;
    if (answerable && query.namespace === IQ_AUTH) this.auth(stream, request, query, type);
    else if (answerable && query.namespace === REGISTER) this.registration(stream, request, query, type);
    else this.refuse(stream, request, 'notAcceptable');
  }

  /**
   * Opens the session of a login that was accepted on the same link.
   *
   * @returns false where there was no such login
   */
  open(stream: ComponentStream, request: OpenRequest): boolean {
    const { to, socket } = request;
    const granted = this.tickets.take(stream, socket);
    if (granted?.full !== to.full || !this.context.store.accounts.exists(to.bare)) return false;
    if (!this.hasRoom(to)) return false;
    const resource = this.connect(stream, socket, granted);
    stream.send(this.context.dialect.opened!(resource, request));
    this.start(resource);
    return true;
  }

  /** Forgets the accepted login of a client that has gone. */
  forget(stream: ComponentStream, socket: string): void {
    this.tickets.take(stream, socket);
  }

  /** Answers a client with an error. */
  refuse(stream: ComponentStream, request: PreLoginRequest, refusal: LegacyRefusal): void {
    this.context.log.debug('refused a request before login', { socket: request.socket, refusal });
    const error = legacyError(this.context.dialect.refusals, refusal);
    const { children } = withoutPasswords(request.stanza);
    if (!this.answer(stream, request, 'error', [...children, error]))
      this.answer(stream, request, 'error', [error]);
  }

  private auth(stream: ComponentStream, request: PreLoginRequest, query: Element, type: 'get' | 'set'): void {
    if (type === 'set') this.authenticate(stream, request, query);
    else this.form(stream, request, authFields(query));
  }

  private registration(
    stream: ComponentStream,
    request: PreLoginRequest,
    query: Element,
    type: 'get' | 'set',
  ): void {
    if (!this.context.registration) this.refuse(stream, request, 'notAllowed');
    else if (type === 'set') this.register(stream, request, query);
    else this.form(stream, request, registrationFields());
  }

  private form(stream: ComponentStream, request: PreLoginRequest, fields: Element): void {
    this.answer(stream, request, 'result', [fields]);
  }

  private answer(
    stream: ComponentStream,
    request: PreLoginRequest,
    type: 'result' | 'error',
    content: Node[],
  ): boolean {
    return stream.send(this.context.dialect.answer(request, type, content));
  }

  private register(stream: ComponentStream, request: PreLoginRequest, query: Element): void {
    const { host } = request.to;
    const refusal = makeAccount(this.context.store, query, host);
    if (refusal) return this.refuse(stream, request, refusal);
    const { journal, log } = this.context;
    journal.whenStored(() => log.info('account created', { user: query.childText('username'), host }));
    this.answer(stream, request, 'result', []);
  }

  /** A login that is refused invalidates an earlier one of that socket, which was accepted. */
  private authenticate(stream: ComponentStream, request: PreLoginRequest, query: Element): void {
    this.forget(stream, request.socket);
    const outcome = authenticate(this.context.store, query, request.to);
    if (typeof outcome === 'string') return this.refuse(stream, request, outcome);
    if (!this.hasRoom(outcome)) return this.refuse(stream, request, 'notAllowed');
    if (this.context.dialect.opened) this.accept(stream, request, outcome);
    else this.openAtOnce(stream, request, outcome);
  }

  private accept(stream: ComponentStream, request: PreLoginRequest, address: Jid): void {
    this.tickets.add(stream, request.socket, address);
    this.answer(stream, request, 'result', []);
  }

  private openAtOnce(stream: ComponentStream, request: PreLoginRequest, address: Jid): void {
    const resource = this.connect(stream, request.socket, address);
    stream.send(this.context.dialect.answer(request, 'result', [], resource.address));
    this.start(resource);
  }

  private connect(stream: ComponentStream, socket: string, address: Jid): ConnectedResource {
    const { dialect, store } = this.context;
    return new ConnectedResource(stream, socket, address, dialect, store.rosters.of(address.bare));
  }

  /**
   * The new client has been told of its session. Only now the old one is told that it is replaced, and only where the
   * new one does not have the same names. [jabberd 1.1.2, 1.4.3 jsm]
   */
  private start(resource: ConnectedResource): void {
    const { resources, log } = this.context;
    const { fullJid, address, socket } = resource;
    const old = resources.get(fullJid);
    const sameNames = old?.socket === socket && old.address === address;
    if (old) disconnect(this.context, old, sameNames ? 'disconnected' : 'replaced');
    resources.add(resource);
    log.info('session opened', { session: fullJid, socket });
  }

  private hasRoom(address: Jid): boolean {
    const { resources, limits } = this.context;
    return resources.get(address.full) !== undefined || resources.of(address.bare).length < limits.sessions;
  }
}

/**
 * Logins that were accepted in a dialect that requests the session separately: which socket may request it, and for
 * which address. A session manager that opens a session for any request trusts every account to the correctness of its
 * socket managers. [jabberd 1.4.3 jsm does]
 */
class LoginTickets {
  private readonly links = new WeakMap<ComponentStream, Map<string, Jid>>();

  /** @param most logins of one link that may wait for their session; when there are more, the oldest is forgotten */
  constructor(private readonly most: number) {}

  /** Replaces an earlier login of the same socket. */
  add(link: ComponentStream, socket: string, address: Jid): void {
    const tickets = this.of(link);
    tickets.delete(socket);
    if (tickets.size >= this.most) tickets.delete(tickets.keys().next().value!);
    tickets.set(socket, address);
  }

  /** Takes out the ticket of a socket. */
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
