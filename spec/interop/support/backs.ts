import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { portIn, program } from './front.js';
import type { Need } from './clients.js';
import { JABBERD2, Jabberd2, ROUTER_SECRET } from './jabberd2.js';
import { Running } from './running.js';

/** The session manager that clients are tried against: one of ours, a real one, or one that the caller of the specs has. */
export interface Back {
  readonly dialect: string;
  readonly domain: string;
  readonly needs: readonly Need[];
  /** Can it be killed? Else it is left alone. */
  readonly mortal: boolean;
  /** Is it at the other end of our link? Else there is a router in between, which stays. */
  readonly linked: boolean;
  /** One of it, not running yet. */
  make(directory: string): Behind;
}

/** A session manager of a deployment. */
export interface Behind {
  /** Starts it, again where it was. */
  start(): Promise<void>;
  /** As `kill -9`. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  /** How sm-component finds it; to be asked once it has been started. */
  readonly options: readonly string[];
}

const SECRET = 's3cret & <more>';

/** How bin/sm-component is told of a session manager. */
interface Place {
  readonly dialect: string;
  readonly name: string;
  readonly domain: string;
  readonly port: number;
  readonly secret: string;
}

function optionsFor({ dialect, name, domain, port, secret }: Place, directory: string): readonly string[] {
  mkdirSync(directory, { recursive: true });
  const secretFile = path.join(directory, 'secret');
  writeFileSync(secretFile, secret);
  return [
    ...['--sm', `127.0.0.1:${port}`, '--secret-file', secretFile],
    ...['--name', name, '--domain', domain],
    ...dialectOption(dialect),
    ...['--data', path.join(directory, 'front')],
    ...(dialect === 'jabberd2' ? ['--registration', 'on'] : []),
  ];
}

/** Left out where it is the default, as most people do. */
function dialectOption(dialect: string): string[] {
  return dialect === 'sto-sfrom' ? [] : ['--dialect', dialect];
}

/** A session manager that is one process. */
class Process implements Behind {
  private running: Running | undefined;

  constructor(
    private readonly directory: string,
    private place: Place,
    /** By where it listens; 0: any free port, which it keeps from then on. Absent: it runs already, and is left alone. */
    private readonly command?: (port: number, directory: string) => readonly string[],
  ) {}

  get options(): readonly string[] {
    return optionsFor(this.place, this.directory);
  }

  async start(): Promise<void> {
    if (!this.command) return;
    const { port, secret } = this.place;
    writeFileSync(path.join(this.directory, 'secret'), secret);
    const [file, ...args] = this.command(port, this.directory);
    this.running = new Running('the session manager', { file, args });
    if (port > 0) return;
    const look = (line: string): number | undefined => portIn(/connects to 127\.0\.0\.1:(\d+)/, line);
    this.place = { ...this.place, port: await this.running.find('its port', look) };
  }

  async kill(): Promise<void> {
    this.running!.signal('SIGKILL');
    await this.running!.ended();
  }

  async stop(): Promise<void> {
    await this.running?.stop();
  }
}

/** Router and sm of a real jabberd2: what is killed is the sm. */
class RealJabberd2 implements Behind {
  private jabberd: Jabberd2 | undefined;

  constructor(private readonly directory: string) {}

  get options(): readonly string[] {
    const { routerPort: port } = this.jabberd!;
    const names = { dialect: 'jabberd2', name: 'our-c2s', domain: 'localhost' };
    return optionsFor({ ...names, port, secret: ROUTER_SECRET }, this.directory);
  }

  async start(): Promise<void> {
    if (this.jabberd) await this.jabberd.sm.start();
    else this.jabberd = await Jabberd2.start();
  }

  async kill(): Promise<void> {
    await this.jabberd!.sm.kill();
  }

  async stop(): Promise<void> {
    await this.jabberd?.stop();
  }
}

const common = { domain: 'localhost', needs: [], mortal: true, linked: true };

/** The embedded session manager in a process of its own. */
function embedded(dialect: string): Back {
  const place = { dialect, name: 'foo-sockets', domain: 'localhost', port: 0, secret: SECRET };
  const command = (port: number, directory: string): readonly string[] =>
    program(
      'session-manager',
      ...['--listen', `127.0.0.1:${port}`, '--data', path.join(directory, 'data')],
      ...['--name', place.name, '--domain', place.domain],
      ...['--secret-file', path.join(directory, 'secret')],
      ...['--registration', 'on', '--log-format', 'json'],
      ...dialectOption(dialect),
    );
  return { ...common, dialect, make: (directory) => new Process(directory, place, command) };
}

function jabberd2(): Back {
  const make = (directory: string): Behind => new RealJabberd2(directory);
  return { ...common, dialect: 'jabberd2', needs: JABBERD2, linked: false, make };
}

/**
 * A session manager of the caller's, on this machine and without accounts that matter: `INTEROP_SM` is its component
 * port, `INTEROP_START` a command that runs it in the foreground (without it, it runs already, and is not killed).
 */
function ofTheCaller(env: NodeJS.ProcessEnv): Back[] {
  const { INTEROP_SM: port, INTEROP_START: start } = env;
  if (port === undefined) return [];
  const place = {
    dialect: env.INTEROP_DIALECT ?? 'sto-sfrom',
    name: env.INTEROP_NAME ?? 'foo-sockets',
    domain: env.INTEROP_DOMAIN ?? 'localhost',
    secret: env.INTEROP_SECRET ?? 'secret',
    port: Number(port),
  };
  const command = start === undefined ? undefined : () => ['sh', '-c', `exec ${start}`];
  const make = (directory: string): Behind => new Process(directory, place, command);
  return [{ ...common, dialect: place.dialect, domain: place.domain, mortal: command !== undefined, make }];
}

const OWN = ofTheCaller(process.env);

/** The embedded session manager in each dialect that it speaks. */
export const EMBEDDED: readonly Back[] = [embedded('sto-sfrom'), embedded('route')];

/** What every real client is tried against. */
export const BACKS: readonly Back[] = OWN.length > 0 ? OWN : [...EMBEDDED, jabberd2()];
