import { isUnwritable } from '../../store/sqlite.js';
import { type Element, type Stanza } from '../../xml/index.js';
import type { ComponentStream } from '../component-stream.js';
import type { Asked, Carried, Ending, Incoming, Rejection } from '../dialects/dialect.js';
import { Jid } from '../../xmpp/jid.js';
import { legacyStanzaError } from '../../xmpp/stanza-error.js';
import { AUTH } from '../auth.js';
import { Login } from '../login.js';
import { isMark, ownerOf } from './owner.js';
import { Queries } from './queries.js';
import { safely } from '../safely.js';
import type { Steps } from './scheduler.js';
import type { Services } from '../services.js';
import type { Session } from './connected-resource.js';
import { readdressed } from './stanza.js';
import { isSubscriptionType } from './subscription.js';

/** Namespaces that stanzas of clients come in; no namespace is that of the link. */
const OURS = new Set(['', 'jabber:client', 'jabber:component:accept', 'jabberd:sockets']);

/** What comes over the links, by what it is about: a login, a session, or the end of one. [README.SM] [jadc2s PROTO] */
export class Packets {
  private readonly login: Login;
  private readonly queries: Queries;

  constructor(
    private readonly services: Services,
    /** The peer's component name, folded. */
    private readonly name: string,
  ) {
    this.login = new Login(services);
    this.queries = new Queries(services);
  }

  /** Takes a packet. Whatever goes wrong with it, the link lives on. */
  receive(stream: ComponentStream, packet: Stanza): void {
    const { dialect, log, journal } = this.services;
    if (isMark(packet, dialect.addresses, this.name)) return void stream.send(packet.element());
    const incoming = dialect.read(packet.element());
    if (!incoming) return log.debug('packet for nobody', { packet: packet.name.slice(0, 100) });
    if (incoming.kind === 'stanza') this.count(incoming);
    journal.do({
      kind: isOfMemory(incoming) ? 'once' : 'repeatable',
      get owner() {
        return ownerOf(packet, dialect.addresses);
      },
      size: packet.source.length,
      run: () => this.take(stream, incoming),
      failed: (error) => this.failed(stream, incoming, error),
    });
  }

  private count(carried: Carried): void {
    const session = this.sessionOf(carried);
    if (session) session.received += 1;
  }

  /** Takes stanzas that could not be delivered: a message finds another way, the rest is of no use any more. */
  *givingBack(stanzas: Iterable<Element>): Steps {
    for (const stanza of stanzas) {
      safely(this.services.log, 'giving a message back', () => this.giveBack(stanza));
      yield;
    }
  }

  private giveBack(stanza: Element): void {
    if (stanza.localName !== 'message' || !stanza.attributes.has('to')) return;
    this.deliver(readdressed(stanza));
  }

  /** Delivers a message that comes back, after what is being done, which changes sessions; unless somebody else has it. */
  private deliver(message: Element): void {
    if (this.services.messages.isElsewhere(message)) return;
    this.services.journal.do({
      kind: 'repeatable',
      owner: Jid.parse(message.attribute('from'))?.bare,
      size: message.toString().length,
      run: () => this.services.messages.deliver(message),
      failed: (error) => this.refuseStanza(message, error),
    });
  }

  private take(stream: ComponentStream, incoming: Incoming): void {
    if (incoming.kind === 'end') return this.ended(stream, incoming);
    if (!this.services.domains.has(incoming.to.host)) return this.reject(stream, incoming, 'unknown host');
    if (!this.isOfPeer(stream, incoming.socket)) return this.reject(stream, incoming, 'wrong name');
    switch (incoming.kind) {
      case 'ask':
        return this.login.receive(stream, incoming);
      case 'open':
        if (!this.login.open(stream, incoming)) this.reject(stream, incoming, 'not logged in');
        return undefined;
      case 'stanza':
        return this.toSession(stream, incoming);
    }
  }

  /** Socket addresses are of the component that we know the peer by. */
  private isOfPeer(stream: ComponentStream, socket: string): boolean {
    if (Jid.parse(socket)?.host === this.name) return true;
    if (!stream.warned) {
      this.services.log.warn('a component uses another name than ours for it', {
        socket: socket.slice(0, 100),
        name: this.name,
      });
    }
    stream.warned = true;
    return false;
  }

  /** What cannot be taken goes back whole; where it is too long for that, the socket hears that its session is gone. */
  private reject(stream: ComponentStream, { whole, to, socket }: Incoming, why: Rejection): void {
    const { dialect, log } = this.services;
    log.debug('packet given back', { packet: whole.name.slice(0, 100), to: to.full, why });
    if (!stream.send(dialect.giveBack(whole, why))) stream.send(dialect.ended(to.full, socket));
  }

