import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { tcp } from '../xmpp/framing/tcp.js';
import { BIND, CLIENT, IQ_AUTH, REGISTER, SASL, SESSION, TLS } from '../xmpp/namespaces.js';
import { XmlStream, type XmlStreamEvents } from '../xmpp/stream.js';
import { element, parse, type Element } from '../xml/index.js';
import { isRunnerPing } from './script-client.js';
import { ObservedPasswords, UNKNOWN_PASSWORD } from './passwords.js';
import { LIMITS, type Peer } from './stream.js';
import { writeScript, type RecordedEvent, type RecordedCharacter } from './write.js';

/** Features after which nobody could read along. */
const HIDING = new Set([TLS, 'http://jabber.org/features/compress']);

export interface RecorderOptions {
  readonly to: Peer;
  readonly listen: Peer;
  /** Written for every character instead of what was seen. */
  readonly password: string | undefined;
  /** Told of what happens, for the person who watches. */
  tell(text: string): void;
  /** Told that there is more in the script than before. */
  changed?(): void;
}

/** A character, and whether somebody plays it now. */
interface Part {
  readonly recorded: RecordedCharacter;
  /** When it was played first, as {@link ObservedPasswords} counts. */
  readonly since: number;
  playing: boolean;
}

/** Sits between clients and a server, and keeps what they say to each other. */
export class Recorder {
  private readonly server: Server;
  private readonly calls = new Set<Call>();
  private readonly moments: RecordedEvent[] = [];
  private readonly cast: Part[] = [];
  private readonly passwords: ObservedPasswords;

  constructor(private readonly options: RecorderOptions) {
    this.passwords = new ObservedPasswords(options.password);
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.accept(socket));
  }

  /** @returns where it listens @throws the system's error */
  listen(): Promise<Peer> {
    const { host, port } = this.options.listen;
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port }, () => {
        this.server.off('error', reject);
        this.server.on('error', (error) =>
          this.options.tell(`a client could not be accepted: ${error.message}`),
        );
        resolve({ host, port: (this.server.address() as AddressInfo).port });
      });
    });
  }

  /** Ends what goes on; resolves when that is recorded as well. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    const gone = [...this.calls].map((call) => call.gone);
    for (const call of this.calls) call.hangUp();
    await Promise.all([closed, ...gone]);
  }

  /** All that was recorded so far. */
  script(title: string): string {
    const since = new Map(this.cast.map((part) => [part.recorded, part.since]));
    return writeScript(
      title,
      this.moments,
      (who) => this.passwords.at(who.jid, since.get(who) ?? 0) ?? UNKNOWN_PASSWORD,
    );
  }

  get length(): number {
    return this.moments.length;
  }

  private accept(socket: Socket): void {
    const call = new Call(socket, this.options.to, {
      loggedIn: (login) => this.begin(login),
      passed: (who, kind, stanza, address) => this.happens({ kind, who, address, stanza }),
      showed: (jid, password) => this.passwords.add(jid, password),
      over: (who, address, reason) => {
        this.calls.delete(call);
        if (who) this.end(who, address);
        this.options.tell(`${who ? address : 'a client'} is gone${reason === '' ? '' : `: ${reason}`}`);
      },
    });
    this.calls.add(call);
  }

  private happens(moment: RecordedEvent): void {
    this.moments.push(moment);
    this.options.changed?.();
  }

  private begin({ address, resource, password }: Login): RecordedCharacter {
    const jid = address.split('/', 1)[0];
    if (password !== undefined) this.passwords.add(jid, password);
    const since = this.passwords.now();
    // Who comes back plays the same character; who comes a second time meanwhile is another one.
    let part = this.cast.find(
      (one) => !one.playing && one.recorded.jid === jid && one.recorded.resource === resource,
    );
    if (!part) {
      part = { recorded: { jid, resource, name: this.nameFor(jid) }, since, playing: true };
      this.cast.push(part);
    }
    part.playing = true;
    this.happens({ kind: 'connects', who: part.recorded, address });
    this.options.tell(`${address} has logged in, and is called ${part.recorded.name}`);
    if (this.passwords.at(jid, since) === undefined) {
      this.options.tell(
        `its login did not show its password: unless another login does, the script says "${UNKNOWN_PASSWORD}" (--password TEXT writes another)`,
      );
    }
    return part.recorded;
  }

  private end(who: RecordedCharacter, address: string): void {
    this.happens({ kind: 'disconnects', who, address });
    const part = this.cast.find(({ recorded }) => recorded === who);
    if (part) part.playing = false;
  }

  private nameFor(jid: string): string {
    // A line that begins with dashes is none about a character.
    const user = jid.split('@', 1)[0].replace(/[^\p{L}\p{N} ._-]|^-/gu, '_');
    const name = user.charAt(0).toUpperCase() + user.slice(1);
    const taken = this.cast.filter(({ recorded }) => recorded.name.replace(/ \d+$/, '') === name).length;
    return taken === 0 ? name : `${name} ${taken + 1}`;
  }
}

