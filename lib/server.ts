import { EventEmitter } from 'node:events';
import { openCredentialStore, type CredentialStore } from './accounts/index.js';
import { CredentialsAuthenticator } from './client/authenticator.js';
import { Clients, type ClientAddress, type ClientInfo } from './client/clients.js';
import type { Config } from './config/config.js';
import type { SessionManager } from './embedded/session-manager.js';
import { silent, type Log } from './observe/log.js';
import type { CloseReason } from './session/close-reason.js';
import { SessionRegistry } from './session/registry.js';
import type { Authenticator } from './session/upstream.js';
import { openUpstream, type Finding, type LinkedUpstream } from './upstream/index.js';

/** How long stopping may take before connections are cut. */
const STOP_TIMEOUT_MS = 4_000;

/** The events of a {@link SocketManager}, with their arguments. */
export interface SocketManagerEvents {
  /** Clients are accepted: the link is up for the first time. */
  listening: [addresses: readonly ClientAddress[]];
  /** The link to the session manager is up. */
  up: [];
  /** The link was lost; it comes back by itself. */
  down: [];
  /** A connect failed or the link was lost, with the reason as a sentence. It is tried again. */
  linkFailed: [reason: string];
  /** A client has logged in. */
  login: [client: ClientInfo];
  /** A client is gone. */
  gone: [client: ClientInfo, end: CloseReason];
}

/** The peer refuses the link, and would refuse it each time: the start has failed. */
export class LinkRefused extends Error {
  override readonly name = 'LinkRefused';
}

/**
 * The socket manager: clients on one side, one link to a session manager on the other. It only puts its parts together.
 *
 * Without `config.sm` it needs a session manager in this process, given as `embedded`.
 */
export class SocketManager extends EventEmitter<SocketManagerEvents> {
  private readonly upstream: LinkedUpstream;
  private readonly registry: SessionRegistry;
  private readonly clients: Clients;
  /** There from the start on, where logins are checked here. */
  private credentials: CredentialStore | undefined;
  private bound: readonly ClientAddress[] = [];
  private settleFirstLink: ((refused?: LinkRefused) => void) | undefined;
  private stopped: Promise<void> | undefined;

  /**
   * @param config see {@link Config}
   * @param log by default nothing is logged
   * @param embedded the session manager where `config.sm` is absent
   */
  constructor(
    private readonly config: Config,
    private readonly log: Log = silent,
    embedded?: SessionManager,
  ) {
    super();
    this.upstream = openUpstream(config, {
      log,
      embedded,
      hasCredentials: (user, domain) => this.credentials!.exists(user, this.realm(domain)),
    });
    this.registry = new SessionRegistry(this.upstream, this.makeAuthenticator(), log);
    this.clients = new Clients(config, {
      registry: this.registry,
      upstream: this.upstream,
      mayRegister: () => config.registration && (this.credentials?.can.has('create') ?? true),
      log,
      onLogin: (client) => void this.emit('login', client),
      onGone: (client, end) => void this.emit('gone', client, end),
    });
  }

  /**
   * Connects to the session manager and, once the link is up, accepts clients.
   *
   * @returns when clients are accepted; a session manager that is not there yet is waited for
   * @throws the system's error when a port cannot be listened on (`EADDRINUSE`, `EACCES`, …)
   * @throws {ConfigError} when a certificate cannot be used
   * @throws {CredentialsError} when the credentials that logins are checked against cannot be used
   * @throws {LinkRefused} when the session manager would refuse us each time
   */
  async start(): Promise<void> {
    this.clients.readCertificates();
    if (this.checksLogins) await this.openCredentials();
    if (this.stopped) return this.credentials?.close();
    await this.link();
    if (this.stopped) return;
    this.bound = await this.clients.listen();
    this.emit('listening', this.bound);
  }

  /**
   * Stops listening, ends clients with a stream error, ends their sessions at the session manager, and closes the link. It
   * also ends a start that still waits.
   */
  stop(): Promise<void> {
    return (this.stopped ??= this.stopNow());
  }

  /**
   * Reads the certificates that clients are shown again; changed files are also read by themselves. Those in force stay
   * where one cannot be used, and the log says so.
   */
  reloadCertificates(): void {
    this.clients.reloadCertificates();
  }

  /** Where clients are accepted. */
  addresses(): readonly ClientAddress[] {
    return this.bound;
  }

  /** The clients that are connected now. */
  connected(): Iterable<ClientInfo> {
    return this.clients;
  }

  /** With `dialect: 'auto'`, once the link is up: the dialect that was found out, and the evidence. */
  get finding(): Finding | undefined {
    return this.upstream.finding;
  }

  /** The names that the link reaches now; undefined where the peer does not announce them, as a router does. */
  get names(): readonly string[] | undefined {
    return this.upstream.names;
  }

  /** Are logins checked here, and not by the session manager? */
  get checksLogins(): boolean {
    return this.upstream.authenticator === undefined;
  }

  private makeAuthenticator(): Authenticator {
    const { authenticator, provisioning } = this.upstream;
    if (authenticator) return authenticator;
    const options = {
      credentials: () => this.credentials!,
      realm: (domain: string) => this.realm(domain),
    };
    return new CredentialsAuthenticator(provisioning!, options, this.log);
  }

  private realm(domain: string): string {
    return this.config.realms.get(domain) ?? domain;
  }

  private async openCredentials(): Promise<void> {
    const { credentials, data } = this.config;
    this.credentials = await openCredentialStore(credentials, { data, log: this.log });
  }

  /** Resolves when the link is up for the first time. */
  private link(): Promise<void> {
    const up = new Promise<void>((resolve, reject) => {
      this.settleFirstLink = (refused) => (refused ? reject(refused) : resolve());
    });
    const link = {
      onUp: () => {
        this.settleFirstLink!();
        this.emit('up');
      },
      onDown: () => void this.emit('down'),
      onFailed: (reason: string, final: boolean) => {
        if (final) this.settleFirstLink!(new LinkRefused(reason));
        this.emit('linkFailed', reason);
      },
    };
    this.upstream.start({ sessions: this.registry, link });
    return up;
  }

  private async stopNow(): Promise<void> {
    this.settleFirstLink?.();
    this.clients.close();
    await Promise.race([this.endSessions(), timeout(STOP_TIMEOUT_MS)]);
    this.clients.destroy();
    void this.upstream.stop();
    await this.credentials?.close();
  }

  private async endSessions(): Promise<void> {
    await this.registry.stop(() => this.clients.allGone());
    await this.upstream.stop();
  }
}

function timeout(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
