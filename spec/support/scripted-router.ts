import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { directives, proofs } from './digest-md5.js';
import { COMP, readXml, SESS, type Node } from './namespaced.js';
import { Queue, soon } from './queue.js';
import { SECRET } from './scripted-session-manager.js';
import { print, Wire } from './wire.js';

const STREAM = `xmlns:stream='http://etherx.jabber.org/streams'`;
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const TLS = 'urn:ietf:params:xml:ns:xmpp-tls';

/** The name that our side binds, and the names that Debian's session manager does. [16-bind-unbind] */
export const NAME = 'c2s-test';
export const NAMES = ['sm', 'localhost', 'vhost.test'];

/** Compiled specs run from dist/spec/support. */
export const TLS_FILES = new URL('../../../spec/fixtures/tls/', import.meta.url);

/** What a router says of itself on a stream. [01-handshake] [25-router-starttls] */
export const MECHANISMS = `<mechanisms xmlns='${SASL}'><mechanism>DIGEST-MD5</mechanism></mechanisms>`;
export const STARTTLS = `<starttls xmlns='${TLS}'/>`;

export function features(content: string): string {
  return `<stream:features ${STREAM}>${content}</stream:features>`;
}

export function streamHeader(id: string, more = ` version='1.0'`): string {
  return `<?xml version='1.0'?><stream:stream ${STREAM}${more} id='${id}'>`;
}

export function advert(name: string): string {
  return `<presence xmlns='${COMP}' from='${name}'></presence>`;
}

export function withdrawal(name: string): string {
  return `<presence xmlns='${COMP}' type='unavailable' from='${name}'></presence>`;
}

/** What each name of a session manager asks a new component. [01-handshake] */
export function disco(to = NAME, from = 'sm'): string {
  return route(
    to,
    from,
    `<iq xmlns='jabber:client' type='get' to='${to}' from='${from}' id='${randomBytes(20).toString('hex')}'>` +
      `<query xmlns='http://jabber.org/protocol/disco#info'></query></iq>`,
  );
}

export function route(to: string, from: string, payload: string, more = ''): string {
  return `<route xmlns='${COMP}' to='${to}' from='${from}'${more}>${payload}</route>`;
}

/** Something of ours that did not arrive, as it comes back: `from` is still us. [15-router-routing-errors] */
export function undelivered({ source }: Routed, error = '404'): string {
  return source.replace('<route', `<route error='${error}'`);
}

/** A route that came. */
export interface Routed {
  readonly source: string;
  readonly node: Node;
  readonly to: string;
  readonly from: string;
  readonly payload: Node;
}

/** A session action that came. Prefixed are c2s, sm and failed, and only they. */
export interface Action extends Routed {
  readonly action: string;
  readonly target: string | undefined;
  readonly id: string | undefined;
  readonly c2s: string | undefined;
  readonly sm: string | undefined;
}

function readRoute(source: string): Routed {
  const node = readXml(source);
  expect([node.namespace, node.local], source).to.deep.equal([COMP, 'route']);
  expect(node.attribute('type'), source).to.equal(undefined);
  expect(node.attribute('error'), source).to.equal(undefined);
  expect(node.children, `exactly one payload: ${source}`).to.have.length(1);
  return {
    source,
    node,
    to: node.attribute('to')!,
    from: node.attribute('from')!,
    payload: node.elements[0],
  };
}

/** Reads a session action. */
export function readAction(routed: Routed): Action {
  const { payload, source } = routed;
  expect([payload.namespace, payload.local], source).to.deep.equal([SESS, 'session']);
  expect(payload.attribute('failed', SESS), source).to.equal(undefined);
  return {
    ...routed,
    action: payload.attribute('action')!,
    target: payload.attribute('target'),
    id: payload.attribute('id'),
    c2s: payload.attribute('c2s', SESS),
    sm: payload.attribute('sm', SESS),
  };
}

/** How a login to the router went. */
export interface Greeting {
  /** What the response said. */
  readonly said: ReadonlyMap<string, string>;
  /** Was it right? */
  readonly right: boolean;
}

/** How a router may lie while it lets somebody in. */
export interface Lies {
  /** The challenge, decoded; NONCE stands for a fresh one. */
  readonly challenge?: string;
  /** What the answer to a right response proves. */
  readonly rspauth?: (right: string) => string;
  /** All that `<success/>` has in it, instead of the proof. */
  readonly success?: string;
}

