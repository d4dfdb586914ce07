/**
 * What real jabberds of 1.4.3, 1.4.4 and 1.6.1.1 said, said to us. Where our side is asked to do what we do on purpose in another
 * way, the tables say so and why. [spec/fixtures/transcripts/route]
 */
import { expect } from 'chai';
import { readdirSync } from 'node:fs';
import { SocketManager } from '../../lib/server.js';
import { parse, type Element } from '../../lib/xml/index.js';
import { routeTranscript, type Line } from '../embedded/support/transcript.js';
import { Client } from '../support/client.js';
import { Clock } from '../support/clock.js';
import { config } from '../support/config.js';
import { RecordedLog } from '../support/log.js';
import { routeError, sessionRoute } from '../support/route-story.js';
import { expectSame } from '../support/same.js';
import { ScriptedSessionManager, type ScriptedLink } from '../support/scripted-session-manager.js';

const HOME = new URL('../../../spec/fixtures/transcripts/route/', import.meta.url);

/**
 * Recordings of what we never do, and why. Here and in the other tables a recording has its name, and where it is
 * otherwise in one generation, the folder of that before it.
 */
const NOT_OURS: Record<string, string> = {
  '02b-handshake-upper': 'we write the digest in lower case',
  '03-bad-namespace': 'we send a right header; see route-link.spec',
  '04-no-handshake': 'we send nothing before the handshake is answered',
  '04b-other-to': 'we send our name',
  '11-session-start-odd': 'we ask for no session without a login; see route-login.spec',
  '14b-replaced-same-id': 'a socket address is never used again; see route-quirks.spec 2',
  '1.6.1.1/03b-bad-stream-namespace': 'we send a right header; see route-link.spec',
  '1.6.1.1/12b-unbound-prefix': 'prefixes of clients must be declared; see hostile-clients.spec',
  '1.6.1.1/30-session-control': 'a protocol that we do not speak; see admission.spec for what it says to us',
  '1.6.1.1/31-session-control-in-a-client-route':
    'no client may say it; see admission.spec, which tries all of it',
  '24-bad-xml': 'we send no malformed XML; see route-link.spec',
  '25-routing': 'we send to no other addresses than those we were told; see route-ending.spec',
};

/** Where there are several connections: the one that is like ours. */
const OURS: Record<string, string> = { '02c-bad-secret-kicks-out-good': 'good', '23-override': '1' };

/** A line that we do not say, by a part of it, and why; `heard` where what is answered to it comes all the same. */
interface Unsaid {
  readonly part: string;
  readonly why: string;
  readonly heard?: true;
}

