import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { TcpTransport } from '../net/tcp.js';
import { tcp } from '../xmpp/framing/tcp.js';
import { BIND, CLIENT, IQ_AUTH, REGISTER, SASL, SESSION, TLS } from '../xmpp/namespaces.js';
import { XmlStream, type XmlStreamEvents } from '../xmpp/stream.js';
import { element, parse, type Element } from '../xml/index.js';
import { isRunnerPing } from './script-client.js';
import { ObservedPasswords, UNKNOWN_PASSWORD } from './passwords.js';
import { LIMITS, type Peer } from './stream.js';
import { writeScript, type RecordedEvent, type RecordedCharacter } from './write.js';

/** Features of streams that cannot be recorded. */
const UNRECORDABLE = new Set([TLS, 'http://jabber.org/features/compress']);

export interface RecorderOptions {
  readonly to: Peer;
  readonly listen: Peer;
  /** Written as the password of every character; undefined: the passwords that clients send. */
  readonly password: string | undefined;
  /** Called with sentences about what happens, for a person. */
  onMessage(text: string): void;
  /** Called when the script has grown. */
  onChange?(): void;
}

/** A character of the script, and whether a client plays it now. */
interface Participant {
  readonly character: RecordedCharacter;
  /** When it logged in first, on the clock of {@link ObservedPasswords}. */
  readonly since: number;
  isConnected: boolean;
}

/** A proxy between clients and a server, which records their stanzas as a script. */
export class Recorder {
  private readonly server: Server;
  private readonly connections = new Set<RecordedConnection>();
  private readonly events: RecordedEvent[] = [];
  private readonly participants: Participant[] = [];
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
          this.options.onMessage(`a client could not be accepted: ${error.message}`),
        );
        resolve({ host, port: (this.server.address() as AddressInfo).port });
      });
    });
  }

  /** Closes all connections; resolves when their ends are recorded. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    const gone = [...this.connections].map((connection) => connection.gone);
    for (const connection of this.connections) connection.hangUp();
    await Promise.all([closed, ...gone]);
  }

  /** The script of all that was recorded so far. */
  script(title: string): string {
    const since = new Map(this.participants.map((participant) => [participant.character, participant.since]));
    return writeScript(
      title,
      this.events,
      (who) => this.passwords.at(who.jid, since.get(who) ?? 0) ?? UNKNOWN_PASSWORD,
    );
  }

  get length(): number {
    return this.events.length;
  }

  private accept(socket: Socket): void {
    const connection = new RecordedConnection(socket, this.options.to, {
      onLogin: (login) => this.begin(login),
      onRecorded: (who, kind, stanza, address) => this.addEvent({ kind, who, address, stanza }),
      onPassword: (jid, password) => this.passwords.add(jid, password),
      onEnded: (who, address, reason) => {
        this.connections.delete(connection);
        if (who) this.end(who, address);
        this.options.onMessage(`${who ? address : 'a client'} is gone${reason === '' ? '' : `: ${reason}`}`);
      },
    });
    this.connections.add(connection);
  }

  private addEvent(event: RecordedEvent): void {
    this.events.push(event);
    this.options.onChange?.();
  }

  private begin({ address, resource, password }: RecordedLogin): RecordedCharacter {
    const jid = address.split('/', 1)[0];
    if (password !== undefined) this.passwords.add(jid, password);
    const since = this.passwords.now();
    // A client that comes back is the same character, unless that one is still connected.
    let participant = this.participants.find(
      (one) => !one.isConnected && one.character.jid === jid && one.character.resource === resource,
    );
    if (!participant) {
      participant = { character: { jid, resource, name: this.nameFor(jid) }, since, isConnected: true };
      this.participants.push(participant);
    }
    participant.isConnected = true;
    this.addEvent({ kind: 'connects', who: participant.character, address });
    this.options.onMessage(`${address} has logged in, and is called ${participant.character.name}`);
    if (this.passwords.at(jid, since) === undefined) {
      this.options.onMessage(
        `its login did not show its password: unless another login does, the script says "${UNKNOWN_PASSWORD}" (--password TEXT writes another)`,
      );
    }
    return participant.character;
  }

  private end(who: RecordedCharacter, address: string): void {
    this.addEvent({ kind: 'disconnects', who, address });
    const participant = this.participants.find(({ character }) => character === who);
    if (participant) participant.isConnected = false;
  }

  private nameFor(jid: string): string {
    // A line that begins with dashes would be read as a separator.
    const user = jid.split('@', 1)[0].replace(/[^\p{L}\p{N} ._-]|^-/gu, '_');
    const name = user.charAt(0).toUpperCase() + user.slice(1);
    const taken = this.participants.filter(
      ({ character }) => character.name.replace(/ \d+$/, '') === name,
    ).length;
    return taken === 0 ? name : `${name} ${taken + 1}`;
  }
}

