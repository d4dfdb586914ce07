import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { escape } from '../../../lib/xml/escape.js';
import { freePort } from '../../support/free-port.js';
import {
  binary,
  configuration,
  createDatabase,
  databaseIn,
  NEEDED,
  type Ports,
  type Server,
} from '../../support/jabberd2-files.js';
import { workshop, type Need } from './clients.js';
import { Line } from './line.js';
import { Running } from './running.js';
import { served } from './user.js';

const readable = NEEDED.map((file) => `test -r ${file}`).join(' && ');

/** Its package; the configuration that Debian installs is readable by root only. */
export const JABBERD2: readonly Need[] = [{ package: 'jabberd2', present: ['sh', '-c', readable] }];

/** What stands in c2s.xml for the accounts. */
export interface Authreg {
  readonly module: 'sqlite' | 'pgsql';
  /** An element of `<password_type>`. */
  readonly passwordType: string;
  readonly conninfo?: string;
}

/** Who may connect to the router: the first binds any name, the second only its own. */
export const ROUTER_USER = 'jabberd';
export const ROUTER_SECRET = 'r0uter & <secret>';
export const LESSER_USER = 'lesser';

/** What is there; by default a router, and one session manager `sm` for `localhost`. */
export interface Layout {
  /** The session managers, by their ids, and the domains of each. */
  readonly sms?: Readonly<Record<string, readonly string[]>>;
  /** jabberd2's own socket manager, for all these domains? */
  readonly c2s?: boolean;
  /** Where the accounts of that one are; by default as Debian has it. The sm then takes whomever it lets in. */
  readonly authreg?: Authreg;
  /** Does the router offer STARTTLS? */
  readonly tls?: boolean;
}

/** Called before a server is started; what it returns, called after that, waits until it is ready. */
type Watch = () => (part: Part) => Promise<unknown>;

const ONE_SM = { sm: ['localhost'] } as const;

/** One server: a process that can be ended, and started again with the same configuration. */
export class Part {
  running!: Running;

  constructor(
    readonly name: string,
    private readonly server: Server,
    private readonly config: string,
    private readonly watch: Watch,
  ) {}

  async start(): Promise<void> {
    const ready = this.watch();
    this.running = new Running(this.name, { file: binary(this.server), args: ['-c', this.config] });
    // Whatever goes wrong later, nothing of ours stays behind.
    const cut = (): void => this.running.signal('SIGKILL');
    process.once('exit', cut);
    void this.running.exit.then(() => process.off('exit', cut));
    await ready(this);
  }

  /** A line that it prints, or has printed since it was started. */
  async prints(pattern: RegExp, from = 0): Promise<void> {
    await this.running.find(String(pattern), (line) => (pattern.test(line) ? true : undefined), from);
  }

  /** As `kill -9`. */
  async kill(): Promise<void> {
    this.running.signal('SIGKILL');
    await this.running.ended();
  }

  async terminate(): Promise<void> {
    this.running.signal('SIGTERM');
    await this.running.ended();
  }
}

/** jabberd2 2.7.0 of Debian with configuration, database and ports of its own, on loopback. */
export class Jabberd2 {
  readonly directory = mkdtempSync(path.join(workshop, 'jabberd2-'));
  readonly domains: readonly string[];
  router!: Part;
  /** The session managers, by their ids. */
  readonly sms = new Map<string, Part>();
  /** What lies between each session manager, or c2s, and the router. */
  readonly lines = new Map<string, Line>();
  c2s: Part | undefined;
  private ports!: Ports;

  static async start(layout: Layout = {}): Promise<Jabberd2> {
    const jabberd = new Jabberd2(layout);
    try {
      await jabberd.setUp();
    } catch (error) {
      await jabberd.stop();
      throw error;
    }
    return jabberd;
  }

  private constructor(private readonly layout: Layout) {
    this.domains = Object.values(layout.sms ?? ONE_SM).flat();
    createDatabase(this.directory).close();
  }

  /** The only session manager, or the first. */
  get sm(): Part {
    return [...this.sms.values()][0];
  }

  get routerPort(): number {
    return this.ports.router;
  }

  /** Where the stock c2s listens. */
  get clientPort(): number {
    return this.ports.clients;
  }

  /** The file that session managers and stock c2s keep everything in, and accounts too. */
  get database(): string {
    return databaseIn(this.directory);
  }

  /** The certificate of the router. */
  get certificate(): string {
    return path.join(this.directory, 'certificate.pem');
  }

  /** Between the router and the server with this id. */
  line(id: string): Line {
    return this.lines.get(id)!;
  }

  /** The router says that all these names are there, or gone. */
  async announced(names: readonly string[], state: 'online' | 'offline' = 'online', from = 0): Promise<void> {
    for (const name of names) await this.router.prints(announcement(name, state), from);
  }

  /** How much the router has said: for {@link announced}. */
  get said(): number {
    return this.router.running.lines.length;
  }

  async stop(): Promise<void> {
    const parts = [this.c2s, ...this.sms.values(), this.router];
    for (const part of parts) await part?.running?.stop();
    for (const line of this.lines.values()) line.close();
  }

  /** What the accounts of stock c2s hold for a user. */
  password(username: string, domain = 'localhost'): string | undefined {
    const sql = 'SELECT password FROM authreg WHERE username = ? AND realm = ?';
    return this.query((database) => database.prepare(sql).pluck().get(username, domain)) as
      string | undefined;
  }

