/** Which dialect a session manager speaks, by what it says and by what it answers. */
import type { ComponentDialect } from '../../config/config.js';
import { element, type Stanza, type Tag } from '../../xml/index.js';
import { hostOf, lowerCase } from '../../xmpp/address.js';

/** A dialect, and a sentence that says what shows it. */
export interface Finding {
  readonly dialect: ComponentDialect;
  readonly why: string;
}

/** jabberd 1.1 and before answer every stream header with one of their own namespace. [jabberd 1.1.2 handshake-ok.txt] */
export function fromHeader(header: Tag): Finding | undefined {
  if (header.attribute('xmlns') !== 'jabberd:sockets') return undefined;
  return { dialect: 'sto-sfrom', why: 'its stream header has the namespace jabberd:sockets' };
}

/** The address on our side that a packet of either dialect is for. */
export function addressee(packet: Stanza): string | undefined {
  return packet.attribute(packet.name === 'route' ? 'to' : 'sto');
}

/** Who asks. Answers may come when the dialect is long known. */
export function detectAddressOf(name: string): string {
  return `0@${name}/detect`;
}

/**
 * A question in each dialect, about nobody and from nobody: which login fields are there? Session managers answer the
 * one they understand and drop the other, which has no address that they look at.
 */
export function questions(name: string, domain: string): string {
  const asker = detectAddressOf(name);
  const iq = (): ReturnType<typeof element> =>
    element('iq', { type: 'get', id: 'detect' }, element('query', { xmlns: 'jabber:iq:auth' }));
  const plain = iq().set('sfrom', asker).set('sto', domain);
  const routed = element('route', { type: 'auth', to: domain, from: asker }, iq());
  return `${routed.toString()}${plain.toString()}`;
}

/** What the first packet after the questions shows. */
export function fromAnswer(packet: Stanza): Finding | undefined {
  if (packet.name === 'route') return { dialect: 'route', why: 'it answers in <route/>' };
  if (packet.attribute('sto') !== undefined) {
    return { dialect: 'sto-sfrom', why: 'it answers with the attributes sto and sfrom' };
  }
  return undefined;
}

/**
 * The router of jabberd2 takes components of this kind as well, but no sessions from them; its sm asks each newcomer
 * what it is, in a namespace that no jabberd 1.x writes. [jabberd2 2.7.0 router]
 */
export function isJabberd2(packet: Stanza): boolean {
  return packet.attribute('xmlns') === 'jabber:client';
}

export const USE_JABBERD2 =
  'this is the router of jabberd2: use --dialect jabberd2, with the user and the secret of its router-users.xml';

/** One sentence for the log where a packet does not belong to the dialect that was configured. */
export function otherDialect(configured: ComponentDialect, packet: Stanza): string | undefined {
  if (isJabberd2(packet)) return USE_JABBERD2;
  const finding = fromAnswer(packet);
  if (!finding || finding.dialect === configured) return undefined;
  return `the session manager speaks another dialect than ${configured} (${finding.why}): use --dialect ${finding.dialect}`;
}

/** How long an answer is waited for that shows the dialect, or that our name is right. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Of a name that the session manager says, the characters that are logged. */
const MAX_NAME_LENGTH = 255;

export interface DetectionOptions {
  /** Our component name. */
  readonly name: string;
  readonly dialect: ComponentDialect | 'auto';
  /** A domain to ask about when the dialect has to be found out. */
  readonly domain: string;
}

export interface DetectionEvents {
  /** Sends text on the link, which is not open yet. */
  send(text: string): void;
  /** A packet from our name to our name in the dialect of routes. */
  probe(): string;
  /** The dialect is known, from what it was found out. */
  onFound(finding: Finding): void;
  /** The link can be used. */
  onReady(): void;
  /** The link is of no use. */
  onFailed(reason: string): void;
}

/**
 * `dialect`: questions in each dialect are out; `name`: a packet to our own name is out; `settled`: nothing is to be found
 * out, or there is no link.
 */
type State = 'settled' | 'dialect' | 'name';

/** What has to be found out on a new link before it can be used: the dialect, and whether our name is one of its service. */
export class Detection {
  /** What the dialect was found out from, where it had to be. */
  finding: Finding | undefined;
  private state: State = 'settled';
  private timer: NodeJS.Timeout | undefined;
  /** What the session manager calls the service that its port is of, where it says so. */
  private service: string | undefined;
  /** Sender of the questions. */
  private readonly address: string;

  constructor(
    private readonly options: DetectionOptions,
    private readonly events: DetectionEvents,
  ) {
    this.address = detectAddressOf(options.name);
  }

  /** The dialect, from the start or from the first link on. */
  get dialect(): ComponentDialect | undefined {
    const { dialect } = this.options;
    return dialect === 'auto' ? this.finding?.dialect : dialect;
  }

  /** Is this the sender of the questions, to which answers come? */
  isAsker(address: string | undefined): boolean {
    return address === this.address;
  }

  /** There is a new link, whose peer has sent this header. */
  begin(header: Tag): void {
    this.service = header.attribute('from');
    if (this.dialect === undefined) this.askForDialect(header);
    else if (this.dialect === 'route' && this.isCalledOtherwise()) this.tryName();
    else this.events.onReady();
  }

  /** A packet came while the link is not ready. */
  heard(packet: Stanza): void {
    if (isJabberd2(packet)) return this.events.onFailed(USE_JABBERD2);
    switch (this.state) {
      case 'dialect':
        return this.found(fromAnswer(packet));
      case 'name':
        return this.isForName(packet) ? this.settle() : undefined;
      case 'settled':
        return;
    }
  }

  /** The link is lost, or is not wanted any more. */
  end(): void {
    clearTimeout(this.timer);
    this.state = 'settled';
  }

  private settle(): void {
    this.end();
    this.events.onReady();
  }

  private askForDialect(header: Tag): void {
    const finding = fromHeader(header);
    if (finding) return this.found(finding);
    const { name, domain } = this.options;
    this.events.send(questions(name, domain));
    this.wait('dialect', () =>
      this.isCalledOtherwise()
        ? this.wrongName()
        : 'its dialect could not be detected: it answers with neither <route/> nor sto and sfrom; use --dialect',
    );
  }

  private found(finding: Finding | undefined): void {
    if (!finding) return;
    this.finding = finding;
    this.events.onFound(finding);
    this.settle();
  }

  /**
   * jabberd takes a component by its port and its secret, whatever it calls itself, and says in its header what the
   * service is called. Other names may be its own as well, by <host/>: then what we say to ourselves comes back. If not,
   * nothing would ever come. [jabberd 1.4.3, 1.4.4, 1.6.1.1 base_accept]
   */
  private tryName(): void {
    this.events.send(this.events.probe());
    this.wait('name', () => this.wrongName());
  }

  private wait(state: State, reason: () => string): void {
    this.state = state;
    this.timer = setTimeout(() => this.events.onFailed(reason()), ANSWER_TIMEOUT_MS);
  }

  private isCalledOtherwise(): boolean {
    return this.service !== undefined && lowerCase(this.service) !== lowerCase(this.options.name);
  }

  private isForName(packet: Stanza): boolean {
    return lowerCase(hostOf(packet.attribute('to') ?? '')) === lowerCase(this.options.name);
  }

  private wrongName(): string {
    const service = this.service!.slice(0, MAX_NAME_LENGTH);
    return `this port belongs to the service ${service}, and packets for ${this.options.name} do not arrive here: use --name ${service}`;
  }
}
