/** A cheap XMPP client for load: it logs in once, and then only counts bytes. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** The server that clients connect to. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  /** Does every connection begin with TLS? */
  readonly tls: boolean;
}

export const PASSWORD = 'bench';

/** Each message contains this byte once, and nothing else does. A single byte cannot be split over two reads. */
export const MESSAGE_MARK = '~';
const MARK_BYTE = MESSAGE_MARK.charCodeAt(0);

/** Of one write of a flood. */
const FLOOD_WRITE_BYTES = 64 * 1024;

/** For each step up to the login. */
const STEP_TIMEOUT_MS = 20_000;

/** All clients read into the same buffer: what was read is used at once, and not kept. */
const READ_BUFFER = Buffer.alloc(64 * 1024);

type Waiting = { readonly until: RegExp; readonly resolve: (text: string) => void };

/** The server has refused a request. */
export class Refused extends Error {}

export class Client {
  /** Called with the number of messages in one read. */
  messages: ((count: number) => void) | undefined;
  readonly closed: Promise<void>;
  private readonly socket: Socket;
  private text = '';
  private waiting: Waiting | undefined;
  private broken: ((error: Error) => void) | undefined;
  private loggedIn = false;

  private constructor(
    target: Target,
    readonly resource = '',
  ) {
    const onread = { buffer: READ_BUFFER, callback: (length: number) => this.read(length) };
    const options = { host: target.host, port: target.port, noDelay: true, onread };
    this.socket = target.tls ? connectTls({ ...options, rejectUnauthorized: false }) : connect(options);
    // Of tls.connect this is no option.
    this.socket.setNoDelay(true);
    this.socket.on('error', (error) => this.broken?.(error));
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    void this.closed.then(() => this.broken?.(new Error('the connection was closed')));
  }

  /** Connects and logs in with jabber:iq:auth, in plain text. [XEP-0078] */
  static async login(target: Target, user: string, resource: string, password = PASSWORD): Promise<Client> {
    const credentials = `<username>${user}</username><password>${password}</password><resource>${resource}</resource>`;
    const client = await Client.ask(target, `<query xmlns='jabber:iq:auth'>${credentials}</query>`, resource);
    client.loggedIn = true;
    client.text = '';
    return client;
  }

  /** Registers an account, and closes the stream. [XEP-0077] */
  static async register(target: Target, user: string): Promise<void> {
    const fields = `<username>${user}</username><password>${PASSWORD}</password><name>b</name><email>b@b</email>`;
    const client = await Client.ask(target, `<query xmlns='jabber:iq:register'>${fields}</query>`);
    await client.close();
  }

  private static async ask(target: Target, query: string, resource?: string): Promise<Client> {
    const client = new Client(target, resource);
    try {
      const header = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${target.domain}'>`;
      await client.exchange(`<?xml version='1.0'?>${header}`, /<stream:stream[^>]*>/);
      const request = `<iq type='set' id='a' to='${target.domain}'>${query}</iq>`;
      const answer = await client.exchange(request, /<iq[^>]*\/>|<iq.*<\/iq>|<stream:error.*/s);
      if (answer.startsWith('<stream:error')) throw new Error(answer.slice(0, 300));
      if (!/<iq[^>]*type=['"]result/.test(answer)) throw new Refused(answer.slice(0, 300));
      return client;
    } catch (error) {
      client.socket.destroy();
      throw error;
    }
  }

  write(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** Sends a text again and again, as fast as the server reads. */
  flood(text: string): void {
    const bytes = Buffer.from(text.repeat(Math.ceil(FLOOD_WRITE_BYTES / text.length)));
    const more = (): void => {
      while (!this.socket.destroyed && this.socket.write(bytes));
    };
    this.socket.on('drain', more);
    more();
  }

  /** Stops reading. */
  stopReading(): void {
    this.socket.pause();
  }

  /** Closes the stream, and waits for the server to close it too, for a limited time. */
  async close(): Promise<void> {
    this.socket.end('</stream:stream>');
    const cut = setTimeout(() => this.socket.destroy(), 2_000);
    await this.closed;
    clearTimeout(cut);
  }

  destroy(): void {
    this.socket.destroy();
  }

  private read(length: number): boolean {
    if (this.loggedIn) this.count(length);
    else this.collect(length);
    return true;
  }

  private count(length: number): void {
    const bytes = READ_BUFFER.subarray(0, length);
    let count = 0;
    for (let at = bytes.indexOf(MARK_BYTE); at >= 0; at = bytes.indexOf(MARK_BYTE, at + 1)) count += 1;
    if (count > 0) this.messages?.(count);
  }

  private collect(length: number): void {
    this.text += READ_BUFFER.toString('latin1', 0, length);
    const { waiting } = this;
    const found = waiting?.until.exec(this.text);
    if (!waiting || !found) return;
    this.waiting = undefined;
    this.text = this.text.slice(found.index + found[0].length);
    waiting.resolve(found[0]);
  }

  private exchange(request: string, until: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.broken?.(new Error(`no answer in ${STEP_TIMEOUT_MS} ms`)),
        STEP_TIMEOUT_MS,
      );
      this.broken = (error) => {
        clearTimeout(timer);
        reject(error);
      };
      this.waiting = {
        until,
        resolve: (text) => {
          clearTimeout(timer);
          this.broken = undefined;
          resolve(text);
        },
      };
      this.socket.write(request);
    });
  }
}
