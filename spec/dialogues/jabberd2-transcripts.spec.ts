/**
 * What a real router and a real session manager of jabberd2 2.7.0 said, said to us; and what was said to them, said by
 * us where we say it. The tables below tell what we never say, and why. [spec/fixtures/transcripts/jabberd2]
 */
import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { authSet } from '../support/client.js';
import { CLIENT, readXml, SESS, type Node } from '../support/namespaced.js';
import { RESULT, RouterStory, type Guest } from '../support/router-story.js';
import { NAME, NAMES, ScriptedRouter, type Action } from '../support/scripted-router.js';
import { teller } from '../support/story.js';

const HOME = new URL('../../../spec/fixtures/transcripts/jabberd2/', import.meta.url);

/** Recordings of what is not between a socket manager and a router that is up, and where that is looked at. */
const NOT_PLAYED: Record<string, string> = {
  '01-handshake': 'see jabberd2-link.spec',
  '02-handshake-wrong-secret': 'see jabberd2-link.spec',
  '02b-mechanisms': 'see jabberd2-link.spec',
  '02c-empty-realm-crashes-router': 'see jabberd2-link.spec',
  '15-router-routing-errors': 'we send no wrong routes; see jabberd2-sessions.spec',
  '16-bind-unbind': 'see jabberd2-link.spec',
  '17-throttle-keepalive': 'we never throttle; see jabberd2-link.spec',
  '22-legacy-component-accept': 'not our protocol: no sessions travel in it',
  '24-router-keepalive': 'see jabberd2-link.spec',
  '25-router-starttls': 'see jabberd2-link.spec',
  '27-sloppy-action-matching': 'we spell actions as they are',
  '30-stock-c2s-router-handshake': 'see jabberd2-link.spec',
};

/** Lines that we do not say, by a part of them, and why. */
const NOT_SAID: Record<string, [part: string, why: string][]> = {
  '06-message': [
    [`id='q4'`, 'an iq without a type is answered by us'],
    ['<foo ', 'what is no stanza is answered by us'],
  ],
  '09-end-session': [
    ['frobnicate', 'there is no such action'],
    ['sc:sessions', 'the old document spells it so, no software'],
  ],
};

/** Where a recording stops to be one of a link that is up, by a part of the line. */
const UNTIL: Record<string, string> = {
  '32-stock-c2s-sasl-bind': `xmlns:sc='urn:foo'`,
  '40-stock-c2s-router-restart': 'link half closed',
};

/** What is bound in a recording, where it is not as in the others. */
const BOUND: Record<string, string[]> = { '23-sm-id-is-the-domain': ['localhost'] };

interface Line {
  readonly number: number;
  readonly way: '>' | '<' | '#';
  readonly text: string;
}

