import { expect } from 'chai';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createHash } from 'node:crypto';
import { element, parse, type Element } from '../../../lib/xml/index.js';
import { print, Wire } from '../../support/wire.js';
import { within } from './running.js';

const STREAMS = "xmlns:stream='http://etherx.jabber.org/streams'";
const REGISTER = 'jabber:iq:register';
const AUTH = 'jabber:iq:auth';

/** How long something that must come from real servers may take, in milliseconds. */
const PATIENCE = 20_000;

/** How much of what was received a failure shows. */
const SHOWN = 2000;

/** Whom a user is, before it has logged in. */
export interface Identity {
  readonly username: string;
  readonly password: string;
  readonly domain: string;
  readonly resource: string;
}

/** How a stream ended. */
export interface Ending {
  /** The condition, or the text, of the stream error; undefined where there was none. */
  readonly error: string | undefined;
  /** Was the stream closed, or only the connection? */
  readonly closed: boolean;
}

/**
 * A user of a real server, on a raw socket. What comes is kept until it is asked for, in whatever order: servers
 * that are three processes promise none.
 */
export class User extends Wire {
  private readonly kept: Element[] = [];
  /** The id of its stream. */
  private stream = '';
  private closing = false;
  private ended = false;
  private ids = 0;

  /** Connects, and opens a stream; says nothing about what comes back. */
  static async connect(port: number, identity: Identity): Promise<User> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    const { username, resource } = identity;
    return new User(socket, `${username}/${resource}`, identity);
  }

  private constructor(
    socket: Wire['socket'],
    name: string,
    readonly identity: Identity,
  ) {
    super(socket, name, PATIENCE);
  }

  get bare(): string {
    const { username, domain } = this.identity;
    return `${username}@${domain}`;
  }

  get full(): string {
    return `${this.bare}/${this.identity.resource}`;
  }

  /** Opens a stream. Features or an error come next, and are kept. @returns its id */
  async open(): Promise<string> {
    const to = this.identity.domain;
    this.send(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:client' ${STREAMS} to='${to}' version='1.0'>`,
    );
    return (this.stream = (await this.header()).attribute('id') ?? '');
  }

  /** @returns the answer to a registration */
  register(password = this.identity.password, username = this.identity.username): Promise<Element> {
    return this.ask('set', fields(REGISTER, { username, password }));
  }

  /** The query of a login with the password itself. */
  credentials(password = this.identity.password): Element {
    const { username, resource } = this.identity;
    return fields(AUTH, { username, password, resource });
  }

  /** @returns the answer to a login with the password itself */
  login(password?: string): Promise<Element> {
    return this.ask('set', this.credentials(password));
  }

  /** @returns the answer to a login with a digest. [XEP-0078 3.2] */
  loginByDigest(password = this.identity.password): Promise<Element> {
    const { username, resource } = this.identity;
    const digest = createHash('sha1').update(`${this.stream}${password}`).digest('hex');
    return this.ask('set', fields(AUTH, { username, digest, resource }));
  }

  /** @returns the answer to a change of the password, over its session */
  changePassword(password: string): Promise<Element> {
    return this.register(password);
  }

  /** Removes the account. @returns the answer, where one comes before the end */
  unregister(): Promise<Element> {
    return this.ask('set', element('query', { xmlns: REGISTER }, element('remove')));
  }

  /** Sends a query. @returns its answer, an error as well */
  async ask(type: 'get' | 'set', query: Element, to?: string): Promise<Element> {
    const id = this.request(type, query, to);
    return this.answer(id);
  }

  /** Sends a query, and does not wait. @returns its id */
  request(type: 'get' | 'set', query: Element, to?: string): string {
    const id = `${this.identity.resource}-${(this.ids += 1)}`;
    this.send(element('iq', { type, id, to }, query).toString());
    return id;
  }

  /** The answer to the query with this id. */
  answer(id: string): Promise<Element> {
    return this.find(`an answer to ${id}`, (stanza) => stanza.name === 'iq' && stanza.attribute('id') === id);
  }

  say(to: string, body: string, type = 'chat'): void {
    this.send(element('message', { to, type }, element('body', {}, body)).toString());
  }

  /** The message with this text. */
  hears(body: string): Promise<Element> {
    return this.find(`the message "${body}"`, (stanza) => isMessage(stanza, body));
  }

  /** Presence of that type (none: available) from that address. */
  sees(from: string, type?: string): Promise<Element> {
    return this.find(`${type ?? 'available'} presence from ${from}`, (stanza) =>
      isPresence(stanza, from, type),
    );
  }

  /** The next stanza that `look` wants; all others are kept. */
  async find(what: string, look: (stanza: Element) => boolean): Promise<Element> {
    for (let at = 0; ;) {
      for (; at < this.kept.length; at += 1) {
        if (look(this.kept[at])) return this.kept.splice(at, 1)[0];
      }
      if (this.ended) throw new Error(`${this.name}: the end came instead of ${what}; ${this.tail()}`);
      await this.arrive(what);
    }
  }

  /** What has come, and nobody has asked for. Something is on its way? {@link roundTrip} first. */
  waiting(look: (stanza: Element) => boolean = () => true): Element[] {
    return this.kept.filter(look);
  }

  /** A message to itself comes back: what was sent to it before, in order, has arrived. */
  async roundTrip(): Promise<void> {
    const body = `round trip ${this.name} ${(this.ids += 1)}`;
    this.say(this.full, body);
    await this.hears(body);
  }

  /** What becomes of its session: a message to itself comes back, or its stream is ended with an error. */
  async fate(): Promise<'works' | Ending> {
    const body = `still there? ${(this.ids += 1)}`;
    this.say(this.full, body);
    const isIt = (stanza: Element): boolean => stanza.name === 'stream:error' || isMessage(stanza, body);
    const found = await this.find('its fate', isIt);
    if (found.name === 'message') return 'works';
    this.kept.push(found);
    return this.end();
  }

  /** The connection is ended from the other side. */
  async end(): Promise<Ending> {
    while (!this.ended) await this.arrive('the end of the connection');
    const error = this.kept.find(({ name }) => name === 'stream:error');
    return { error: error && (error.elements[0]?.name ?? error.text), closed: this.closing };
  }

  /** The stream is ended with this error, in good order. */
  async isTold(condition: string): Promise<void> {
    expect(await this.end(), `how the stream of ${this.name} ended`).to.deep.equal({
      error: condition,
      closed: true,
    });
  }

  /** Closes its stream and connection, and waits until both are closed. */
  async leave(): Promise<void> {
    this.socket.end('</stream:stream>');
    await this.over;
  }

  /** The last that it received, for the message of a failure. */
  private tail(): string {
    return `; received … ${this.received.slice(-SHOWN)}`;
  }

  private async arrive(what: string): Promise<void> {
    const arrival = await this.next().catch((error: Error) => {
      throw new Error(`${error.message} for ${what}${this.tail()}`);
    });
    if (arrival.kind === 'stanza') this.kept.push(parse(arrival.source));
    else if (arrival.kind === 'closing tag') this.closing = true;
    else if (arrival.kind === 'end of the connection') this.ended = true;
    else throw new Error(`${this.name}: unexpected ${print(arrival)}`);
  }
}

