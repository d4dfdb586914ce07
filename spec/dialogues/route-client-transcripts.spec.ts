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
import { soon } from '../support/queue.js';
import { expectSame } from '../support/same.js';
import { ScriptedSessionManager, type ScriptedLink } from '../support/scripted-session-manager.js';
import { stanzas } from '../support/transcript.js';
import { print } from '../support/wire.js';

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

/** What a client gets of us instead; null: nothing comes. In order; `ends` where the stream is over then. */
interface Deviation {
  readonly recorded: string | RegExp;
  readonly ours: string | null;
  readonly why: string;
  readonly ends?: true;
}

const ERROR = (text: string): string => `<stream:error>${text}</stream:error></stream:stream>`;

/** No error of a login echoes what was sent: passwords do not come back. Not so of the session manager's own answers. */
const COMMON: Deviation[] = [
  {
    recorded: /^<stream:error><conflict/,
    ours: ERROR('Replaced by new connection'),
    why: 'an old stream is told by a text, and we know that it was replaced',
    ends: true,
  },
  {
    recorded: '<stream:error>Disconnected</stream:error></stream:stream>',
    ours: ERROR('Replaced by new connection'),
    why: 'we know that it was replaced',
    ends: true,
  },
  {
    recorded: /^<stream:error>Invalid XML<\/stream:error>$/,
    ours: ERROR('Invalid XML'),
    why: 'a stream that was opened is closed, too',
    ends: true,
  },
  {
    recorded: /^<stream:error><invalid-xml/,
    ours: ERROR('Invalid XML'),
    why: 'an old stream is told by a text',
    ends: true,
  },
];

const EARLY: Deviation = {
  recorded: /./,
  ours: ERROR('Not authorized: log in first'),
  why: 'a stanza before login is no login: the client is sent away [README.SM]',
  ends: true,
};
const NO_DTD: Deviation = {
  recorded: /./,
  ours: ERROR('Invalid XML'),
  why: 'no document types, no entities of the client [RFC6120 11.1]',
  ends: true,
};
const HEADER_REFUSED = (text: string, why = 'an old stream is told by a text'): Deviation => ({
  recorded: /<stream:error>/,
  ours: ERROR(text),
  why,
  ends: true,
});
const UNBOUND: Deviation = {
  recorded: /^<message.*<bar:b\/>/,
  ours: ERROR('Invalid XML'),
  why: 'an unbound prefix is no namespaced XML: it would cost others their streams',
  ends: true,
};
const UNKNOWN_NAMES: Deviation = {
  recorded: /^<stream:x/,
  ours: ERROR('Unknown element'),
  why: 'elements with prefixes are no stanzas',
  ends: true,
};
const REFUSED_BY_US = `<iq type='error' id='ID'><error code='406'>Not Acceptable</error></iq>`;

const DEVIATIONS: Record<string, Deviation[]> = {
  'pthsock-early': [EARLY],
  'jadc2s-early': [EARLY],
  'pthsock-inject': [EARLY],
  'jadc2s-inject': [EARLY],
  'pthsock-dtd': [NO_DTD],
  'jadc2s-dtd': [NO_DTD],
  'pthsock-prefix': [UNBOUND, UNKNOWN_NAMES],
  'jadc2s-prefix': [UNBOUND, UNKNOWN_NAMES],
  'jadc2s-login': [],
  'jadc2s-pipelined': [
    {
      recorded: /./,
      ours:
        `<iq type='result' id='au'/><iq type='result' id='ro' from='clij@localhost/pipe'><query xmlns='jabber:iq:roster'/></iq>` +
        `<message to='clij@localhost/pipe' from='clij@localhost/pipe'><body>me</body></message>`,
      why: 'what a client pipelines is held, as pthsock_client does',
    },
  ],
  'pthsock-oddauth': [
    {
      recorded: /Not Acceptable/,
      ours: REFUSED_BY_US.replace(` id='ID'`, ''),
      why: 'no resource: refused by us, without a password in it, nor an id that the client did not give',
    },
    {
      recorded: /Not Acceptable/,
      ours: REFUSED_BY_US.replace(` id='ID'`, ''),
      why: 'no user: the same',
    },
    {
      recorded: `<iq type='result' id='pthsock_client_auth_ID'/>`,
      ours: `<iq type='result'/>`,
      why: 'an id that we have given is taken out again',
    },
  ],
  'pthsock-badauth': [
    {
      recorded: /pthsock_client_auth_ID/,
      ours: `<iq type='error'><query xmlns='jabber:iq:auth'><username>clip</username><password>no</password><resource>x</resource></query><error code='401'>Unauthorized</error></iq>`,
      why: 'an id that we have given is taken out again',
    },
  ],
  'pthsock-headers': [
    HEADER_REFUSED('Did not specify a valid to argument'),
    HEADER_REFUSED('Invalid Namespace'),
    HEADER_REFUSED('Invalid Stream Namespace'),
    HEADER_REFUSED('Invalid XML', 'the root must be a stream'),
    {
      recorded: /^<\?xml/,
      ours: ERROR('Invalid XML'),
      why: 'the root must be a stream',
      ends: true,
    },
    HEADER_REFUSED('Invalid Namespace'),
  ],
  'jadc2s-headers': [],
};

