/** Which dialect a session manager speaks: from its stream header, or from its answers to questions in each dialect. */
import type { ComponentDialect } from '../../config/config.js';
import { element, type Stanza, type Tag } from '../../xml/index.js';
import { hostOf, lowerCase } from '../../xmpp/address.js';
import { CLIENT, IQ_AUTH } from '../../xmpp/namespaces.js';

/** A dialect, and the evidence for it, as a part of a sentence. */
export interface Finding {
  readonly dialect: ComponentDialect;
  readonly why: string;
}

/** jabberd up to 1.1 answers every stream header with one in its own namespace. [jabberd 1.1.2 handshake-ok.txt] */
export function fromHeader(header: Tag): Finding | undefined {
  if (header.attribute('xmlns') !== 'jabberd:sockets') return undefined;
  return { dialect: 'sto-sfrom', why: 'its stream header has the namespace jabberd:sockets' };
}

/** Our address that a packet of either dialect is for. */
export function addressee(packet: Stanza): string | undefined {
  return packet.attribute(packet.name === 'route' ? 'to' : 'sto');
}

/** The sender of the questions. Answers may come when the dialect is long known. */
export function detectAddressOf(name: string): string {
  return `0@${name}/detect`;
}

/**
 * A question in each dialect, for no user and from no client: which fields has a login? Session managers answer the one
 * that they understand, and drop the other, which has no address that they know.
 */
export function questions(name: string, domain: string): string {
  const asker = detectAddressOf(name);
  const iq = (): ReturnType<typeof element> =>
    element('iq', { type: 'get', id: 'detect' }, element('query', { xmlns: IQ_AUTH }));
  const plain = iq().set('sfrom', asker).set('sto', domain);
  const routed = element('route', { type: 'auth', to: domain, from: asker }, iq());
  return `${routed.toString()}${plain.toString()}`;
}

/** The dialect of the first packet after the questions. */
export function fromAnswer(packet: Stanza): Finding | undefined {
  if (packet.name === 'route') return { dialect: 'route', why: 'it answers in <route/>' };
  if (packet.attribute('sto') !== undefined) {
    return { dialect: 'sto-sfrom', why: 'it answers with the attributes sto and sfrom' };
  }
  return undefined;
}

/**
 * Is it a packet of jabberd2? Its router accepts component streams as well, but no sessions on them. Its sm asks each new
 * component for its features, in a namespace that no jabberd 1.x writes. [jabberd2 2.7.0 router]
 */
export function isJabberd2(packet: Stanza): boolean {
  return packet.attribute('xmlns') === CLIENT;
}

export const USE_JABBERD2 =
  'this is the router of jabberd2: use --dialect jabberd2, with the user and the secret of its router-users.xml';

/** A sentence for the log where a packet is not in the dialect that was configured. */
export function otherDialect(configured: ComponentDialect, packet: Stanza): string | undefined {
  if (isJabberd2(packet)) return USE_JABBERD2;
  const finding = fromAnswer(packet);
  if (!finding || finding.dialect === configured) return undefined;
  return `the session manager speaks another dialect than ${configured} (${finding.why}): use --dialect ${finding.dialect}`;
}

/** How long the answer is waited for that shows the dialect, or that our name is right. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Characters that are logged of the name that the session manager gives its service. */
const MAX_LOGGED_NAME_LENGTH = 255;

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
  /** The dialect was found out. */
  onFound(finding: Finding): void;
  /** The link can be used. */
  onReady(): void;
  /** The link is of no use. */
  onFailed(reason: string): void;
}

/** What is waited for: answers that show the `dialect`, a packet of ours that shows that our `name` is right, or nothing. */
type State = 'settled' | 'dialect' | 'name';

/** Finds out what a new link needs before it can be used: the dialect, and whether our name belongs to the service of its port. */
export class Detection {
  /** The dialect and its evidence, where it had to be found out. */
  finding: Finding | undefined;
  private state: State = 'settled';
  private timer: NodeJS.Timeout | undefined;
  /** The name of the service of its port, where the session manager says it. */
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

  /** Is this the address that answers to the questions come to? */
  isAsker(address: string | undefined): boolean {
    return address === this.address;
  }

  /** There is a new link. @param header the stream header of the session manager */
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

  /** The link is lost, or is being closed. */
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
   * jabberd accepts a component by its port and its secret, by whatever name, and says the name of the service in its
   * header. The service may have other names as well, by <host/>: then a packet to our own name comes back. Else no packet
   * would ever come. [jabberd 1.4.3, 1.4.4, 1.6.1.1 base_accept]
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
    const service = this.service!.slice(0, MAX_LOGGED_NAME_LENGTH);
    return `this port belongs to the service ${service}, and packets for ${this.options.name} do not arrive here: use --name ${service}`;
  }
}