  /**
   * The session of that socket ends, and a message inside goes on to whoever is there now.
   *
   * A bounce may name the user only; that the socket it comes from is gone is certain all the same, so its session ends
   * too. Otherwise the message would go to the same dead socket, and come back, for ever. The user's sessions of other
   * sockets live on. [jabberd 1.1.2 jsm]
   */
  private ended(stream: ComponentStream, { to, socket, undelivered }: Ending): void {
    const { sessions, end } = this.services;
    this.login.forget(stream, socket);
    for (const session of sessions.of(to.bare)) {
      if (session.socket !== socket) continue;
      if (to.resource === undefined) end(session, 'undeliverable');
      else if (session.address === to.full) this.endAsTold(stream, session);
    }
    if (undelivered && wasFor(undelivered, to.bare)) this.deliver(undelivered);
  }

  /** Ends a session because its socket says so, and confirms it to the socket. [jabberd 1.1.2 jsm] */
  private endAsTold(stream: ComponentStream, session: Session): void {
    const { dialect, end } = this.services;
    if (dialect.confirmsEnds) stream.send(dialect.ended(session.address, session.socket));
    end(session, 'disconnected');
  }

  /** Only the socket that a session was opened for may speak for it; the old servers do not look. */
  private toSession(stream: ComponentStream, carried: Carried): void {
    const session = this.sessionOf(carried);
    if (!session) return this.reject(stream, carried, this.whyNoSession(carried));
    session.conn = stream;
    this.takeStanza(session, carried.stanza.set('from', session.fullJid));
  }

  private sessionOf({ to, socket }: Carried): Session | undefined {
    const session = this.services.sessions.at(to.full);
    return session?.socket === socket ? session : undefined;
  }

  private whyNoSession({ to }: Carried): Rejection {
    return this.services.store.accounts.exists(to.bare) ? 'no session' : 'no user';
  }

  private takeStanza(session: Session, stanza: Element): void {
    switch (OURS.has(stanza.namespace) ? stanza.localName : '') {
      case 'message':
        return this.services.messages.deliver(withTo(stanza, session.bareJid));
      case 'presence':
        return this.services.presence.receive(session, stanza);
      case 'iq':
        return this.queries.receive(session, stanza);
      default:
        session.send(unknownStanza(stanza));
    }
  }

  /** A fault of ours, or of the store, costs one packet, and who has sent it is told. */
  private failed(stream: ComponentStream, incoming: Incoming, error: unknown): void {
    const level = isUnwritable(error) ? 'debug' : 'error';
    const packet = incoming.whole.name.slice(0, 100);
    this.services.log[level]('a packet could not be handled', { packet, error: String(error) });
    if (incoming.kind === 'open') return this.reject(stream, incoming, 'not logged in');
    if (incoming.kind === 'ask') return this.refuseAsked(stream, incoming);
    const session = incoming.kind === 'stanza' ? this.sessionOf(incoming) : undefined;
    if (session && incoming.kind === 'stanza')
      this.refuseStanza(incoming.stanza.set('from', session.fullJid), error);
  }

  private refuseAsked(stream: ComponentStream, asked: Asked): void {
    if (isQuery(asked.stanza)) this.login.refuse(stream, asked, 'internal');
  }

  /** Whoever has sent something that was to be kept hears that it was not. */
  private refuseStanza(stanza: Element, error: unknown): void {
    const { localName } = stanza;
    if (localName === 'iq' ? !isQuery(stanza) : localName !== 'message' && !isSubscription(stanza)) return;
    if (isUnwritable(error)) this.services.refuse(stanza, 'resource-constraint', NOT_STORED);
    else this.services.refuse(stanza, 'internal-server-error');
  }
}

const NOT_STORED = 'The server can not store this now. Try again later.';

function isQuery({ localName, attributes }: Element): boolean {
  return localName === 'iq' && ['get', 'set'].includes(attributes.get('type') ?? '');
}

function isSubscription({ localName, attributes }: Element): boolean {
  return localName === 'presence' && isSubscriptionType(attributes.get('type'));
}

/** Does it change sessions, or who is present? Everything else changes the store only, if anything. */
function isOfMemory(incoming: Incoming): boolean {
  switch (incoming.kind) {
    case 'open':
    case 'end':
      return true;
    case 'ask':
      return incoming.stanza.child('query')?.namespace === AUTH;
    case 'stanza':
      return incoming.stanza.localName === 'presence' && !isSubscription(incoming.stanza);
  }
}

/**
 * Is this a message that was on its way to that user? A client may write a bounce too, and could otherwise write to
 * others in any name it likes.
 */
function wasFor(stanza: Element, user: string): boolean {
  if (stanza.localName !== 'message' || stanza.attribute('from') === undefined) return false;
  return Jid.parse(stanza.attribute('to'))?.bare === user;
}

/** A message for nobody is for the sender's own account. [RFC6120 10.3.1] */
function withTo(message: Element, account: string): Element {
  return message.attributes.has('to') ? message : message.set('to', account);
}

/** An element that is no stanza, as the old servers give it back. [jabberd 1.1.2] [jabberd 1.4.3] */
function unknownStanza(stanza: Element): Element {
  const back = readdressed(stanza).set('from', undefined).set('type', 'error');
  return back.append(legacyStanzaError('bad-request'));
}
