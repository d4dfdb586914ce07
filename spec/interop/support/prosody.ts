import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Running } from './running.js';

/** Is Debian's Prosody there? */
export function hasProsody(): boolean {
  return spawnSync('sh', ['-c', 'command -v prosody'], { stdio: 'ignore' }).status === 0;
}

/** What differs from the configuration that its own scripts are written for. */
export interface Deviations {
  /** Options of the global section, their values as Lua has them. */
  readonly options?: Readonly<Record<string, string>>;
  readonly modules?: readonly string[];
  readonly without?: readonly string[];
}

const MODULES = [
  ...['roster', 'saslauth', 'disco', 'carbons', 'pep', 'private', 'blocklist', 'vcard4', 'vcard_legacy'],
  ...[
    'version',
    'uptime',
    'time',
    'ping',
    'register',
    'mam',
    'server_contact_info',
    'lastactivity',
    'legacyauth',
  ],
];

/** As it is played with scripts of ours: vcard_legacy adds to presence, and sends it twice. */
export const PLAIN: Deviations = {
  modules: ['vcard', 'offline'],
  without: ['vcard_legacy', 'vcard4', 'pep'],
};

/** A Prosody of our own on loopback, with everything in memory. */
export class Prosody {
  port = 0;
  private readonly directory = mkdtempSync(path.join(tmpdir(), 'sm-component-prosody-'));
  private running: Running | undefined;

  constructor(private readonly deviations: Deviations = {}) {}

  async start(): Promise<void> {
    this.port = await freePort();
    const config = path.join(this.directory, 'prosody.cfg.lua');
    mkdirSync(path.join(this.directory, 'data'), { recursive: true });
    writeFileSync(config, this.configuration(await freePort()));
    this.running = new Running('prosody', { file: 'prosody', args: ['-F', '--config', config] });
    await this.running.find('that it listens', (line) =>
      line.includes(`Activated service 'c2s' on [127.0.0.1]:${this.port}`) ? true : undefined,
    );
  }

  /** A server that remembers nothing of what was before. */
  async restart(): Promise<void> {
    await this.running?.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.running?.stop();
    rmSync(this.directory, { recursive: true });
  }

  private configuration(httpPort: number): string {
    const { options = {}, modules = [], without = [] } = this.deviations;
    const enabled = [...MODULES, ...modules].filter((name) => !without.includes(name));
    const inOrder = { ...this.options(enabled, httpPort), ...options };
    return `
-- uptime.scs expects a clock that stands still
local time = require "util.time"
function _G.os.time() return 1219439344 end
function time.now() return 1219439344.5 end

${Object.entries(inOrder)
  .map(([name, value]) => `${name} = ${value}`)
  .join('\n')}

VirtualHost "localhost"
  hide_os_type = true
Component "conference.localhost" "muc"
  admins = { "admin@localhost" }
Component "pubsub.localhost" "pubsub"
  expose_publisher = true
Component "upload.localhost" "http_file_share"
  http_file_share_size_limit = 10000000
  http_file_share_allowed_file_types = { "text/plain", "image/*" }
`;
  }

  private options(modules: readonly string[], httpPort: number): Record<string, string> {
    const quoted = (text: string): string => `"${text}"`;
    return {
      run_as_root: 'true',
      admins: '{ "admin@localhost" }',
      modules_enabled: `{ ${modules.map(quoted).join(', ')} }`,
      modules_disabled: '{ "s2s" }',
      allow_registration: 'true',
      c2s_require_encryption: 'false',
      allow_unencrypted_plain_auth: 'true',
      authentication: '"internal_plain"',
      storage: '"memory"',
      log: '{ info = "*console" }',
      data_path: quoted(path.join(this.directory, 'data')),
      pidfile: quoted(path.join(this.directory, 'prosody.pid')),
      certificates: quoted(this.directory),
      interfaces: '{ "127.0.0.1" }',
      c2s_ports: `{ ${this.port} }`,
      http_ports: `{ ${httpPort} }`,
      https_ports: '{ }',
    };
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
