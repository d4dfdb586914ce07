import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Need } from './clients.js';
import { freePort } from '../../support/free-port.js';

/** Debian keeps the programs of each version together, and out of the path. */
const PROGRAMS = '/usr/lib/postgresql';

export const POSTGRES: readonly Need[] = [
  { package: 'postgresql', present: ['sh', '-c', `ls ${PROGRAMS}/*/bin/initdb`] },
];

const USER = 'jabberd2';
/** With what a URL can not have as it is. */
const PASSWORD = 'p@ss/w%rd&?';

/** A PostgreSQL server with an empty database `jabberd2`, on a port of the loopback address. */
export class Postgres {
  private server: ChildProcess | undefined;

  private constructor(
    private readonly directory: string,
    private readonly port: number,
  ) {}

  static async create(): Promise<Postgres> {
    const directory = mkdtempSync(path.join(tmpdir(), 'sm-component-postgres-'));
    const postgres = new Postgres(directory, await freePort());
    const passwords = path.join(directory, 'password');
    writeFileSync(passwords, PASSWORD);
    // It refuses to run as root, whose directory others can not use either.
    if (OTHER) for (const file of [directory, passwords]) chownSync(file, OTHER.uid, OTHER.gid);
    chmodSync(directory, 0o700);
    const options = ['--auth=scram-sha-256', `--username=${USER}`, `--pwfile=${passwords}`];
    run('initdb', [...options, '--encoding=UTF8', '--no-locale', '--no-sync', postgres.data]);
    await postgres.start();
    postgres.sql('CREATE DATABASE jabberd2', 'postgres');
    return postgres;
  }

  get url(): string {
    return this.urlAs(USER, PASSWORD);
  }

  urlAs(user: string, password: string, database = 'jabberd2'): string {
    return `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${database}`;
  }

  /** As libpq, and so c2s, wants it. */
  get conninfo(): string {
    return `host=127.0.0.1 port=${this.port} dbname=jabberd2 user=${USER} password=${PASSWORD}`;
  }

  /** @returns what psql prints: a row a line, columns separated by `|` */
  sql(text: string, database = 'jabberd2'): string {
    return run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text, this.urlAs(USER, PASSWORD, database)]);
  }

  /** Runs this in a session that stays until it is released. */
  async hold(text: string): Promise<() => Promise<void>> {
    const psql = spawn(program('psql'), ['-XAtq', this.url], { stdio: ['pipe', 'pipe', 'inherit'] });
    psql.stdin.write(`${text};\nSELECT 'held';\n`);
    await once(psql.stdout, 'data');
    return async () => {
      psql.stdin.end();
      await once(psql, 'exit');
    };
  }

  /** Where it runs, it stays. */
  async start(): Promise<void> {
    if (this.server) return;
    const options = ['-k', this.directory, '-h', '127.0.0.1', '-p', String(this.port), '-F'];
    const server = spawn(program('postgres'), ['-D', this.data, ...options], {
      ...OTHER,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.server = server;
    let said = '';
    server.stderr.setEncoding('utf8');
    for await (const text of server.stderr.iterator({ destroyOnReturn: false })) {
      said += text as string;
      if (said.includes('database system is ready to accept connections')) return void server.stderr.resume();
    }
    throw new Error(`PostgreSQL did not start: ${said}`);
  }

  /** At once, and without a word to those who are connected, as when its machine fails. */
  async crash(): Promise<void> {
    await this.end('SIGQUIT');
  }

  async remove(): Promise<void> {
    await this.end('SIGINT');
    rmSync(this.directory, { recursive: true, force: true });
  }

  private get data(): string {
    return path.join(this.directory, 'data');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (!server || server.exitCode !== null) return;
    server.kill(signal);
    await once(server, 'exit');
  }
}

/** The user to be when we are root. */
const OTHER = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : undefined;

function idOf(option: string): number {
  // the package makes it
  return Number(execFileSync('id', [option, existsSync(PROGRAMS) ? 'postgres' : 'nobody']));
}

function program(name: string): string {
  const [newest] = readdirSync(PROGRAMS).sort((a, b) => Number(b) - Number(a));
  return path.join(PROGRAMS, newest, 'bin', name);
}

function run(name: string, args: string[]): string {
  return execFileSync(program(name), args, {
    ...OTHER,
    cwd: '/',
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
