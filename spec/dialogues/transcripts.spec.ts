/**
 * What a real jabberd 1.1.2 said, said to us. Where our side is asked to do what we do on purpose in another way, the
 * tables say so and why. [spec/fixtures/transcripts/sto-sfrom]
 */
import { expect } from 'chai';
import { readdirSync } from 'node:fs';
import { SocketManager } from '../../lib/server.js';
import { parse, type Element } from '../../lib/xml/index.js';
import { Client, header } from '../support/client.js';
import { Clock } from '../support/clock.js';
import { config } from '../support/config.js';
import { RecordedLog } from '../support/log.js';
import { expectSame } from '../support/same.js';
import { ScriptedSessionManager, type ScriptedLink } from '../support/scripted-session-manager.js';
import { stanzas, transcript, type Line } from '../support/transcript.js';

const STO_SFROM = new URL('../../../spec/fixtures/transcripts/sto-sfrom/', import.meta.url);

/** Recordings of what we never do, and why. */
const NOT_OURS: Record<string, string> = {
  'bounce-jabberd':
    'hosts that jabberd does not serve: our session addresses come from the session manager itself',
  'component-bad-xml': 'we send no malformed XML',
  'component-big': 'a note only; see stanzas.spec',
  'component-close': 'jabberd says nothing to our closing tag',
  'component-twice': 'we have one connection',
  'component-twice-2': 'we have one connection',
  'component-whitespace': 'how jabberd writes again what it reads; see stanzas.spec',
  'handshake-cleartext': 'we send the digest',
  'handshake-missing': 'we send nothing before the handshake',
  'handshake-plain-root': 'we send a right header',
  'handshake-timeout': 'we answer at once; see link.spec',
  'intree-replaced': 'the in-tree client answers the 510, and throws both clients out; see replacement.spec',
  'intree-no-to': 'the in-tree client asks nobody for a client that names no host; we say so to the client',
};

/** Lines that we do not say (and what is answered to them), by a part of them. */
const NOT_SAID: Record<string, Record<string, string>> = {
  'auth-get': { "id='a4'": 'no auth or register: the client is sent away' },
  'auth-bad-password': {
    "id='auth4'": 'nothing to prove it with: we refuse it ourselves',
    "id='auth6'": 'no resource: we refuse it ourselves',
  },
  'bounce-other-resource': { "id='m2'": 'we always write a type' },
  'bounce-race': { "id='m3'": 'what we write for m2' },
  message: { '<foo ': 'no stanza: we refuse it ourselves; see admission.spec' },
  'error-510-forms': {
    "id='alive'": 'the session has just ended',
    "sfrom='other@elsewhere'": 'we always say who speaks',
  },
};

/** Where a recording goes on to what we never do. */
const UNTIL: Record<string, string> = {
  'bounce-auth-result': 'gone:',
  'client-closed': 'a second 510',
  replaced: 'a packet that comes from the OLD socket',
};

/** Where a recording begins to be about us. */
const FROM: Record<string, [from: string, until: string]> = {
  'session-id-forms': ['from/to set by the client', 'auth type=get with a password'],
};

/** Packets that the session manager sent before it heard of the end of the session: they come when that has been sent. */
const LATE = new Set(['bounce-race', 'bounce-other-resource', 'bounce-replaced', 'bounce-auth-result']);

class Play {
  private readonly clients = new Map<string, Client>();
  private readonly gone = new Set<Client>();
  private readonly domains = new Map<Client, string>();
  private readonly gets = new Set<string>();
  /** Ids that we gave to requests without one. */
  private givenId = '';
  private late: Line[] = [];
  link!: ScriptedLink;
  readonly log = new RecordedLog();
  readonly clock = new Clock();
  server!: SocketManager;
  private started!: Promise<void>;

  private constructor(
    private readonly name: string,
    private readonly sm: ScriptedSessionManager,
  ) {}

  static async begin(name: string): Promise<Play> {
    const play = new Play(name, await ScriptedSessionManager.listen());
    play.sm.automatic = false;
    play.server = new SocketManager(
      config(play.sm.port, { domains: [], limits: { loginAttempts: 100 } }),
      play.log,
    );
    play.started = play.server.start();
    return play;
  }

  async end(): Promise<void> {
    this.clock.uninstall();
    for (const client of this.clients.values()) client.socket.destroy();
    await this.server.stop();
    await this.sm.close();
  }

