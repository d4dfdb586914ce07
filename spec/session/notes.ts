import type { Authenticator, Upstream, OutboundQueue } from '../../lib/session/upstream.js';
import type { Client, Packet } from '../../lib/session/session.js';
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
      congested: false,
      dropsAtEnd: false,
      queueFor: () => WAY,
      returnQueue: WAY,
      granted: ({ from }) => (from.includes('@') ? from : undefined),
      open: () => false,
      stamp: (session) => ` sto='${session.sessionAddress}'`,
      carry: (_session, stanza) => (stanza.name === 'log' ? 'bad-request' : undefined),
      end: (session) => note(`end ${session.sessionAddress}`),
      endStale: (session, socket) => note(`end stale ${session} ${socket}`),
      bounce: ({ text }) => note(`bounce ${text}`),
      endsByBounce: false,
      refuse: ({ text }) => note(`refuse ${text}`),
      staleSession: ({ whole }) => whole.attribute('to'),
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
