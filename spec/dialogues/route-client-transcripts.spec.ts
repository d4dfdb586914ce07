/**
 * What clients saw of the two socket managers that jabberd 1.4 had, and what they see of us in front of the same session
 * manager. Where we are otherwise on purpose, the tables say so and why. [spec/fixtures/transcripts/route/client-*]
 */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { SocketManager } from '../../lib/server.js';
import { parse, type Element } from '../../lib/xml/index.js';
import { Client } from '../support/client.js';
import { config } from '../support/config.js';
import { RecordedLog } from '../support/log.js';
import { expectSame } from '../support/same.js';
import { ScriptedSessionManager, type ScriptedLink } from '../support/scripted-session-manager.js';
import { stanzas } from '../support/transcript.js';

const HOME = new URL('../../../spec/fixtures/transcripts/route/', import.meta.url);

/** Recordings that are not played, and why. */
const NOT_PLAYED: Record<string, string> = {
  'pthsock-flash': 'we do not speak to the Flash player; see below',
  'pthsock-flash2': 'the same',
  'jadc2s-flash': 'the same',
  'jadc2s-flash2': 'the same',
  'pthsock-http': 'we do not hide in HTTP; see below',
  'jadc2s-http': 'the same',
  'pthsock-big': 'a note only; see back-pressure.spec and stanzas.spec',
  'jadc2s-big': 'the same',
  'pthsock-split': 'a note only; see stream.spec, which cuts at every byte',
  'jadc2s-split': 'the same, where jadc2s stalls',
  'jadc2s-idle': 'nothing happens in it; see route-quirks.spec 15 for the timeout',
};

/** A stream header of ours, as in {@link DEVIATIONS}. */
const HEADER = '<header/>';
const error = (text: string): string => `<stream:error>${text}</stream:error></stream:stream>`;
const OLD = 'an old stream is told by a text';

type Deviation = readonly [ours: string, why: string];

const EARLY: Deviation = [
  error('Not authorized: log in first'),
  'a stanza before login is no login: the client is sent away [README.SM]',
];
const REPLACED: Deviation = [error('Replaced by new connection'), 'we know that it was replaced'];
const NO_ROOT: Deviation = [HEADER + error('Invalid XML'), 'the root must be a stream'];
const UNBOUND: Deviation = [
  error('Invalid XML'),
  'a prefix that is not declared is no XML to a client that knows namespaces',
];
const CLOSED: Deviation = [error('Invalid XML'), 'a stream that was opened is closed, too'];
const MODERN =
  HEADER +
  `<stream:error><not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>` +
  `<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>Invalid XML: TEXT</text></stream:error></stream:stream>`;
const NOT_YET: Deviation = [
  MODERN,
  'what is said of a stream is said in one, and its kind is not known before a header',
];
const NOT_ACCEPTABLE = `<iq type='error'><error code='406'>Not Acceptable</error></iq>`;
const NO_ID = 'an id that we have given is taken out again';
const NO_DTD: Deviation = [
  MODERN.replace('not-well-formed', 'restricted-xml'),
  'no document types, and no entities of clients [RFC6120 11.1]',
];
const NOT_FIRST: Deviation = [MODERN.replace('not-well-formed', 'restricted-xml'), NOT_YET[1]];
const PASSED_ON: Deviation = [HEADER, 'no hosts are configured: what clients name is passed on'];
const FEATURES = `<stream:features><auth xmlns='http://jabber.org/features/iq-auth'/><register xmlns='http://jabber.org/features/iq-register'/></stream:features>`;