  /** Makes an account for stock c2s, which the session manager knows nothing about. */
  addPassword(username: string, password: string, domain = 'localhost'): void {
    const sql = 'INSERT INTO authreg (username, realm, password) VALUES (?, ?, ?)';
    this.query((database) => database.prepare(sql).run(username, domain, password));
  }

  /** Makes a user that the session manager knows, and that has no password. */
  addUser(bare: string): void {
    const sql = 'INSERT INTO active ("collection-owner", time) VALUES (?, 1)';
    this.query((database) => database.prepare(sql).run(bare));
  }

  isUser(bare: string): boolean {
    const sql = 'SELECT count(*) FROM active WHERE "collection-owner" = ?';
    return this.query((database) => database.prepare(sql).pluck().get(bare)) !== 0;
  }

  private query<T>(work: (database: Database.Database) => T): T {
    const database = new Database(this.database, { timeout: 5000 });
    try {
      return work(database);
    } finally {
      database.close();
    }
  }

  private async setUp(): Promise<void> {
    this.ports = { router: await freePort(), clients: await freePort() };
    this.router = this.routerPart();
    await this.router.start();
    for (const [id, domains] of Object.entries(this.layout.sms ?? ONE_SM)) {
      this.lines.set(id, await Line.open(this.ports.router));
      this.sms.set(id, this.smPart(id, domains));
    }
    await Promise.all([...this.sms.values()].map((sm) => sm.start()));
    if (this.layout.c2s) await this.startC2s();
  }

  private async startC2s(): Promise<void> {
    this.lines.set('c2s', await Line.open(this.ports.router));
    this.c2s = this.c2sPart();
    await this.c2s.start();
  }

  private routerPart(): Part {
    const users = path.join(this.directory, 'router-users.xml');
    const user = (name: string): string =>
      `<user><name>${name}</name><secret>${escape(ROUTER_SECRET)}</secret></user>`;
    writeFileSync(users, `<users>${user(ROUTER_USER)}${user(LESSER_USER)}</users>`);
    let text = this.configuration('router').replace(/<users>.*<\/users>/, `<users>${users}</users>`);
    if (this.layout.tls)
      text = text.replace('<local>', `<local><pemfile>${this.makeCertificate()}</pemfile>`);
    return this.part(
      'router',
      'router',
      text,
      () => (part) => part.prints(/listening for incoming connections/),
    );
  }

  private smPart(id: string, domains: readonly string[]): Part {
    const text = this.configuration('sm', id)
      .replace('<id>sm</id>', `<id>${id}</id>`)
      .replace('<id>localhost</id>', domains.map((domain) => `<id>${domain}</id>`).join(''))
      .replace(/<user>\s/, this.layout.authreg ? '<user><auto-create/>' : '$&')
      .replaceAll('/sm.pid', `/${id}.pid`);
    return this.part(id, 'sm', text, () => {
      const { said } = this;
      return () => this.announced([id, ...domains], 'online', said);
    });
  }

  private c2sPart(): Part {
    const hosts = this.domains.map((domain) => `<id register-enable='mu'>${domain}</id>`);
    const stock = this.configuration('c2s', 'c2s');
    const hosted = stock.replace(`<id register-enable='mu'>localhost</id>`, hosts.join(''));
    const text = this.layout.authreg ? withAuthreg(hosted, this.layout.authreg) : hosted;
    return this.part('c2s', 'c2s', text, () => async (part) => {
      await part.prints(/ready for connections/);
      await Promise.all(this.domains.map((domain) => served(this.clientPort, domain)));
    });
  }

  /** @param line the id of the server that connects to the router through its own line */
  private configuration(server: Server, line?: string): string {
    const router = line === undefined ? this.ports.router : this.line(line).port;
    return configuration(server, this.directory, 'localhost', { ...this.ports, router })
      .replace(`<log type='file'>`, `<log type='stdout'>`)
      .replace('<pass>secret</pass>', `<pass>${escape(ROUTER_SECRET)}</pass>`)
      .replace(/<retry>.*?<\/retry>/s, '<retry><init>-1</init><lost>-1</lost><sleep>1</sleep></retry>');
  }

  private part(id: string, server: Server, text: string, watch: Watch): Part {
    const file = path.join(this.directory, `${id}.xml`);
    writeFileSync(file, text);
    return new Part(id, server, file, watch);
  }

  private makeCertificate(): string {
    const key = path.join(this.directory, 'key.pem');
    const both = path.join(this.directory, 'router.pem');
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync(
      'openssl',
      [...request, ...subject, '-days', '2', '-keyout', key, '-out', this.certificate],
      {
        stdio: 'ignore',
      },
    );
    execFileSync('sh', ['-c', `cat "$1" "$2" > "$3"`, 'sh', this.certificate, key, both]);
    return both;
  }
}

function withAuthreg(text: string, { module, passwordType, conninfo = '' }: Authreg): string {
  return text
    .replace(/<module>[a-z]+<\/module>/, `<module>${module}</module>`)
    .replace(/<conninfo>[^<]*<\/conninfo>/, `<conninfo>${escape(conninfo)}</conninfo>`)
    .replace(/(<password_type>)[^]*?(<\/password_type>)/g, `$1${passwordType}$2`);
}

function announcement(name: string, state: 'online' | 'offline'): RegExp {
  return new RegExp(`\\[${name.replaceAll('.', '\\.')}\\](?::\\d+)? ${state}`);
}