const NOT_SAID: Record<string, Unsaid[]> = {
  '02-handshake-bad-secret': [{ part: `type='auth'`, why: 'after an error the stream is over' }],
  '06-auth-get': [
    { part: `to='ann@localhost/x'`, why: 'a get is for a user, not for a session' },
    { part: 'nowhere.invalid', why: 'another host is for clients that ask for it; see route-login.spec' },
  ],
  '08-auth-digest': [{ part: '<digest>', why: 'the id of the stream goes with every digest' }],
  '10-auth-bad': [
    { part: `to='ann@localhost' `, why: 'no resource: refused by us' },
    { part: '<password/>', why: 'an empty password: refused by us' },
    { part: '<username>ann</username><resource>', why: 'nothing to prove it with: refused by us' },
    { part: `auth'><password>`, why: 'no user: refused by us' },
    { part: 'jabber:iq:roster', why: 'no login: the client is sent away' },
    { part: '<message', why: 'no login: the client is sent away' },
    { part: `type='auth'/>`, why: 'we send no empty routes' },
  ],
  '12-messages': [
    { part: '<bogus/>', why: 'no stanza: refused by us; see admission.spec' },
    { part: '</message><message', why: 'each stanza has its route', heard: true },
    { part: '>\n  <message', why: 'white space between stanzas is not passed on', heard: true },
    { part: '> \n<message', why: 'white space between stanzas is not passed on', heard: true },
    ...['><route ', '><xdb ', 'jabber:server', 'urn:other'].map((part) => ({
      part,
      why: 'no stanza of a client: refused by us; see admission.spec',
    })),
    { part: '<!--', why: 'comments of clients are refused', heard: true },
    { part: `type='whatever'`, why: 'we know what our routes are', heard: true },
  ],
  '14-replaced': [
    { part: `id='ro1'`, why: 'the old client has been told, and is gone' },
    { part: `type='error'`, why: 'an end is not answered by another' },
  ],
  '1.6.1.1/02c-bad-secret-and-good': [{ part: `id='e'`, why: 'we say nothing in our own name', heard: true }],
  '1.6.1.1/14-replaced': [{ part: `from='14@two-sockets/C1'`, why: 'a socket address is never used again' }],
  '1.6.1.1/17-boot-user': [
    { part: `to='ann@localhost' `, why: 'we end one session, never a user', heard: true },
  ],
  '1.6.1.1/18-unregister': [{ part: `type='auth'`, why: 'this client has a session' }],
  '1.6.1.1/20-unwrapped': [
    { part: '<message ', why: 'we say nothing in our own name', heard: true },
    { part: `id='p5'`, why: 'the same', heard: true },
  ],
  '1.6.1.1/28-reopen-after-restart': [
    { part: '<route ', why: 'the client has been told that its session is over, and is gone' },
  ],
  '16-dead-session': [
    ...[`id='d1'`, `id='d2'`, 'DEADBEEF', `'/>`].map((part) => ({ part, why: 'nobody is there to say it' })),
  ],
  '17-boot-user': [
    { part: `from='14@foo-sockets/C1'`, why: 'we end one session, never a user', heard: true },
  ],
  '20-unwrapped': [{ part: '<message ', why: 'we say nothing in our own name', heard: true }],
  '26-bytes': [
    { part: '<!--', why: 'comments of clients are refused', heard: true },
    { part: '<u:x>', why: 'prefixes of clients must be declared', heard: true },
  ],
};

/** Where the lines of {@link NOT_SAID} begin to count. */
const FROM: Record<string, string> = {
  '14-replaced': 'a packet for the old session address',
  '16-dead-session': 'message to the dead session',
  '20-unwrapped': 'the component sends plain packets itself',
  '1.6.1.1/14-replaced': 'the same connection id again',
  '1.6.1.1/18-unregister': 'register the removed name again',
  '1.6.1.1/20-unwrapped': 'from the component, plain',
  '1.6.1.1/28-reopen-after-restart': 'an iq, an error, an empty route',
};

/** Recordings that go on where another one ends. */
const GOES_ON: Record<string, string> = { '1.6.1.1/22-away-long': '21-away-short' };

/** How a client is told of what the session manager says. */
const CONDITIONS: Record<string, string> = {
  Disconnected: 'undefined-condition',
  'Invalid Session': 'reset',
};

class Play {
  readonly log = new RecordedLog();
  private readonly clock = new Clock();
  private readonly clients = new Map<string, Client>();
  private readonly gone = new Set<Client>();
  /** What we are called in the recording. */
  private readonly component: string;
  /** Addresses of sessions that were opened. */
  private readonly sessions = new Set<string>();
  /** What each client is waiting for while its session is opened. */
  private readonly results = new Map<Client, string>();
  /** Was the last request an auth get? Its error we answer by a form. */
  private askedForm = false;
  /** An id that we gave to a set without one. */
  private given: string | undefined;
  private unsaid: Unsaid[] = [];
  private skipping = false;
  private lost = false;
  private server!: SocketManager;
  private link: ScriptedLink | undefined;
  private started!: Promise<void>;

  private constructor(
    /** With the folder before it; see {@link of}. */
    private readonly file: string,
    private readonly lines: Line[],
    private readonly sm: ScriptedSessionManager,
  ) {
    this.component = file.startsWith('1.6.1.1/') ? 'two-sockets' : 'foo-sockets';
    if (of(FROM, file) === undefined) this.unsaid = of(NOT_SAID, file) ?? [];
  }

