import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Config, PasswordType } from '../../lib/config/config.js';
import { SocketManager } from '../../lib/server.js';
import { Authreg } from './authreg.js';
import { authSet, Client } from './client.js';
import { Clock } from './clock.js';
import { config, type Overrides } from './config.js';
import { RecordedLog } from './log.js';
import { CLIENT, CLIENT_STREAM, isDeclaration, readXml, SESS, type Node } from './namespaced.js';
import {
  NAME,
  readAction,
  route,
  ScriptedRouter,
  type Action,
  type Routed,
  type RouterLink,
} from './scripted-router.js';
import { teller } from './story.js';
import { print } from './wire.js';

/** What the session manager keeps of an id of ours, in characters; it compares exactly. [04-start-session] */
const LONGEST_ID = 43;

let started = 0;

/** An id as the session manager makes them. */
export function newId(): string {
  started += 1;
  return createHash('sha1').update(`${started}`).digest('hex');
}

/** What is on its way has come. */
export async function turns(): Promise<void> {
  for (let count = 0; count < 20; count += 1) await new Promise((resolve) => setImmediate(resolve));
}

export const RESULT = `<iq type='result' id='auth1'/>`;

/** A client, with what the router has seen of its session. */
export class Guest extends Client {
  /** User, host and resource. */
  jid = '';
  /** Our id for its session, and the session manager's: both are needed to name it. */
  c2s = '';
  sm = '';
  /** What its session was started from: where its packets go. */
  at = 'sm';
  /** The id of the last start or create, and the prefix of its namespace. */
  request = '';
  prefix = 'sc';

  static override async connect(port: number, name = 'client'): Promise<Guest> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new Guest(socket, name);
  }

  get domain(): string {
    return this.bare.slice(this.bare.indexOf('@') + 1);
  }

  override get bare(): string {
    return this.jid.replace(/\/.*$/, '');
  }

  /** The next stanza, as a client sees it that knows namespaces. */
  async node(): Promise<Node> {
    return readXml(await this.source(), CLIENT_STREAM);
  }

  override async expect(xml: string): Promise<void> {
    const arrival = await this.next();
    if (arrival.kind !== 'stanza') throw new Error(`${this.name}: instead of ${xml} came ${print(arrival)}`);
    const expected = readXml(xml, CLIENT_STREAM).canonical();
    expect(readXml(arrival.source, CLIENT_STREAM).canonical()).to.equal(expected);
  }

  /**
   * The next stanza must be an error of that code.
   *
   * @param condition of XMPP 1.0; a stream without a version has only the code
   */
  async expectRefusal(id: string, code: string, condition?: string): Promise<Node> {
    const refusal = await this.node();
    const text = refusal.canonical();
    expect([refusal.local, refusal.attribute('type'), refusal.attribute('id')], text).to.deep.equal([
      'iq',
      'error',
      id,
    ]);
    const error = refusal.child('error')!;
    expect(error.attribute('code'), text).to.equal(code);
    if (condition !== undefined) expect(error.elements[0]?.local, text).to.equal(condition);
    return refusal;
  }

  /** The stream must be over: with one of these conditions, or with none where that is allowed as ''. */
  async expectOver(...conditions: string[]): Promise<void> {
    const arrival = await this.next();
    if (arrival.kind === 'stanza') {
      const error = readXml(arrival.source, CLIENT_STREAM);
      expect(error.name, arrival.source).to.equal('stream:error');
      expect(conditions, arrival.source).to.include(error.elements[0]?.local);
      await this.expectClosingTag();
    } else {
      expect(conditions, print(arrival)).to.include('');
      expect(arrival.kind).to.equal('closing tag');
    }
    await this.expectEnd();
  }
}

/** The ids of a session, on a stanza or an action. */
interface Ids {
  readonly c2s: string;
  readonly sm: string;
}

/** Writes a session's ids on the opening tag of a stanza, as a session manager does. */
export function stamped(stanza: string, { c2s, sm }: Ids, prefix = 'sm'): string {
  return stanza.replace(
    /^<([\w:-]+)/,
    `<$1 xmlns='${CLIENT}' xmlns:${prefix}='${SESS}' ${prefix}:c2s='${c2s}' ${prefix}:sm='${sm}'`,
  );
}

/** A session action, as a session manager writes it. */
export function action(action: string, ids: Partial<Ids>, more = '', prefix = 'sc'): string {
  const c2s = ids.c2s === undefined ? '' : ` ${prefix}:c2s='${ids.c2s}'`;
  const sm = ids.sm === undefined ? '' : ` ${prefix}:sm='${ids.sm}'`;
  const declaration = `xmlns:${prefix}='${SESS}'`;
  return `<${prefix}:session ${declaration}${c2s} action='${action}'${more}${sm}></${prefix}:session>`;
}