/** The lines of the connection that is like ours: without a tag, or of the c2s. */
function read(name: string): Line[] {
  const lines: Line[] = [];
  for (const [at, text] of readFileSync(new URL(`${name}.txt`, HOME), 'utf8')
    .split('\n')
    .entries()) {
    const [, way, who, said] = /^([<>#])(?:\[(\w+)\])? (.*)$/.exec(text) ?? [];
    if (way === '#' || (way && (who === undefined || who === 'c2s')))
      lines.push({ number: at + 1, way: way as '>', text: said.replaceAll('c2s-px', NAME) });
  }
  const end = lines.findIndex(({ text }) => text.includes(UNTIL[name] ?? '\0'));
  return end < 0 ? lines : lines.slice(0, end);
}

/** A client of ours in the part of a recorded one. */
interface Part {
  readonly guest: Guest;
  /** The sm's id in the recording, which is the one that we are told as well. */
  sm: string;
  state: 'waiting' | 'open' | 'gone' | 'left behind';
  /** The id of what it waits for, in the recording. */
  asked: string;
}

class TranscriptStory extends RouterStory {
  static override async begin(): Promise<TranscriptStory> {
    const story = new TranscriptStory(await ScriptedRouter.listen());
    await story.start({ limits: { loginAttempts: 100 } });
    return story;
  }
}

class Play {
  /** By our id in the recording; those that had it before are gone. */
  private readonly parts = new Map<string, Part>();
  private readonly all: Part[] = [];
  private readonly bound: Set<string>;
  /** How many lines were said and heard: a play of nothing shows nothing. */
  played = 0;

  constructor(
    private readonly story: RouterStory,
    private readonly name: string,
  ) {
    this.bound = new Set(BOUND[name] ?? NAMES);
  }

  async run(): Promise<void> {
    for (const { way, text, number } of read(this.name)) {
      try {
        if (way === '>') await this.say(text);
        else if (way === '<') await this.hear(text);
      } catch (error) {
        throw new Error(`line ${number}: ${(error as Error).message}\n${text}`, { cause: error });
      }
    }
    for (const { guest, state } of this.all) if (state === 'open') await this.story.expectQuiet(guest);
  }

  // --- what was said by the recorded one, and is by us --------------------------------------------------------------

  private async say(text: string): Promise<void> {
    if (!text.startsWith('<route') || NOT_SAID[this.name]?.some(([part]) => text.includes(part))) return;
    const payload = readXml(text).elements[0];
    if (!payload) return;
    if (payload.namespace === SESS) await this.act(payload);
    else await this.speak(payload);
  }

  private async act(payload: Node): Promise<void> {
    const [target, id, c2s] = [
      payload.attribute('target'),
      payload.attribute('id'),
      payload.attribute('c2s', SESS),
    ];
    switch (payload.attribute('action') ?? '') {
      case 'start':
        if (c2s && id && this.isServed(target) && target!.includes('/')) await this.start(c2s, id, target!);
        return;
      case 'create':
        if (c2s && id && this.isServed(target) && !target!.includes('/')) await this.create(c2s, id, target!);
        return;
      case 'end':
        return this.leave(this.open(c2s, payload));
      case 'delete':
        return this.remove(this.open(c2s, payload));
    }
  }

  /** Is there a user in it, and a host that clients find? */
  private isServed(target: string | undefined): boolean {
    const [, host] = /^[^@/]+@([^@/]+)(?:\/|$)/.exec(target ?? '') ?? [];
    return host !== undefined && this.bound.has(host.toLowerCase());
  }

  /** The part of a session that is open, if these are its ids. */
  private open(c2s: string | undefined, payload: Node): Part | undefined {
    const part = this.parts.get(c2s ?? '');
    return part?.state === 'open' && part.sm === payload.attribute('sm', SESS) ? part : undefined;
  }

  private async start(c2s: string, id: string, target: string): Promise<void> {
    const [, user, host, resource] = /^(.*?)@(.*?)\/(.*)$/.exec(target)!;
    const [username, realm] = [user.toLowerCase(), host.toLowerCase()];
    this.story.users.set(username, 'pass', realm);
    const part = await this.part(c2s, host, id);
    part.guest.send(authSet(user, resource));
    const start = await this.story.expectStart(part.guest, `${username}@${realm}/${resource}`);
    expect(start.to).to.equal(realm);
    this.played += 1;
  }

  private async create(c2s: string, id: string, target: string): Promise<void> {
    const [user, host] = target.split('@');
    this.story.users.remove(user.toLowerCase(), host.toLowerCase());
    const part = await this.part(c2s, host, id);
    part.guest.send(
      `<iq type='set' id='auth1'><query xmlns='jabber:iq:register'><username>${user}</username><password>pass</password></query></iq>`,
    );
    const create = await this.story.link.action('create');
    expect(create.target).to.equal(target.toLowerCase());
    this.story.note(part.guest, create);
    this.played += 1;
  }

  /** The client behind a recorded id: the one that waits with it, or another one. */
  private async part(c2s: string, host: string, asked: string): Promise<Part> {
    const known = this.parts.get(c2s);
    if (known?.state === 'waiting') return Object.assign(known, { asked });
    const guest = await this.story.client(c2s, `to='${host}' version='1.0'`);
    const part: Part = { guest, sm: '', state: 'waiting', asked };
    this.parts.set(c2s, part);
    this.all.push(part);
    return part;
  }

  private async leave(part: Part | undefined): Promise<void> {
    if (!part) return;
    part.state = 'gone';
    await part.guest.drop();
    await this.story.expectLeft(part.guest);
    this.played += 1;
  }

  private async remove(part: Part | undefined): Promise<void> {
    if (!part) return;
    part.guest.send(`<iq type='set' id='rm'><query xmlns='jabber:iq:register'><remove/></query></iq>`);
    const deletion: Action = await this.story.link.action('delete');
    expect(deletion.target).to.equal(part.guest.bare);
    await part.guest.expect(`<iq type='result' id='rm'/>`);
    this.played += 1;
  }

  private async speak(payload: Node): Promise<void> {
    const part = this.open(payload.attribute('c2s', SESS), payload);
    if (!part) return;
    const stanza = payload.without(({ namespace, value }) => namespace === SESS || value === SESS);
    part.guest.send(written(stanza));
    await this.story.expectFrom(part.guest, written(stanza));
    this.played += 1;
  }

  // --- what was said to the recorded one, and is to us --------------------------------------------------------------

  private async hear(text: string): Promise<void> {
    if (!text.startsWith('<route') && !text.startsWith('<presence')) return;
    const node = readXml(text);
    if (node.local === 'presence') return this.advertised(text, node);
    const payload = node.elements[0];
    const c2s = payload.attribute('c2s', SESS);
    const part = this.parts.get(c2s ?? '');
    // answers to what we do not say
    if (!part && (c2s !== undefined || payload.namespace === SESS)) return;
    if (part && payload.namespace === SESS && payload.local === 'session') {
      await this.acted(text, node, payload, part);
    } else if (part) await this.spoken(text, node, payload, part);
    else this.story.link.send(text);
  }

  private async advertised(text: string, node: Node): Promise<void> {
    const name = node.attribute('from')!;
    this.story.link.send(text);
    if (node.attribute('type') === 'unavailable') {
      this.bound.delete(name);
      for (const part of this.all) {
        if (part.state !== 'open' || (part.guest.at !== name && part.guest.domain !== name)) continue;
        part.state = 'left behind';
        await part.guest.expectError('remote-connection-failed');
        this.played += 1;
      }
    } else {
      this.bound.add(name);
      const back = this.all.filter(({ state, guest }) => state === 'left behind' && guest.at === name);
      const ends = [];
      for (const part of back) {
        ends.push((await this.story.link.action('end')).c2s);
        part.state = 'gone';
      }
      expect(ends).to.have.members(back.map(({ guest }) => guest.c2s));
    }
  }

  private async acted(text: string, node: Node, payload: Node, part: Part): Promise<void> {
    const [what, id] = [payload.attribute('action') ?? '', payload.attribute('id')];
    const { guest } = part;
    const isAnswer = id !== undefined || what === 'started';
    if (isAnswer && (id !== part.asked || part.state !== 'waiting')) return;
    const isOpen = part.state === 'open' && part.sm === payload.attribute('sm', SESS);
    if (what === 'started') {
      part.sm = payload.attribute('sm', SESS)!;
      guest.sm = part.sm;
      guest.at = node.attribute('from')!;
    }
    this.story.link.send(this.asTheirs(text, part));
    this.played += 1;
    const isFailed = payload.attribute('failed', SESS) !== undefined;
    if (isFailed && what === 'start') await this.introduced(guest);
    if (isFailed || node.attribute('error') !== undefined) {
      if (id !== undefined) await this.refused(guest);
      return;
    }
    switch (what) {
      case 'started':
        part.state = 'open';
        return guest.expect(RESULT);
      case 'created':
        return guest.expect(RESULT);
      case 'replaced':
        if (isOpen) await this.replaced(part);
        return;
      case 'ended':
        if (isOpen) await this.ended(part);
    }
  }

  /** Nobody has recorded what we do then: the session manager is told of the user. Here that helps nothing. */
  private async introduced(guest: Guest): Promise<void> {
    await this.story.expectIntroduction(guest, 'refused');
    this.story.link.send(this.story.refused(guest));
  }

  private async refused(guest: Guest): Promise<void> {
    const refusal = await guest.node();
    expect([refusal.attribute('type'), refusal.attribute('id')]).to.deep.equal(['error', 'auth1']);
  }

  private async replaced(part: Part): Promise<void> {
    part.state = 'gone';
    await part.guest.expectError('conflict');
  }

  /** We end it as well: some sessions that are said to be over are not. [jabberd2 2.7.0 sm: its limit of storage queries] */
  private async ended(part: Part): Promise<void> {
    part.state = 'gone';
    await part.guest.expectOver('', 'undefined-condition', 'not-authorized');
    await this.story.expectLeft(part.guest);
  }

  private async spoken(text: string, node: Node, payload: Node, part: Part): Promise<void> {
    const failed = payload.attribute('failed') ?? node.attribute('error');
    const isOurs = part.state === 'open' && part.sm === payload.attribute('sm', SESS);
    if (!isOurs && failed === undefined) return;
    this.story.link.send(this.asTheirs(text, part));
    this.played += 1;
    if (!isOurs) return;
    if (failed !== undefined) return this.lost(part, node.attribute('error') === undefined);
    const shown = payload.without(({ namespace, value }) => namespace === SESS || value === SESS);
    await part.guest.expect(written(shown));
  }

  /** What was said came back: from a session manager, which is asked once more behind it, or from the router. */
  private async lost(part: Part, isBounced: boolean): Promise<void> {
    part.state = isBounced ? 'gone' : 'left behind';
    if (!isBounced) return part.guest.expectError('remote-connection-failed');
    const probes = await this.story.expectProbes(part.guest);
    this.story.link.send(this.story.bounced(probes.get(part.guest)!));
    await part.guest.expectError('reset');
  }

  /** With our ids instead of the recorded ones, and with our prefix, which a session manager keeps in what it gives back. */
  private asTheirs(text: string, { guest, asked }: Part): string {
    const [, recorded] = / s[cm]:c2s='([^']*)'/.exec(text)!;
    const isAction = text.includes(':session ');
    return text
      .replaceAll(` sc:c2s='${recorded}'`, ` sc:c2s='${guest.c2s}'`)
      .replaceAll(` sm:c2s='${recorded}'`, ` sm:c2s='${guest.c2s}'`)
      .replace(isAction ? ` id='${asked.replaceAll('&', '&amp;')}'` : '\0', ` id='${guest.request}'`)
      .replaceAll('xmlns:sc=', `xmlns:${guest.prefix}=`)
      .replace(/([ <]|<\/)sc:/g, `$1${guest.prefix}:`);
  }
}

/** An element as it can be sent by a client. */
function written(node: Node): string {
  const attributes = node.attributes
    .filter(({ name, value }) => !(name === 'xmlns' && value === CLIENT))
    .map(({ name, value }) => ` ${name}='${escaped(value)}'`);
  const children = node.children.map((child) =>
    typeof child === 'string' ? escaped(child) : written(child),
  );
  return `<${node.name}${attributes.join('')}>${children.join('')}</${node.name}>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>'"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const toldTranscript = teller(() => TranscriptStory.begin());

describe('recordings of jabberd2', () => {
  const names = readdirSync(HOME).map((file) => file.replace(/\.txt$/, ''));

  it('are all played, or it is said why not', () => {
    for (const name of Object.keys({ ...NOT_PLAYED, ...NOT_SAID, ...UNTIL, ...BOUND })) {
      expect(names, 'a table names it').to.include(name);
    }
  });

  for (const name of names.sort()) {
    if (name in NOT_PLAYED) continue;
    it(
      name,
      toldTranscript(async (story) => {
        const play = new Play(story, name);
        await play.run();
        expect(play.played, 'lines that were said and heard').to.be.above(1);
      }),
    );
  }
});
