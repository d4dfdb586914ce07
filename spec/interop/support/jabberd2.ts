import Database from 'better-sqlite3';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Wire } from '../../support/wire.js';
import { workshop, type Need } from './clients.js';
import { freePort } from './port.js';
import { Running } from './running.js';

const STOCK = '/etc/jabberd2';
const SCHEMA = '/usr/share/doc/jabberd2/db-setup.sqlite.gz';
const BINARIES = '/usr/sbin';

export const JABBERD2: readonly Need[] = [
  { package: 'jabberd2', present: ['test', '-x', path.join(BINARIES, 'jabberd2-c2s'), '-a', '-r', SCHEMA] },
];

export const DOMAIN = 'localhost';

/** What stands in c2s.xml for the accounts. */
export interface Authreg {
  readonly module: 'sqlite' | 'pgsql';
  /** An element of `<password_type>`. */
  readonly passwordType: string;
  readonly conninfo?: string;
}

type Name = 'router' | 'sm' | 'c2s';

/** When they are ready, by their log. */
const READY: Readonly<Record<Name, RegExp>> = {
  router: /listening for incoming connections/,
  sm: /ready for sessions/,
  c2s: /listening for connections/,
};

/** jabberd2 as Debian packages it, with its stock configuration but for places, ports and the accounts. */
export class Jabberd2 {
  private readonly running: Running[] = [];
  private clients = 0;
  private logins = 0;

  private constructor(private readonly directory: string) {}

  static async start(authreg: Authreg): Promise<Jabberd2> {
    const jabberd2 = new Jabberd2(mkdtempSync(path.join(workshop, 'jabberd2-')));
    const database = new Database(jabberd2.database);
    database.exec(gunzipSync(readFileSync(SCHEMA)).toString());
    database.close();
    const router = await freePort();
    jabberd2.clients = await freePort();
    for (const name of ['router', 'sm', 'c2s'] as const) await jabberd2.run(name, router, authreg);
    return jabberd2;
  }

  /** Its SQLite file. */
  get database(): string {
    return path.join(this.directory, 'sqlite.db');
  }

  async stop(): Promise<void> {
    for (const program of this.running.reverse()) await program.stop();
  }

  /** Does c2s let this one in? [XEP-0078, in plain text] */
  login(username: string, password: string): Promise<boolean> {
    // one that was there a moment ago may get the id of the session before, and its end
    this.logins += 1;
    const fields = `<username>${xml(username)}</username><password>${xml(password)}</password><resource>r${this.logins}</resource>`;
    return this.ask(`<query xmlns='jabber:iq:auth'>${fields}</query>`);
  }

  /** [XEP-0077] */
  register(username: string, password: string): Promise<boolean> {
    const fields = `<username>${xml(username)}</username><password>${xml(password)}</password>`;
    return this.ask(`<query xmlns='jabber:iq:register'>${fields}</query>`);
  }

  private async ask(query: string): Promise<boolean> {
    const wire = new Wire(connect(this.clients, '127.0.0.1'), 'a client of jabberd2');
    wire.send(
      `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${DOMAIN}'>`,
    );
    await wire.header();
    wire.send(`<iq type='set' id='a'>${query}</iq>`);
    const { attributes } = await wire.stanza();
    await wire.drop();
    return attributes.get('type') === 'result';
  }

  private async run(name: Name, router: number, authreg: Authreg): Promise<void> {
    const file = path.join(this.directory, `${name}.xml`);
    const stock = readFileSync(path.join(STOCK, `${name}.xml`), 'utf8');
    const text = stock
      .replace(/<!--[^]*?-->/g, '')
      .replace(/<log type='[a-z]+'>/, "<log type='stdout'>")
      .replace(/localhost\.localdomain/g, DOMAIN)
      .replace(/\/var\/(?:run|log|lib)\/jabberd2/g, this.directory)
      .replace(/<ip>0\.0\.0\.0<\/ip>/g, '<ip>127.0.0.1</ip>')
      .replace(/<port>5347<\/port>/g, `<port>${router}</port>`)
      .replace(/<port>5222<\/port>/g, `<port>${this.clients}</port>`)
      // the sm takes whomever c2s has let in, as where accounts are elsewhere
      .replace(/<user>\s/, '<user><auto-create/>');
    writeFileSync(file, name === 'c2s' ? withAuthreg(text, authreg) : text);
    const program = new Running(`jabberd2-${name}`, {
      file: path.join(BINARIES, `jabberd2-${name}`),
      args: ['-c', file],
    });
    this.running.push(program);
    await program.find('that it is ready', (line) => READY[name].test(line) || undefined);
  }
}

function withAuthreg(text: string, { module, passwordType, conninfo }: Authreg): string {
  return text
    .replace(/<module>[a-z]+<\/module>/, `<module>${module}</module>`)
    .replace(/<conninfo>[^<]*<\/conninfo>/, `<conninfo>${conninfo && xml(conninfo)}</conninfo>`)
    .replace(/(<password_type>)[^]*?(<\/password_type>)/g, `$1${passwordType}$2`);
}

const xml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