/** Does an attribute say whose session a stanza is of, to a reader that looks at local names only? */
function isAddressing(local: string): boolean {
  return ['sm', 'c2s', 'failed'].includes(local);
}

/**
 * The stanza in a route of ours, without its ids.
 *
 * What is checked of those: the session manager takes the first attributes named `sm` and `c2s`, in whatever namespace;
 * and it writes the prefix `sm` itself, without looking whether that is taken. [jabberd2 2.7.0 sm]
 */
export function unstamped({ payload, source }: Routed, { c2s, sm }: Ids): Node {
  expect(payload.namespace, source).to.equal(CLIENT);
  const addressing = payload.attributes.filter(
    ({ name, local }) => !isDeclaration(name) && isAddressing(local),
  );
  const said = addressing.map(({ namespace, local, value }) => [namespace, local, value]);
  expect(said, source).to.have.deep.members([
    [SESS, 'c2s', c2s],
    [SESS, 'sm', sm],
  ]);
  const declared = payload.attributes.filter(({ name }) => isDeclaration(name));
  expect(declared.filter(({ value }) => value === SESS).length, source).to.be.at.most(1);
  const taken = declared.filter(({ name, value }) => name === 'xmlns:sm' && value !== SESS);
  expect(taken, source).to.deep.equal([]);
  return payload.without(({ namespace }) => namespace === SESS);
}

export interface RouterOverrides extends Overrides {
  /** How passwords stand in the table. */
  readonly passwordType?: PasswordType;
}

/** What a socket manager in front of a router is told. */
export function routerConfig(
  router: ScriptedRouter,
  users: Authreg,
  { passwordType = 'plaintext', ...overrides }: RouterOverrides = {},
): Config {
  return config(router.port, {
    dialect: 'jabberd2',
    name: NAME,
    domains: [],
    data: users.directory,
    credentials: { store: 'sqlite', file: users.file, passwordType },
    ...overrides,
  });
}

/** The cast of a dialogue in front of jabberd2: a scripted router, credentials, our socket manager, and clients. */
export class RouterStory {
  readonly log = new RecordedLog();
  readonly clock = new Clock();
  readonly users = new Authreg();
  server!: SocketManager;
  link!: RouterLink;
  private readonly guests: Guest[] = [];
  private pings = 0;

  protected constructor(readonly router: ScriptedRouter) {
    for (const user of ['juliet', 'romeo', 'nurse', 'mercutio']) this.users.add(user);
    this.users.add('juliet', 'other', 'vhost.test');
  }

  static async begin(overrides: RouterOverrides = {}): Promise<RouterStory> {
    const story = new RouterStory(await ScriptedRouter.listen());
    await story.start(overrides);
    return story;
  }

  protected async start(overrides: RouterOverrides): Promise<void> {
    const waits = overrides.domains?.some((domain) => !this.router.names.includes(domain)) ?? false;
    if (waits) this.clock.install();
    this.server = new SocketManager(routerConfig(this.router, this.users, overrides), this.log);
    const running = this.server.start();
    this.link = await this.router.link();
    if (waits) await this.letNamesBeMissing();
    await running;
  }

  /** Names that were waited for are not: it goes on without them. */
  private async letNamesBeMissing(): Promise<void> {
    await turns();
    this.clock.advance(1_000);
    this.clock.uninstall();
  }

  async end(): Promise<void> {
    this.clock.uninstall();
    for (const guest of this.guests) guest.socket.destroy();
    const stopped = this.server.stop();
    await this.router.close();
    await stopped;
    this.users.discard();
  }

  get port(): number {
    return this.server.addresses()[0].port;
  }

  /** A client that has connected, and said nothing yet. */
  async connected(name?: string): Promise<Guest> {
    const guest = await Guest.connect(this.port, name);
    this.guests.push(guest);
    guest.address = String((await this.log.line(/^client connected/)).details['socket']);
    return guest;
  }

  /** A client with an open stream. */
  async client(name?: string, more?: string): Promise<Guest> {
    const guest = await this.connected(name);
    await guest.open(more);
    return guest;
  }

  /** A client whose login was right, and whose session is asked for. */
  async starting(username: string, resource = 'Balcony', more?: string): Promise<Guest> {
    const guest = await this.client(username, more);
    guest.send(authSet(username, resource));
    await this.expectStart(guest, `${username}@localhost/${resource}`);
    return guest;
  }

  /** The session manager must be asked for this session, and for no other. */
  async expectStart(guest: Guest, jid: string): Promise<Action> {
    const start = await this.link.action('start');
    expect(start.target, start.source).to.equal(jid);
    expect(start.sm, start.source).to.equal(undefined);
    this.note(guest, start);
    expect(start.to).to.equal(guest.domain);
    guest.sm = newId();
    return start;
  }

