import type { Address, Config, ListenerTls } from '../config/config.js';
import { isInternationalized } from '../config/domain.js';
import { isLoopback } from '../config/options.js';
import { CertificateStore } from '../net/certificate-store.js';
import { Listener } from '../net/listener.js';
import type { RedisCounts } from '../net/redis-counts.js';
import type { Transport } from '../net/transport.js';
import type { Log } from '../observe/log.js';
import type { CloseReason } from '../session/close-reason.js';
import type { Packet } from '../session/session.js';
import type { SessionRegistry } from '../session/registry.js';
import type { Upstream } from '../session/upstream.js';
import { Backlog } from './backlog.js';
import { CHECKS_PER_TIMEOUT } from './progress.js';
import { LoginLimits } from './login-limits.js';
import { RateLimit } from './rate-limit.js';
import { ReadScheduler } from './read-scheduler.js';
import { writeNoRoom } from './errors.js';
import type { ClientContext } from './context.js';
import { ClientStream, type State } from './stream.js';

/** Where clients are accepted, and how they are encrypted there. */
export interface ClientAddress extends Address {
  readonly tls: ListenerTls;
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

export interface ClientsOptions {
  readonly registry: SessionRegistry;
  readonly upstream: Upstream;
  /** May accounts be made before login? */
  readonly mayRegister: () => boolean;
  readonly log: Log;
  /** A client has logged in. */
  readonly onLogin: (client: ClientInfo) => void;
  /** A client is gone. */
  readonly onGone: (client: ClientInfo, end: CloseReason) => void;
}

/** The clients that are connected: it accepts them, looks after idle and slow ones, and ends them all at the end. */
export class Clients {
  private readonly streams = new Set<ClientStream>();
  private readonly context: ClientContext;
  /** There while it listens. */
  private logins: LoginLimits | undefined;
  private sharedCounts: RedisCounts | undefined;
  private listeners: Listener[] = [];
  private certificates: CertificateStore | undefined;
  private keepAliveTimer: NodeJS.Timeout | undefined;
  private progressTimer: NodeJS.Timeout | undefined;
  private onAllGone: (() => void) | undefined;

  constructor(
    private readonly config: Config,
    private readonly options: ClientsOptions,
  ) {
    this.context = this.makeContext();
  }

  /**
   * Reads the certificates that clients are shown, if there are any.
   *
   * @throws {ConfigError} that names what cannot be used
   */
  readCertificates(): void {
    const { tls } = this.config;
    if (tls.certificates.length === 0) return;
    this.certificates = new CertificateStore(tls, clientHosts(this.config), this.options.log);
  }

  /** Reads them again, also where nothing shows that they have changed. */
  reloadCertificates(): void {
    this.certificates?.reload();
  }

  /**
   * Accepts clients from now on, and follows changes of the certificates.
   *
   * @returns where
   * @throws the system's error when a port cannot be listened on (`EADDRINUSE`, `EACCES`, …)
   */
  async listen(): Promise<ClientAddress[]> {
    const { keepalive, domains, proxyFrom, proxyTls, limits, perAddress } = this.config;
    const addresses = clientAddresses(this.config);
    await this.makeLogins();
    this.listeners = Listener.forAll<Packet, ClientAddress>(addresses, {
      keepalive,
      proxyFrom,
      proxyTls,
      perAddress,
      maxClients: limits.maxClients,
      log: this.options.log,
      onAccepted: (transport, { tls }) => this.accept(transport, tls),
      refusal: () => writeNoRoom(domains[0]),
    });
    const bound: ClientAddress[] = [];
    for (const [at, listener] of this.listeners.entries())
      bound.push({ ...(await listener.listen()), tls: addresses[at].tls });
    this.certificates?.start();
    this.keepAlive();
    this.checkProgress();
    return bound;
  }

  *[Symbol.iterator](): Iterator<ClientInfo> {
    for (const stream of this.streams) yield info(stream);
  }

