import type { Options } from 'yargs';
import type { Address } from '../config/config.js';
import { didYouMean } from '../config/error.js';
import { oneListener, oneOf, peer, printAddress, type Kind } from '../config/kinds.js';
import { AccountMapping, type Given } from '../scenario/account-mapping.js';
import { Comparison, type Compared, type PassedOver } from '../scenario/compare.js';
import { parseIgnored, type Ignored } from '../scenario/ignore.js';
import type { Server } from '../scenario/login.js';
import { differencesOf, summary } from '../scenario/report/comparison.js';
import { kinds } from '../scenario/report/kinds.js';
import { Recorder } from '../scenario/record.js';
import { json } from '../scenario/report/json.js';
import { junit } from '../scenario/report/junit.js';
import { live } from '../scenario/report/live.js';
import type { Report, Write } from '../scenario/report/report.js';
import { tap } from '../scenario/report/tap.js';
import { ScriptFile } from '../scenario/script-file.js';
import { NOTHING_PLAYED, run, type RunOptions } from '../scenario/run.js';
import { findScripts, readScript, unwantedBy, type Candidate } from '../scenario/select.js';
import { USUAL, type UsualName } from '../scenario/usual.js';
import { actionOf, EXIT, Failure, UsageError, type Call, type Command } from './command.js';
import { onceEnded } from './signals.js';

const ACTIONS = ['run', 'record', 'compare'] as const;
type Action = (typeof ACTIONS)[number];

/** What each option is for, and whose it is. */
interface Own {
  readonly of: readonly Action[];
  readonly option: Options;
}

const PLAYED: readonly Action[] = ['run', 'compare'];
const text = (describe: string): Options => ({ describe, requiresArg: true });
const flag = (describe: string): Options => ({ describe, type: 'boolean' });

const OWN: Readonly<Record<string, Own>> = {
  to: { of: ['run', 'record'], option: text('The server. (HOST:PORT)') },
  left: { of: ['compare'], option: text('The server whose answers are taken as the measure. (HOST:PORT)') },
  right: { of: ['compare'], option: text('The server that is compared with it. (HOST:PORT)') },
  listen: { of: ['record'], option: text('Where clients connect that are to be recorded. ([HOST:]PORT)') },
  domain: {
    of: PLAYED,
    option: text(
      'What the server has for localhost, the domain of most scripts; OLD=DOMAIN for another one. Repeatable.',
    ),
  },
  'left-domain': { of: ['compare'], option: text('The same, of the left server only. Repeatable.') },
  'right-domain': { of: ['compare'], option: text('The same, of the right server only. Repeatable.') },
  account: {
    of: PLAYED,
    option: text(
      'An account that the server has already: USER:PASSWORD, or USER=OTHER:PASSWORD to let OTHER play USER. Such ' +
        'accounts are neither made nor removed. Repeatable.',
    ),
  },
  'left-account': { of: ['compare'], option: text('The same, of the left server only. Repeatable.') },
  'right-account': { of: ['compare'], option: text('The same, of the right server only. Repeatable.') },
  fresh: {
    of: PLAYED,
    option: flag(
      'Remove and register again also accounts that were there before, by the password of the script',
    ),
  },
  auth: {
    of: PLAYED,
    option: text('How to log in. (auto|sasl|iq-auth; default auto: SASL where it is offered)'),
  },
  tls: { of: PLAYED, option: text('STARTTLS. (auto|off|required; default auto: where the server insists)') },
  exact: {
    of: ['run'],
    option: flag('Each stanza that arrives must be the next one expected; else others are passed over'),
  },
  timeout: {
    of: PLAYED,
    option: text('How long an expected stanza is waited for. (seconds; default 5, of compare 2)'),
  },
  tags: {
    of: PLAYED,
    option: text(
      'Only scripts with this tag (slow, "status: stable"), or behind a ! without it. Repeatable, also by commas.',
    ),
  },
  ignore: {
    of: ['compare'],
    option: text(
      'A difference that is known: delay, iq/query/@ver, /presence, {urn:xmpp:sid:0}stanza-id, @xml:lang. ' +
        'What servers usually differ in is ignored anyway, unless it is none, or !RULE to take one rule out: ' +
        `${USUAL.join(', ')}. Repeatable.`,
    ),
  },
  format: {
    of: ['run'],
    option: text('How to report. (tap|live|junit|json; default live at a terminal, else tap)'),
  },
  password: {
    of: ['record'],
    option: text('What to write as password of every character, instead of what was seen'),
  },
};