const CHALLENGE = `realm="jabberd-router", nonce="NONCE", qop="auth", charset=utf-8, algorithm=md5-sess`;

/** One connection to the router, as the router sees it. It does what it is told to, step by step. */
export class RouterLink extends Wire {
  /** Headers that came, one for each stream on the connection. */
  headers = 0;
  /** Is all that is said sent byte by byte, each a read of its own? */
  slow = false;
  private written: Promise<void> = Promise.resolve();

  constructor(
    socket: Socket,
    private readonly secret: string,
  ) {
    super(socket, 'router');
  }

  override send(text: string | Buffer): void {
    if (!this.slow) return super.send(text);
    this.written = this.written.then(() => this.drip(String(text)));
  }

  /** A probe of a session that nobody has: both its ids are the same. It comes back. [11-unknown-session] */
  protected override returned(source: string): string | undefined {
    const mark = /<route [^>]*?to='([^']+)'[^>]*><iq( .*? id='probe'.*?)\/><\/route>$/.exec(source);
    const [id, other] = [...(mark?.[2] ?? '').matchAll(/:(?:c2s|sm)='([^']+)'/g)].map(([, value]) => value);
    if (!mark || id === undefined || id !== other) return undefined;
    return route(NAME, mark[1], `<iq failed='1'${mark[2]}></iq>`);
  }

  /** Takes a stream header, and answers it. */
  async answerHeader(content: string | undefined, more?: string): Promise<void> {
    const header = await this.header();
    this.headers += 1;
    expect(header.attribute('version'), 'without a version there are no features').to.equal('1.0');
    expect(header.name).to.equal('stream:stream');
    const offered = content === undefined ? '' : features(content);
    this.send(streamHeader(randomBytes(20).toString('hex'), more) + offered);
  }

  /** Takes a login by DIGEST-MD5, and answers what it is worth. [RFC2831] [01-handshake] */
  async authenticate(lies: Lies = {}): Promise<Greeting> {
    await this.expect(`<auth xmlns='${SASL}' mechanism='DIGEST-MD5'/>`);
    const nonce = randomBytes(16).toString('base64');
    const challenge = (lies.challenge ?? CHALLENGE).replace('NONCE', nonce);
    this.send(`<challenge xmlns='${SASL}'>${Buffer.from(challenge).toString('base64')}</challenge>`);
    const response = await this.element();
    expect([response.namespace, response.local]).to.deep.equal([SASL, 'response']);
    const said = directives(Buffer.from(response.text, 'base64').toString('utf8'));
    const expected = proofs(said, this.secret);
    const right = said.get('response') === expected.response && said.get('nonce') === nonce;
    if (right)
      this.succeed(`rspauth=${(lies.rspauth ?? ((proof) => proof))(expected.rspauth)}`, lies.success);
    else this.refuse();
    return { said, right };
  }

  /** Takes a bind, and answers it; `more` goes in the same write. */
  async bind(more: string, error?: string): Promise<void> {
    const bind = await this.element();
    expect([bind.namespace, bind.local]).to.deep.equal([COMP, 'bind']);
    expect(bind.attribute('name')).to.equal(NAME);
    expect(bind.attribute('multi'), 'no other connection may share the name').to.equal(undefined);
    expect(bind.children, 'neither the default route nor the log').to.deep.equal([]);
    this.send(`<bind xmlns='${COMP}'${error === undefined ? '' : ` error='${error}'`}></bind>${more}`);
  }

  /** Takes `<starttls/>`, and goes on encrypted: on the connection that it gives. `more` is said behind `<proceed/>`. */
  async secure(more = ''): Promise<RouterLink> {
    await this.expect(STARTTLS);
    const pem = readFileSync(new URL('router.pem', TLS_FILES));
    const proceed = `<proceed xmlns='${TLS}'/>${more}`;
    await this.written;
    await (this.slow ? this.drip(proceed) : this.sent(proceed));
    this.socket.removeAllListeners('data');
    const encrypted = new TLSSocket(this.socket, { isServer: true, key: pem, cert: pem });
    encrypted.on('error', () => undefined);
    const link = new RouterLink(encrypted, this.secret);
    link.slow = this.slow;
    return link;
  }

  /** What comes next, as an element that knows its namespaces. */
  async element(): Promise<Node> {
    return readXml(await this.source());
  }

  override async expect(xml: string): Promise<void> {
    const arrival = await this.next();
    if (arrival.kind !== 'stanza') throw new Error(`router: instead of ${xml} came ${print(arrival)}`);
    expect(readXml(arrival.source).canonical()).to.equal(readXml(xml).canonical());
  }

  /** The next thing that comes, which must be a whole route of ours. */
  async routed(): Promise<Routed> {
    const routed = readRoute(await this.source());
    expect(routed.from, 'only from the name that is bound').to.equal(NAME);
    return routed;
  }

  /** The next thing that comes, which must be this action. */
  async action(action: string): Promise<Action> {
    const came = readAction(await this.routed());
    expect(came.action, came.source).to.equal(action);
    return came;
  }

  /** The name is given back, before the stream is closed. */
  async expectUnbind(): Promise<void> {
    await this.expect(`<unbind xmlns='${COMP}' name='${NAME}'/>`);
    this.send(`<unbind xmlns='${COMP}'></unbind>`);
  }

  private succeed(proof: string, content = Buffer.from(proof).toString('base64')): void {
    this.restart();
    this.send(`<success xmlns='${SASL}'>${content}</success>`);
  }

  private refuse(): void {
    this.send(`<failure xmlns='${SASL}'><not-authorized/><text>Error authenticating user</text></failure>`);
  }
}