  /** Accepts no more clients, and tells those there are that the service shuts down. */
  close(): void {
    for (const listener of this.listeners) listener.close();
    this.certificates?.stop();
    this.sharedCounts?.close();
    clearInterval(this.keepAliveTimer);
    clearTimeout(this.progressTimer);
    for (const stream of [...this.streams]) stream.end({ kind: 'shutdown' });
  }

  /** Resolves when no client is connected any more; call after {@link close}. */
  async allGone(): Promise<void> {
    if (this.streams.size > 0) await new Promise<void>((resolve) => (this.onAllGone = resolve));
  }

  /** Cuts the connections of those that are still there. */
  destroy(): void {
    for (const stream of this.streams) stream.destroy();
  }

  private async makeLogins(): Promise<void> {
    const { perAddress } = this.config;
    const { log } = this.options;
    if (perAddress.shared !== undefined) {
      // It takes long to load, and most do without it.
      const { RedisCounts } = await import('../net/redis-counts.js');
      this.sharedCounts = new RedisCounts(perAddress.shared, log);
    }
    this.logins = new LoginLimits(perAddress, log, this.sharedCounts);
  }

  private accept(transport: Transport<Packet>, tls: ListenerTls): void {
    this.streams.add(new ClientStream(transport, tls, this.context));
  }

  private makeContext(): ClientContext {
    const { config, options } = this;
    const { registry, upstream, mayRegister, log, onLogin } = options;
    const { domains, limits } = config;
    return {
      registry,
      log,
      limits,
      name: config.name,
      domains,
      served: () => (domains.length > 0 ? domains : (upstream.names ?? [])),
      internationalized: domains.filter(isInternationalized),
      mayRegister,
      aliases: config.aliases,
      aliasReplies: config.aliasReplies,
      certificates: () => this.certificates!,
      unserved: (domain) => upstream.refusal(domain),
      queueFor: (session) => session.upstream?.queue ?? upstream.loginQueue,
      logins: () => this.logins!,
      readScheduler: new ReadScheduler(),
      rate: limits.clientRate === 'off' ? undefined : new RateLimit(limits.clientRate, limits.clientBurst),
      backlog: new Backlog(),
      loggedIn: (stream) => onLogin(info(stream)),
      gone: (stream, end) => this.gone(stream, end),
    };
  }

  private gone(stream: ClientStream, end: CloseReason): void {
    this.streams.delete(stream);
    this.options.onGone(info(stream), end);
    if (this.streams.size === 0) this.onAllGone?.();
  }

  /** A space now and then to clients that nothing else is sent to. */
  private keepAlive(): void {
    const { whitespace } = this.config.keepalive;
    if (whitespace === 0) return;
    const tick = (): void => {
      for (const stream of this.streams) stream.keepAlive();
    };
    this.keepAliveTimer = setInterval(tick, whitespace * 1000).unref();
  }

  /** Looks a few times in a stanza timeout at stanzas that are begun and not finished. */
  private checkProgress(): void {
    const interval = (this.config.limits.stanzaTimeout * 1000) / CHECKS_PER_TIMEOUT;
    this.progressTimer = setTimeout(() => {
      for (const stream of this.streams) stream.checkProgress();
      this.checkProgress();
    }, interval).unref();
  }
}

/** The names by which clients ask for a host, as far as they are configured: domains, and old names of them. */
export function clientHosts({ domains, aliases }: Config): string[] {
  return [...domains, ...[...aliases.keys()].filter((name) => name !== '')];
}

function clientAddresses({ listen, tls }: Config): ClientAddress[] {
  const startTls = (address: Address): ListenerTls => {
    if (tls.policy !== 'auto') return tls.policy;
    if (tls.certificates.length === 0) return 'off';
    return isLoopback(address) ? 'optional' : 'required';
  };
  return [
    ...listen.map((address) => ({ ...address, tls: startTls(address) })),
    ...tls.listen.map((address) => ({ ...address, tls: 'direct' as const })),
  ];
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
