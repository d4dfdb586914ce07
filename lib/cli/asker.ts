import { connect, type Socket } from 'node:net';
import type { Address } from '../config/config.js';
import { element, Reader, type Element, type Stanza } from '../xml/index.js';

const LIMITS = { bytes: 4_000_000, depth: 1000, attributes: 1000 };

/** How long an answer is waited for, in milliseconds. */
const PATIENCE = 10_000;

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
      { open: () => undefined, stanza: arrived, close: ended, fault: ended },
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

  /** The next element of that name; undefined when the stream ends, or says an error, or nothing comes in time. */
  async next(name: string): Promise<Element | undefined> {
    const deadline = Date.now() + PATIENCE;
    while (Date.now() < deadline) {
      const found = this.arrived.shift();
      if (found?.name === name || found?.name === 'stream:error')
        return found.name === name ? found : undefined;
      if (found) continue;
      if (this.over) return undefined;
      await this.change(deadline - Date.now());
    }
    return undefined;
  }

  /** Sends an iq and waits for what comes back. */
  ask(type: 'get' | 'set', query: Element, to?: string): Promise<Element | undefined> {
    this.socket.write(element('iq', { type, id: 'ask', to }, query).toString());
    return this.next('iq');
  }

  close(): void {
    this.socket.end('</stream:stream>');
    this.socket.destroySoon();
  }

  private change(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
