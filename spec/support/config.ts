import type { AddressLimits, Config, Keepalive, Limits, TlsConfig } from '../../lib/config/config.js';
import { SECRET } from './scripted-session-manager.js';

export interface Overrides extends Partial<Omit<Config, 'limits' | 'perAddress' | 'keepalive' | 'tls'>> {
  readonly limits?: Partial<Limits>;
  readonly perAddress?: Partial<AddressLimits>;
  readonly keepalive?: Partial<Keepalive>;
  readonly tls?: Partial<TlsConfig>;
}

/** A whole configuration with the defaults of the command line, on a free port. Clients may flood: many do. */
export function config(smPort: number, overrides: Overrides = {}): Config {
  return {
    sm: { host: '127.0.0.1', port: smPort },
    dialect: 'sto-sfrom',
    name: 'foo-sockets',
    secret: SECRET,
    router: { user: 'jabberd', tls: 'auto', ca: undefined },
    aliases: new Map(),
    aliasReplies: true,
    domains: ['localhost'],
    listen: [{ host: '127.0.0.1', port: 0 }],
    proxyFrom: [],
    proxyTls: false,
    data: '',
    registration: true,
    credentials: { store: 'embedded' },
    realms: new Map(),
    logLevel: 'debug',
    logFormat: 'text',
    ...overrides,
    limits: {
      loginStanzaBytes: 16_384,
      stanzaBytes: 262_144,
      depth: 64,
      attributes: 64,
      stanzaTimeout: 120,
      loginTimeout: 60,
      loginAttempts: 5,
      heldBytes: 65_536,
      clientQueueBytes: 1_048_576,
      linkQueueBytes: 4_194_304,
      maxClients: undefined,
      clientRate: 'off',
      clientBurst: 10,
      ...overrides.limits,
    },
    perAddress: {
      maxClients: 500,
      connectsPerSecond: 50,
      failedLoginsPerAccount: 10,
      failedLoginsPerAddress: 50,
      failedLoginSeconds: 900,
      registrationsPerHour: 10,
      exempt: [
        { address: '127.0.0.0', prefix: 8 },
        { address: '::1', prefix: 128 },
      ],
      shared: undefined,
      ...overrides.perAddress,
    },
    tls: {
      listen: [],
      certificates: [],
      keys: [],
      policy: 'auto',
      minVersion: 'TLSv1.2',
      ciphers: undefined,
      clientCa: undefined,
      ...overrides.tls,
    },
    keepalive: {
      idle: 120,
      interval: 30,
      probes: 4,
      userTimeout: 120,
      whitespace: 0,
      ...overrides.keepalive,
    },
  };
}
