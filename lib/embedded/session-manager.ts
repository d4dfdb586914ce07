import { Duplex } from 'node:stream';
import { TcpTransport } from '../net/tcp.js';
import type { Transport } from '../net/transport.js';
import { logAbuse } from '../observe/abuse.js';
import { safely } from '../observe/log.js';
import { Jid } from '../xmpp/jid.js';
import { ComponentStream, type StreamEnd } from './component-stream.js';
import { createContext, type EmbeddedContext, type SessionManagerOptions } from './context.js';
import { createFeatures } from './features/index.js';
import { removeAccount } from './features/register.js';
import type { ConnectedResource } from './routing/connected-resources.js';
import { disconnect } from './routing/disconnect.js';
import { LinkRecovery } from './routing/link-recovery.js';
import { PacketRouter } from './routing/packet-router.js';
import type { Item } from './store/journal.js';

/** How streams end of those who do not know the secret, or do not know that there is one. */
const FAILED_HANDSHAKES: ReadonlySet<StreamEnd> = new Set([
  'wrong secret',
  'wrong namespace',
  'packet before handshake',
  'no handshake',
]);

/**
 * The embedded session manager, the "jsm" of the old servers: accounts, rosters, presence and messages, for socket
 * managers that connect over any stream and speak one of the dialects. [README.SM] [jabberd 1.1.2] [jabberd 1.4.3]
 */
export class SessionManager {
  private readonly context: EmbeddedContext;
  private readonly router: PacketRouter;
  private readonly recovery: LinkRecovery;
  private readonly links = new Set<ComponentStream>();
  private stopping = false;

  constructor(private readonly options: SessionManagerOptions) {
    this.context = createContext(options, createFeatures);
    this.router = new PacketRouter(this.context, options.name.toLowerCase());
    this.recovery = new LinkRecovery(this.context, this.router);
  }

  /** The sessions, which are the connected resources of the users. */
  get sessions(): Iterable<ConnectedResource> {
    return this.context.resources;
  }

  /** Serves the stream of one component, and closes it at the end. */
  accept(peer: Duplex | Transport<Item>): void {
    const { name, secret, log } = this.options;
    const { limits, dialect, journal, scheduler } = this.context;
    const options = { name, secret, log, limits, dialect, journal, scheduler };
    const transport = peer instanceof Duplex ? new TcpTransport<Item>(peer) : peer;
    const link = new ComponentStream(transport, options, {
      opened: (opened) => journal.once('resuming a link', () => this.opened(opened)),
      packet: (from, packet) => safely(log, 'reading a packet', () => this.router.receive(from, packet)),
      overflowed: (full) => journal.once('expiring a link', () => this.recovery.expire(full)),
      closed: (closed, reason) =>
        journal.once('closing a link', () => this.closed(closed, reason, transport.peerAddress)),
    });
    this.links.add(link);
    if (this.stopping) link.close('stopped', 'hang up');
  }

  /**
   * Removes an account, and tells its contacts, as if its user had requested that.
   *
   * @param account bare address, in any spelling
   * @returns false where there is none
   * @throws Error when the change could not be stored
   */
  removeAccount(account: string): boolean {
    return this.context.journal.now(() => removeAccount(this.context, Jid.parse(account)?.bare ?? ''));
  }

  /** Ends all sessions, tells the components, and waits for their streams to close. The store stays open. */
  async stop(): Promise<void> {
    this.stopping = true;
    const { journal, deferred } = this.context;
    for (const link of this.links) link.finish();
    await journal.done();
    journal.once('stopping', () => this.endAll());
    journal.settle();
    const links = [...this.links];
    for (const link of links) link.close('stopped', 'close');
    await Promise.all(links.map((link) => link.done));
    deferred.finish();
  }

  private endAll(): void {
    this.recovery.expireAll();
    this.context.scheduler.finish();
    for (const resource of this.context.resources) disconnect(this.context, resource, 'stopped');
  }

  private opened(link: ComponentStream): void {
    this.options.log.info('socket manager connected');
    this.override(link);
    this.recovery.moveTo(link);
  }

  /** Where a component may have one link, a new link replaces the old one: it has lost that. [jabberd 1.4.3 base_accept.c] */
  private override(by: ComponentStream): void {
    const { override } = this.context.dialect.words;
    if (override === undefined) return;
    for (const link of this.links) {
      if (link !== by && link.state === 'open') link.close('overridden', { error: override });
    }
  }

  private closed(link: ComponentStream, reason: StreamEnd, ip: string): void {
    this.links.delete(link);
    if (ip !== '' && FAILED_HANDSHAKES.has(reason))
      logAbuse(this.options.log, 'component handshake failed', ip, { reason });
    this.options.log.info('socket manager disconnected', { reason });
    if (!this.stopping) this.recovery.add(link, reason);
  }
}
