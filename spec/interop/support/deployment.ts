import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { workshop } from './clients.js';
import { EchoPeer, type Account } from './echo-peer.js';
import { Running } from './running.js';

const PROGRAM = path.resolve('bin/sm-component');

/** The session manager that clients are tried against: one of ours, or one that the caller of the specs has. */
export interface Back {
  readonly dialect: string;
  readonly name: string;
  readonly domain: string;
  readonly secret: string;
  /** Where it listens; 0: any free port, which it keeps from then on. */
  readonly port: number;
  /** How it is run; absent: it runs already, and is left alone. */
  readonly command?: (port: number, directory: string) => readonly string[];
}

/** The embedded session manager in a process of its own. */
function embedded(dialect: string): Back {
  return {
    dialect,
    name: 'foo-sockets',
    domain: 'localhost',
    secret: 's3cret & <more>',
    port: 0,
    command: (port, directory) => [
      process.execPath,
      PROGRAM,
      'session-manager',
      ...['--listen', `127.0.0.1:${port}`, '--data', path.join(directory, 'data')],
      ...['--name', 'foo-sockets', '--domain', 'localhost', '--secret-file', path.join(directory, 'secret')],
      ...['--registration', 'on', '--log-format', 'json'],
      ...dialectOption(dialect),
    ],
  };
}

/** Left out where it is the default, as most people do. */
function dialectOption(dialect: string): string[] {
  return dialect === 'sto-sfrom' ? [] : ['--dialect', dialect];
}

/**
 * A session manager of the caller's, on this machine and without accounts that matter: `INTEROP_SM` is its component
 * port, `INTEROP_START` a command that runs it in the foreground (without it, it runs already, and is not killed).
 */
function ofTheCaller(env: NodeJS.ProcessEnv): Back[] {
  const { INTEROP_SM: port, INTEROP_START: start } = env;
  if (port === undefined) return [];
  return [
    {
      dialect: env.INTEROP_DIALECT ?? 'sto-sfrom',
      name: env.INTEROP_NAME ?? 'foo-sockets',
      domain: env.INTEROP_DOMAIN ?? 'localhost',
      secret: env.INTEROP_SECRET ?? 'secret',
      port: Number(port),
      command: start === undefined ? undefined : () => ['sh', '-c', `exec ${start}`],
    },
  ];
}

const OWN = ofTheCaller(process.env);

/** What every real client is tried against. Another dialect is another line. */
export const BACKS: readonly Back[] = OWN.length > 0 ? OWN : [embedded('sto-sfrom'), embedded('route')];

/** A line of our log, as JSON. */
export interface Entry {
  readonly level: string;
  readonly message: string;
  readonly [detail: string]: unknown;
}

function entry(line: string): Entry | undefined {
  return line.startsWith('{') ? (JSON.parse(line) as Entry) : undefined;
}

/** bin/sm-component in front of a session manager, both running as a user runs them. */
export class Deployment {
  /** Where clients connect; the same over all restarts. */
  port = 0;
  front!: Running;
  back: Running | undefined;
  /** How many lines of the log were looked at; a session manager that was not there yet at the start is no complaint. */
  private seen = 0;
  private backPort: number;
  private readonly directory = mkdtempSync(path.join(workshop, 'deployment-'));

  constructor(readonly peer: Back) {
    this.backPort = peer.port;
    writeFileSync(path.join(this.directory, 'secret'), peer.secret);
  }

  async start(): Promise<void> {
    await this.startBack();
    await this.startFront();
  }

  /** Starts the session manager, again on the port that it had. */
  async startBack(): Promise<void> {
    if (!this.peer.command) return;
    const [file, ...args] = this.peer.command(this.backPort, this.directory);
    this.back = new Running('the session manager', { file, args });
    if (this.backPort > 0) return;
    this.backPort = await this.back.find('its port', (line) =>
      portIn(/connects to 127\.0\.0\.1:(\d+)/, line),
    );
  }

  /** Starts the socket manager, again on the port that it had, and waits until it takes clients. */
  async startFront(): Promise<void> {
    const { name, domain, dialect } = this.peer;
    this.front = new Running('sm-component', {
      file: process.execPath,
      args: [
        PROGRAM,
        ...['--sm', `127.0.0.1:${this.backPort}`, '--secret-file', path.join(this.directory, 'secret')],
        ...['--name', name, '--domain', domain, '--listen', `127.0.0.1:${this.port}`],
        ...['--data', path.join(this.directory, 'front')],
        ...['--log-format', 'json', '--log-level', 'debug'],
        ...dialectOption(dialect),
      ],
    });
    this.port = await this.front.find('where it listens', (line) =>
      portIn(/connect to 127\.0\.0\.1:(\d+)/, line),
    );
    await this.front.find('how to stop it', (line) => (/^ *Stop:/.test(line) ? true : undefined));
    this.seen = this.front.lines.length;
  }

  /** Stops both; ours ends in good order. */
  async stop(): Promise<void> {
    const ended = (await this.front?.stop()) ?? 0;
    await this.back?.stop();
    if (ended !== 0) throw new Error(`sm-component ended with ${ended}${this.front?.tail()}`);
  }

  /** A line of the log of the socket manager, there already or still to come. */
  logged(what: string, is: (entry: Entry) => boolean, from = 0): Promise<Entry> {
    const look = (line: string): Entry | undefined => {
      const found = entry(line);
      return found && is(found) ? found : undefined;
    };
    return this.front.find(`log line: ${what}`, look, from);
  }

  /** What the socket manager has warned of since the last call, except for what the spec itself brought about. */
  complaints(expected?: RegExp): string[] {
    const lines = this.front.lines.slice(this.seen);
    this.seen = this.front.lines.length;
    return lines.filter((line) => {
      // Anything that is no log line, after the start, is a crash or a warning of Node.js.
      const { level, message } = entry(line) ?? { level: 'error', message: line };
      return (level === 'warn' || level === 'error') && !expected?.test(message);
    });
  }

  account(username: string): Account {
    return { username, password: `${username}'s <secret> & "more"`, domain: this.peer.domain };
  }

  register(username: string): Promise<void> {
    return EchoPeer.register(this.port, this.account(username));
  }

  login(username: string, resource?: string): Promise<EchoPeer> {
    return EchoPeer.login(this.port, this.account(username), resource);
  }

  /** A directory of its own for somebody called `name`. */
  directoryFor(name: string): string {
    mkdirSync(path.join(this.directory, 'guests'), { recursive: true });
    return mkdtempSync(path.join(this.directory, 'guests', `${name}-`));
  }
}

function portIn(pattern: RegExp, line: string): number | undefined {
  const found = pattern.exec(line);
  return found ? Number(found[1]) : undefined;
}