  /** The session manager opens the session of a client that is starting. */
  async open(guest: Guest): Promise<void> {
    this.link.send(this.started(guest));
    await guest.expect(RESULT);
  }

  /** A client that has logged in. */
  async user(username: string, resource = 'Balcony', more?: string): Promise<Guest> {
    const guest = await this.starting(username, resource, more);
    await this.open(guest);
    return guest;
  }

  /** Remembers what we call a session, and checks that it can be called so. */
  note(guest: Guest, { c2s, id, target, source, payload }: Action): void {
    expect(c2s, source).to.match(new RegExp(`^[^\\s]{1,${LONGEST_ID}}$`));
    expect(c2s, 'an id of the PBX makes a session a fake').to.not.match(/^PBX/i);
    expect(id, 'answers are told apart by it').to.match(/./);
    Object.assign(guest, { c2s, request: id, jid: target, prefix: payload.name.split(':')[0] });
  }

  // --- what the session manager says ------------------------------------------------------------------------------

  /** The session was opened. */
  started(guest: Guest, more = '', prefix = 'sc'): string {
    return this.control(guest, this.answer('started', guest, more, prefix));
  }

  /** What answers a start or a create: who it was for, and the id it came with. */
  answer(what: string, { c2s, sm, jid, request }: Guest, more = '', prefix = 'sc'): string {
    const ids = what === 'started' ? { c2s, sm } : { c2s };
    return action(what, ids, ` target='${jid}' id='${request}'${more}`, prefix);
  }

  /** The session was not opened: there is no id of the session manager's in it. [10-start-nonexistent] */
  refused(guest: Guest): string {
    return route(NAME, guest.domain, this.answer('start', guest, ` sc:failed='1'`));
  }

  /**
   * The session manager has refused to start this session: it must be told of the user, who has credentials, and asked
   * once more, whatever it says to that.
   *
   * @param answer what it says to the one: that the user was made, or not
   */
  async expectIntroduction(guest: Guest, answer: 'created' | 'refused' = 'created'): Promise<Action> {
    const create = await this.link.action('create');
    expect([create.target, create.to, create.c2s], create.source).to.deep.equal([
      guest.bare,
      guest.domain,
      undefined,
    ]);
    const [what, more] = answer === 'created' ? ['created', ''] : ['create', ` sc:failed='1'`];
    this.link.send(
      route(NAME, guest.domain, action(what, {}, ` target='${create.target}' id='${create.id}'${more}`)),
    );
    return this.expectStart(guest, guest.jid);
  }

  /** The session manager refuses this session for good. */
  async refuse(guest: Guest, refusal = (): string => this.refused(guest)): Promise<void> {
    this.link.send(refusal());
    await this.expectIntroduction(guest, 'refused');
    this.link.send(refusal());
  }

  /** Something from the session manager itself. */
  control({ at }: Guest, payload: string): string {
    return route(NAME, at, payload);
  }

  ended(guest: Guest): string {
    return this.control(guest, action('ended', guest));
  }

  replaced(guest: Guest): string {
    return this.control(guest, action('replaced', guest));
  }

  /** A stanza of the session. */
  to(guest: Guest, stanza: string, prefix = 'sm'): string {
    return route(NAME, guest.domain, stamped(stanza, guest, prefix));
  }

  /**
   * A stanza of ours, as it comes back from a session manager that does not know its session: with our own prefix, but
   * for `failed`, which has none. [11-unknown-session]
   *
   * @param prefixed should it have that prefix after all, as was meant?
   */
  bounced({ payload, source, to }: Routed, prefixed = false): string {
    const prefix = payload.attributes.find(({ namespace }) => namespace === SESS)!.name.split(':')[0];
    const content = source.slice(source.indexOf('>') + 1, source.lastIndexOf('</'));
    const failed = prefixed ? `${prefix}:failed` : 'failed';
    return route(NAME, to, content.replace(/^<([\w:-]+)/, `<$1 ${failed}='1'`));
  }

  // --- what it must hear ------------------------------------------------------------------------------------------

  /** The next that comes must be this stanza of this client, with the ids of its session, where that was started from. */
  async expectFrom(guest: Guest, stanza: string): Promise<Routed> {
    const routed = await this.link.routed();
    expect(routed.to, routed.source).to.equal(guest.at);
    const expected = readXml(stanza, CLIENT_STREAM).canonical();
    expect(unstamped(routed, guest).canonical(), routed.source).to.equal(expected);
    return routed;
  }

  /**
   * The next that come must be stanzas with these ids, in order. Behind those that were kept for a session manager that
   * came back, it is asked whether it knows the session.
   */
  async expectSaid(guest: Guest, ids: readonly number[]): Promise<void> {
    let isAsked = false;
    for (const id of ids) {
      let source = await this.link.source();
      if (!isAsked && source.includes(` type='result'`)) {
        isAsked = true;
        source = await this.link.source();
      }
      expect(source).to.contain(` id='${id}'>`);
    }
    if (!isAsked) await this.expectProbes(guest);
    await this.expectQuiet(guest);
  }

