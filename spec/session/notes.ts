import type { OutboundQueue } from '../../lib/session/outbound-queue.js';
import type { Authenticator, Upstream } from '../../lib/session/upstream.js';
import type { SessionRegistry } from '../../lib/session/registry.js';
import type { LoginRequest } from '../../lib/session/requests.js';
import type { Client, Packet, Session } from '../../lib/session/session.js';
import { newSocketAddress } from '../../lib/xmpp/address.js';
import { element } from '../../lib/xml/index.js';
import { stanza } from '../support/stanza.js';

/** There is always room. */
const WAY: OutboundQueue = {
  room: Infinity,
  roomFor: () => Infinity,
  sent: () => undefined,
  wait: () => undefined,
  leave: () => undefined,
};

/** Says in words what a session registry does; the stories are in spec/dialogues. */
export class Notes {
  readonly all: string[] = [];

  take(): string[] {
    return this.all.splice(0);
  }

  upstream(): Upstream {
    const note = (text: string): void => void this.all.push(text);
    return {
      up: true,
      dropsAtEnd: false,
      forgetsSessions: true,
      loginQueue: WAY,
      returnQueue: WAY,
      refusal: () => undefined,
      newSocketAddress: (descriptor) => newSocketAddress(descriptor, 'foo-sockets'),
      attach: ({ sessionAddress }) => ({
        queue: WAY,
        carry: ({ name }) => (name === 'log' ? 'bad-request' : undefined),
        end: () => note(`end ${sessionAddress}`),
      }),
      bounce: ({ text }) => note(`bounce ${text}`),
      staleSessions: {
        endedByBounce: false,
        of: ({ whole }) => whole.attribute('to'),
        end: (session, socket) => note(`end stale ${session} ${socket}`),
        refuse: ({ text }) => note(`refuse ${text}`),
      },
    };
  }

  /** A login is answered by a packet from an address of a user, and refused by one that says no. */
  authenticator(): Authenticator {
    return {
      ask: (session) => void this.all.push(`ask ${session.fullJid}`),
      read(request, { from, text }) {
        if (request.kind !== 'login') return { kind: 'answered', result: true, text };
        if (text === 'no')
          return { kind: 'refused', at: 'login', condition: 'not-authorized', temporary: false, text };
        return from.includes('@') ? { kind: 'opened', sessionAddress: from, text } : undefined;
      },
    };
  }

  /** A client that logs in. */
  asking(registry: SessionRegistry, name: string, jid = ADDRESS): Session {
    const session = registry.connect(12, this.client(name));
    registry.request(session, login(jid), ({ kind }) => void this.all.push(`${name} ${kind}`));
    return session;
  }

  /** A client that is logged in. */
  open(registry: SessionRegistry, name: string): Session {
    const session = this.asking(registry, name);
    registry.receive(packet(session.address, ADDRESS, ''));
    this.take();
    return session;
  }

  client(name: string): Client {
    const note = (text: string): void => void this.all.push(`${name} ${text}`);
    return {
      deliver: ({ text }) => note(`deliver ${text}`),
      tell: (text) => note(`told ${text}`),
      end: ({ kind }) => note(kind),
    };
  }
}

export function login(jid: string): LoginRequest {
  const [user, rest] = jid.split('@');
  const [domain, resource] = rest.split('/');
  return { kind: 'login', user, domain, resource, proof: {}, iq: element('iq') };
}

export const ADDRESS = 'juliet@localhost/Balcony';

export function packet(
  to: string,
  from: string,
  text: string,
  kind: Packet['kind'] = 'stanza',
  attributes = '',
): Packet {
  return { to, from, text, kind, envelope: 'none', whole: stanza(`<iq type='result'${attributes}/>`) };
}
