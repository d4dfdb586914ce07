import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LoginStep } from './tap.js';
import type { Command } from './running.js';

/** Found from the project root: tsc copies no drivers. */
const DRIVERS = path.resolve('spec/interop/drivers');

/** A package of Debian, and a command that succeeds where it is there. */
export interface Need {
  readonly package: string;
  readonly present: readonly string[];
}

/** One real client: how it is had, how it is run, and what it is known to do. */
export interface RealClient {
  readonly name: string;
  readonly needs: readonly Need[];
  /** The file in drivers/. */
  readonly driver: string;
  /** What a C driver is linked with, as pkg-config knows it. */
  readonly library?: string;
  /** What it sends to log in. */
  readonly login: readonly LoginStep[];
  /** Does it prefer the zero-knowledge `<hash/>` where the form offers what it takes? */
  readonly zeroKnowledge?: true;
  /** How our log says that it left. */
  readonly leaves: RegExp;
  /** Can it encrypt by STARTTLS, and still log in by jabber:iq:auth? */
  readonly startTls?: true;
  /** Does it only send? Then nothing it receives is looked at, and it is not there for long. */
  readonly sendsOnly?: true;
}

export const command = (name: string): readonly string[] => ['sh', '-c', `command -v ${name}`];
const perl = (module: string): readonly string[] => ['perl', `-M${module}`, '-e', '1'];
const library = (name: string): readonly string[] => ['pkg-config', '--exists', name];

const COMPILER: readonly Need[] = [
  { package: 'gcc', present: command('gcc') },
  { package: 'libc6-dev', present: ['sh', '-c', 'echo "#include <stdio.h>" | gcc -E -'] },
  { package: 'pkg-config', present: command('pkg-config') },
];

const CLOSES = /^closed by the client$/;
const VANISHES = /^disconnected without closing the stream$/;

export const CLIENTS: readonly RealClient[] = [
  {
    name: 'loudmouth',
    needs: [...COMPILER, { package: 'libloudmouth1-dev', present: library('loudmouth-1.0') }],
    driver: 'loudmouth.c',
    library: 'loudmouth-1.0',
    login: ['get', 'digest'],
    leaves: CLOSES,
  },
  {
    name: 'libpurple',
    needs: [...COMPILER, { package: 'libpurple-dev', present: library('purple') }],
    driver: 'libpurple.c',
    library: 'purple',
    login: ['get', 'digest'],
    leaves: CLOSES,
    startTls: true,
  },
  {
    name: 'libstrophe',
    needs: [...COMPILER, { package: 'libstrophe-dev', present: library('libstrophe') }],
    driver: 'libstrophe.c',
    library: 'libstrophe',
    login: ['password'],
    leaves: CLOSES,
  },
  {
    name: 'net-jabber',
    needs: [{ package: 'libnet-jabber-perl', present: perl('Net::Jabber') }],
    driver: 'net-jabber.pl',
    login: ['get', 'digest'],
    zeroKnowledge: true,
    leaves: CLOSES,
  },
  {
    name: 'anyevent-xmpp',
    needs: [{ package: 'libanyevent-xmpp-perl', present: perl('AnyEvent::XMPP') }],
    driver: 'anyevent-xmpp.pl',
    login: ['password'],
    leaves: VANISHES,
  },
  {
    name: 'mcabber',
    needs: [
      { package: 'mcabber', present: command('mcabber') },
      { package: 'tmux', present: command('tmux') },
    ],
    driver: 'mcabber.sh',
    login: ['get', 'digest'],
    leaves: CLOSES,
    startTls: true,
  },
  {
    name: 'sendxmpp',
    needs: [{ package: 'sendxmpp', present: command('sendxmpp') }],
    driver: 'sendxmpp.sh',
    login: ['get', 'digest'],
    zeroKnowledge: true,
    leaves: CLOSES,
    startTls: true,
    sendsOnly: true,
  },
];

/** Refuses every login without encryption, so it can only be survived. */
export const STRANGER: RealClient = {
  name: 'go-sendxmpp',
  needs: [{ package: 'go-sendxmpp', present: command('go-sendxmpp') }],
  driver: 'go-sendxmpp.sh',
  login: [],
  leaves: /./,
};

/** Packages that are needed and not there. */
export function missing({ needs }: Pick<RealClient, 'needs'>): string[] {
  return needs.filter((need) => !isPresent(need)).map((need) => need.package);
}

const known = new Map<string, boolean>();

function isPresent(need: Need): boolean {
  let present = known.get(need.package);
  if (present === undefined) {
    const [file, ...args] = need.present;
    known.set(need.package, (present = spawnSync(file, args, { stdio: 'ignore' }).status === 0));
  }
  return present;
}

/** Where the drivers are compiled to and work: one directory for all specs of a run. */
export const workshop = mkdtempSync(path.join(tmpdir(), 'sm-component-interop-'));
after(() => rmSync(workshop, { recursive: true, force: true }));

const compiled = new Map<string, string>();

/** How a client's driver is run, compiled before if need be. */
export function driverOf(client: RealClient): Omit<Command, 'env'> {
  const source = path.join(DRIVERS, client.driver);
  if (client.driver.endsWith('.pl')) return { file: 'perl', args: [source] };
  if (client.driver.endsWith('.sh')) return { file: 'bash', args: [source] };
  let program = compiled.get(client.name);
  if (program === undefined) compiled.set(client.name, (program = compile(source, client)));
  return { file: program, args: [] };
}

function compile(source: string, client: RealClient): string {
  const program = path.join(workshop, client.name);
  const found = execFileSync('pkg-config', ['--cflags', '--libs', client.library!], { encoding: 'utf8' });
  execFileSync('gcc', ['-Wall', '-Werror', '-o', program, source, ...found.trim().split(/\s+/)]);
  return program;
}
