import { element, type Element } from '../xml/index.js';
import type { ComponentStream } from './component-stream.js';
import { disconnected, givenBack, isDisconnected, takenBack, type DisconnectedText } from './disconnected.js';
import { Jid } from './jid.js';
import { Login } from './login.js';
import { legacyRefusal } from './packet.js';
import { Queries } from './queries.js';
import type { Services } from './services.js';
import { readdressed, type Session } from './session.js';
import { refused } from './stanza-error.js';

/** Namespaces that stanzas of clients come in; no namespace is that of the link. */
const OURS = new Set(['', 'jabber:client', 'jabber:component:accept', 'jabberd:sockets']);

/** Where a packet is for, and the socket address it came from. */
interface Addresses {
  readonly sto: Jid;
  readonly sfrom: string;
}

/** What comes over the links, by its `sto`: for the server, for a session, or the end of one. [README.SM] */
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
  receive(stream: ComponentStream, packet: Element): void {
    const sto = Jid.parse(packet.attribute('sto'));
    const sfrom = packet.attribute('sfrom');
    if (!sto || !sfrom) return; // nobody to answer [jabberd 1.1.2]
    const addresses = { sto, sfrom };
    try {
      this.route(stream, packet, addresses);
    } catch (error) {
      this.failed(stream, packet, addresses, error);
    }
  }

  /** Takes a packet that could not be delivered: a message finds another way, the rest is of no use any more. */
  giveBack(packet: Element): void {
    if (packet.localName !== 'message' || !packet.attributes.has('to')) return;
    this.services.messages.deliver(unstamped(packet));
  }

  private route(stream: ComponentStream, packet: Element, { sto, sfrom }: Addresses): void {
    if (isDisconnected(packet)) return this.disconnected(packet, sto, sfrom);
    if (!this.services.domains.has(sto.host) || !this.isOfPeer(stream, sfrom)) {
      return this.reject(stream, packet, 'Server Configuration Error');
    }
    if (sto.user !== undefined) return this.toSession(stream, packet, { sto, sfrom });
    const type = packet.attribute('type');
    if (packet.localName !== 'iq' || (type !== 'get' && type !== 'set')) return this.reject(stream, packet);
    this.login.receive(stream, packet, sto.host);
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

  /** What cannot be taken goes back whole in a 510. [README.SM 510] */
  private reject(stream: ComponentStream, packet: Element, text: DisconnectedText = 'Disconnected'): void {
    this.services.log.debug('packet given back', {
      packet: packet.name.slice(0, 100),
      sto: packet.attribute('sto'),
    });
    if (stream.send(givenBack(packet, text))) return;
    stream.send(disconnected(packet.attribute('sfrom')!, packet.attribute('sto')!));
  }

  /**
   * A 510: the session of that socket ends, and a message inside goes on to whoever is there now.
   *
   * A bounce names the user only; that the socket it comes from is gone is certain all the same, so its session ends
   * too. Otherwise the message would go to the same dead socket, and come back, for ever. [protocols/sto-sfrom.md c.8]
   */
  private disconnected(packet: Element, sto: Jid, socket: string): void {
    const { sessions, end, messages } = this.services;
    for (const session of sessions.of(sto.bare)) {
      if (session.socket !== socket) continue;
      if (sto.resource === undefined) end(session, 'undeliverable');
      else if (session.fullJid === sto.full) end(session, 'disconnected');
    }
    const message = takenBack(packet, sto.bare);
    if (message) messages.deliver(message);
  }

  /** Only the socket that a session was opened for may speak for it; 1.1.2 does not look. */
  private toSession(stream: ComponentStream, packet: Element, { sto, sfrom }: Addresses): void {
    const session = this.services.sessions.get(sto.full);
    if (session?.socket !== sfrom) return this.reject(stream, packet);
    session.conn = stream;
    session.received += 1;
    this.take(session, unstamped(packet).set('from', session.fullJid));
  }

  private take(session: Session, stanza: Element): void {
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

  /** A fault of ours costs one packet, and its name is in the log once. */
  private failed(stream: ComponentStream, packet: Element, { sto, sfrom }: Addresses, error: unknown): void {
    const { log, sessions } = this.services;
    log.error('a packet could not be handled', { packet: packet.name.slice(0, 100), error: String(error) });
    const type = packet.attribute('type');
    if (packet.localName !== 'iq' || (type !== 'get' && type !== 'set')) return;
    const session = sessions.get(sto.full);
    if (session?.socket === sfrom) session.send(refused(unstamped(packet), 'internal-server-error'));
    else if (sto.user === undefined) stream.send(legacyRefusal(packet, 'internal'));
  }
}

/** The stanza inside a packet. */
function unstamped(packet: Element): Element {
  return readdressed(packet).set('sto', undefined).set('sfrom', undefined);
}

/** A message for nobody is for the sender's own account. [RFC6120 10.3.1] */
function withTo(message: Element, account: string): Element {
  return message.attributes.has('to') ? message : message.set('to', account);
}

/** An element that is no stanza, as jabberd 1.1.2 gives it back. */
function unknownStanza(stanza: Element): Element {
  const back = readdressed(stanza).set('from', undefined).set('type', 'error');
  return back.append(element('error', { code: '400' }, 'Bad Request'));
}
