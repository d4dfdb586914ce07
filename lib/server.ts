import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import { duplexPair } from 'node:stream';
import { CredentialsAuthenticator } from './client/authenticator.js';
import { openCredentials, type Credentials } from './accounts/index.js';
import { Backlog } from './client/backlog.js';
import { ReadScheduler } from './client/read-scheduler.js';
import { writeNoRoom } from './client/errors.js';
import { CHECKS_PER_TIMEOUT } from './client/progress.js';
import { ClientStream, type State, type ClientContext } from './client/stream.js';
import type { Address, ComponentDialect, Config } from './config/config.js';
import { isInternationalized } from './config/domain.js';
import { printAddress } from './config/kinds.js';
import type { SessionManager } from './embedded/session-manager.js';
import type { Finding } from './upstream/component/detect.js';
import { ComponentUpstream } from './upstream/component/upstream.js';
import type { UpstreamEvents } from './upstream/events.js';
import { Jabberd2Upstream } from './upstream/jabberd2/upstream.js';
import type { ReconnectingLinkOptions } from './upstream/reconnecting-link.js';
import { descriptorOf } from './net/admission.js';
import { setKeepalive } from './net/keepalive.js';
import { Listener } from './net/listener.js';
import { silent, type Log } from './observe/log.js';
import { newConnectionId, newSocketAddress } from './xmpp/address.js';
import { SessionRegistry } from './session/registry.js';
import type { CloseReason } from './session/close-reason.js';
import type { UserProvisioning } from './session/upstream.js';

/** How long stopping may take, in milliseconds, before connections are cut. */
const STOP_TIMEOUT_MS = 4_000;
/** How long an answer to a login under way is waited for then. */
const PENDING_LOGIN_TIMEOUT_MS = 1_000;

/** What a {@link SocketManager} tells, with the arguments of each event. */
export interface SocketManagerEvents {
  /** Clients are accepted: the link is up for the first time. */
  listening: [addresses: readonly Address[]];
  /** The link to the session manager is up. */
  up: [];
  /** The link was lost; it comes back by itself. */
  down: [];
  /** A connect failed or the link was lost: why, as a sentence. It is tried again. */
  linkFailed: [reason: string];
  /** A client has logged in. */
  login: [client: ClientInfo];
  /** A client is gone. */
  gone: [client: ClientInfo, end: CloseReason];
}

/** One client, to those who watch. */
export interface ClientInfo {
  /** Our name for the connection, `12@foo-sockets/4f1c`. */
  readonly socketAddress: string;
  /** The session manager's name for it; empty before login. */
  readonly sessionAddress: string;
  readonly ip: string;
  readonly state: State;
  /** Full JID of who is logged in; empty before login. */
  readonly user: string;
  /** When it connected, in milliseconds since 1970. */
  readonly since: number;
  /** Stanzas of the client. */
  readonly stanzasIn: number;
  /** Stanzas to the client. */
  readonly stanzasOut: number;
}

/** The link can not be had, and trying again would not change that: the start is over. */
export class LinkRefused extends Error {
  override readonly name = 'LinkRefused';
}

/**
 * The socket manager: clients on one side, one link to a session manager on the other.
 *
 * Without `config.sm` it needs a session manager of its own, given as `embedded`.
 */
export class SocketManager extends EventEmitter<SocketManagerEvents> {
  private readonly upstream: ComponentUpstream | Jabberd2Upstream;
  /** Where logins are checked, for a session manager that leaves that to us. */
  private credentials: Credentials | undefined;
  private readonly registry: SessionRegistry;
  private readonly context: ClientContext;
  private readonly clients = new Set<ClientStream>();
  private clientListeners: Listener[] = [];
  private bound: Address[] = [];
  private whitespace: NodeJS.Timeout | undefined;
  private looking: NodeJS.Timeout | undefined;
  private firstUp: ((refused?: LinkRefused) => void) | undefined;
  private stopped: Promise<void> | undefined;

  /**
   * @param config see {@link Config}
   * @param log where the program says what it does; by default nowhere
   * @param embedded the session manager behind it when `config.sm` is absent
   */
  constructor(
    private readonly config: Config,
    private readonly log: Log = silent,
    private readonly embedded?: SessionManager,
  ) {
    super();
    if (config.dialect === 'jabberd2') {
      const router = this.makeJabberd2Upstream();
      this.upstream = router;
      this.registry = new SessionRegistry(newConnectionId, router, this.makeAuthenticator(router), log);
    } else {
      const linked = this.makeComponentUpstream(config.dialect);
      this.upstream = linked;
      this.registry = new SessionRegistry(
        (descriptor) => newSocketAddress(descriptor, config.name),
        linked,
        linked,
        log,
      );
    }
    this.context = this.makeContext();
  }