const FORMATS = ['tap', 'live', 'junit', 'json'] as const;

export const scenario: Command = {
  usage: 'scenario [action] [files..]',
  help: 'Play scripts of clients (.scs, the language of scansion) on a server: run, record, compare',
  positionals: {
    action: {
      describe:
        'run FILE|DIR…: play scripts; record FILE: write what clients do as a script; ' +
        'compare FILE|DIR…: play scripts on two servers, and show where they differ',
    },
    files: { describe: 'Scripts, and folders of them', type: 'string', array: true },
  },
  options: Object.fromEntries(Object.entries(OWN).map(([name, { option }]) => [name, option])),
  repeatable: [
    ...['files', 'domain', 'left-domain', 'right-domain', 'account', 'left-account', 'right-account'],
    ...['tags', 'ignore'],
  ],
  examples: [
    ['$0 scenario run spec/ --to 127.0.0.1:5222', 'every .scs file in it; exit code 0 when all pass'],
    ['$0 scenario run login.scs --to old.foo.com:5222 --domain foo.com --account romeo:secret', ''],
  ],
  run(call) {
    const action = actionOf(call, 'scenario', ACTIONS);
    checkOptions(call, action);
    switch (action) {
      case 'run':
        return runScripts(call);
      case 'record':
        return record(call);
      case 'compare':
        return compareServers(call);
    }
  },
};

function checkOptions({ own, lists }: Call, action: Action): void {
  for (const [name, { of }] of Object.entries(OWN)) {
    if ((own[name] ?? lists[name]) !== undefined && !of.includes(action)) {
      throw new UsageError(`--${name} is no option of scenario ${action}, but of ${of.join(' and ')}`);
    }
  }
}

async function runScripts(call: Call): Promise<number> {
  const candidates = readAll(call);
  const to = call.own.to === undefined ? undefined : address(call, 'to', peer);
  if (!to) requireAddresses(candidates);
  const options = optionsFor(call, candidates, to, [''], 5);
  const passed = await run(candidates, { ...options, signal: interruption() }, reportOf(call));
  return passed ? EXIT.stopped : EXIT.failed;
}

async function compareServers(call: Call): Promise<number> {
  const candidates = readAll(call);
  const side = (name: 'left' | 'right'): RunOptions => ({
    ...optionsFor(call, candidates, address(call, name, peer), [`${name}-`, ''], 2),
    goOn: true,
  });
  const sides = { left: side('left'), right: side('right') };
  const over = passedOver(call);
  const comparison = new Comparison(sides, over, (note) => console.log(note));
  const signal = interruption();
  const all: Compared[] = [];
  let whole = true;
  for (const candidate of candidates) {
    if (signal.aborted) break;
    if ('error' in candidate) {
      console.log(candidate.error.message);
      whole = false;
    } else if (unwantedBy(sides.left.tags, candidate.script) === undefined) {
      const compared = await comparison.compare(candidate.script);
      all.push(compared);
      for (const line of differencesOf(compared)) console.log(line);
      const lost = lostSides(compared);
      if (lost === undefined) continue;
      console.log(`\n${lost}: nothing more is compared`);
      return EXIT.failed;
    }
  }
  whole &&= !signal.aborted;
  if (all.length === 0 && whole) {
    console.log(NOTHING_PLAYED);
    return EXIT.failed;
  }
  tellAll(all, over);
  return whole && all.every(isSame) ? EXIT.stopped : EXIT.failed;
}

/** What is told of all scripts together. */
function tellAll(all: readonly Compared[], { usual }: PassedOver): void {
  for (const part of [summary(all), kinds(all)]) {
    if (part.length > 0) console.log(`\n${part.join('\n')}`);
  }
  if (usual.length > 0) console.log(`\nNot shown: ${usual.join(', ')} (--ignore none shows all)`);
}

/** Where there is no server to play on. */
function lostSides({ failures }: Compared): string | undefined {
  const lost = (['left', 'right'] as const).filter((side) => failures[side].some(({ noServer }) => noServer));
  return lost.length === 0 ? undefined : `there is no server on the ${lost.join(' and on the ')}`;
}

/** Nothing differs; and a server that nobody could log in to is no server that is the same. */
function isSame({ rows, failures: { left, right } }: Compared): boolean {
  const lines = (some: typeof left): string => some.map(({ line }) => line).join();
  return rows.length === 0 && lines(left) === lines(right) && ![...left, ...right].some(({ fatal }) => fatal);
}

