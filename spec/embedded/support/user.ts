import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Program } from '../../cli/program.js';

/** A client of the real program: text out, text in. */
export class User {
  heard = '';
  private constructor(readonly socket: Socket) {
    socket.setEncoding('utf8').on('data', (text: string) => (this.heard += text));
    socket.on('error', () => undefined);
  }

  static async connect(program: Program): Promise<User> {
    const [, port] = await program.says(/connect to 127\.0\.0\.1:(\d+)/);
    const client = new User(connect(Number(port), '127.0.0.1'));
    const header = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost'>`;
    await client.say(header, /<stream:stream[^>]*>/);
    return client;
  }

  /** Sends, and waits for the answer that says it was taken. */
  async say(text: string, answer: RegExp): Promise<void> {
    this.heard = '';
    this.socket.write(text);
    await this.hears(answer);
  }

  /** Waits until it is among what was heard since the last thing that was said. */
  async hears(text: RegExp): Promise<void> {
    while (!text.test(this.heard)) await once(this.socket, 'data');
  }

  /** Sends an iq, and gives its answer. */
  async ask(iq: string): Promise<string> {
    const [, id] = /id='([^']*)'/.exec(iq)!;
    const answer = new RegExp(`<iq [^>]*id='${id}'(?:[^>]*/>|[^]*?</iq>)`);
    await this.say(iq, answer);
    return answer.exec(this.heard)![0];
  }

  /** Logs in with the password of everybody, and waits until the session is there. */
  async login(name: string): Promise<void> {
    await this.say(login(name), result('in'));
  }
}

export const set = (id: string, payload: string): string => `<iq type='set' id='${id}'>${payload}</iq>`;
export const query = (namespace: string, content: string): string =>
  `<query xmlns='${namespace}'>${content}</query>`;
export const result = (id: string): RegExp =>
  new RegExp(`<iq [^>]*type='result'[^>]*id='${id}'|<iq [^>]*id='${id}'[^>]*type='result'`);
export const register = (user: string): string =>
  set('reg', query('jabber:iq:register', `<username>${user}</username><password>pass</password>`));
export const login = (user: string): string =>
  set(
    'in',
    query('jabber:iq:auth', `<username>${user}</username><password>pass</password><resource>r</resource>`),
  );
/** The answer to it says that all before it was taken. */
export const PING = `<iq type='get' id='ping' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`;