/** What a request before the login is for. */
type Step = 'bind' | 'auth' | 'other';

function stepOf(stanza: Element, query: Element | undefined): Step {
  if (query?.namespace === BIND) return 'bind';
  return query?.namespace === IQ_AUTH && stanza.attribute('type') === 'set' ? 'auth' : 'other';
}

/** What a login shows. */
interface RecordedLogin {
  /** The full address. */
  readonly address: string;
  readonly resource: string;
  readonly password: string | undefined;
}

interface RecordedConnectionEvents {
  onLogin(login: RecordedLogin): RecordedCharacter;
  onRecorded(who: RecordedCharacter, kind: 'sends' | 'receives', stanza: Element, address: string): void;
  /** A client has set a password, and the server has accepted it. */
  onPassword(jid: string, password: string): void;
  onEnded(who: RecordedCharacter | undefined, address: string, reason: string): void;
}

type Side = 'client' | 'server';

/** The connection of one client, and its own connection to the server. */
class RecordedConnection {
  private readonly client: XmlStream;
  private readonly server: XmlStream;
  private who: RecordedCharacter | undefined;
  private address = '';
  private domain = '';
  private user = '';
  private password: string | undefined;
  private isPlain = false;
  private resource = '';
  /** Ids of requests that are not part of the script; nor are the answers to them. */
  private readonly unrecordedIds = new Map<string, Step>();
  /** Passwords in requests to set one, by the ids of the requests. */
  private readonly passwordChanges = new Map<string, { readonly user: string; readonly password: string }>();
  private readonly declared: Record<Side, ReadonlyMap<string, string>> = {
    client: new Map(),
    server: new Map(),
  };
  /** Stanzas that the client sent after its login request and before the answer. */
  private beforeLoginAnswer: Element[] = [];
  private reason = '';
  private isEnded = false;
  private resolveGone: () => void = () => undefined;
  /** Resolves when the connection has ended. */
  readonly gone = new Promise<void>((resolve) => (this.resolveGone = resolve));

