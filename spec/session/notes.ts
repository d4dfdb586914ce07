import type { OutboundQueue } from '../../lib/session/outbound-queue.js';
import type { Authenticator, Upstream } from '../../lib/session/upstream.js';
import type { Client, Packet } from '../../lib/session/session.js';
import { newSocketAddress } from '../../lib/xmpp/address.js';
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
      granted: ({ from }) => (from.includes('@') ? from : undefined),
      open: () => false,
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

  authenticator(): Authenticator {
    return { ask: (session) => void this.all.push(`ask ${session.login}`) };
  }

  client(name: string): Client {
    const note = (text: string): void => void this.all.push(`${name} ${text}`);
    return {
      answer: ({ text }) => note(`answer ${text}`),
      opened: () => note('opened'),
      deliver: ({ text }) => note(`deliver ${text}`),
      end: ({ kind }) => note(kind),
    };
  }
}

export const ADDRESS = 'juliet@localhost/Balcony';

export function packet(
  to: string,
  from: string,
  text: string,
  kind: Packet['kind'] = 'stanza',
  attributes = '',
): Packet {
  return { to, from, text, kind, whole: stanza(`<iq type='result'${attributes}/>`) };
}
