import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Connection, type CloseCause } from '../net/connection.js';
import { element, Reader, type Fault, type Stanza, type StanzaLimits, type Tag } from '../xml/index.js';

/** What a session manager may send in one packet; more than that is skipped. jabberd 1.4 has no limit of its own. */
const LIMITS: StanzaLimits = { bytes: 8_000_000, depth: 1000, attributes: 1000 };

/** How long the peer may take for each step up to the end of the handshake, in milliseconds. */
const PATIENCE = 10_000;

/** Where a link is on its way: one value, in this order; `closed` can come after any. */
type State = 'connecting' | 'opening' | 'handshaking' | 'up' | 'closed';

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
  /** The link is over; `reason` is a sentence for the log. Called once. */
  down(reason: string): void;
}

export interface LinkOptions {
  /** Our component name. */
  readonly name: string;
  readonly secret: string;
}

/** Lower-case hex SHA1 of the stream id and the secret. [XEP-0114 3] [jabberd 1.1.2 compares case] */
export function handshake(id: string, secret: string): string {
  return createHash('sha1')
    .update(id + secret)
    .digest('hex');
}

/** One component stream to a session manager, from connect to close. A new one is made for every connect. */
export class Link {
  private state: State = 'connecting';
  private readonly connection: Connection;
  private readonly reader: Reader;
  private timer: NodeJS.Timeout | undefined;
  private reason: string | undefined;
  private peer: Tag | undefined;

  /** @param stream not connected yet, or connected; `connect` events are waited for by {@link connected} */
  constructor(
    stream: Duplex,
    private readonly options: LinkOptions,
    private readonly events: LinkEvents,
  ) {
    this.reader = new Reader(
      {
        open: (header) => this.opened(header),
        stanza: (packet) => this.received(packet),
        skipped: (bytes) => events.skipped(bytes),
        close: () => this.fail('the session manager closed the stream'),
        fault: (fault) => this.broken(fault),
      },
      { limits: LIMITS, namespaces: false },
    );
    this.connection = new Connection(stream, {
      data: (chunk) => this.reader.write(chunk),
      failed: (error) => this.fail(`an error of our own: ${error.stack}`),
      drained: () => events.drained(),
      ended: () => this.connection.close(),
      closed: (cause) => this.closed(cause),
    });
    this.expect('no connection');
  }

  /** The stream is connected: opens ours. */
  connected(): void {
    if (this.state !== 'connecting') return;
    this.state = 'opening';
    this.expect('no stream header');
    this.connection.send(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept'` +
        ` xmlns:stream='http://etherx.jabber.org/streams' to='${this.options.name}'>`,
    );
  }

  /** The session manager's stream header, once it is there. */
  get header(): Tag | undefined {
    return this.peer;
  }

  /** Closes because the peer is of no use. */
  giveUp(reason: string): void {
    this.fail(reason);
  }

  /** Bytes that wait to be sent. */
  get waiting(): number {
    return this.connection.waiting;
  }

  /** Packets whose sending has not begun: they can go over the next link. */
  get unsent(): string {
    return this.state === 'closed' ? this.connection.unwritten : '';
  }

  /** Sends packets, once the link is up. */
  send(packets: string, ascii: boolean): void {
    this.connection.send(packets, ascii);
  }

  callWhenDrained(): void {
    this.connection.callWhenDrained();
  }

  /** Closes in good order, after what waits has been sent. */
  close(): void {
    this.reason ??= 'closed by us';
    this.reader.stop();
    this.connection.close(this.state === 'up' ? '</stream:stream>' : '');
  }

  private expect(missing: string): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fail(`${missing} within ${PATIENCE / 1000} s`), PATIENCE);
  }

  private opened(header: Tag): void {
    if (this.state !== 'opening') return this.fail('a stream header that nobody asked for');
    if (header.name === 'stream:error') return this.fail('the session manager refuses our stream header');
    this.peer = header;
    const id = header.attribute('id');
    if (id === undefined) return this.fail(notAComponentPort(header));
    this.state = 'handshaking';
    this.expect('no answer to our handshake');
    this.connection.send(element('handshake', {}, handshake(id, this.options.secret)).toString());
  }

  private received(packet: Stanza): void {
    if (packet.name === 'stream:error') return this.refused(packet);
    if (this.state === 'up') return this.deliver(packet);
    if (packet.name !== 'handshake') return this.fail(`<${packet.name}> in answer to our handshake`);
    clearTimeout(this.timer);
    this.state = 'up';
    this.events.up();
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
    const said = `the session manager says: ${text.slice(0, 200)}`;
    const secretIsWrong = this.state === 'handshaking' && /handshake|not-authorized/i.test(error.toString());
    this.fail(secretIsWrong ? `the secret is wrong (${said})` : said);
  }

  private broken({ condition, text }: Fault): void {
    this.fail(`what the session manager sends can not be read (${condition}: ${text})`);
  }

  private fail(reason: string): void {
    this.reason ??= reason;
    this.reader.stop();
    this.connection.destroy();
  }

  private closed(cause: CloseCause): void {
    clearTimeout(this.timer);
    const { state } = this;
    this.state = 'closed';
    this.events.down(this.reason ?? closeReason(cause, state));
  }
}

function notAComponentPort(header: Tag): string {
  const namespace = header.attribute('xmlns') ?? 'none';
  return `no stream id in its header (namespace ${namespace}): is this the port for components?`;
}

const BROKEN: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the host name can not be looked up now',
  ETIMEDOUT: 'no answer from that host',
  EHOSTUNREACH: 'there is no route to that host',
  ENETUNREACH: 'there is no route to that network',
  ECONNRESET: 'the connection was reset',
};

function closeReason(cause: CloseCause, state: State): string {
  if (cause.kind === 'broken') return BROKEN[cause.code] ?? `the connection broke (${cause.code})`;
  if (state === 'opening')
    return 'closed by peer before its stream header (rate limit, or not a component port?)';
  if (state === 'handshaking') return 'closed by peer during the handshake (a wrong secret?)';
  return 'closed by peer';
}
