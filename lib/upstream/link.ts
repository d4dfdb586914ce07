import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import type { CloseCause } from '../net/connection.js';
import { tcp } from '../xmpp/framing/tcp.js';
import { XmlStream, type XmlStreamEvents } from '../xmpp/stream.js';
import type { ParseError, Stanza, StanzaLimits, Tag } from '../xml/index.js';
import type { HandshakeLink, Handshake } from './handshake.js';

/** What the other side may send in one packet; more than that is skipped. jabberd 1.4 has no limit of its own. */
const LIMITS: StanzaLimits = { bytes: 8_000_000, depth: 1000, attributes: 1000 };

/** How long the peer may take for each step until the link is up, in milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Where a link is on its way: one value, in this order; `closed` can come after any. It is `opening` again for each
 * stream that its handshake opens.
 */
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
  up(): void;
  packet(packet: Stanza): void;
  /** `packet` threw: an error of ours. The link goes on. */
  failed(error: Error): void;
  /** A packet of that many bytes was over a limit, and is lost. */
  skipped(bytes: number): void;
  /** All that was sent has left. */
  drained(): void;
  /** The link is over. Called once. */
  down(end: LinkEnd): void;
}

/** One stream to a session manager or a router, from connect to close. A new one is made for every connect. */
export class Link implements HandshakeLink, XmlStreamEvents {
  private state: State = 'connecting';
  private readonly stream: XmlStream;
  private timer: NodeJS.Timeout | undefined;
  private end: LinkEnd | undefined;
  private peer: Tag | undefined;

  /**
   * @param source not connected yet, or connected; `connect` events are waited for by {@link connected}
   * @param handshake what is said until packets may be sent
   * @param tls for a handshake that encrypts
   */
  constructor(
    source: Duplex,
    private readonly handshake: Handshake,
    private readonly events: LinkEvents,
    private readonly tls: ConnectionOptions = {},
  ) {
    this.stream = new XmlStream(source, this, {
      role: 'initiating',
      framing: tcp,
      limits: LIMITS,
      namespaces: false,
    });
    this.expect('no connection');
  }

  /** The stream is connected: opens ours. */
  connected(): void {
    if (this.state === 'connecting') this.openStream();
  }

  /** What the other side is called in the log. */
  get who(): string {
    return this.handshake.peer;
  }

  /** Its stream header, once it is there. */
  get header(): Tag | undefined {
    return this.peer;
  }

  /** Bytes that wait to be sent. */
  get waiting(): number {
    return this.stream.connection.waiting;
  }

  /** Packets whose sending has not begun: they can go over the next link. */
  get unsent(): string {
    return this.state === 'closed' ? this.stream.connection.unwritten : '';
  }

  send(packets: string, ascii = false): void {
    this.stream.send(packets, ascii);
  }

  callWhenDrained(): void {
    this.stream.connection.callWhenDrained();
  }

  /** Closes in good order, after what waits has been sent. */
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
    this.events.up();
  }

  fail(reason: string): void {
    this.stop({ reason, final: false });
  }

  giveUp(reason: string): void {
    this.stop({ reason, final: true });
  }

  // --- the stream ---------------------------------------------------------------------------------------------------

  /** The old servers hold back what they have to say until we have acknowledged what they said. [jabberd 1.x, jabberd2] */
  onData(chunk: Buffer): void {
    this.stream.read(chunk);
    if (this.state === 'up') this.stream.connection.acknowledge();
  }

  onHeader(header: Tag): void {
    if (this.state !== 'opening') return this.fail('an unexpected stream header');
    if (header.name === 'stream:error') return this.fail(`${this.who} refuses our stream header`);
    this.peer = header;
    this.state = 'handshake';
    this.handshake.opened(header, this);
  }

  onStanza(packet: Stanza): void {
    if (packet.name === 'stream:error') return this.refused(packet);
    if (this.state === 'up') this.deliver(packet);
    else this.handshake.received(packet, this);
  }

  onSkipped(bytes: number): void {
    this.events.skipped(bytes);
  }

  onClosingTag(): void {
    this.fail(`${this.who} closed the stream`);
  }

  onFailed(error: Error): void {
    this.fail(`internal error: ${error.stack}`);
  }

  onDrained(): void {
    this.events.drained();
  }

  onEnded(): void {
    this.stream.hangUp();
  }

  onParseError({ condition, text }: ParseError): void {
    this.fail(`cannot read the stream of ${this.who} (${condition}: ${text})`);
  }

  onClosed(cause: CloseCause): void {
    clearTimeout(this.timer);
    const { state } = this;
    this.state = 'closed';
    this.events.down(this.end ?? { reason: this.closeReason(cause, state), final: false });
  }

  // ------------------------------------------------------------------------------------------------------------------

  private openStream(): void {
    this.state = 'opening';
    this.expect('no stream header');
    this.stream.open(this.handshake.header());
  }

  /** What one packet does wrong must not cost the others. */
  private deliver(packet: Stanza): void {
    try {
      this.events.packet(packet);
    } catch (error) {
      this.events.failed(error as Error);
    }
  }

  /** An error is final for this connection, even with a `<handshake/>` behind it. [jabberd 1.4.3] */
  private refused(packet: Stanza): void {
    const error = packet.element();
    const text = error.text || error.childText('text') || error.elements[0]?.localName || 'no reason given';
    const said = `${this.who} says: ${text.slice(0, 200)}`;
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
