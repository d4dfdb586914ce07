import type { ConnectionOptions } from 'node:tls';
import type { CloseCause, Transport } from '../net/transport.js';
import { tcp } from '../xmpp/framing/tcp.js';
import { XmlStream, type XmlStreamEvents } from '../xmpp/stream.js';
import type { ParseError, Stanza, StanzaLimits, Tag } from '../xml/index.js';
import type { HandshakeLink, Handshake } from './handshake.js';

/** Limits of one packet of the peer; one that exceeds them is skipped. jabberd 1.4 has no limit of its own. */
const LIMITS: StanzaLimits = { bytes: 8_000_000, depth: 1000, attributes: 1000 };

/** How long the peer may take for each step of the handshake. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** In this order; `closed` can follow each. It is `opening` again for each stream that the handshake opens. */
type State = 'connecting' | 'opening' | 'handshake' | 'up' | 'closed';

/** Why a link is over. */
export interface LinkEnd {
  /** A sentence for the log. */
  readonly reason: string;
  /** Would another link have the same end? */
  readonly final: boolean;
}

export interface LinkEvents {
  /** The handshake is done. */
  onUp(): void;
  onPacket(packet: Stanza): void;
  /** `onPacket` has thrown: a bug of ours. The link goes on. */
  onError(error: Error): void;
  /** A packet of that many bytes exceeded a limit, and is lost. */
  onSkipped(bytes: number): void;
  /** All packets have been written; called after {@link Link.callWhenDrained}. */
  onDrained(): void;
  /** The link is over. Called once. */
  onDown(end: LinkEnd): void;
}

/** One stream to a session manager or a router, from connect to close. A new one is made for every connect. */
export class Link implements HandshakeLink, XmlStreamEvents {
  private state: State = 'connecting';
  private readonly stream: XmlStream;
  private timer: NodeJS.Timeout | undefined;
  private end: LinkEnd | undefined;
  private peerHeader: Tag | undefined;

  /**
   * @param transport a stream that is connected, or is being connected; then call {@link connected}
   * @param tls the options of a handshake that encrypts
   */
  constructor(
    transport: Transport,
    private readonly handshake: Handshake,
    private readonly events: LinkEvents,
    private readonly tls: ConnectionOptions = {},
  ) {
    this.stream = new XmlStream(transport, this, {
      role: 'initiating',
      framing: tcp,
      limits: LIMITS,
      namespaces: false,
    });
    this.expect('no connection');
  }

  /** The source is connected. */
  connected(): void {
    if (this.state === 'connecting') this.openStream();
  }

  /** The peer's name in the log. */
  get peerName(): string {
    return this.handshake.peer;
  }

  /** The peer's stream header, once it has come. */
  get header(): Tag | undefined {
    return this.peerHeader;
  }

  /** Bytes that wait to be sent. */
  get waiting(): number {
    return this.stream.transport.waiting;
  }

  /** Packets of a closed link that were not even begun to be written: the next link can send them. */
  get unsent(): string {
    return this.state === 'closed' ? this.stream.transport.unwritten : '';
  }

  send(packets: string, ascii = false): void {
    this.stream.send(packets, ascii);
  }

  callWhenDrained(): void {
    this.stream.transport.callWhenDrained();
  }

  /** Closes the stream, after the packets that wait. */
  close(): void {
    this.end ??= { reason: 'closed by us', final: false };
    if (this.state === 'up') this.stream.close();
    else this.stream.hangUp();
  }

  // --- for the handshake -------------------------------------------------------------------------------------------

  expect(missing: string): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => this.fail(`${missing} within ${HANDSHAKE_TIMEOUT_MS / 1000} s`),
      HANDSHAKE_TIMEOUT_MS,
    );
  }

  restart(): void {
    this.stream.restart();
    this.openStream();
  }

  encrypt(): void {
    this.expect('no encryption');
    this.stream.encrypt(this.tls, (error) => {
      if (!error) this.openStream();
    });
  }

  up(): void {
    clearTimeout(this.timer);
    this.state = 'up';
    this.events.onUp();
  }

  fail(reason: string): void {
    this.stop({ reason, final: false });
  }

  giveUp(reason: string): void {
    this.stop({ reason, final: true });
  }

  // --- the stream ---------------------------------------------------------------------------------------------------

  /** The old servers wait with more packets until the system has acknowledged the ones before. [jabberd 1.x, jabberd2] */
  onData(chunk: Buffer): void {
    this.stream.read(chunk);
    if (this.state === 'up') this.stream.transport.acknowledge();
  }

  onHeader(header: Tag): void {
    if (this.state !== 'opening') return this.fail('an unexpected stream header');
    if (header.name === 'stream:error') return this.fail(`${this.peerName} refuses our stream header`);
    this.peerHeader = header;
    this.state = 'handshake';
    this.handshake.opened(header, this);
  }

  onStanza(packet: Stanza): void {
    if (packet.name === 'stream:error') return this.refused(packet);
    if (this.state === 'up') this.deliver(packet);
    else this.handshake.received(packet, this);
  }

  onSkipped(bytes: number): void {
    this.events.onSkipped(bytes);
  }

  onClosingTag(): void {
    this.fail(`${this.peerName} closed the stream`);
  }

  onFailed(error: Error): void {
    this.fail(`internal error: ${error.stack}`);
  }

  onDrained(): void {
    this.events.onDrained();
  }

  onEnded(): void {
    this.stream.hangUp();
  }

  onParseError({ condition, text }: ParseError): void {
    this.fail(`cannot read the stream of ${this.peerName} (${condition}: ${text})`);
  }

  onClosed(cause: CloseCause): void {
    clearTimeout(this.timer);
    const { state } = this;
    this.state = 'closed';
    this.events.onDown(this.end ?? { reason: this.closeReason(cause, state), final: false });
  }

  // ------------------------------------------------------------------------------------------------------------------

  private openStream(): void {
    this.state = 'opening';
    this.expect('no stream header');
    this.stream.open(this.handshake.header());
  }

  /** A bug that one packet meets must not cost the others. */
  private deliver(packet: Stanza): void {
    try {
      this.events.onPacket(packet);
    } catch (error) {
      this.events.onError(error as Error);
    }
  }

  /** An error ends this connection, even where a `<handshake/>` follows. [jabberd 1.4.3] */
  private refused(packet: Stanza): void {
    const error = packet.element();
    const text = error.text || error.childText('text') || error.elements[0]?.localName || 'no reason given';
    const said = `${this.peerName} says: ${text.slice(0, 200)}`;
    const meaning = this.state === 'up' ? undefined : this.handshake.explain(error);
    this.fail(meaning ? `${meaning} (${said})` : said);
  }

  private stop(end: LinkEnd): void {
    this.end ??= end;
    this.stream.destroy();
  }

  private closeReason(cause: CloseCause, state: State): string {
    if (cause.kind === 'broken') return BROKEN[cause.code] ?? `the connection broke (${cause.code})`;
    return state === 'opening' || state === 'handshake' ? this.handshake.closedEarly() : 'closed by peer';
  }
}

const BROKEN: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ENOTFOUND: 'unknown host name',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ETIMEDOUT: 'no answer from that host',
  EHOSTUNREACH: 'there is no route to that host',
  ENETUNREACH: 'there is no route to that network',
  ECONNRESET: 'the connection was reset',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not signed by a trusted authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not signed by a trusted authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not signed by a trusted authority',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};
