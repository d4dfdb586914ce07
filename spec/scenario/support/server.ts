import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { element, parse, Reader, type Element } from '../../../lib/xml/index.js';

/** What a server of a spec does otherwise than most. */
export interface Habits {
  /** Its answer to a stanza of a session, as XML; undefined: none. */
  readonly answer?: (stanza: Element, session: Session) => string | undefined;
  /** Does it say nothing at all to what it does not know? */
  readonly silent?: boolean;
  readonly registers?: boolean;
  /** Does it let in whoever shows a digest, which does not show the password? */
  readonly trustsDigests?: boolean;
  /** Does it keep the names of removed accounts? */
  readonly keepsNames?: boolean;
  /** Does it end the stream of who has removed his account, a moment later? */
  readonly sendsAway?: boolean;
  /** How many logins does it end at once, before it takes any? */
  readonly hiccups?: number;
  /** Sent behind a stream header with a version; else the header has none. */
  readonly features?: string;
}

export interface Session {
  readonly jid: string;
  /** How the stream ends; `awaited` once the server is about to end it. */
  readonly ending: 'open' | 'awaited';
  send(xml: string): void;
  end(): void;
}

type Speaking = { -readonly [name in keyof Session]: Session[name] };

/** A server of few words on loopback: jabber:iq:auth, accounts, pings; all else is up to the spec. */
export class ScriptedServer {
  readonly accounts = new Map<string, string>();
  /** What happened to accounts, in order: `+romeo`, `-romeo`. */
  readonly changes: string[] = [];
  /** All that logged-in clients sent, with who sent it, but for what is about their streams. */
  readonly heard: string[] = [];
  readonly sessions: Session[] = [];
  port = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private hiccups = 0;

  constructor(private readonly habits: Habits = {}) {
    this.server = createServer((socket) => this.serve(socket));
  }

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
    const session: Speaking = {
      jid: '',
      ending: 'open',
      send: (xml: string) => void socket.write(xml),
      end: () => void socket.end(),
    };
    const { features } = this.habits;
    const header = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='s1'`;
    const reader = new Reader(
      {
        onHeader: () =>
          session.send(features === undefined ? `${header}>` : `${header} version='1.0'>${features}`),
        onStanza: ({ source }) => this.take(parse(source, new Map([['', 'jabber:client']])), session),
        onClosingTag: () => {
          if (session.ending === 'awaited') this.changes.push('did not wait');
          socket.end('</stream:stream>');
        },
        onParseError: () => socket.destroy(),
      },
      { limits: { bytes: 1e6, depth: 100, attributes: 100 }, namespaces: false },
    );
    socket.on('data', (chunk: Buffer) => reader.write(chunk));
  }

  private take(stanza: Element, session: Speaking): void {
    const [query] = stanza.elements;
    if (query?.namespace === 'jabber:iq:auth') return this.logIn(stanza, query, session);
    if (query?.namespace === 'jabber:iq:register') return this.register(stanza, query, session);
    if (session.jid !== '' && query?.localName !== 'ping')
      this.heard.push(`${session.jid}: ${stanza.toString()}`);
    const said = this.habits.answer?.(stanza, session);
    if (said !== undefined) return session.send(said);
    if (stanza.name === 'iq' && !this.habits.silent) this.refuse(stanza, session, '404');
  }

  private logIn(stanza: Element, query: Element, session: Speaking): void {
    if (stanza.attribute('type') === 'get') {
      return this.reply(
        stanza,
        session,
        "<query xmlns='jabber:iq:auth'><username/><password/><resource/></query>",
      );
    }
    const user = query.childText('username') ?? '';
    const trusted = this.habits.trustsDigests === true && query.child('digest') !== undefined;
    if (!trusted && this.accounts.get(user) !== query.childText('password'))
      return this.refuse(stanza, session, '401');
    if ((this.hiccups += 1) <= (this.habits.hiccups ?? 0)) return session.end();
    session.jid = `${user}@localhost/${query.childText('resource')}`;
    this.sessions.push(session);
    this.reply(stanza, session);
  }

  private register(stanza: Element, query: Element, session: Speaking): void {
    if (!this.habits.registers) return this.refuse(stanza, session, '501');
    const form = "<query xmlns='jabber:iq:register'><instructions/><username/><password/><email/></query>";
    if (stanza.attribute('type') === 'get') return this.reply(stanza, session, form);
    const user = query.child('remove') ? session.jid.split('@')[0] : (query.childText('username') ?? '');
    if (query.child('remove')) this.accounts.delete(user);
    else if (this.accounts.has(user) || (this.habits.keepsNames && this.changes.includes(`-${user}`))) {
      return this.refuse(stanza, session, '409');
    } else this.accounts.set(user, query.childText('password') ?? '');
    this.changes.push((query.child('remove') ? '-' : '+') + user);
    this.reply(stanza, session);
    if (query.child('remove') && this.habits.sendsAway) this.sendAway(session);
  }

  private sendAway(session: Speaking): void {
    session.ending = 'awaited';
    setTimeout(() => {
      session.ending = 'open';
      session.send('</stream:stream>');
    }, 30);
  }

  private reply(stanza: Element, session: Session, content = ''): void {
    session.send(`<iq type='result' id='${stanza.attribute('id')}'>${content}</iq>`);
  }

  private refuse(stanza: Element, session: Session, code: string): void {
    const error = element('error', { code }, 'No');
    session.send(element('iq', { type: 'error', id: stanza.attribute('id') }, error).toString());
  }
}