/** What a client gets of us instead, by the line of the recording. */
const DEVIATIONS: Record<string, Record<number, Deviation>> = {
  'pthsock-badauth': {
    9: [
      `<iq type='error'><query xmlns='jabber:iq:auth'><username>clip</username><password>no</password><resource>x</resource></query><error code='401'>Unauthorized</error></iq>`,
      NO_ID,
    ],
  },
  'pthsock-badxml': { 5: CLOSED, 13: CLOSED, 18: NOT_YET },
  'jadc2s-badxml': { 5: [error('Invalid XML'), OLD], 13: [error('Invalid XML'), OLD], 18: NOT_YET },
  'pthsock-dtd': { 3: NO_DTD },
  'jadc2s-dtd': { 3: NO_DTD },
  'pthsock-early': { 9: EARLY },
  'jadc2s-early': { 5: EARLY },
  'pthsock-headers': {
    18: NO_ROOT,
    22: NO_ROOT,
    32: [HEADER + FEATURES, 'a stream with a version is answered by one with features'],
  },
  'jadc2s-headers': {
    3: PASSED_ON,
    7: [HEADER + error('Did not specify a valid to argument'), OLD],
    11: [HEADER + error('Invalid Namespace'), OLD],
    15: [HEADER + error('Invalid Stream Namespace'), OLD],
    19: NO_ROOT,
    23: NO_ROOT,
    27: [HEADER + error('Invalid Namespace'), OLD],
    34: [HEADER + FEATURES, 'the features stand in another order'],
    37: [HEADER, 'host names do not know case'],
  },
  'pthsock-inject': { 6: EARLY },
  'jadc2s-inject': { 5: EARLY },
  'pthsock-oddauth': {
    5: [
      NOT_ACCEPTABLE,
      'no resource: refused by us, without the password, and without an id that was not given',
    ],
    7: [NOT_ACCEPTABLE, 'no user: the same'],
    9: [`<iq type='result'/>`, NO_ID],
  },
  'jadc2s-oddauth': {
    7: [
      `${NOT_ACCEPTABLE}${NOT_ACCEPTABLE}<iq type='result'/>`,
      'what has no resource, or no user, is refused, not swallowed',
    ],
  },
  'jadc2s-pipelined': {
    3: [
      `${HEADER}<iq type='result' id='au'/><iq type='result' id='ro' from='clij@localhost/pipe'><query xmlns='jabber:iq:roster'/></iq>` +
        `<message to='clij@localhost/pipe' from='clij@localhost/pipe'><body>me</body></message>`,
      'what a client pipelines is held, as pthsock_client does',
    ],
  },
  'pthsock-prefix': { 7: UNBOUND },
  'jadc2s-prefix': { 7: UNBOUND },
  'pthsock-replaced': { 11: REPLACED },
  'jadc2s-replaced': { 11: REPLACED },
  'pthsock-unknown-host': { 5: [error('Unknown host'), 'the reason is told'] },
  'jadc2s-unknown-host': { 3: PASSED_ON },
  'pthsock-whitespace': { 18: NOT_FIRST },
  'jadc2s-whitespace': { 18: NOT_FIRST },
};

interface Step {
  readonly line: number;
  readonly who: string;
  readonly way: '>' | '<' | 'new' | 'closed';
  readonly text: string;
}

