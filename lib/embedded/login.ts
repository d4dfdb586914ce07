import type { Element } from '../xml/index.js';
import { AUTH, authenticate, authFields } from './auth.js';
import type { ComponentStream } from './component-stream.js';
import type { Jid } from './jid.js';
import { legacyRefusal, turnedRound, type LegacyRefusal } from './packet.js';
import { REGISTER, register, registrationFields } from './registration.js';
import type { Services } from './services.js';
import { Session } from './session.js';

/** What came to the bare name of the server: the packets of clients that have no session yet. */
export class Login {
  constructor(private readonly services: Services) {}

  /** Takes an iq get or set. [protocols/sto-sfrom.md b.4] */
  receive(stream: ComponentStream, iq: Element, host: string): void {
    const query = iq.child('query');
    const set = iq.attribute('type') === 'set';
    if (query?.namespace === AUTH) {
      if (set) this.authenticate(stream, iq, query, host);
      else this.form(stream, iq, authFields(query));
    } else if (query?.namespace === REGISTER) {
      if (!this.services.registration) this.refuse(stream, iq, 'notAllowed');
      else if (set) this.register(stream, iq, query, host);
      else this.form(stream, iq, registrationFields());
    } else this.refuse(stream, iq, 'notAcceptable');
  }

  private form(stream: ComponentStream, iq: Element, fields: Element): void {
    stream.send(turnedRound(iq, 'result').append(fields));
  }

  private refuse(stream: ComponentStream, iq: Element, refusal: LegacyRefusal): void {
    this.services.log.debug('refused before login', { socket: iq.attribute('sfrom'), refusal });
    stream.send(legacyRefusal(iq, refusal));
  }

  private register(stream: ComponentStream, iq: Element, query: Element, host: string): void {
    const refusal = register(this.services.store, query, host);
    if (refusal) return this.refuse(stream, iq, refusal);
    this.services.log.info('account made', { user: query.childText('username'), host });
    stream.send(turnedRound(iq, 'result'));
  }

  private authenticate(stream: ComponentStream, iq: Element, query: Element, host: string): void {
    const outcome = authenticate(this.services.store, query, host);
    if (typeof outcome === 'string') return this.refuse(stream, iq, outcome);
    if (!this.hasRoom(outcome)) return this.refuse(stream, iq, 'notAllowed');
    stream.send(turnedRound(iq, 'result').set('sfrom', outcome.full));
    this.open(stream, iq.attribute('sfrom')!, outcome);
  }

  private hasRoom(address: Jid): boolean {
    const { sessions, limits } = this.services;
    return sessions.get(address.full) !== undefined || sessions.of(address.bare).length < limits.sessions;
  }

  /** The result has gone to the new client; only now the old one hears of it. [protocols/sto-sfrom.md b.11] */
  private open(stream: ComponentStream, socket: string, jid: Jid): void {
    const { sessions, log, end } = this.services;
    const old = sessions.get(jid.full);
    if (old) end(old, old.socket === socket ? 'disconnected' : 'replaced');
    sessions.add(new Session(stream, socket, jid));
    log.info('session opened', { session: jid.full, socket });
  }
}
