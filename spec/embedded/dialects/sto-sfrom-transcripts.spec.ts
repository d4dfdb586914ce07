import { expect } from 'chai';
import { SessionManager } from '../../../lib/embedded/session-manager.js';
import { Store } from '../../../lib/embedded/store/store.js';
import { silent } from '../../../lib/observe/log.js';
import { parse, type Element } from '../../../lib/xml/index.js';
import { Peer, SECRET, sha1 } from '../support/peer.js';
import { transcript, type Step } from '../support/transcript.js';
import { DEVIATIONS } from '../support/deviations.js';

/** Ids, stamps and the like differ from run to run; order of attributes means nothing. */
const MASKED = new Set(['stamp', 'ver']);

/** The element as text to compare: attributes sorted, what differs from run to run masked. */
function shapeOf(element: Element): string {
  const copy = element.clone();
  const attributes = [...copy.attributes].sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [name] of attributes) copy.set(name, undefined);
  for (const [name, value] of attributes) copy.set(name, MASKED.has(name) ? '*' : value);
  copy.children = copy.children.map((child) => (typeof child === 'string' ? child : parse(shapeOf(child))));
  return copy.toString();
}

const isEnd = (element: Element): boolean =>
  element.attribute('type') === 'error' && element.child('error')?.attribute('code') === '510';

/**
 * Where we differ from 1.1.2 all the time, by how its words become ours.
 *
 * - an error echoes the password
 * - its answer to what a client asks its own account has the client's address as `from` (jutil_tofrom does that); ours
 *   has it as `to`, and no `from`, as RFC 6120 8.1.2.1 has it
 * - a roster push has neither id nor `to`; RFC 6120 8.1.3 demands the id
 * - it adds a `from` to a bounce that has a `to` only, and no type to the error of one that had none (and then loses it
 *   itself); README.SM leaves both as they were
 */
function asWeSay(said: Element, step: Step): Element {
  for (const payload of said.elements)
    for (const field of payload.elements) if (field.name === 'password') field.children = [];
  if (said.name === 'iq' && said.attribute('type') === 'result' && said.attribute('from')?.includes('/')) {
    said.set('to', said.attribute('from')).set('from', undefined);
  }
  if (isEnd(said) && !isEnd(parse(step.sent))) asReadmeAsks(said, step);
  return said;
}

function asReadmeAsks(said: Element, step: Step): void {
  const sent = parse(step.sent);
  if (sent.name !== said.name) return;
  said.set('from', sent.attribute('from'));
  const error = said.child('error')!;
  if (!error.attribute('type')) error.set('type', 'normal');
}

/** Ours, without what 1.1.2 had no idea of: the id and `to` of a push, XEP-0203 beside XEP-0091. */
function withoutNews(said: Element): Element {
  said.children = said.children.filter((child) => typeof child === 'string' || child.name !== 'delay');
  if (said.attribute('id')?.startsWith('push-')) said.set('id', undefined).set('to', undefined);
  for (const query of said.elements) query.set('ver', undefined);
  return said;
}

/** Plays the socket manager's side of a recording, and holds us to the session manager's. */
class Player {
  private peer: Peer | undefined;
  private theirId = '';

  constructor(
    private readonly name: string,
    private readonly manager: SessionManager,
  ) {}

  async play(): Promise<void> {
    for (const step of transcript(this.name)) await this.step(step);
  }

  private async step(step: Step): Promise<void> {
    if (/^<(stream:stream|root)\b/.test(step.sent)) return this.header(step);
    if (!this.peer) await this.connect();
    if (step.sent.startsWith('<handshake')) return this.handshake(step);
    if (step.closes === 'by the component') return void this.peer!.stream.end(step.sent);
    if (step.closes === 'by the session manager') return this.last(step);
    await this.packet(step);
  }

  /** Recordings of the in-tree socket manager begin behind the handshake. */
  private async connect(): Promise<void> {
    this.peer = await Peer.connected(this.manager);
  }

