/** npm run bench: measures socket managers one beside another. See docs/speed.md. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { figuresOf, measurement, type Figure, type Sizes } from './figures.js';
import { prepareAccounts } from './load.js';
import { inPlaceOfC2s, jabberd2 } from './peers/jabberd2.js';
import { pin, type Peer } from './peers/peer.js';
import { running } from './peers/running.js';
import { embedded } from './peers/embedded.js';
import { inFrontOf, withStub, withOwnSessionManager } from './peers/sm-component.js';
import { spread, table } from './table.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const HELP = `npm run bench -- [options]      socket managers side by side; the first one is divided by each other one
  --sm HOST:PORT[,DIALECT]  sm-component in front of this session manager (repeatable)
    --name, --secret              as the session manager knows it (foo-sockets, s3cret)
    --checkout NAME=DIR           one more sm-component, built in another directory (repeatable)
  --embedded            sm-component with the embedded session manager, one process
  --own                 sm-component in front of "sm-component session-manager", two processes
  --stub                sm-component in front of a session manager that costs next to nothing
  --jabberd2            jabberd2 of Debian (must be installed), and sm-component in the place of its c2s
  --peer NAME=PORT:PID  a socket manager that runs already on 127.0.0.1 (repeatable)
  --figures LIST        of relay1,relay5,relay50,pair1,pair5,idle,login (these), flood, and with --embedded alone
                        floods or one of them, floods/NAME
  --rounds 3  --pairs 50  --seconds 4  --connections 2000  --at-once 20  --domain localhost
  --client-rate off     what clients of sm-component may say: off, or BYTES/STANZAS a second as its option has it
  --tls                 clients begin with TLS; with --peer, its PORT is for such clients
  --pin                 socket managers on processor 0, everything else on processor 1`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean' },
    sm: { type: 'string', multiple: true, default: [] },
    name: { type: 'string', default: 'foo-sockets' },
    secret: { type: 'string', default: 's3cret' },
    checkout: { type: 'string', multiple: true, default: [] },
    embedded: { type: 'boolean' },
    own: { type: 'boolean' },
    stub: { type: 'boolean' },
    jabberd2: { type: 'boolean' },
    peer: { type: 'string', multiple: true, default: [] },
    figures: { type: 'string', default: 'relay1,relay5,relay50,pair1,pair5,idle,login' },
    rounds: { type: 'string', default: '3' },
    pairs: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '2000' },
    'at-once': { type: 'string', default: '20' },
    domain: { type: 'string', default: 'localhost' },
    'client-rate': { type: 'string', default: 'off' },
    tls: { type: 'boolean', default: false },
    pin: { type: 'boolean' },
  },
});

/** All values of a figure by the name of the peer. */
type Results = Map<string, Map<string, number[]>>;

function peers(directory: string): Peer[] {
  const { name, secret, domain, tls, 'client-rate': clientRate } = values;
  const found: Peer[] = [];
  const checkouts = [['sm-component', ROOT], ...values.checkout.map(named)] as const;
  for (const [checkout, root] of checkouts) {
    const at = { name: checkout, root, domain, clientRate, tls, directory };
    for (const option of values.sm) {
      const [sm, dialect = 'sto-sfrom'] = option.split(',');
      const titled = { ...at, name: values.sm.length > 1 ? `${checkout} ${dialect}` : checkout };
      found.push(inFrontOf(titled, { sm, name, secret, dialect }));
    }
    if (values.embedded) found.push(embedded({ ...at, name: `${checkout} (embedded)` }));
    if (values.own) found.push(withOwnSessionManager({ ...at, name: `${checkout} (own)` }));
    if (values.stub) found.push(withStub({ ...at, name: `${checkout} (stub)` }));
    if (values.jabberd2) found.push(inPlaceOfC2s({ ...at, name: `${checkout} (jabberd2)` }));
  }
  if (values.jabberd2) found.push(jabberd2(path.join(directory, 'jabberd2'), domain, tls));
  for (const [peer, where] of values.peer.map(named)) {
    const [port, pid] = where.split(':').map(Number);
    found.push(running(peer, port, pid, { domain, tls }));
  }
  return found;
}

/** `NAME=REST` */
function named(option: string): [string, string] {
  const equals = option.indexOf('=');
  if (equals < 1) throw new Error(`not NAME=…: ${option}`);
  return [option.slice(0, equals), option.slice(equals + 1)];
}

async function main(): Promise<void> {
  if (values.pin) pin();
  const directory = mkdtempSync(path.join(tmpdir(), 'sm-component-bench-'));
  const all = peers(directory);
  if (values.help || all.length === 0) return console.log(HELP);
  console.log(`sm-component with --client-rate ${values['client-rate']}\n`);
  await prepare(all);
  for (const figure of values.figures.split(',').flatMap(figuresOf)) {
    const results: Results = new Map();
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const peer of all) await measure(peer, figure, results);
    }
    print(all, results);
  }
  rmSync(directory, { recursive: true });
}

async function prepare(all: readonly Peer[]): Promise<void> {
  for (const peer of all) {
    const started = await peer.start();
    await prepareAccounts(started.subject).finally(() => started.stop());
  }
}

async function measure(peer: Peer, name: string, results: Results): Promise<void> {
  const started = await peer.start();
  try {
    for (const figure of await measurement(name)(started.subject, sizes())) note(peer, figure, results);
  } finally {
    await started.stop();
  }
}

function sizes(): Sizes {
  return {
    pairs: Number(values.pairs),
    seconds: Number(values.seconds),
    connections: Number(values.connections),
    atOnce: Number(values['at-once']),
  };
}

function note(peer: Peer, { name, value }: Figure, results: Results): void {
  const byPeer = results.get(name) ?? new Map<string, number[]>();
  results.set(name, byPeer);
  byPeer.set(peer.name, [...(byPeer.get(peer.name) ?? []), value]);
}

/** One row per figure: median and range of each peer, then the ratio of the first to each other one, round by round. */
function print(all: readonly Peer[], results: Results): void {
  const [first, ...others] = all.map(({ name }) => name);
  const rows = [['', ...all.map(({ name }) => name), ...others.map((other) => `${first} / ${other}`)]];
  for (const [figure, byPeer] of results) {
    const own = byPeer.get(first)!;
    const ratios = others.map((other) => byPeer.get(other)!.map((value, round) => own[round] / value));
    rows.push([figure, ...[...byPeer.values(), ...ratios].map(spread)]);
  }
  console.log(`${table(rows)}\n`);
}

await main();