  constructor(
    socket: Socket,
    to: Peer,
    private readonly recorder: RecordedConnectionEvents,
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
      new TcpTransport(source),
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
        this.declared[side] = new Map([['', CLIENT], ...header.declarations()]);
        if (side === 'client') this.domain = header.attribute('to') ?? this.domain;
        other().forward(header);
      },
      onStanza: ({ source }) => {
        const stanza = parse(source, this.declared[side]);
        const passes = side === 'client' ? this.fromClient(stanza) : this.fromServer(stanza);
        if (passes !== undefined) other().send(passes === stanza ? source : passes.toString());
      },
      onSkipped: (bytes) => this.end(`a stanza of ${bytes} bytes was too long`),
      onClosingTag: () => {
        other().finish();
        if (side === 'client') this.clientLeft();
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

  /** @returns what is sent to the server */
  private fromClient(stanza: Element): Element | undefined {
    if (stanza.namespace === TLS) {
      this.client.send(element('failure', { xmlns: TLS }).toString());
      this.client.close();
      this.end('it requires STARTTLS, and an encrypted stream cannot be recorded');
      return undefined;
    }
    this.notePasswordRequest(stanza);
    if (this.who) this.record(stanza);
    else this.observeLogin(stanza);
    return stanza;
  }

  /** Requests to register, and to change a password, show the password. [XEP-0077 3.1, 3.3] */
  private notePasswordRequest(stanza: Element): void {
    const query = stanza.attribute('type') === 'set' ? stanza.child('query', REGISTER) : undefined;
    const [user, password] = [query?.childText('username'), query?.childText('password')];
    if (user === undefined || password === undefined) return;
    this.passwordChanges.set(stanza.attribute('id') ?? '', { user: user.trim().toLowerCase(), password });
  }

  private notePasswordResult(answer: Element): void {
    const id = answer.attribute('id') ?? '';
    const taken = answer.name === 'iq' ? this.passwordChanges.get(id) : undefined;
    if (!taken || !['result', 'error'].includes(answer.attribute('type') ?? '')) return;
    this.passwordChanges.delete(id);
    if (answer.attribute('type') === 'result')
      this.recorder.onPassword(`${taken.user}@${this.domain || 'localhost'}`, taken.password);
  }

  /** @returns what is sent to the client */
  private fromServer(stanza: Element): Element | undefined {
    if (stanza.localName === 'features') return this.filterFeatures(stanza);
    if (stanza.namespace === SASL) {
      // Next the client opens a new stream, and the server answers with one. [RFC6120 6.4.6]
      if (stanza.localName === 'success') this.restart();
      return stanza;
    }
    this.notePasswordResult(stanza);
    const step = stanza.name === 'iq' ? this.unrecordedIds.get(stanza.attribute('id') ?? '') : undefined;
    if (step !== undefined && stanza.attribute('type') !== 'get' && stanza.attribute('type') !== 'set') {
      this.unrecordedIds.delete(stanza.attribute('id') ?? '');
      this.loginAnswered(step, stanza);
    } else if (this.who) this.recorder.onRecorded(this.who, 'receives', stanza, this.address);
    return stanza;
  }

  /** Removes the features that cannot be recorded. */
  private filterFeatures(features: Element): Element | undefined {
    const hidden = features.elements.filter(({ namespace }) => UNRECORDABLE.has(namespace));
    if (hidden.some((one) => one.namespace === TLS && one.child('required'))) {
      this.end('the server requires STARTTLS, and an encrypted stream cannot be recorded');
      return undefined;
    }
    if (hidden.length === 0) return features;
    const copy = features.clone();
    copy.children = copy.children.filter(
      (child) => typeof child === 'string' || !UNRECORDABLE.has(child.namespace),
    );
    return copy;
  }

  /** Reads the address and the password in the requests before the login. */
  private observeLogin(stanza: Element): void {
    if (stanza.namespace === SASL) return this.observeSasl(stanza);
    const [query] = stanza.elements;
    const step = stepOf(stanza, query);
    if (step === 'other' && this.isLoggingIn()) return void this.beforeLoginAnswer.push(stanza);
    this.unrecordedIds.set(stanza.attribute('id') ?? '', step);
    if (step === 'other') return;
    this.resource = query.childText('resource')?.trim() ?? '';
    if (step === 'bind') return;
    this.user = query.childText('username') ?? '';
    this.password = query.childText('password');
  }

  /** Has the client sent its login request? All that it sends after that is part of the script. */
  private isLoggingIn(): boolean {
    return [...this.unrecordedIds.values()].some((step) => step !== 'other');
  }

  /** The message of PLAIN may also be in a response. [RFC4616 2] An earlier login may have failed. */
  private observeSasl(stanza: Element): void {
    if (stanza.localName === 'auth') this.isPlain = stanza.attribute('mechanism') === 'PLAIN';
    else if (stanza.localName !== 'response') return;
    const message = this.isPlain ? Buffer.from(stanza.text, 'base64').toString() : '';
    this.password = message.split('\0').at(2);
  }

  private loginAnswered(step: Step, answer: Element): void {
    if (step === 'other' || answer.attribute('type') !== 'result') return;
    const bound = answer.child('bind', BIND)?.childText('jid')?.trim();
    const domain = this.domain || 'localhost';
    this.address = bound ?? `${this.user}@${domain}`.toLowerCase() + `/${this.resource}`;
    this.who = this.recorder.onLogin({
      address: this.address,
      resource: this.resource,
      password: this.password,
    });
    for (const stanza of this.beforeLoginAnswer.splice(0)) this.record(stanza);
  }

  /** The request for a session belongs to the login, and not to the script. [RFC3921 3] */
  private record(stanza: Element): void {
    if (stanza.child('session', SESSION) || isRunnerPing(stanza))
      return void this.unrecordedIds.set(stanza.attribute('id') ?? '', 'other');
    this.recorder.onRecorded(this.who!, 'sends', stanza, this.address);
  }

  private clientLeft(): void {
    if (this.who) this.recorder.onEnded(this.who, this.address, '');
    this.who = undefined;
    this.isEnded = true;
    this.resolveGone();
  }

  private end(reason: string): void {
    this.reason ||= reason;
    this.hangUp();
    if (this.isEnded) return;
    this.isEnded = true;
    this.recorder.onEnded(this.who, this.address, this.reason);
    this.resolveGone();
  }
}