  private async header(step: Step): Promise<void> {
    this.peer = new Peer(this.manager);
    await this.peer.open(step.sent);
    const theirs = parse(`${step.expected[0].replace(/^<\?.*?\?>/, '').slice(0, -1)}/>`);
    this.theirId = theirs.attribute('id')!;
    theirs.set('id', this.peer.id);
    expect([...this.peer.header!.attributes()]).to.deep.equal([...theirs.attributes]);
    if (step.expected.length > 1) await this.words(step.expected.slice(1));
  }

  private async handshake(step: Step): Promise<void> {
    const good = step.sent.includes(sha1(this.theirId + SECRET));
    this.peer!.write(good ? `<handshake>${sha1(this.peer!.id + SECRET)}</handshake>` : step.sent);
    if (this.expectedOf(step).some((text) => text.startsWith('<stream:error')))
      await this.words(this.expectedOf(step));
    else for (const text of step.expected) this.compare([await this.peer!.next()], [parse(text)], step);
  }

  /** Words of the stream itself, and its end. */
  private async words(expected: readonly string[]): Promise<void> {
    if (expected.at(-1) === '</stream:stream>') await this.peer!.ended;
    else await this.peer!.next();
    expect(this.peer!.received.endsWith(expected.join(''))).to.equal(true, this.peer!.received);
  }

  private async last(step: Step): Promise<void> {
    this.peer!.write(step.sent);
    await this.peer!.ended;
  }

  private async packet(step: Step): Promise<void> {
    if (step.expected[0]?.startsWith('<stream:error')) {
      this.peer!.write(step.sent);
      return this.words(step.expected);
    }
    const ours = DEVIATIONS[this.name]?.[step.line]?.ours.map((text) => parse(text));
    const expected = ours ?? step.expected.map((text) => asWeSay(parse(text), step));
    this.compare(await this.peer!.exchange(step.sent), expected, step);
  }

  private expectedOf(step: Step): readonly string[] {
    return DEVIATIONS[this.name]?.[step.line]?.ours ?? step.expected;
  }

  private compare(ours: Element[], theirs: Element[], step: Step): void {
    const said = ours.map((element) => shapeOf(withoutNews(element)));
    expect(said).to.deep.equal(
      theirs.map((one) => shapeOf(withoutNews(one))),
      `${this.name}, line ${step.line}`,
    );
  }
}

/** Accounts that were there when the recording began. */
const NO_ACCOUNTS = new Set(['register.txt', 'intree-login.txt']);

async function play(name: string): Promise<void> {
  const store = Store.memory();
  const accounts = NO_ACCOUNTS.has(name) ? [] : ['juliet@localhost', 'romeo@localhost'];
  for (const account of accounts) store.accounts.add(account, 'pass');
  const manager = new SessionManager({
    domains: ['localhost'],
    name: name.startsWith('intree') ? 'pth-csock.127.0.0.1' : 'foo-sockets',
    secret: SECRET,
    store,
    registration: true,
    log: silent,
    limits: name === 'handshake-timeout.txt' ? { handshakeTimeout: 0.01 } : {},
  });
  await new Player(name, manager).play();
  await manager.stop();
  store.close();
}

const RECORDINGS = [
  'auth-bad-password',
  'auth-digest',
  'auth-get',
  'auth-plain',
  'bounce-auth-result',
  'bounce-jabberd',
  'bounce-other-resource',
  'bounce-race',
  'bounce-replaced',
  'client-closed',
  'component-away',
  'component-bad-xml',
  'component-close',
  'error-510-forms',
  'handshake-bad',
  'handshake-cleartext',
  'handshake-missing',
  'handshake-ok',
  'handshake-plain-root',
  'handshake-timeout',
  'intree-auth-in-unknown-result',
  'intree-bad-xml',
  'intree-login',
  'intree-replaced',
  'intree-tcp-close',
  'intree-unknown-host',
  'message',
  'presence',
  'register',
  'replaced',
  'roster',
  'session-id-forms',
];

describe('embedded: recordings of jabberd 1.1.2, we as the session manager', () => {
  for (const name of RECORDINGS) it(name, () => play(`${name}.txt`));

  it('every deviation stands at a line that was sent', () => {
    for (const [name, deviations] of Object.entries(DEVIATIONS)) {
      const lines = transcript(name).map((step) => step.line);
      expect(lines).to.include.members(Object.keys(deviations).map(Number), name);
    }
  });
});