/** Headers that are answered otherwise: by number of the connection in the recording. */
interface Step {
  readonly who: string;
  readonly way: '>' | '<' | 'new';
  readonly text: string;
}

/** Lines of a client's recording; a note without a text, or about what comes next, begins another connection. */
function steps(name: string): Step[] {
  const found: { who: string; way: Step['way']; text: string }[] = [];
  for (const line of readFileSync(new URL(`client-${name}.txt`, HOME), 'utf8').trimEnd().split('\n').slice(1)) {
    const match = /^(?:\((\d)\) )?([<>]) ?(.*)$/.exec(line);
    if (match) found.push({ who: match[1] ?? '', way: match[2] as '>', text: match[3] });
    else if (/^#(?: after login| garbage| leading newline.*)?/.test(line) && !/connection closed/.test(line)) {
      found.push({ who: '', way: 'new', text: '' });
    } else if (!line.startsWith('#')) found.at(-1)!.text += `\n${line}`;
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
      ? digest.text === createHash('sha1').update(sid + PASSWORD).digest('hex')
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
  private readonly over = new Set<string>();
  private readonly ids = new Map<Client, string>();
  private readonly deviations: Deviation[];
  /** Which stream of the recording has which id: its digest is made with it. */
  private recordedId = '';

  constructor(
    name: string,
    private readonly port: number,
    private readonly lines: Step[],
  ) {
    this.deviations = [...(DEVIATIONS[name] ?? [])];
  }

  async run(): Promise<void> {
    for (const [at, { who, way, text }] of this.lines.entries()) {
      if (way === 'new') this.forget();
      else if (this.over.has(who)) continue;
      else if (way === '>') await this.say(who, text);
      else await this.see(who, text, this.lines[at + 1]);
    }
    expect(this.deviations, 'deviations that did not come up').to.deep.equal([]);
    this.forget();
  }

  private forget(): void {
    for (const client of this.clients.values()) client.socket.destroy();
    this.clients.clear();
    this.over.clear();
  }

  private async say(who: string, text: string): Promise<void> {
    let client = this.clients.get(who);
    if (!client) this.clients.set(who, (client = await Client.connect(this.port, who)));
    const id = this.ids.get(client) ?? '';
    const digest = createHash('sha1').update(id + PASSWORD).digest('hex');
    client.send(text.replace(/<digest>.*?<\/digest>/, `<digest>${digest}</digest>`));
  }

  private async see(who: string, recorded: string, next: Step | undefined): Promise<void> {
    const client = this.clients.get(who)!;
    const header = /^(?:<\?xml[^>]*>)?<stream:stream[^>]*>/.exec(recorded)?.[0] ?? '';
    const rest = recorded.slice(header.length);
    const early = this.deviations[0];
    if (header) await this.seeHeader(client, header, rest);
    if (rest === '' && !(header && early?.ends && early.recorded instanceof RegExp && /xml/.test(early.recorded.source)))
      return this.seeEnd(who, next);
    await this.seeRest(who, client, rest || recorded);
    void this.recordedId;
  }

  private async seeHeader(client: Client, recorded: string, rest: string): Promise<void> {
    const { attribute: ours } = bound(await client.header());
    const theirs = parse(`${recorded.replace(/^<\?xml[^>]*>/, '').replace(/\/?>$/, '')}/>`);
    this.ids.set(client, ours('id')!);
    expect(ours('xmlns')).to.equal('jabber:client');
    expect(ours('id')).to.match(/^[0-9a-f]{16,}$/);
    if (rest === '' && theirs.attribute('version') === undefined && ours('version') === undefined) {
      expect(ours('from')).to.equal(theirs.attribute('from'));
    }
  }

  private async seeRest(who: string, client: Client, recorded: string): Promise<void> {
    const deviation = this.deviate(recorded);
    const text = deviation ? deviation.ours : recorded;
    if (text === null) return;
    for (const stanza of stanzas(text)) {
      const arrival = await client.next();
      expectSame(mask(print(arrival)), mask(stanza));
    }
    if (!text.endsWith('</stream:stream>')) return;
    await client.expectClosed();
    this.over.add(who);
  }

  private deviate(recorded: string): Deviation | undefined {
    const [own] = this.deviations;
    const fits = ({ recorded: expected }: Deviation): boolean =>
      typeof expected === 'string' ? expected === recorded : expected.test(recorded);
    if (own && fits(own)) return this.deviations.shift();
    return COMMON.find(fits);
  }

  private async seeEnd(who: string, next: Step | undefined): Promise<void> {
    void who;
    void next;
  }
}

function bound(header: { attribute(name: string): string | undefined }): {
  attribute: (name: string) => string | undefined;
} {
  return { attribute: (name) => header.attribute(name) };
}

/** Tokens of 0k logins, and versions, differ. */
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
      try {
        const play = new Play(name, server.addresses()[0].port, steps(name));
        await Promise.race([play.run(), jsm.then(() => Promise.reject(new Error('the link is over')))]);
      } finally {
        await server.stop();
        await soon(jsm, 'the end of the session manager');
        await sm.close();
      }
    });
  }

  it('are all played, or it is said why not', () => {
    for (const table of [NOT_PLAYED, DEVIATIONS])
      for (const name of Object.keys(table)) expect(names).to.include(name);
  });
});