  /** The stream header is ours to send: everything up to the end of the handshake. */
  async connect(lines: Line[]): Promise<void> {
    this.link = await this.sm.link();
    await this.link.header();
    this.link.send(take(lines, '<').text);
    const handshake = take(lines, '>').text;
    if (this.name === 'handshake-bad') await this.link.source();
    else await this.link.expectSource(handshake);
    if (lines[0]?.text === '<handshake/>') this.link.send(take(lines, '<').text);
  }

  async run(lines: Line[]): Promise<void> {
    let skipping = false;
    while (lines.length > 0) {
      const line = lines.shift()!;
      if (line.who === '#') {
        if (/^\[?(TCP connection dropped|jabberd closed)/.test(line.text)) await this.reconnect(lines);
        continue;
      }
      if (line.who === '>') {
        skipping = Object.keys(NOT_SAID[this.name] ?? {}).some((part) => line.text.includes(part));
        if (!skipping) for (const text of stanzas(line.text)) await this.say(text, lines);
      } else if (!skipping) await this.hear(line);
    }
  }

  private async reconnect(lines: Line[]): Promise<void> {
    this.clock.install();
    await this.link.drop();
    await this.log.line(/^lost link/);
    this.clock.advance(700);
    while (lines[0].who === '#') lines.shift();
    take(lines, '>');
    await this.connect(lines);
  }

  /** A packet of ours: the client behind it does what makes us send it, and the session manager must get it. */
  private async say(text: string, lines: Line[]): Promise<void> {
    const packet = parse(text);
    const recorded = packet.attribute('sfrom')!;
    const client = await this.client(packet, recorded);
    if (isEnd(packet)) {
      await client.drop();
      this.gone.add(client);
    } else if (!this.gone.has(client)) client.send(asClient(packet));
    if (LATE.has(this.name) && isBounce(packet)) this.sendLate();
    const sent = await this.link.packet();
    client.address = sent.attribute('sfrom')!;
    const expected = this.asOurs(packet, sent, client);
    expectSame(sent.toString(), expected.toString());
    if (isEnd(packet)) return;
    if (packet.attribute('type') === 'get') this.gets.add(packet.attribute('id')!);
    if (this.name === 'bounce-auth-result' && packet.attribute('type') === 'set') {
      await client.drop();
      this.gone.add(client);
      await this.log.line(/^client gone/);
      this.link.send(this.asTheirs(take(lines, '<').text));
    }
  }

  /** What we write otherwise than the recording does. */
  private asOurs(packet: Element, sent: Element, client: Client): Element {
    const expected = packet.clone().set('sfrom', client.address);
    const query = expected.child('query', 'jabber:iq:auth');
    // the id of our stream goes with a digest
    query?.child('digest')?.set('sid', sent.child('query')?.child('digest')?.attribute('sid'));
    if (packet.attribute('id') === undefined && packet.child('query', 'jabber:iq:auth')) {
      this.givenId = sent.attribute('id')!;
      expected.set('id', this.givenId);
    }
    // 1.1.2 would log in with what a get carries
    if (query && packet.attribute('type') === 'get') {
      query.children = query.children.filter(
        (child) => typeof child === 'string' || child.name === 'username',
      );
    }
    // without a type there the message would be lost
    const error = isBounce(packet) ? expected.child('error')! : undefined;
    if (error && error.attribute('type') === undefined) error.set('type', 'normal');
    // what a client calls a 510 goes on as another error
    const own = error || isEnd(packet) ? undefined : expected.child('error');
    if (own?.attribute('code') === '510') own.set('code', '503');
    return expected;
  }

  /** A packet of the session manager: it is sent, and its client must get it. */
  private async hear(line: Line): Promise<void> {
    const packet = parse(line.text);
    const client = this.clients.get(packet.attribute('sto')!)!;
    if (this.isLate(packet, client)) return void this.late.push(line);
    this.link.send(this.asTheirs(line.text));
    if (this.gone.has(client)) return;
    if (isEnd(packet)) {
      await client.expectError(/replaced/.test(this.name) ? 'conflict' : 'undefined-condition');
      this.gone.add(client);
      return;
    }
    await this.expectAt(client, packet);
  }

  private async expectAt(client: Client, packet: Element): Promise<void> {
    if (packet.child('error')?.attribute('code') === '510') {
      await client.expectError('host-unknown');
      this.gone.add(client);
      return;
    }
    const expected = packet.clone().set('sto', undefined).set('sfrom', undefined);
    const isAuthGet =
      packet.attribute('type') === 'error' &&
      packet.child('query', 'jabber:iq:auth') &&
      this.gets.has(packet.attribute('id')!);
    if (!isAuthGet) return client.expect(expected.toString());
    const form = await client.stanza();
    expect(form.attribute('type'), 'the form comes from us').to.equal('result');
    expect(form.attribute('id')).to.equal(packet.attribute('id'));
    expect(form.child('query')!.elements.map(({ name }) => name)).to.include.members(['password', 'digest']);
  }

  /** Is this on the way while its client, the first one, leaves? */
  private isLate(packet: Element, client: Client): boolean {
    if (!LATE.has(this.name) || this.gone.has(client) || isEnd(packet)) return false;
    return client === this.clients.get('12@foo-sockets/8A0001') && packet.attribute('type') !== 'result';
  }

  private sendLate(): void {
    for (const { text } of this.late) this.link.send(this.asTheirs(text));
    this.late = [];
  }

  /** The client behind a recorded address; before login another one for each host. */
  private async client(packet: Element, recorded: string): Promise<Client> {
    const sto = packet.attribute('sto')!;
    const known = this.clients.get(recorded);
    const host = sto.includes('@') ? undefined : sto;
    if (known && (host === undefined || this.domains.get(known) === host)) return known;
    await this.started;
    const client = await Client.connect(this.server.addresses()[0].port, recorded);
    await client.open(`to='${host}' version='1.0'`);
    this.clients.set(recorded, client);
    this.domains.set(client, host!);
    return client;
  }

  /** With our socket addresses instead of the recorded ones, and an id that we gave. */
  private asTheirs(text: string): string {
    let ours = text;
    for (const [recorded, client] of this.clients) ours = ours.replaceAll(recorded, client.address);
    if (this.givenId !== '' && parse(text).attribute('id') === undefined && text.startsWith('<iq type=')) {
      ours = ours.replace('<iq ', `<iq id='${this.givenId}' `);
    }
    return ours;
  }
}

function take(lines: Line[], who: string): Line {
  const line = lines.shift();
  if (line?.who !== who) throw new Error(`the recording has ${line?.who} ${line?.text} where ${who} belongs`);
  return line;
}

function isDisconnected(packet: Element): boolean {
  const error = packet.attribute('type') === 'error' ? packet.child('error') : undefined;
  return error?.attribute('code') === '510' && error.text === 'Disconnected';
}

/** The end of a session: nothing but the error. */
function isEnd(packet: Element): boolean {
  return packet.name === 'message' && isDisconnected(packet) && !packet.attributes.has('to');
}

/** A packet that goes back whole. */
function isBounce(packet: Element): boolean {
  return isDisconnected(packet) && !isEnd(packet);
}

function asClient(packet: Element): string {
  return packet.clone().set('sto', undefined).set('sfrom', undefined).toString();
}

/** The part of a recording that is about us. */
function part(name: string, lines: Line[]): Line[] {
  const find = (text: string): number =>
    lines.findIndex((line) => line.who === '#' && line.text.startsWith(text));
  const range = FROM[name];
  if (range) return lines.slice(find(range[0]), find(range[1]));
  return UNTIL[name] ? lines.slice(0, find(UNTIL[name])) : lines;
}

describe('recordings of jabberd 1.1.2, with us as the socket manager', () => {
  const names = readdirSync(STO_SFROM).map((file) => file.replace('.txt', ''));

  for (const name of names.filter((file) => !file.startsWith('intree') && !(file in NOT_OURS))) {
    it(name, async () => {
      const lines = transcript(`sto-sfrom/${name}.txt`);
      const beginning = lines.findIndex((line) => line.who === '>') + 1;
      const opening = lines.slice(beginning, beginning + 3);
      const rest = part(name, lines).filter((line) => !opening.includes(line));
      const play = await Play.begin(name);
      try {
        await play.connect(opening);
        if (name === 'handshake-bad') {
          play.link.send('<stream:error>Invalid Handshake</stream:error></stream:stream>');
          await play.log.line(/the secret is wrong/);
        } else
          await play.run(
            rest.slice(rest.findIndex((line) => line.who !== '#' && line.text.startsWith('<iq'))),
          );
      } finally {
        await play.end();
      }
    });
  }

  it('are all played, or it is said why not', () => {
    for (const name of Object.keys(NOT_OURS)) expect(names).to.include(name);
  });
});

/** What a client of ours gets otherwise than one of the in-tree socket manager did, and why. */
const DEVIATIONS: Record<string, [recorded: string, ours: string, why: string][]> = {
  'intree-login': [
    [
      `<iq type='result' id='pthsock_client_auth_ID'/>`,
      `<iq type='result'/>`,
      'an id that we have given is taken out again',
    ],
  ],
  'intree-bad-xml': [
    [
      '</stream:stream>',
      '<stream:error>Invalid XML</stream:error></stream:stream>',
      'in-tree means to say why, and closes before it is written',
    ],
  ],
  'intree-unknown-host': [
    ['</stream:stream>', '<stream:error>Unknown host</stream:error></stream:stream>', 'the reason is told'],
  ],
  'intree-unknown-state': [
    [
      '</stream:stream>',
      '<stream:error>Not authorized: log in first</stream:error></stream:stream>',
      'the reason is told',
    ],
  ],
};

describe('recordings of the in-tree socket manager: what clients see of us', () => {
  for (const name of readdirSync(STO_SFROM).filter((file) => file.startsWith('intree'))) {
    const story = name.replace('.txt', '');
    if (story in NOT_OURS) continue;
    it(story, async () => {
      const lines = transcript(`sto-sfrom/${name}`);
      const sm = await ScriptedSessionManager.listen();
      const server = new SocketManager(config(sm.port, { domains: [] }), new RecordedLog());
      const started = server.start();
      const link = await sm.link();
      await started;
      try {
        const routed = lines.filter(({ who }) => who === '>' || who === '<');
        await Promise.all([playClients(story, lines, server.addresses()[0].port), playRouted(routed, link)]);
      } finally {
        await server.stop();
        await sm.close();
      }
    });
  }

  async function playClients(story: string, lines: Line[], port: number): Promise<void> {
    const clients = new Map<string, Client>();
    for (const { who, text } of lines) {
      const name = who[0];
      if (who.endsWith('>') && who.length === 2) {
        if (!clients.has(name)) clients.set(name, await Client.connect(port, name));
        clients.get(name)!.send(text);
      } else if (who.endsWith('<') && who.length === 2) await see(story, clients.get(name)!, text);
      else if (text.startsWith('C closes the TCP')) await clients.get('C')!.drop();
    }
    for (const client of clients.values()) if (!client.socket.destroyed) await client.drop();
  }

  async function see(story: string, client: Client, recorded: string): Promise<void> {
    const deviation = (DEVIATIONS[story] ?? []).find(([text]) => text === recorded);
    const text = deviation ? deviation[1] : recorded;
    if (text.startsWith('<?xml')) {
      await client.header();
      const mask = (opening: string): string => opening.replace(/ id='[^']*'/, ` id=''`);
      expect(mask(client.received)).to.equal(mask(text));
      return;
    }
    for (const stanza of stanzas(text)) await client.expect(stanza);
    if (text.endsWith('</stream:stream>')) await client.expectClosed();
  }

  /** What jabberd routed: ours must come, theirs is sent. A second 510 for the same session never comes. */
  async function playRouted(lines: Line[], link: ScriptedLink): Promise<void> {
    const addresses = new Map<string, string>();
    const ends = new Set<string>();
    let given = '';
    for (const { who, text } of lines) {
      const packet = parse(text);
      const address = packet.attribute(who === '>' ? 'sfrom' : 'sto')!;
      if (who === '<') {
        packet.set('sto', addresses.get(address));
        if (packet.attribute('id') === 'pthsock_client_auth_ID') packet.set('id', given);
        link.send(packet.toString());
        continue;
      }
      if (isEnd(packet)) {
        if (ends.has(address)) continue;
        ends.add(address);
      }
      const sent = await link.packet();
      addresses.set(address, sent.attribute('sfrom')!);
      packet.set('sfrom', addresses.get(address));
      if (packet.attribute('id') === 'pthsock_client_auth_ID')
        packet.set('id', (given = sent.attribute('id')!));
      packet
        .child('query')
        ?.child('digest')
        ?.set('sid', sent.child('query')?.child('digest')?.attribute('sid'));
      expectSame(sent.toString(), packet.toString());
    }
  }
});

describe('a client without a host, as in-tree never answers it', () => {
  it('is told so at once', async () => {
    const sm = await ScriptedSessionManager.listen();
    const server = new SocketManager(config(sm.port, { domains: [] }), new RecordedLog());
    await Promise.all([server.start(), sm.link()]);
    const client = await Client.connect(server.addresses()[0].port);
    client.send(header(''));
    await client.header();
    expect((await client.stanza()).name).to.equal('stream:error');
    await client.expectClosed();
    await server.stop();
    await sm.close();
  });
});
