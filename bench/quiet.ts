/** The effect of a flood on a pair of clients that send little. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Client } from './client.js';
import { account, messageTo, type Subject } from './load.js';
import { highestKb, mainThreadMs, sleep } from './proc.js';

/** Between two round trips, in milliseconds. */
const PAUSE_MS = 20;
/** A round trip that takes longer counts as if it had taken this time. */
const MAX_TRIP_MS = 60_000;
/** For a flood to begin, with its accounts and sessions. */
const FLOOD_START_TIMEOUT_MS = 30_000;

const FLOODER = fileURLToPath(new URL('flooder.js', import.meta.url));

export interface Quiet {
  /** Round trips in milliseconds, the shortest first. */
  readonly trips: readonly number[];
  /** CPU time of the server during each: the round trips on a machine on which nothing else runs. */
  readonly worked: readonly number[];
  readonly highestKb: number;
  /** Has the server ended? */
  readonly dead: boolean;
}

/** One client sends a message and the other answers it, again and again, from before the flood until `seconds` after its start. */
export async function quietPair(subject: Subject, flood: string, seconds: number): Promise<Quiet> {
  const pair = [await quiet(subject, 0), await quiet(subject, 1)] as const;
  let dead = false;
  void Promise.race(pair.map(({ closed }) => closed)).then(() => (dead = true));
  const flooder = fork(
    FLOODER,
    [flood, subject.host, String(subject.port), subject.domain, String(subject.tls)],
    {
      stdio: 'inherit',
    },
  );
  const trips: number[] = [];
  const worked: number[] = [];
  const until = underWay(flooder).then(() => performance.now() + seconds * 1000);
  let end = Infinity;
  void until.then((at) => (end = at));
  while (!dead && performance.now() < end) {
    const before = mainThreadMs(subject.pid);
    trips.push(await roundTrip(subject, pair));
    if (!dead) worked.push(mainThreadMs(subject.pid) - before);
    await sleep(PAUSE_MS);
  }
  flooder.kill('SIGKILL');
  const highest = dead ? 0 : highestKb(subject.pid);
  for (const client of pair) client.destroy();
  return { trips: sorted(trips), worked: sorted(worked), highestKb: highest, dead };
}

function sorted(values: number[]): number[] {
  return values.sort((a, b) => a - b);
}

async function quiet(subject: Subject, number: number): Promise<Client> {
  const client = await Client.login(subject, account(number), `quiet${number}`);
  client.write('<presence/>');
  return client;
}

function underWay(flooder: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, FLOOD_START_TIMEOUT_MS);
    const begun = (): void => (clearTimeout(late), resolve());
    flooder.once('message', begun).once('exit', begun);
  });
}

async function roundTrip(
  { domain }: Subject,
  [sender, receiver]: readonly [Client, Client],
): Promise<number> {
  const begin = performance.now();
  await new Promise<void>((resolve) => {
    const late = setTimeout(resolve, MAX_TRIP_MS);
    receiver.messages = () => receiver.write(messageTo(`${account(0)}@${domain}/${sender.resource}`));
    sender.messages = () => (clearTimeout(late), resolve());
    void Promise.race([sender.closed, receiver.closed]).then(() => (clearTimeout(late), resolve()));
    sender.write(messageTo(`${account(1)}@${domain}/${receiver.resource}`));
  });
  return performance.now() - begin;
}