/** What a stanza before the login is for. */
type Step = 'bind' | 'auth' | 'other';

function stepOf(stanza: Element, query: Element | undefined): Step {
  if (query?.namespace === BIND) return 'bind';
  return query?.namespace === IQ_AUTH && stanza.attribute('type') === 'set' ? 'auth' : 'other';
}

/** What a login told us. */
interface Login {
  /** The full one. */
  readonly address: string;
  readonly resource: string;
  readonly password: string | undefined;
}

interface CallEvents {
  loggedIn(login: Login): RecordedCharacter;
  passed(who: RecordedCharacter, kind: 'sends' | 'receives', stanza: Element, address: string): void;
  /** A client has set a password, and the server has taken it. */
  showed(jid: string, password: string): void;
  over(who: RecordedCharacter | undefined, address: string, reason: string): void;
}

type Side = 'client' | 'server';

/** One client, and the connection to the server that is its own. */
class Call {
  private readonly client: XmlStream;
  private readonly server: XmlStream;
  private who: RecordedCharacter | undefined;
  private address = '';
  private domain = '';
  private user = '';
  private password: string | undefined;
  private isPlain = false;
  private resource = '';
  /** Ids of what is no part of a script: answers to it are none either. */
  private readonly ours = new Map<string, Step>();
  /** Passwords that it has asked the server to take, by the ids of the questions. */
  private readonly settings = new Map<string, { readonly user: string; readonly password: string }>();
  private readonly around: Record<Side, ReadonlyMap<string, string>> = {
    client: new Map(),
    server: new Map(),
  };
  /** What it sent behind its login without waiting. */
  private early: Element[] = [];
  private reason = '';
  private over = false;
  private tellGone: () => void = () => undefined;
  /** Resolves when it is over. */
  readonly gone = new Promise<void>((resolve) => (this.tellGone = resolve));

  constructor(
    socket: Socket,
    to: Peer,
    private readonly callEvents: CallEvents,
  ) {
    this.client = this.stream(socket, 'client');
    this.server = this.stream(connect({ ...to, noDelay: true, allowHalfOpen: true }), 'server');
  }

  hangUp(): void {
    this.client.hangUp();
    this.server.hangUp();
  }

  private stream(source: Socket, side: Side): XmlStream {
    const stream: XmlStream = new XmlStream(
      source,
      this.events(side, () => stream),
      {
        role: side === 'client' ? 'receiving' : 'initiating',
        framing: tcp,
        limits: LIMITS,
        namespaces: false,
      },
    );
    return stream;
  }

  private events(side: Side, stream: () => XmlStream): XmlStreamEvents {
    const other = (): XmlStream => (side === 'client' ? this.server : this.client);
    return {
      onData: (chunk) => stream().read(chunk),
      onHeader: (header) => {
        this.around[side] = new Map([['', CLIENT], ...header.declarations()]);
        if (side === 'client') this.domain = header.attribute('to') ?? this.domain;
        other().forward(header);
      },
      onStanza: ({ source }) => {
        const stanza = parse(source, this.around[side]);
        const passes = side === 'client' ? this.fromClient(stanza) : this.fromServer(stanza);
        if (passes !== undefined) other().send(passes === stanza ? source : passes.toString());
      },
      onSkipped: (bytes) => this.end(`a stanza of ${bytes} bytes was too long`),
      onClosingTag: () => {
        other().finish();
        if (side === 'client') this.leave();
      },
      onParseError: ({ text }) => this.end(`${side}: ${text}`),
      onFailed: (error) => this.end(error.message),
      onEnded: () => this.end(''),
      onClosed: (cause) => this.end(cause.kind === 'broken' ? `${side}: ${cause.code}` : ''),
    };
  }

  /** A new stream on both sides, after SASL. [RFC6120 6.4.6] */
  private restart(): void {
    this.client.restart();
    this.server.restart();
  }

  /** @returns what the server gets of it */
  private fromClient(stanza: Element): Element | undefined {
    if (stanza.namespace === TLS) {
      this.client.send(element('failure', { xmlns: TLS }).toString());
      this.client.close();
      this.end('it wants STARTTLS, and what is encrypted cannot be recorded');
      return undefined;
    }
    this.noteSetting(stanza);
    if (this.who) this.record(stanza);
    else this.learn(stanza);
    return stanza;
  }