  static async begin(folder: string, name: string): Promise<Play> {
    const file = folder + name;
    const play = new Play(file, linesOf(folder, name), await ScriptedSessionManager.listen(0, '1.4'));
    play.sm.automatic = false;
    play.server = new SocketManager(
      config(play.sm.port, { dialect: 'route', name: play.component, limits: { loginAttempts: 100 } }),
      play.log,
    );
    play.started = play.server.start();
    play.started.catch(() => undefined);
    return play;
  }

  async end(): Promise<void> {
    this.clock.uninstall();
    for (const client of this.clients.values()) client.socket.destroy();
    await this.sm.close();
    await this.server.stop();
  }

  async run(): Promise<void> {
    for (let line = this.lines.shift(); line; line = this.lines.shift()) {
      if (line.way === '#') {
        const from = of(FROM, this.file);
        if (from !== undefined && line.text.startsWith(from)) this.unsaid = of(NOT_SAID, this.file)!;
      } else if (line.way === '>') for (const text of said(line.text)) await this.say(text);
      else await this.hear(line.text);
    }
  }

  private async say(text: string): Promise<void> {
    if (text.startsWith('<stream:stream')) return this.connect();
    if (text.startsWith('<handshake')) return this.shakeHands(text);
    if (text === '</stream:stream>') {
      await this.started;
      void this.server.stop();
      this.lost = true;
      return this.link!.expectClosingTag();
    }
    const reason = this.unsaid.find(({ part }) => text.includes(part));
    this.skipping = reason !== undefined && !reason.heard;
    if (reason) return;
    const packet = parse(text);
    switch (packet.attribute('type')) {
      case 'auth':
        return this.ask(packet);
      case 'session':
        return this.start(packet);
      case 'error':
        return this.leave(packet);
      default:
        return this.speak(packet);
    }
  }

  private async hear(text: string): Promise<void> {
    const { link } = this;
    if (text.startsWith('<?xml') || text.startsWith('<handshake')) return link!.send(text);
    if (text.startsWith('<stream:error>')) {
      link!.send(text);
      expect((await this.log.line(/^(?:no|lost) link/)).message).to.contain(parse(text).text || 'says');
      this.lost = true;
      return;
    }
    if (text.startsWith('# closed')) return this.loseLink();
    if (this.skipping) return;
    if (!text.startsWith('<route')) return this.hearPlain(text);
    const packet = parse(text);
    const client = this.clients.get(packet.attribute('to')!)!;
    if (await this.isLate(text, packet, client)) return;
    link!.send(this.asTheirs(text));
    if (this.gone.has(client) || this.isOfEarlier(packet)) return;
    await this.expectAt(client, packet, text);
  }

  /** The end of a session that was there before the recording: its client is not ours. */
  private isOfEarlier(packet: Element): boolean {
    const session = packet.attribute('from')!;
    if (packet.attribute('type') === 'session') this.sessions.add(session);
    return packet.attribute('error') === 'Disconnected' && !this.sessions.has(session);
  }

  /** Something for the name of the component: nobody is there. */
  private async hearPlain(text: string): Promise<void> {
    this.link!.send(text);
    const packet = parse(text);
    if (packet.name !== 'iq') return;
    const refusal = await this.link!.packet();
    expect(refusal.attribute('type')).to.equal('error');
    expect(refusal.attribute('id')).to.equal(packet.attribute('id'));
    expect(refusal.attribute('to')).to.equal(packet.attribute('from'));
  }

  /** What a client sees of a route. */
  private async expectAt(client: Client, packet: Element, text: string): Promise<void> {
    const content = text.slice(text.indexOf('>') + 1, text.lastIndexOf('</')).trim();
    switch (packet.attribute('type')) {
      case 'error':
        return this.expectEnd(client, packet.attribute('error')!);
      case 'session':
        await client.expect(this.results.get(client)!);
        return void this.results.delete(client);
      case 'auth':
        return this.expectAnswer(client, packet, content);
      default:
        if (packet.elements.length === 1) return client.expectSource(content);
        return client.expect(packet.elements[0].toString());
    }
  }