/** What `--ignore` says: what servers usually differ in unless it is taken out, and paths. */
function passedOver({ lists: { ignore = [] } }: Call): PassedOver {
  let usual: readonly UsualName[] = USUAL;
  const paths: Ignored[] = [];
  for (const given of ignore) {
    const path = parseIgnored(given);
    if (given === 'usual') usual = USUAL;
    else if (given === 'none') usual = [];
    else if (given.startsWith('!')) usual = withoutRule(usual, given);
    else if (path) paths.push(path);
    else
      throw wrong(
        'ignore',
        'usual, none, !RULE, or a path like delay, iq/query/@ver or {namespace}name',
        given,
      );
  }
  return { usual, paths };
}

function withoutRule(rules: readonly UsualName[], given: string): readonly UsualName[] {
  const name = given.slice(1);
  if (USUAL.some((rule) => rule === name)) return rules.filter((rule) => rule !== name);
  throw new UsageError(
    `argument --ignore: no rule is called ${name}${didYouMean(name, USUAL)} (there are ${USUAL.join(', ')})`,
  );
}

/** Until somebody ends it. The script is written as it grows. */
async function record(call: Call): Promise<number> {
  const { files = [] } = call.lists;
  if (files.length !== 1) throw new UsageError('scenario record takes one FILE.scs to write');
  const [file] = files;
  const to = address(call, 'to', peer);
  const listen =
    call.own.listen === undefined ? { host: '127.0.0.1', port: 0 } : address(call, 'listen', oneListener);
  const title = `Recorded from ${printAddress(to)} on ${new Date().toISOString().slice(0, 10)}`;
  const script = new ScriptFile(
    file,
    () => recorder.script(title),
    (problem) => console.error(`sm-component: ${UNWRITABLE}: ${problem}; it is tried again`),
  );
  requireUnused(file, script);
  const recorder: Recorder = new Recorder({
    to,
    listen,
    password: call.own.password,
    tell: (what) => console.log(what),
    changed: () => script.changed(),
  });
  const ended = new Promise<unknown>((resolve) => onceEnded(resolve));
  const at = await recorder.listen().catch((error: Error) => {
    throw new Failure(`listening on ${printAddress(listen)} failed: ${error.message}`);
  });
  try {
    save(script);
    console.log(`Recording clients of ${printAddress(at)} for ${printAddress(to)}; Ctrl-C ends it.`);
    await ended;
    save(script);
  } finally {
    await recorder.close();
  }
  if (recorder.length === 0) {
    script.remove();
    throw new Failure('no client has logged in, so nothing was recorded');
  }
  save(script);
  console.log(`${file} holds ${recorder.length} actions.`);
  return EXIT.stopped;
}

const UNWRITABLE = 'the script cannot be written';

function save(script: ScriptFile): void {
  try {
    script.save();
  } catch (error) {
    throw new Failure(`${UNWRITABLE}: ${(error as Error).message}`);
  }
}

function requireUnused(file: string, script: ScriptFile): void {
  try {
    if (!script.isTaken()) return;
  } catch (error) {
    throw new UsageError(`${UNWRITABLE}: ${(error as Error).message}`);
  }
  throw new UsageError(`${file} is there already: remove it first`);
}

/** How scripts are played on a server; without `to` where each character says itself. */
function optionsFor(
  call: Call,
  candidates: readonly Candidate[],
  to: Address | undefined,
  prefixes: readonly string[],
  patience: number,
): RunOptions {
  const manner = mannerOf(call);
  return {
    ...manner,
    mapping: new AccountMapping(
      domains(call, ...prefixes.map((prefix) => `${prefix}domain`).reverse()),
      accounts(call, ...prefixes.map((prefix) => `${prefix}account`)),
    ),
    exact: call.own.exact === 'true',
    timeout: seconds(call, patience),
    goOn: false,
    serverOf: ({ host, port, domain }) => ({
      ...manner,
      ...(to ?? { host: host ?? domain, port: port ?? 5222 }),
    }),
    serverFor: ({ domain }) => ({ ...manner, ...(to ?? placeOf(domain, candidates)) }),
  };
}

function readAll({ lists: { files = [] } }: Call): Candidate[] {
  if (files.length === 0)
    throw new UsageError('which scripts? Name files, or folders with .scs files in them');
  try {
    const found = findScripts(files);
    if (found.length === 0) throw new UsageError(`there is no .scs file in ${files.join(', ')}`);
    return found.map(readScript);
  } catch (error) {
    if (error instanceof Error && 'code' in error)
      throw new UsageError(`a script can not be read: ${error.message}`);
    throw error;
  }
}