/** Lines of a client's recording; a note about anything but a close begins another connection. */
function steps(name: string): Step[] {
  const found: { line: number; who: string; way: Step['way']; text: string }[] = [];
  const lines = readFileSync(new URL(`client-${name}.txt`, HOME), 'utf8')
    .trimEnd()
    .split('\n');
  for (const [at, text] of lines.entries()) {
    const line = at + 1;
    const match = /^(?:\((\d)\) )?([<>]) (.*)$/.exec(text);
    if (match) found.push({ line, who: match[1] ?? '', way: match[2] as '>', text: match[3] });
    else if (/^#.*connection closed/.test(text))
      found.push({ line, who: /\((\d)\)/.exec(text)?.[1] ?? '', way: 'closed', text });
    else if (text.startsWith('#')) found.push({ line, who: '', way: 'new', text });
    else found.at(-1)!.text += `\n${text}`;
  }
  return found;
}

const PASSWORD = 'pw';

/** A session manager with two accounts, that says what the jsm of 1.4.3 says to what clients of the recordings do. */
class Jsm {
  /** Session address by login, and the socket of each. */
  private readonly sessions = new Map<string, { socket: string; login: string }>();
  private readonly logins = new Map<string, string>();
  private memory = 0xaf78b60;

  constructor(private readonly link: ScriptedLink) {}

  /** Serves until the link is over. */
  async serve(): Promise<void> {
    for (;;) {
      const arrival = await this.link.next();
      if (arrival.kind !== 'stanza') return;
      const packet = parse(arrival.source);
      const type = packet.attribute('type');
      if (type === 'auth') this.auth(packet);
      else if (type === 'session') this.open(packet);
      else if (type === 'error') this.sessions.delete(packet.attribute('to')!);
      else this.take(packet);
    }
  }

  private auth(packet: Element): void {
    const [to, from] = [packet.attribute('to')!, packet.attribute('from')!];
    if (!/(?:^|@)localhost(?:\/|$)/.test(to)) {
      const error = `type='error' error='Unable to deliver, destination unknown'`;
      return this.link.send(`<route to='${from}' from='${to}' ${error}>${packet.elements.join('')}</route>`);
    }
    this.link.send(`<route from='${to}' to='${from}' type='auth'>${this.answer(packet.elements[0])}</route>`);
  }

  private answer(iq: Element): string {
    const query = iq.child('query')!;
    const user = query.childText('username');
    const id = iq.attribute('id') === undefined ? '' : ` id='${iq.attribute('id')}'`;
    if (query.namespace === 'jabber:iq:register') return `<iq type='result'${id}/>`;
    if (iq.attribute('type') === 'get') {
      return (
        `<iq type='result'${id}><query xmlns='jabber:iq:auth'><username>${user}</username><password/><digest/>` +
        `<sequence>499</sequence><token>TOKEN</token><resource/></query></iq>`
      );
    }
    const digest = query.child('digest');
    const sid = digest?.attribute('sid') ?? '';
    const right = digest
      ? digest.text ===
        createHash('sha1')
          .update(sid + PASSWORD)
          .digest('hex')
      : query.childText('password') === PASSWORD && user !== 'nobody';
    if (right) return `<iq type='result'${id}/>`;
    return `<iq type='error'${id}>${query.toString()}<error code='401'>Unauthorized</error></iq>`;
  }

  private open(packet: Element): void {
    const [login, socket] = [packet.attribute('to')!, packet.attribute('from')!];
    const address = `${login.slice(0, login.indexOf('/'))}/${(this.memory += 16).toString(16).toUpperCase()}`;
    const old = this.logins.get(login);
    this.link.send(`<route to='${socket}' from='${address}' type='session'/>`);
    const replaced = old === undefined ? undefined : this.sessions.get(old);
    if (replaced) {
      this.sessions.delete(old!);
      this.link.send(`<route type='error' error='Disconnected' from='${old}' to='${replaced.socket}'/>`);
    }
    this.logins.set(login, address);
    this.sessions.set(address, { socket, login });
  }

  private take(packet: Element): void {
    const address = packet.attribute('to')!;
    const session = this.sessions.get(address);
    if (!session) throw new Error(`no session ${address}`);
    const said = this.say(packet.elements[0], session.login);
    if (said) this.link.send(`<route from='${address}' to='${session.socket}'>${said}</route>`);
  }

  /** What comes back of a stanza. */
  private say(stanza: Element, login: string): string | undefined {
    const bare = login.slice(0, login.indexOf('/'));
    if (stanza.name === 'presence') return undefined;
    if (stanza.name === 'message') return stanza.set('from', login).toString();
    if (stanza.child('query')?.namespace === 'jabber:iq:roster') {
      return `<iq type='result' id='${stanza.attribute('id')}' from='${login}'>${stanza.child('query')!.toString()}</iq>`;
    }
    if (stanza.name === 'iq') {
      return stanza
        .set('type', 'error')
        .set('from', bare)
        .set('to', login)
        .append(parse(`<error code='503'>Service Unavailable</error>`))
        .toString();
    }
    return stanza.set('type', 'error').append(parse(`<error code='400'>Bad Request</error>`)).toString();
  }
}

class Play {
  private readonly clients = new Map<string, Client>();
  /** Whose stream is over: of us it was over sooner than in the recording. */
  private readonly over = new Set<string>();
  private readonly ids = new Map<Client, string>();
  private readonly deviations: Map<number, Deviation>;

  constructor(
    name: string,
    private readonly port: number,
    private readonly lines: Step[],
  ) {
    const table = Object.entries(DEVIATIONS[name] ?? {});
    this.deviations = new Map(table.map(([line, deviation]) => [Number(line), deviation]));
  }

  async run(): Promise<void> {
    for (const step of this.lines) {
      if (step.way === 'new') this.forget();
      else if (this.over.has(step.who) || step.way === 'closed') continue;
      else if (step.way === '>') await this.say(step);
      else await this.see(step);
    }
    expect([...this.deviations.keys()], 'lines of deviations that did not come up').to.deep.equal([]);
  }

  forget(): void {
    for (const client of this.clients.values()) client.socket.destroy();
    this.clients.clear();
    this.over.clear();
  }

  private async say({ who, text }: Step): Promise<void> {
    let client = this.clients.get(who);
    if (!client) this.clients.set(who, (client = await Client.connect(this.port, who)));
    const digest = createHash('sha1')
      .update(`${this.ids.get(client)}${PASSWORD}`)
      .digest('hex');
    client.send(text.replace(/<digest>.*?<\/digest>/, `<digest>${digest}</digest>`));
  }

  private async see({ line, who, text }: Step): Promise<void> {
    const client = this.clients.get(who)!;
    const [header] = /^(?:<\?xml[^>]*>)?<stream:stream[^>]*>/.exec(text) ?? [''];
    const deviation = this.deviations.get(line);
    this.deviations.delete(line);
    const ours = deviation?.[0] ?? (header && HEADER) + text.slice(header.length);
    if (ours.startsWith(HEADER)) await this.seeHeader(client, deviation ? undefined : header);
    const [content, closing] = ours.replace(HEADER, '').split('</stream:stream>');
    for (const stanza of stanzas(content)) await this.seeStanza(client, stanza);
    if (closing === undefined) return;
    await client.expectClosed();
    this.over.add(who);
  }

  private async seeHeader(client: Client, recorded: string | undefined): Promise<void> {
    const header = await client.header();
    this.ids.set(client, header.attribute('id')!);
    if (recorded === undefined) return;
    const theirs = parse(`${recorded.replace(/^<\?xml[^>]*>/, '').slice(0, -1)}/>`);
    for (const name of ['xmlns', 'xmlns:stream', 'version']) {
      expect(header.attribute(name), name).to.equal(theirs.attribute(name));
    }
  }

  private async seeStanza(client: Client, recorded: string): Promise<void> {
    const ours = (await client.source()).replace(/(?<=Invalid XML: )[^<]*/, 'TEXT');
    expectSame(mask(ours), mask(recorded));
  }
}

/** Tokens of zero-knowledge logins differ. */
function mask(text: string): string {
  return text.replace(/<token>.*?<\/token>/, '<token/>');
}

describe('recordings of the socket managers of jabberd 1.4: what clients see of us', () => {
  const names = readdirSync(HOME)
    .filter((file) => file.startsWith('client-'))
    .map((file) => file.slice('client-'.length, -'.txt'.length));
  for (const name of names.filter((file) => !(file in NOT_PLAYED))) {
    it(name, async () => {
      const sm = await ScriptedSessionManager.listen(0, '1.4');
      const options = { dialect: 'route', domains: [], limits: { loginAttempts: 100 } } as const;
      const server = new SocketManager(config(sm.port, options), new RecordedLog());
      const started = server.start();
      const link = await sm.link();
      await started;
      const jsm = new Jsm(link).serve();
      const play = new Play(name, server.addresses()[0].port, steps(name));
      try {
        await Promise.race([play.run(), jsm.then(() => Promise.reject(new Error('the link is over')))]);
      } finally {
        play.forget();
        await server.stop();
        await sm.close();
      }
    });
  }

  it('are all played, or it is said why not', () => {
    for (const table of [NOT_PLAYED, DEVIATIONS])
      for (const name of Object.keys(table)) expect(names).to.include(name);
  });

  for (const [what, said] of Object.entries({
    'the Flash player': `<?xml version='1.0'?><flash:stream to='localhost' xmlns='jabber:client' xmlns:flash='http://www.jabber.com/streams/flash'/>\0`,
    'HTTP, PUT': `PUT http://localhost:5222/ HTTP/1.0\r\nHost: localhost\r\n\r\n`,
    'HTTP, GET': `GET / HTTP/1.0\r\nHost: localhost\r\n\r\n`,
  })) {
    it(`a client that speaks ${what} is told that it is not understood, and closed`, async () => {
      const sm = await ScriptedSessionManager.listen(0, '1.4');
      const server = new SocketManager(config(sm.port, { dialect: 'route' }), new RecordedLog());
      await Promise.all([server.start(), sm.link()]);
      const client = await Client.connect(server.addresses()[0].port);
      client.send(said);
      await client.header();
      expect((await client.stanza()).name).to.equal('stream:error');
      await client.expectClosed();
      await server.stop();
      await sm.close();
    });
  }
});