  private async expectEnd(client: Client, reason: string): Promise<void> {
    this.gone.add(client);
    await client.expectError(this.file.endsWith('14-replaced') ? 'conflict' : CONDITIONS[reason]);
  }

  private async expectAnswer(client: Client, packet: Element, content: string): Promise<void> {
    const iq = packet.elements[0];
    const failed = iq.attribute('type') === 'error';
    const isSet = packet.attribute('from')!.includes('/');
    if (isSet && !failed) return this.expectSessionRequest(client, packet, content);
    if (!failed || !this.askedForm) return client.expectSource(content);
    const form = await client.stanza();
    expect(form.attribute('type'), 'the form comes from us').to.equal('result');
    expect(form.attribute('id')).to.equal(iq.attribute('id'));
  }

  /** A recording may log in without a session to follow; we ask for one. */
  private async expectSessionRequest(client: Client, packet: Element, content: string): Promise<void> {
    this.results.set(client, content);
    const next = this.lines.find(({ way }) => way !== '#');
    if (next?.text.includes(`type='session'`)) return;
    await this.link!.expect(sessionRoute(packet.attribute('from')!, client.address));
    this.gone.add(client);
    this.clients.delete(packet.attribute('to')!);
    await client.drop();
    await this.log.line(/^client gone/);
    this.link!.send(routeError(client.address, packet.attribute('from')!, 'Session Failed'));
  }

  /** A packet that comes when its client has just gone: what is said next gives it back. */
  private async isLate(text: string, packet: Element, client: Client): Promise<boolean> {
    const next = this.lines.find(({ way }) => way === '>');
    const [content] = packet.elements;
    if (!next?.text.includes(`type='error'`) || !content || this.gone.has(client)) return false;
    const returned = said(next.text).flatMap((route) => parse(route).elements.map(String));
    if (!returned.includes(content.toString())) return false;
    await this.drop(client, packet.attribute('from')!);
    this.link!.send(this.asTheirs(text));
    return true;
  }

  private async connect(): Promise<void> {
    if (this.link) {
      await this.loseLink();
      this.clock.advance(700);
      this.lost = false;
    }
    this.link = await this.sm.link();
    const opening = await this.link.header();
    expect(opening.attribute('xmlns')).to.equal('jabber:component:accept');
    expect(opening.attribute('to')).to.equal(this.component);
  }

  private async loseLink(): Promise<void> {
    if (this.lost) return;
    this.lost = true;
    this.clock.install();
    await this.link!.drop();
    await this.log.line(/^lost link/);
  }

  private async shakeHands(text: string): Promise<void> {
    const handshake = await this.link!.source();
    // the secret was another one there
    if (this.file.endsWith('02-handshake-bad-secret')) return;
    if (text.includes('(40 hex digits)'))
      expect(handshake).to.match(/^<handshake>[0-9a-f]{40}<\/handshake>$/);
    else expect(handshake).to.equal(text);
  }

  /** A login request: a client of ours makes it. */
  private async ask(packet: Element): Promise<void> {
    const client = await this.client(packet.attribute('from')!);
    const iq = packet.elements[0];
    client.send(iq.toString());
    const sent = await this.link!.packet();
    client.address = sent.attribute('from')!;
    const expected = packet.clone().set('from', client.address);
    this.giveWhatWeGive(expected.elements[0], sent.elements[0]);
    expectSame(sent.toString(), expected.toString());
    this.askedForm = iq.attribute('type') === 'get' && iq.child('query')?.namespace === 'jabber:iq:auth';
  }

  /** The id of our stream goes with a digest; a set without an id is given one. */
  private giveWhatWeGive(expected: Element, sent: Element): void {
    const sid = sent.child('query')?.child('digest')?.attribute('sid');
    expected.child('query')?.child('digest')?.set('sid', sid);
    if (expected.attribute('id') !== undefined || expected.attribute('type') !== 'set') return;
    this.given = sent.attribute('id');
    expected.set('id', this.given);
  }