/** Without `--to` each character has to say where it connects. */
function requireAddresses(candidates: readonly Candidate[]): void {
  const characters = candidates.flatMap((one) => ('script' in one ? one.script.characters : []));
  const lost = characters.find(({ host, port }) => host === undefined && port === undefined);
  if (lost) throw new UsageError(`which server? --to HOST:PORT (${lost.name} has no connect_host either)`);
}

function placeOf(domain: string, candidates: readonly Candidate[]): Address {
  const characters = candidates.flatMap((one) => ('script' in one ? one.script.characters : []));
  const one = characters.find((character) => character.domain === domain);
  return { host: one?.host ?? domain, port: one?.port ?? 5222 };
}

/** How a server is talked to. */
function mannerOf(call: Call): Pick<Server, 'auth' | 'tls'> & Pick<RunOptions, 'tags' | 'fresh'> {
  return {
    auth: choice(call, 'auth', ['auto', 'sasl', 'iq-auth']),
    tls: choice(call, 'tls', ['auto', 'off', 'required']),
    tags: (call.lists.tags ?? []).flatMap((one) => one.split(',')).map((one) => one.trim()),
    fresh: call.own.fresh === 'true',
  };
}

/** One of some words; the first is the default. */
function choice<T extends string>(call: Call, name: string, words: readonly T[]): T {
  return call.own[name] === undefined ? words[0] : parsed(name, oneOf(...words), call.own[name]);
}

function address(call: Call, name: string, kind: Kind<Address>): Address {
  const given = call.own[name];
  if (given === undefined)
    throw new UsageError(`scenario ${call.own.action} needs --${name} ${kind.metavar}`);
  return parsed(name, kind, given);
}

function parsed<T>(name: string, kind: Kind<T>, given: string): T {
  const value = kind.parse(given, process.cwd());
  if (value === undefined) throw wrong(name, kind.expected, given);
  return value;
}

const wrong = (name: string, expected: string, given: string): UsageError =>
  new UsageError(`argument --${name}: must be ${expected}, not ${JSON.stringify(given)}`);

/** @returns milliseconds */
function seconds({ own: { timeout } }: Call, fallback: number): number {
  const given = timeout ?? String(fallback);
  const value = /^\d{1,5}(?:\.\d{1,3})?$/.test(given) ? Number(given) : 0;
  if (value <= 0 || value > 3600) throw wrong('timeout', 'a number of seconds, over 0 and up to 3600', given);
  return value * 1000;
}

/** `foo.com` is what the server has for localhost. */
function domains({ lists }: Call, ...names: string[]): Map<string, string> {
  const pairs = names.flatMap((name) =>
    (lists[name] ?? []).map((given): [string, string] => {
      const [, from = 'localhost', to] = /^(?:([A-Za-z0-9._-]+)=)?([A-Za-z0-9._-]+)$/.exec(given) ?? [];
      if (to === undefined) throw wrong(name, 'DOMAIN, or OLD=DOMAIN', given);
      return [from, to];
    }),
  );
  return new Map(pairs);
}

/** Of several that play the same one, the first. */
function accounts({ lists }: Call, ...names: string[]): Given[] {
  return names.flatMap((option) =>
    (lists[option] ?? []).map((given) => {
      const [, name, other, password] = /^([^:=\s]+)(?:=([^:=@\s]+))?:([^]+)$/.exec(given) ?? [];
      // Not the whole text: it may hold a password.
      if (name === undefined)
        throw new UsageError(`argument --${option}: must be USER:PASSWORD or USER=OTHER:PASSWORD`);
      return { as: name, user: other ?? name.split('@')[0], password };
    }),
  );
}

function reportOf(call: Call): Report {
  const write: Write = (output) => void process.stdout.write(output);
  const terminal = process.stdout.isTTY;
  const fallback = terminal ? 'live' : 'tap';
  switch (call.own.format === undefined ? fallback : choice(call, 'format', FORMATS)) {
    case 'tap':
      return tap(write);
    case 'junit':
      return junit(write);
    case 'json':
      return json(write);
    case 'live':
      return live(write, () => process.stdout.columns || 80, terminal && !process.env.NO_COLOR);
  }
}

/** Ctrl-C lets the script at hand end and gives accounts back; a second one does not. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  onceEnded(() => {
    console.error('sm-component: stopping after this script; once more stops at once');
    controller.abort();
  });
  return controller.signal;
}
