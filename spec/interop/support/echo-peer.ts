import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { element, Reader, type Element } from '../../../lib/xml/index.js';
import { within } from './running.js';

export interface Account {
  readonly username: string;
  readonly password: string;
  readonly domain: string;
}

export interface Heard {
  readonly from: string;
  readonly body: string;
}

/** The partner of the real clients: answers each message with `echo: ` and its text. */
export class EchoPeer {
  readonly heard: Heard[] = [];
  /** Resolves when its connection is over, with the stream error where there was one. */
  readonly over: Promise<string>;
  private readonly news = new EventEmitter();
  private readonly answers = new Map<string, Element>();
  private streamError = '';
  private ids = 0;

  /** Makes an account in-band; one that is there already is as good. */
  static async register(port: number, account: Account): Promise<void> {
    const peer = await EchoPeer.connect(port, account);
    const { username, password } = account;
    // 1.4 as it was shipped asks for name and email too
    const fields = Object.entries({ username, password, name: username, email: `${username}@example.org` });
    const query = fields.map(([name, value]) => element(name, {}, value));
    const answer = await peer.ask('set', element('query', { xmlns: 'jabber:iq:register' }, ...query));
    const taken = answer.child('error')?.attribute('code') === '409';
    if (answer.attribute('type') !== 'result' && !taken) throw new Error(`no account: ${answer.toString()}`);
    await peer.leave();
  }

  /** Logs in and is available. */
  static async login(port: number, account: Account, resource = 'peer'): Promise<EchoPeer> {
    const peer = await EchoPeer.connect(port, account);
    const fields = Object.entries({ username: account.username, password: account.password, resource });
    const query = fields.map(([name, value]) => element(name, {}, value));
    const answer = await peer.ask('set', element('query', { xmlns: 'jabber:iq:auth' }, ...query));
    if (answer.attribute('type') !== 'result') throw new Error(`no login: ${answer.toString()}`);
    peer.send(element('presence'));
    return peer;
  }

  private static async connect(port: number, account: Account): Promise<EchoPeer> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    const peer = new EchoPeer(socket, account);
    socket.write(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='${account.domain}' ` +
        `xmlns:stream='http://etherx.jabber.org/streams'>`,
    );
    await peer.wait('a stream header', () => peer.opened || undefined);
    return peer;
  }

  private opened = false;

  private constructor(
    private readonly socket: Socket,
    private readonly account: Account,
  ) {
    this.news.setMaxListeners(100);
    const reader = new Reader(
      {
        onHeader: () => this.tell(() => (this.opened = true)),
        onStanza: (stanza) => this.tell(() => this.take(stanza.element())),
        onClosingTag: () => socket.end(),
        onParseError: ({ text }) => socket.destroy(new Error(text)),
      },
      { limits: { bytes: 1e8, depth: 1000, attributes: 1000 }, namespaces: false },
    );
    socket.on('data', (chunk: Buffer) => reader.write(chunk));
    socket.on('error', (error) => (this.streamError ||= error.message));
    this.over = once(socket, 'close').then(
      () => this.streamError,
      () => this.streamError,
    );
    void this.over.then(() => this.news.emit('news'));
  }

  /** The message with this text, which must come from that address (or its bare form). */
  async hears(from: string, body: string): Promise<void> {
    const found = await this.wait(`"${body}" from ${from}`, () =>
      this.heard.find((one) => one.body === body),
    );
    const sender = from.includes('/') ? found.from : found.from.split('/')[0];
    if (sender.toLowerCase() !== from.toLowerCase())
      throw new Error(`"${body}" came from ${found.from}, not ${from}`);
  }

  say(to: string, body: string): void {
    this.send(element('message', { to, type: 'chat' }, element('body', {}, body)));
  }

  /** Sends a get with anything inside to somebody. @returns the answer */
  async puts(to: string, ...content: Element[]): Promise<Element> {
    const id = `put-${(this.ids += 1)}`;
    this.send(element('iq', { type: 'get', id, to }, ...content));
    return this.wait(`an answer from ${to}`, () => this.answers.get(id));
  }

  /** A message to itself comes back: everything between it and the session manager works. */
  async roundTrip(): Promise<void> {
    const body = `round trip ${(this.ids += 1)} ${Date.now()}`;
    const { username, domain } = this.account;
    this.say(`${username}@${domain}/peer`, body);
    await this.hears(`${username}@${domain}`, body);
  }

  async leave(): Promise<void> {
    this.socket.end('</stream:stream>');
    await within(this.over, () => `the end of ${this.account.username}'s connection`);
  }

  discard(): void {
    this.socket.destroy();
  }

  private send(stanza: Element): void {
    this.socket.write(stanza.toString());
  }

  private async ask(type: 'get' | 'set', query: Element): Promise<Element> {
    const id = `ask-${(this.ids += 1)}`;
    this.send(element('iq', { type, id }, query));
    return this.wait(`an answer to ${query.toString()}`, () => this.answers.get(id));
  }

  private async wait<T>(what: string, look: () => T | undefined): Promise<T> {
    const search = async (): Promise<T> => {
      for (;;) {
        const found = look();
        if (found !== undefined) return found;
        if (this.socket.closed)
          throw new Error(`${this.account.username} was closed (${this.streamError}) before ${what}`);
        await once(this.news, 'news');
      }
    };
    return within(
      search(),
      () => `${this.account.username} waits for ${what}; it heard ${JSON.stringify(this.heard)}`,
    );
  }

  private tell(change: () => void): void {
    change();
    this.news.emit('news');
  }

  private take(stanza: Element): void {
    const type = stanza.attribute('type');
    if (stanza.name === 'stream:error') this.streamError = stanza.elements[0]?.name ?? stanza.text;
    else if (stanza.name === 'message' && type !== 'error') this.message(stanza);
    else if (stanza.name === 'iq' && type === 'get') this.refuse(stanza);
    else if (stanza.name === 'iq') this.answers.set(stanza.attribute('id') ?? '', stanza);
  }

  private message(message: Element): void {
    const body = message.childText('body');
    const from = message.attribute('from') ?? '';
    if (body === undefined) return;
    this.heard.push({ from, body });
    const own = from.split('/')[0].toLowerCase() === `${this.account.username}@${this.account.domain}`;
    if (!own) this.say(from, `echo: ${body}`);
  }

  /** Real clients ask a partner for its version, its features and more, and some wait for the answer. */
  private refuse(question: Element): void {
    const error = element('error', { code: '501' }, 'Not Implemented');
    this.send(
      element('iq', { type: 'error', id: question.attribute('id'), to: question.attribute('from') }, error),
    );
  }
}