  /** We ask for a session when a login was accepted; one recording does so when it was refused. */
  private async start(packet: Element): Promise<void> {
    const client = this.clients.get(packet.attribute('from')!)!;
    this.skipping = !this.results.has(client);
    if (!this.skipping) await this.expectPacket(packet, client);
  }

  private async speak(packet: Element): Promise<void> {
    const client = this.clients.get(packet.attribute('from')!)!;
    client.send(packet.elements.map(String).join(''));
    await this.expectPacket(packet, client);
  }

  private async leave(packet: Element): Promise<void> {
    const client = this.clients.get(packet.attribute('from')!)!;
    const session = packet.attribute('to')!;
    const [returned] = packet.elements;
    if (!this.gone.has(client)) {
      await this.drop(client, session);
      if (!returned) return;
      // nothing in the recording says that it was sent
      this.link!.send(
        packet.clone().set('to', client.address).set('from', session).set('type', undefined).toString(),
      );
    }
    if (returned) await this.expectPacket(packet, client);
  }

  private async drop(client: Client, session: string): Promise<void> {
    await client.drop();
    this.gone.add(client);
    await this.link!.expect(`<route type='error' to='${session}' from='${client.address}'/>`);
  }

  private async expectPacket(packet: Element, client: Client): Promise<void> {
    await this.link!.expect(packet.clone().set('from', client.address).toString());
  }

  /** The client behind a recorded address; another one when that has gone. */
  private async client(recorded: string): Promise<Client> {
    const known = this.clients.get(recorded);
    if (known && !this.gone.has(known)) return known;
    await this.started;
    const client = await Client.connect(this.server.addresses()[0].port, recorded);
    await client.open();
    this.clients.set(recorded, client);
    return client;
  }

  /** With our socket addresses instead of the recorded ones. */
  private asTheirs(text: string): string {
    let ours = text;
    for (const [recorded, client] of this.clients) ours = ours.replaceAll(recorded, client.address);
    return ours;
  }
}

/** What a table says of a recording: of this generation, or of all of them. */
function of<T>(table: Record<string, T>, file: string): T | undefined {
  return table[file] ?? table[file.slice(file.indexOf('/') + 1)];
}

/** The recording, behind the one that it goes on from; of the second one, not the beginning of the link. */
function linesOf(folder: string, name: string): Line[] {
  const ours = OURS[name] ?? '';
  const lines = routeTranscript(`${folder}${name}.txt`).filter(({ who, way }) => way === '#' || who === ours);
  const before = GOES_ON[folder + name];
  if (before === undefined) return lines;
  const begin = lines.findIndex(({ text }) => text === '<handshake/>') + 1;
  return [...linesOf(folder, before), ...lines.slice(begin)];
}

/** What was said in one write may be several packets. */
function said(text: string): string[] {
  return text.startsWith('<route ') ? text.split(/(?<=<\/route>)(?=<route )/) : [text];
}

describe('recordings of jabberd 1.4 and 1.6, with us as the socket manager', () => {
  const numbered = (folder: URL): string[] =>
    readdirSync(folder)
      .filter((file) => /^\d.*\.txt$/.test(file))
      .map((file) => file.replace('.txt', ''));

  for (const [generation, folder, names] of [
    ['1.4.3', '', numbered(HOME)],
    ['1.4.4', '1.4.4/', numbered(new URL('1.4.4/', HOME))],
    ['1.6.1.1', '1.6.1.1/', numbered(new URL('1.6.1.1/', HOME))],
  ] as const) {
    for (const name of names.filter((file) => of(NOT_OURS, folder + file) === undefined)) {
      it(`${name}, of ${generation}`, async () => {
        const play = await Play.begin(folder, name);
        try {
          await play.run();
        } finally {
          await play.end();
        }
      });
    }
  }

  it('are all played, or it is said why not', () => {
    const names = [
      ...numbered(HOME),
      ...numbered(new URL('1.6.1.1/', HOME)).map((name) => `1.6.1.1/${name}`),
    ];
    for (const tables of [NOT_OURS, OURS, NOT_SAID, FROM, GOES_ON])
      for (const name of Object.keys(tables)) expect(names).to.include(name);
  });
});