/** A router that a spec plays, with the session managers behind it: a TCP port, and no will of its own. [jabberd2 2.7.0] */
export class ScriptedRouter {
  /** How many connections it has taken in all, and how many there were at the same time. */
  connects = 0;
  mostOpen = 0;
  /** Does it let components in by itself, as far as their bind? */
  automatic = true;
  /** What becomes of those who want to connect: as it is stopped, and as that looks where others pass its port on. */
  door: 'open' | 'closes at once' = 'open';
  /** What it offers beside SASL: {@link STARTTLS}, and then it takes that. */
  offers = '';
  /** The names that others have bound. */
  names: readonly string[] = NAMES;
  /** What it sends in the same write as the answer to a bind, behind its adverts. */
  behindBind: string;
  /** What the user `jabberd` must know. */
  secret = SECRET;
  private readonly links = new Queue<RouterLink>('a connection to the router');
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor() {
    this.behindBind = disco() + disco() + disco();
    this.server = createServer((socket) => this.accept(socket));
  }

  static async listen(port = 0): Promise<ScriptedRouter> {
    const router = new ScriptedRouter();
    router.server.listen(port, '127.0.0.1');
    await once(router.server, 'listening');
    return router;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Adverts of all names that others have bound. */
  get adverts(): string {
    return this.names.map(advert).join('');
  }

  /** The next connection: after its bind, or at once if that is not done {@link automatic}ally. */
  link(): Promise<RouterLink> {
    return this.links.next();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await soon(new Promise((resolve) => void this.server.close(resolve)), 'the close of the router');
  }

  /** Lets a component in, from its header to its bind. */
  async admit(link: RouterLink): Promise<RouterLink> {
    await link.answerHeader(this.offers + MECHANISMS);
    const encrypted = this.offers === STARTTLS ? await link.secure() : undefined;
    const admitted = encrypted ?? link;
    if (encrypted) await encrypted.answerHeader(MECHANISMS);
    await admitted.authenticate();
    await admitted.answerHeader('');
    await admitted.bind(this.adverts + this.behindBind);
    return admitted;
  }

  /** It takes no new connections until it listens again; those that are there stay. */
  shut(): () => Promise<void> {
    const { port } = this;
    this.server.close();
    return async () => {
      this.server.listen(port, '127.0.0.1');
      await once(this.server, 'listening');
    };
  }

  private accept(socket: Socket): void {
    this.connects += 1;
    if (this.door === 'closes at once') return void socket.destroy();
    this.sockets.add(socket);
    this.mostOpen = Math.max(this.mostOpen, this.sockets.size);
    socket.setNoDelay(true);
    socket.on('close', () => this.sockets.delete(socket));
    const link = new RouterLink(socket, this.secret);
    if (!this.automatic) return this.links.push(link);
    this.admit(link).then(
      (admitted) => this.links.push(admitted),
      () => undefined,
    );
  }
}
