import { safely } from '../../observe/log.js';
import { isUnwritable } from '../../store/sqlite.js';
import type { Element, Stanza } from '../../xml/index.js';
import { Jid } from '../../xmpp/jid.js';
import { CLIENT, COMPONENT_ACCEPT, IQ_AUTH } from '../../xmpp/namespaces.js';
import { legacyStanzaError } from '../../xmpp/stanza-error.js';
import type { ComponentStream } from '../component-stream.js';
import type { EmbeddedContext } from '../context.js';
import type {
  AddressAttributes,
  ClientStanza,
  EndNotice,
  Incoming,
  PreLoginRequest,
  Rejection,
} from '../dialects/dialect.js';
import { LoginHandler } from '../login.js';
import type { Task } from '../store/tasks.js';
import type { ConnectedResource } from './connected-resources.js';
import { disconnect } from './disconnect.js';
import { ownerOf } from './inbound-queue.js';
import { MessageDelivery } from './messages.js';
import { PresenceHandler } from './presence.js';
import { QueryHandler } from './queries.js';
import { refuse } from './refusal.js';
import type { Steps } from './scheduler.js';
import { isSubscriptionType } from './subscription-state.js';

/** Namespaces of clients' stanzas; without a namespace they are in that of the link. */
const OURS = new Set(['', CLIENT, COMPONENT_ACCEPT, 'jabberd:sockets']);

/** Handles the packets of all links: logins, stanzas of sessions, and their ends. [README.SM] [jadc2s PROTO] */
export class PacketRouter {
  private readonly login: LoginHandler;
  private readonly messages: MessageDelivery;
  private readonly presence: PresenceHandler;
  private readonly queries: QueryHandler;
  private readonly handlers: PacketHandlers = {
    take: (stream, incoming) => this.take(stream, incoming),
    failed: (stream, incoming, error) => this.failed(stream, incoming, error),
  };

  constructor(
    private readonly context: EmbeddedContext,
    /** The peer's component name, folded. */
    private readonly name: string,
  ) {
    this.login = new LoginHandler(context);
    this.messages = new MessageDelivery(context);
    this.presence = new PresenceHandler(context);
    this.queries = new QueryHandler(context);
  }

  /** Handles a packet. Whatever goes wrong with it, the link lives on. */
  receive(stream: ComponentStream, packet: Stanza): void {
    const { dialect, log, journal } = this.context;
    const incoming = dialect.read(packet);
    if (!incoming)
      return log.debug('dropped a packet without an address', { packet: packet.name.slice(0, 100) });
    if (incoming.kind === 'stanza') this.count(incoming);
    journal.do(new PacketTask(incoming, dialect.addresses, stream, this.handlers));
  }

  private count(packet: ClientStanza): void {
    const resource = this.resourceOf(packet);
    if (resource) resource.received += 1;
  }

  /** Finds another way for messages that could not be delivered; other stanzas are dropped. */
  *givingBack(stanzas: Iterable<Element>): Steps {
    for (const stanza of stanzas) {
      safely(this.context.log, 'returning a message', () => this.giveBack(stanza));
      yield;
    }
  }

  private giveBack(stanza: Element): void {
    if (stanza.localName !== 'message' || !stanza.attributes.has('to')) return;
    this.deliverAgain(stanza.reopened());
  }

  /** A task of its own, after the running one, which changes the connected resources. */
  private deliverAgain(message: Element): void {
    if (this.messages.isElsewhere(message)) return;
    this.context.journal.do({
      kind: 'repeatable',
      owner: Jid.parse(message.attribute('from'))?.bare,
      size: message.toString().length,
      run: () => this.messages.deliver(message),
      failed: (error) => this.refuseFailed(message, error),
    });
  }

  private take(stream: ComponentStream, incoming: Incoming): void {
    if (incoming.kind === 'end') return this.ended(stream, incoming);
    if (!this.context.domains.has(incoming.to.host)) return this.reject(stream, incoming, 'unknown host');
    if (!this.isOfPeer(stream, incoming.socket)) return this.reject(stream, incoming, 'wrong name');
    switch (incoming.kind) {
      case 'login':
        return this.login.receive(stream, incoming);
      case 'open':
        if (!this.login.open(stream, incoming)) this.reject(stream, incoming, 'not logged in');
        return undefined;
      case 'stanza':
        return this.toSession(stream, incoming);
    }
  }

  /** Is the host of the socket address the name by which we know the peer? */
  private isOfPeer(stream: ComponentStream, socket: string): boolean {
    if (Jid.parse(socket)?.host === this.name) return true;
    if (!stream.warned) {
      this.context.log.warn('the component uses a name other than the configured one', {
        socket: socket.slice(0, 100),
        name: this.name,
      });
    }
    stream.warned = true;
    return false;
  }

  /** Gives a packet back whole. Where it is too long for that, the socket is told that its session has ended. */
  private reject(stream: ComponentStream, { packet, to, socket }: Incoming, why: Rejection): void {
    const { dialect, log } = this.context;
    log.debug('packet returned', { packet: packet.name.slice(0, 100), to: to.full, why });
    if (!stream.send(dialect.giveBack(packet.element(), why))) stream.send(dialect.ended(to.full, socket));
  }

  /**
   * Ends the session of the socket, and delivers a message inside again.
   *
   * A bounce may name the user only. It is certain all the same that the socket it comes from is gone, so the session of
   * that socket ends too: otherwise the message would be sent to the same socket, and come back, for ever. The user's
   * sessions on other sockets live on. [jabberd 1.1.2 jsm]
   */
  private ended(stream: ComponentStream, { to, socket, undelivered }: EndNotice): void {
    this.login.forget(stream, socket);
    for (const resource of this.context.resources.of(to.bare)) {
      if (resource.socket !== socket) continue;
      if (to.resource === undefined) disconnect(this.context, resource, 'undeliverable');
      else if (resource.address === to.full) this.endAsTold(stream, resource);
    }
    if (undelivered && wasFor(undelivered, to.bare)) this.deliverAgain(undelivered);
  }