/** A host is served: streams to it are not refused. Servers do not say when they have learned of one. */
export async function served(port: number, domain = 'localhost'): Promise<void> {
  const identity = { username: 'nobody', password: '', domain, resource: 'nowhere' };
  const asking = async (): Promise<void> => {
    for (let answer = ''; answer !== 'stream:features';) {
      const user = await User.connect(port, identity);
      await user.open();
      answer = (await user.find('features, or an error', () => true)).name;
      user.socket.destroy();
    }
  };
  await within(asking(), () => `${domain} is served on port ${port}`);
}

/** The answer to a query is a result. */
export function expectDone(answer: Element): void {
  expect(answer.attribute('type'), answer.toString()).to.equal('result');
}

/** The answer to a query is an error with this code. [XEP-0086] */
export function expectError(answer: Element, code: string): void {
  expect(answer.attribute('type'), answer.toString()).to.equal('error');
  expect(answer.child('error')?.attribute('code'), answer.toString()).to.equal(code);
}

/** A query with fields of text. */
export function fields(namespace: string, values: Readonly<Record<string, string>>): Element {
  const children = Object.entries(values).map(([name, value]) => element(name, {}, value));
  return element('query', { xmlns: namespace }, ...children);
}

function isMessage(stanza: Element, body: string): boolean {
  return stanza.name === 'message' && stanza.childText('body') === body;
}

function isPresence(stanza: Element, from: string, type: string | undefined): boolean {
  if (stanza.name !== 'presence' || stanza.attribute('type') !== type) return false;
  const sender = stanza.attribute('from') ?? '';
  return sender === from || (!from.includes('/') && sender.split('/')[0] === from);
}