  /** Who registers, or changes a password, shows it. [XEP-0077 3.1, 3.3] */
  private noteSetting(stanza: Element): void {
    const query = stanza.attribute('type') === 'set' ? stanza.child('query', REGISTER) : undefined;
    const [user, password] = [query?.childText('username'), query?.childText('password')];
    if (user === undefined || password === undefined) return;
    this.settings.set(stanza.attribute('id') ?? '', { user: user.trim().toLowerCase(), password });
  }

  private noteTaken(answer: Element): void {
    const id = answer.attribute('id') ?? '';
    const taken = answer.name === 'iq' ? this.settings.get(id) : undefined;
    if (!taken || !['result', 'error'].includes(answer.attribute('type') ?? '')) return;
    this.settings.delete(id);
    if (answer.attribute('type') === 'result')
      this.callEvents.showed(`${taken.user}@${this.domain || 'localhost'}`, taken.password);
  }

  /** @returns what the client gets of it */
  private fromServer(stanza: Element): Element | undefined {
    if (stanza.localName === 'features') return this.offer(stanza);
    if (stanza.namespace === SASL) {
      // What the client says next begins a new stream, and so does what the server says to that. [RFC6120 6.4.6]
      if (stanza.localName === 'success') this.restart();
      return stanza;
    }
    this.noteTaken(stanza);
    const step = stanza.name === 'iq' ? this.ours.get(stanza.attribute('id') ?? '') : undefined;
    if (step !== undefined && stanza.attribute('type') !== 'get' && stanza.attribute('type') !== 'set') {
      this.ours.delete(stanza.attribute('id') ?? '');
      this.answered(step, stanza);
    } else if (this.who) this.callEvents.passed(this.who, 'receives', stanza, this.address);
    return stanza;
  }

  /** A client must not be offered what would hide what it says. */
  private offer(features: Element): Element | undefined {
    const hidden = features.elements.filter(({ namespace }) => HIDING.has(namespace));
    if (hidden.some((one) => one.namespace === TLS && one.child('required'))) {
      this.end('the server insists on STARTTLS, and what is encrypted cannot be recorded');
      return undefined;
    }
    if (hidden.length === 0) return features;
    const copy = features.clone();
    copy.children = copy.children.filter(
      (child) => typeof child === 'string' || !HIDING.has(child.namespace),
    );
    return copy;
  }

  /** Before the login: who it is, and how it shows it. */
  private learn(stanza: Element): void {
    if (stanza.namespace === SASL) return this.learnSasl(stanza);
    const [query] = stanza.elements;
    const step = stepOf(stanza, query);
    if (step === 'other' && this.isLoggingIn()) return void this.early.push(stanza);
    this.ours.set(stanza.attribute('id') ?? '', step);
    if (step === 'other') return;
    this.resource = query.childText('resource')?.trim() ?? '';
    if (step === 'bind') return;
    this.user = query.childText('username') ?? '';
    this.password = query.childText('password');
  }

  /** Has it sent what will log it in? What comes behind that is part of the script. */
  private isLoggingIn(): boolean {
    return [...this.ours.values()].some((step) => step !== 'other');
  }

  /** [RFC4616 2] The message may also follow in a response. A login before this one may have failed. */
  private learnSasl(stanza: Element): void {
    if (stanza.localName === 'auth') this.isPlain = stanza.attribute('mechanism') === 'PLAIN';
    else if (stanza.localName !== 'response') return;
    const message = this.isPlain ? Buffer.from(stanza.text, 'base64').toString() : '';
    this.password = message.split('\0').at(2);
  }

  private answered(step: Step, answer: Element): void {
    if (step === 'other' || answer.attribute('type') !== 'result') return;
    const bound = answer.child('bind', BIND)?.childText('jid')?.trim();
    const domain = this.domain || 'localhost';
    this.address = bound ?? `${this.user}@${domain}`.toLowerCase() + `/${this.resource}`;
    this.who = this.callEvents.loggedIn({
      address: this.address,
      resource: this.resource,
      password: this.password,
    });
    for (const stanza of this.early.splice(0)) this.record(stanza);
  }

  /** A session is asked for behind the login, and is part of it. [RFC3921 3] */
  private record(stanza: Element): void {
    if (stanza.child('session', SESSION) || isRunnerPing(stanza))
      return void this.ours.set(stanza.attribute('id') ?? '', 'other');
    this.callEvents.passed(this.who!, 'sends', stanza, this.address);
  }

  private leave(): void {
    if (this.who) this.callEvents.over(this.who, this.address, '');
    this.who = undefined;
    this.over = true;
    this.tellGone();
  }

  private end(reason: string): void {
    this.reason ||= reason;
    this.hangUp();
    if (this.over) return;
    this.over = true;
    this.callEvents.over(this.who, this.address, this.reason);
    this.tellGone();
  }
}