  /** Ends a session because its socket says so, and confirms it to the socket. [jabberd 1.1.2 jsm] */
  private endAsTold(stream: ComponentStream, resource: ConnectedResource): void {
    const { dialect } = this.context;
    if (dialect.confirmsEnds) stream.send(dialect.ended(resource.address, resource.socket));
    disconnect(this.context, resource, 'disconnected');
  }

  /** Only the socket that a session was opened for may send for it; the old servers do not check that. */
  private toSession(stream: ComponentStream, packet: ClientStanza): void {
    const resource = this.resourceOf(packet);
    if (!resource) return this.reject(stream, packet, this.whyNoSession(packet));
    resource.conn = stream;
    this.takeStanza(resource, packet.stanza.set('from', resource.fullJid));
  }

  private resourceOf({ to, socket }: ClientStanza): ConnectedResource | undefined {
    const resource = this.context.resources.at(to.full);
    return resource?.socket === socket ? resource : undefined;
  }

  private whyNoSession({ to }: ClientStanza): Rejection {
    return this.context.store.accounts.exists(to.bare) ? 'no session' : 'no user';
  }

  private takeStanza(resource: ConnectedResource, stanza: Element): void {
    switch (OURS.has(stanza.namespace) ? stanza.localName : '') {
      case 'message':
        return this.messages.deliver(withTo(stanza, resource.bareJid));
      case 'presence':
        return this.presence.receive(resource, stanza);
      case 'iq':
        return this.queries.receive(resource, stanza);
      default:
        resource.send(unknownStanza(stanza));
    }
  }

  /** A failure of ours or of the store costs one packet, and its sender is told. */
  private failed(stream: ComponentStream, incoming: Incoming, error: unknown): void {
    const level = isUnwritable(error) ? 'debug' : 'error';
    const packet = incoming.packet.name.slice(0, 100);
    this.context.log[level]('a packet could not be handled', { packet, error: String(error) });
    if (incoming.kind === 'open') return this.reject(stream, incoming, 'not logged in');
    if (incoming.kind === 'login') return this.refuseLogin(stream, incoming);
    const resource = incoming.kind === 'stanza' ? this.resourceOf(incoming) : undefined;
    if (resource && incoming.kind === 'stanza')
      this.refuseFailed(incoming.stanza.set('from', resource.fullJid), error);
  }

  private refuseLogin(stream: ComponentStream, request: PreLoginRequest): void {
    if (isQuery(request.stanza)) this.login.refuse(stream, request, 'internal');
  }

  /** Tells the sender of a stanza that was to change something that it did not. */
  private refuseFailed(stanza: Element, error: unknown): void {
    const { localName } = stanza;
    if (localName === 'iq' ? !isQuery(stanza) : localName !== 'message' && !isSubscription(stanza)) return;
    if (isUnwritable(error)) refuse(this.context, stanza, 'resource-constraint', NOT_STORED);
    else refuse(this.context, stanza, 'internal-server-error');
  }
}

interface PacketHandlers {
  take(stream: ComponentStream, incoming: Incoming): void;
  failed(stream: ComponentStream, incoming: Incoming, error: unknown): void;
}

/** The task of handling one packet. */
class PacketTask implements Task {
  readonly kind: Task['kind'];

  constructor(
    private readonly incoming: Incoming,
    private readonly addresses: AddressAttributes,
    private readonly stream: ComponentStream,
    private readonly handlers: PacketHandlers,
  ) {
    this.kind = changesMemory(incoming) ? 'once' : 'repeatable';
  }

  get owner(): string {
    return ownerOf(this.incoming.packet, this.addresses);
  }

  get size(): number {
    return this.incoming.packet.source.length;
  }

  run(): void {
    this.handlers.take(this.stream, this.incoming);
  }

  failed(error: unknown): void {
    this.handlers.failed(this.stream, this.incoming, error);
  }
}

const NOT_STORED = 'The server can not store this now. Try again later.';

function isQuery({ localName, attributes }: Element): boolean {
  return localName === 'iq' && ['get', 'set'].includes(attributes.get('type') ?? '');
}

function isSubscription({ localName, attributes }: Element): boolean {
  return localName === 'presence' && isSubscriptionType(attributes.get('type'));
}

/** Does the packet change connected resources or presence? Any other one changes the store at most. */
function changesMemory(incoming: Incoming): boolean {
  switch (incoming.kind) {
    case 'open':
    case 'end':
      return true;
    case 'login':
      return incoming.stanza.child('query')?.namespace === IQ_AUTH;
    case 'stanza':
      return incoming.stanza.localName === 'presence' && !isSubscription(incoming.stanza);
  }
}

/**
 * Is this a message that was on its way to that user? A client may forge a bounce, and could otherwise send messages to
 * others in any name.
 */
function wasFor(stanza: Element, user: string): boolean {
  if (stanza.localName !== 'message' || stanza.attribute('from') === undefined) return false;
  return Jid.parse(stanza.attribute('to'))?.bare === user;
}

/** A message without a receiver is for the sender's own account. [RFC6120 10.3.1] */
function withTo(message: Element, account: string): Element {
  return message.attributes.has('to') ? message : message.set('to', account);
}

/** An element that is not a stanza, as the old servers give it back. [jabberd 1.1.2] [jabberd 1.4.3] */
function unknownStanza(stanza: Element): Element {
  const back = stanza.reopened().set('from', undefined).set('type', 'error');
  return back.append(legacyStanzaError('bad-request'));
}