  /** The next that comes must be the end of the session. */
  async expectLeft(guest: Guest): Promise<void> {
    const end = await this.link.action('end');
    expect([end.to, end.c2s, end.sm], end.source).to.deep.equal([guest.at, guest.c2s, guest.sm]);
  }

  /** Nothing but these two stanzas is on its way, in either direction: each must be the next thing that comes. */
  async expectQuiet(user: Guest): Promise<void> {
    this.pings += 1;
    const id = `ping-${this.pings}`;
    const ping = `<iq type='get' id='${id}'><query xmlns='jabber:iq:roster'/></iq>`;
    const pong = `<iq type='result' id='${id}'/>`;
    user.send(ping);
    await this.expectFrom(user, ping);
    this.link.send(this.to(user, pong));
    await user.expect(pong);
  }

  /**
   * Nothing is on its way but ends of sessions that nobody has: what comes for such a session may be answered by that.
   * No end may be of a session that one of these has.
   */
  async expectQuietButEnds(user: Guest, ...others: Guest[]): Promise<void> {
    for (const { source, c2s, sm } of await this.endsUntilQuiet(user)) {
      const live = [user, ...others].find((one) => one.c2s === c2s && one.sm === sm);
      expect(live?.jid, `the end of a session that is there: ${source}`).to.equal(undefined);
    }
  }

  /** Nothing is on its way but the end of this session, which is allowed and not needed. */
  async expectQuietButEndsOf(user: Guest, over: Guest): Promise<void> {
    for (const { c2s, sm } of await this.endsUntilQuiet(user)) {
      expect([c2s, sm]).to.deep.equal([over.c2s, over.sm]);
    }
  }

  /** Ends that come before it is quiet, in order. */
  async endsUntilQuiet(user: Guest): Promise<Action[]> {
    this.pings += 1;
    const id = `ping-${this.pings}`;
    user.send(`<iq type='get' id='${id}'><query xmlns='jabber:iq:roster'/></iq>`);
    const ends: Action[] = [];
    for (let routed = await this.link.routed(); routed.payload.attribute('id') !== id;) {
      const end = readAction(routed);
      expect(end.action, end.source).to.equal('end');
      ends.push(end);
      routed = await this.link.routed();
    }
    this.link.send(this.to(user, `<iq type='result' id='${id}'/>`));
    await user.expect(`<iq type='result' id='${id}'/>`);
    return ends;
  }

  // --- the link ---------------------------------------------------------------------------------------------------

  /** The link is lost, as the socket manager sees it. */
  async loseLink(): Promise<void> {
    await this.link.drop();
    await this.log.line(/^lost link/);
  }

  /**
   * The link that was lost comes back; the clock is installed.
   *
   * @param live who has a session then: nobody knows whether it is still one, so its session manager is asked
   */
  async regainLink(...live: Guest[]): Promise<void> {
    const up = once(this.server, 'up');
    this.clock.advance(700);
    this.link = await this.router.link();
    await up;
    await this.expectProbes(...live);
  }

  /** The link is lost and comes back. */
  async relink(...live: Guest[]): Promise<void> {
    this.clock.install();
    await this.loseLink();
    await this.regainLink(...live);
  }

  /**
   * The next that come must be a stanza of each of these sessions, in any order, which a session manager that knows the
   * session drops in silence, and gives back otherwise. [07-roster] [19-component-drops]
   */
  async expectProbes(...live: Guest[]): Promise<Map<Guest, Routed>> {
    const probes = new Map<Guest, Routed>();
    for (let count = 0; count < live.length; count += 1) {
      const routed = await this.link.routed();
      const guest = live.find(({ c2s }) => c2s === routed.payload.attribute('c2s', SESS));
      expect(guest, `a session that is asked about: ${routed.source}`).to.not.equal(undefined);
      const iq = unstamped(routed, guest!);
      expect([iq.local, iq.attribute('type'), iq.attribute('to')]).to.deep.equal(['iq', 'result', undefined]);
      expect(routed.to).to.equal(guest!.at);
      probes.set(guest!, routed);
    }
    expect(probes.size).to.equal(live.length);
    return probes;
  }

  /** The client is gone, as the socket manager sees it: why. */
  async gone(guest: Guest): Promise<string> {
    for (;;) {
      const { details } = await this.log.line(/^client gone/);
      if (details['socket'] === guest.address) return String(details['reason']);
    }
  }
}

/** A dialogue in front of jabberd2. */
export const toldRouter = teller((overrides?: RouterOverrides) => RouterStory.begin(overrides));
