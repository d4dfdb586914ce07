import { connect, type Socket } from 'node:net';
import type { Address } from '../config/config.js';
import { element, Reader, type Element, type Stanza } from '../xml/index.js';

const LIMITS = { bytes: 4_000_000, depth: 1000, attributes: 1000 };

/** How long an answer is waited for, in milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000;

/** What came back: an element, nothing in time, or the end of the stream. */
export type Answer = Element | 'silence' | 'end';

/** A client that asks one thing after the other, for commands that try a session manager out. */
export class Asker {
  private readonly socket: Socket;
  private readonly arrived: Element[] = [];
  private wake: () => void = () => undefined;
  private over = false;

  /** @param domain the host it asks for */
  constructor({ host, port }: Address, domain: string) {
    this.socket = connect({ host, port });
    const arrived = (stanza: Stanza): void => void this.arrived.push(stanza.element());
    const ended = (): void => {
      this.over = true;
      this.wake();
    };
    const reader = new Reader(
      { onHeader: () => undefined, onStanza: arrived, onClosingTag: ended, onParseError: ended },
      { limits: LIMITS, namespaces: false },
    );
    this.socket.on('data', (chunk: Buffer) => {
      reader.write(chunk);
      this.wake();
    });
    this.socket.on('error', ended).on('close', ended);
    const streams = 'http://etherx.jabber.org/streams';
    this.socket.write(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='${streams}' to='${domain}' version='1.0'>`,
    );
  }

  /** Sends an iq and waits for what comes back. */
  ask(type: 'get' | 'set', query: Element, to?: string): Promise<Answer> {
    this.socket.write(element('iq', { type, id: 'ask', to }, query).toString());
    return this.next('iq');
  }

  /** The next element of that name. */
  private next(name: string): Promise<Answer> {
    return new Promise((resolve) => {
      const settle = (answer: Answer): void => {
        clearTimeout(timer);
        this.wake = () => undefined;
        resolve(answer);
      };
      const timer = setTimeout(() => settle('silence'), ANSWER_TIMEOUT_MS);
      this.wake = () => {
        const answer = this.take(name);
        if (answer !== undefined) settle(answer);
      };
      this.wake();
    });
  }

  private take(name: string): Answer | undefined {
    for (let found = this.arrived.shift(); found; found = this.arrived.shift()) {
      if (found.name === name) return found;
      if (found.name === 'stream:error') return 'end';
    }
    return this.over ? 'end' : undefined;
  }

  close(): void {
    this.socket.end('</stream:stream>');
    this.socket.destroySoon();
  }
}