  /**
   * Connects to the session manager and, once the link is up, accepts clients.
   *
   * @returns when it listens; a session manager that is not there yet is waited for
   * @throws the system's error when a port can not be listened on (`EADDRINUSE`, `EACCES`, …)
   * @throws {CredentialsError} when the credentials of jabberd2 can not be used
   * @throws {LinkRefused} when the session manager will never have us as we are
   */
  async start(): Promise<void> {
    const { dialect, credentials, data } = this.config;
    if (dialect === 'jabberd2')
      this.credentials = await openCredentials(credentials, { data, log: this.log });
    if (this.stopped) return this.credentials?.close();
    const up = new Promise<void>((resolve, reject) => {
      this.firstUp = (refused) => (refused ? reject(refused) : resolve());
    });
    this.upstream.start();
    await up;
    if (this.stopped) return;
    await this.listen();
    const { whitespace } = this.config.keepalive;
    if (whitespace > 0) this.whitespace = setInterval(() => this.keepAlive(), whitespace * 1000).unref();
    this.lookLater();
    this.emit('listening', this.bound);
  }

  /**
   * Stops listening, tells clients, ends their sessions at the session manager, and closes the link. A start that still
   * waits is over as well.
   */
  stop(): Promise<void> {
    return (this.stopped ??= this.stopNow());
  }

  private async stopNow(): Promise<void> {
    this.firstUp?.();
    for (const listener of this.clientListeners) listener.close();
    clearInterval(this.whitespace);
    clearTimeout(this.looking);
    for (const client of [...this.clients]) client.end({ kind: 'shutdown' });
    await Promise.race([this.closeLink(), timeout(STOP_TIMEOUT_MS)]);
    for (const client of this.clients) client.destroy();
    void this.upstream.stop();
    await this.credentials?.close();
  }

  /** Where clients are accepted. */
  addresses(): readonly Address[] {
    return this.bound;
  }

  /** The clients that are connected now. */
  *connected(): Iterable<ClientInfo> {
    for (const stream of this.clients) yield info(stream);
  }

  /** With `dialect: 'auto'`, once the link is up: which dialect was found out, and what shows it. */
  get finding(): Finding | undefined {
    return this.upstream instanceof ComponentUpstream ? this.upstream.finding : undefined;
  }

  /** With jabberd2: the names that are on its router now. */
  get names(): readonly string[] {
    return this.upstream instanceof Jabberd2Upstream ? this.upstream.present : [];
  }

  private makeComponentUpstream(dialect: ComponentDialect | 'auto'): ComponentUpstream {
    const { name, secret, domains } = this.config;
    const domain = domains[0] ?? 'localhost';
    const fair = this.config.sm === undefined;
    const options = { ...this.linkOptions(), name, secret, dialect, domain, fair };
    return new ComponentUpstream(options, this.upstreamEvents(), this.log);
  }

  private makeJabberd2Upstream(): Jabberd2Upstream {
    const { sm, name, secret, domains, router } = this.config;
    const { user, ca } = router;
    const tls = {
      host: sm?.host,
      ca,
      rejectUnauthorized: ca !== undefined,
      servername: serverName(sm?.host),
    };
    const hasCredentials = (username: string, domain: string): Promise<boolean> =>
      this.credentials!.exists(username, this.realm(domain));
    const link = { ...this.linkOptions(), name, secret, user, tls, encryption: router.tls };
    return new Jabberd2Upstream({ ...link, domains, hasCredentials }, this.upstreamEvents(), this.log);
  }

  private makeAuthenticator(provisioning: UserProvisioning): CredentialsAuthenticator {
    const options = {
      credentials: () => this.credentials!,
      realm: (domain: string) => this.realm(domain),
    };
    return new CredentialsAuthenticator(
      provisioning,
      options,
      (packet) => this.registry.receive(packet),
      this.log,
    );
  }

  private realm(domain: string): string {
    return this.config.realms.get(domain) ?? domain;
  }

  private linkOptions(): Pick<ReconnectingLinkOptions, 'where' | 'queueBytes' | 'connect'> {
    const { sm, limits } = this.config;
    return {
      where: sm ? printAddress(sm) : 'the embedded session manager',
      queueBytes: limits.linkQueueBytes,
      connect: (connected) => (sm ? this.connectTo(sm, connected) : this.connectInside(connected)),
    };
  }

