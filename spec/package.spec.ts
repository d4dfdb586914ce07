import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';

const ROOT = path.resolve('.');

/** The files that are published. */
function published(): string[] {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--offline'], { encoding: 'utf8' });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return files.map((file) => file.path);
}

function run(args: string[], cwd: string): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  return { code: status, said: stdout + stderr };
}

describe('the package, installed from the files that are published', function () {
  this.timeout(60_000);
  let files: string[];
  let directory: string;
  let installed: string;

  /** A package of ours in there, as a link to that in our directory, or as a copy of some of it. */
  const add = (name: string, copied?: (file: string) => boolean): void => {
    const from = path.join(ROOT, 'node_modules', name);
    const to = path.join(directory, 'node_modules', name);
    mkdirSync(path.dirname(to), { recursive: true });
    if (copied === undefined) symlinkSync(from, to);
    else cpSync(from, to, { recursive: true, filter: copied });
  };
  const program = (name: string, text: string): void => writeFileSync(path.join(directory, name), text);

  before(() => (files = published()));
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    installed = path.join(directory, 'node_modules/sm-component');
    for (const file of files) cpSync(file, path.join(installed, file));
    for (const name of ['winston', 'yargs', 'sax', 'pg', 'bcryptjs', 'rate-limiter-flexible']) add(name);
    program('package.json', '{ "type": "module" }');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  describe('for a program in TypeScript that checks the declarations of its libraries', () => {
    const PROGRAM = `
      import { SocketManager, SessionManager, Store, configure, createLog, ConfigError } from 'sm-component';
      import type { Address, ClientInfo, Config, CloseReason, Log, SocketManagerEvents } from 'sm-component';
      const config: Config = configure({ listen: [0] });
      const { name, secret, domains, registration } = config;
      const log: Log = createLog('info', 'text');
      const embedded = new SessionManager({ name, secret, domains, registration, log, store: Store.memory() });
      const manager = new SocketManager(config, log, embedded);
      manager.on('login', (client: ClientInfo) => console.log(client.user.length));
      manager.on('gone', (_client, end: CloseReason) => console.log(end.kind));
      const where: readonly Address[] = manager.addresses();
      export const event: keyof SocketManagerEvents = 'up';
      export { ConfigError, where };
    `;

    for (const options of [
      { module: 'nodenext' },
      { module: 'esnext', moduleResolution: 'bundler', exactOptionalPropertyTypes: true },
    ]) {
      it(`has all that they need, with ${JSON.stringify(options)}`, () => {
        for (const name of ['better-sqlite3', 'net-keepalive', '@types/node', 'undici-types']) add(name);
        program('main.ts', PROGRAM);
        const common = { target: 'es2022', strict: true, skipLibCheck: false, noEmit: true, types: ['node'] };
        program(
          'tsconfig.json',
          JSON.stringify({ compilerOptions: { ...common, ...options }, files: ['main.ts'] }),
        );
        const compiler = path.join(ROOT, 'node_modules/typescript/bin/tsc');
        expect(run([compiler, '-p', '.'], directory)).to.deep.equal({ code: 0, said: '' });
      });
    }
  });

  describe('where a native part is missing', () => {
    it('says so for better-sqlite3, and what to do', () => {
      for (const name of ['net-keepalive']) add(name);
      add('better-sqlite3', (file) => !file.endsWith('/better-sqlite3/build'));
      for (const name of ['bindings', 'file-uri-to-path']) add(name, () => true);
      const remedy = `run "npm rebuild better-sqlite3" in ${directory}`;
      for (const args of [
        ['--listen', '0'],
        ['session-manager', '--secret', 'x', '--listen', '0'],
      ]) {
        const { code, said } = run([path.join(installed, 'bin/sm-component'), ...args], directory);
        expect(code).to.equal(1);
        expect(said).to.match(
          /^sm-component: the store in .* cannot be opened: the native part of better-sqlite3 /m,
        );
        expect(said).to.contain(remedy);
      }
    });

    it('warns for net-keepalive, says what to do, and goes on without', async () => {
      add('better-sqlite3');
      for (const name of ['net-keepalive', 'ffi-rs']) add(name, () => true);
      const child = spawn(process.execPath, [path.join(installed, 'bin/sm-component'), '--listen', '0'], {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let log = '';
      child.stderr.on('data', (text: Buffer) => (log += text.toString()));
      const [greeting] = (await once(child.stdout, 'data')) as [Buffer];
      expect(greeting.toString()).to.contain('is ready');
      child.kill('SIGTERM');
      expect(await once(child, 'close')).to.deep.equal([0, null]);
      expect(log).to.match(/ warn TCP keepalive cannot be set on this system: Cannot find module /);
      expect(log).to.contain('the native part of net-keepalive is missing: run "npm ci" again');
    });
  });
});