  private upstreamEvents(): UpstreamEvents {
    return {
      up: () => this.linkUp(),
      down: () => {
        this.registry.unlinked();
        this.emit('down');
      },
      failed: (reason, final) => {
        if (final) this.firstUp?.(new LinkRefused(reason));
        this.emit('linkFailed', reason);
      },
      relieved: () => this.registry.relieved(),
      packet: (packet) => this.registry.receive(packet),
    };
  }

  private connectTo({ host, port }: Address, connected: () => void): Socket {
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    socket.once('connect', () => {
      const warning = setKeepalive(socket, this.config.keepalive);
      if (warning) this.log.warn(warning);
      connected();
    });
    return socket;
  }

  private connectInside(connected: () => void) {
    if (!this.embedded) throw new Error('there is no session manager: give --sm, or an embedded one');
    const [ours, theirs] = duplexPair();
    this.embedded.accept(theirs);
    // A pair does not tell one end that the other was destroyed, as a socket does.
    ours.once('close', () => theirs.destroy());
    theirs.once('close', () => ours.destroy());
    process.nextTick(connected);
    return ours;
  }

  private makeContext(): ClientContext {
    const { upstream, clients } = this;
    return {
      registry: this.registry,
      log: this.log,
      limits: this.config.limits,
      name: this.config.name,
      domains: this.config.domains,
      served: () => this.served(),
      internationalized: this.config.domains.filter(isInternationalized),
      mayRegister: () => this.config.registration && (this.credentials?.can.has('create') ?? true),
      aliases: this.config.aliases,
      aliasReplies: this.config.aliasReplies,
      unserved: (domain) => upstream.refusal(domain),
      queueFor: (session) => upstream.queueFor(session),
      readScheduler: new ReadScheduler(),
      backlog: new Backlog(),
      loggedIn: (stream) => void this.emit('login', info(stream)),
      gone: (stream, end) => {
        clients.delete(stream);
        this.emit('gone', info(stream), end);
      },
    };
  }

  /** Those that are configured, or else what the router has. */
  private served(): readonly string[] {
    const { domains } = this.config;
    return domains.length === 0 && this.upstream instanceof Jabberd2Upstream
      ? this.upstream.present
      : domains;
  }

  private linkUp(): void {
    // Behind a router sessions are asked about where they are kept.
    if (this.upstream instanceof ComponentUpstream) this.registry.relinked();
    this.firstUp?.();
    this.firstUp = undefined;
    this.emit('up');
  }

  private async listen(): Promise<void> {
    const { listen, keepalive } = this.config;
    this.clientListeners = Listener.forAll(listen, keepalive, {
      onAccepted: (socket) => this.accept(socket),
      refusal: () => writeNoRoom(this.config.domains[0]),
      onWarning: (text) => this.log.warn(text),
    });
    for (const listener of this.clientListeners) this.bound.push(await listener.listen());
  }

  private accept(socket: Socket): void {
    this.clients.add(new ClientStream(socket, descriptorOf(socket), this.context));
  }

  /** After the last client; a login under way is waited for a little, so that no session is left behind by it. */
  private async closeLink(): Promise<void> {
    await Promise.race([this.registry.acknowledged(), timeout(PENDING_LOGIN_TIMEOUT_MS)]);
    this.registry.close();
    await this.allGone();
    await Promise.race([this.registry.idle(), timeout(PENDING_LOGIN_TIMEOUT_MS)]);
    this.registry.flush();
    await this.upstream.stop();
  }

  /** At what clients have begun to say, a few times in a stanza timeout. */
  private lookLater(): void {
    const between = (this.config.limits.stanzaTimeout * 1000) / CHECKS_PER_TIMEOUT;
    this.looking = setTimeout(() => {
      for (const client of this.clients) client.checkProgress();
      this.lookLater();
    }, between).unref();
  }

  private keepAlive(): void {
    for (const client of this.clients) client.keepAlive();
  }

  private async allGone(): Promise<void> {
    if (this.clients.size === 0) return;
    await new Promise<void>((resolve) => {
      this.on('gone', () => {
        if (this.clients.size === 0) resolve();
      });
    });
  }
}

function timeout(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}

/** Server names of TLS are no addresses. [RFC6066 3] */
function serverName(host: string | undefined): string | undefined {
  return host === undefined || isIP(host) ? undefined : host;
}

function info(stream: ClientStream): ClientInfo {
  return {
    socketAddress: stream.session.address,
    sessionAddress: stream.session.sessionAddress,
    ip: stream.ip,
    state: stream.state,
    user: stream.user,
    since: stream.since,
    stanzasIn: stream.stanzasIn,
    stanzasOut: stream.stanzasOut,
  };
}
