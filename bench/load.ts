/** The load: what clients do, and what it costs the socket manager that serves them. */
import { Client, MARK, Refused, type Target } from './client.js';
import { cpuSeconds, residentKb, sleep } from './proc.js';

/** A target, and the process of the socket manager there. */
export interface Subject extends Target {
  readonly pid: number;
}

const MESSAGE_BYTES = 170;

/** Time for the compiler of a just-started process, and for all pairs to be under way, in milliseconds. */
const WARM_UP = 1_500;

/** Time for presence to be known, and for what was stored for the accounts to come, in milliseconds. */
const ARRIVAL = 500;

/** How long messages under way at the end are waited for, in milliseconds. */
const DRAIN = 3_000;

/** How long a process gets to take back what it needed only while clients came, in milliseconds. */
const SETTLE = 4_000;

/** Clients that log in at the same time, where logins are not what is measured. */
const TOGETHER = 20;

/** Accounts are shared by clients with different resources, so that no server needs thousands of accounts. */
export const ACCOUNTS = 100;

export function account(number: number): string {
  return `bench${number % ACCOUNTS}`;
}

/** Resources are never used twice: nobody's new session may replace one that is just being ended. */
let resources = 0;
function login(target: Target, number: number): Promise<Client> {
  resources += 1;
  return Client.login(target, account(number), `r${process.pid}-${resources}`);
}

/** Makes sure that the accounts are there: logs in, and registers where that fails. */
export async function prepareAccounts(target: Target): Promise<void> {
  await inParallel(ACCOUNTS, 4, async (number) => {
    const client = await again(target, number).catch(async () => {
      await Client.register(target, account(number));
      return again(target, number);
    });
    await client.close();
  });
}

/** A login that is tried again: jabberd2 now and then closes a connection that got the descriptor of one just closed. */
async function again(target: Target, number: number): Promise<Client> {
  for (let left = 4; left > 0; left -= 1) {
    const client = await login(target, number).catch((error) => {
      if (error instanceof Refused) throw error;
      return sleep(50);
    });
    if (client) return client;
  }
  return login(target, number);
}

export interface RelayResult {
  readonly messagesPerSecond: number;
  /** Of the socket manager alone, in microseconds. */
  readonly cpuPerMessage: number;
  /** Share of one CPU that the load generator itself took. */
  readonly loadCpu: number;
  readonly residentKb: number;
  /** How long messages were on their way from one client to the other, in milliseconds: the median, and what 99 of 100 stay below. */
  readonly medianLatency: number;
  readonly p99Latency: number;
}

/** Pairs of clients; each sender keeps `window` messages on the way to its partner. */
export async function relay(
  subject: Subject,
  options: { readonly pairs: number; readonly window: number; readonly seconds: number },
): Promise<RelayResult> {
  const clients = await loginAll(subject, options.pairs * 2);
  try {
    for (const client of clients) client.write('<presence/>');
    await sleep(ARRIVAL);
    const traffic = new Traffic(subject, clients, options.window);
    traffic.start();
    await sleep(WARM_UP);
    const before = reading(subject.pid, traffic.received);
    traffic.latencies.length = 0;
    await sleep(options.seconds * 1000);
    const after = reading(subject.pid, traffic.received);
    const latencies = Float64Array.from(traffic.latencies).sort();
    await traffic.stop();
    return relayResult(before, after, subject.pid, latencies);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

interface Reading {
  readonly time: number;
  readonly cpu: number;
  readonly ownCpu: number;
  readonly count: number;
}

function reading(pid: number, count: number): Reading {
  return { time: performance.now() / 1000, cpu: cpuSeconds(pid), ownCpu: cpuSeconds(process.pid), count };
}

function relayResult(before: Reading, after: Reading, pid: number, latencies: Float64Array): RelayResult {
  const messages = after.count - before.count;
  const seconds = after.time - before.time;
  if (messages === 0) throw new Error('no message came through');
  return {
    messagesPerSecond: messages / seconds,
    cpuPerMessage: ((after.cpu - before.cpu) / messages) * 1e6,
    loadCpu: (after.ownCpu - before.ownCpu) / seconds,
    residentKb: residentKb(pid),
    medianLatency: latencies[latencies.length >> 1],
    p99Latency: latencies[Math.floor(latencies.length * 0.99)],
  };
}

/** Two clients. What one sends comes to the other in the same order. */
interface Pair {
  readonly sender: Client;
  /** All messages that may be on their way at once. */
  readonly bytes: Buffer;
  /** When each message on its way was sent, oldest first. */
  readonly sentAt: number[];
}

/** Messages between the first and the second client, the third and the fourth, and so on. */
class Traffic {
  received = 0;
  /** Of each message that came through, in milliseconds. */
  readonly latencies: number[] = [];
  private sent = 0;
  private running = true;
  private readonly pairs: Pair[] = [];

  constructor(
    target: Target,
    clients: readonly Client[],
    private readonly window: number,
  ) {
    for (let at = 0; at + 1 < clients.length; at += 2)
      this.pair(target, clients[at], clients[at + 1], at + 1);
  }

  start(): void {
    for (const pair of this.pairs) this.send(pair, this.window);
  }

  /** @throws Error when messages were lost */
  async stop(): Promise<void> {
    this.running = false;
    const last = performance.now() + DRAIN;
    while (this.received < this.sent && performance.now() < last) await sleep(20);
    const lost = this.sent - this.received;
    if (lost !== 0) throw new Error(`${lost} of ${this.sent} messages did not come through`);
  }

  private pair(target: Target, sender: Client, receiver: Client, number: number): void {
    const message = messageTo(`${account(number)}@${target.domain}/${receiver.resource}`);
    const bytes = Buffer.from(message.repeat(this.window));
    const pair = { sender, bytes, sentAt: [] };
    this.pairs.push(pair);
    receiver.messages = (count) => {
      this.arrived(pair, count);
      if (this.running) this.send(pair, count);
    };
  }

  /** One write for all that may be sent now. */
  private send({ sender, bytes, sentAt }: Pair, count: number): void {
    this.sent += count;
    const now = performance.now();
    for (let each = 0; each < count; each += 1) sentAt.push(now);
    sender.write(bytes.subarray(0, (bytes.length / this.window) * count));
  }

  private arrived({ sentAt }: Pair, count: number): void {
    this.received += count;
    const now = performance.now();
    for (const sent of sentAt.splice(0, count)) this.latencies.push(now - sent);
  }
}

export function messageTo(to: string): string {
  const write = (body: string): string =>
    `<message to='${to}' type='chat' id='m1'><body>${body}</body></message>`;
  const room = MESSAGE_BYTES - write(MARK).length;
  return write('It is the east, and Juliet is the sun. '.repeat(5).slice(0, Math.max(0, room)) + MARK);
}

export interface IdleResult {
  readonly residentBeforeKb: number;
  /** What each of the first connections added. In it is what the process takes once, for a first crowd. */
  readonly firstKb: number;
  /** What each of as many further connections added. */
  readonly nextKb: number;
}

/** Clients that have logged in and say nothing: first so many, then as many again. */
export async function idle(subject: Subject, options: { readonly connections: number }): Promise<IdleResult> {
  await closeAll(await loginAll(subject, TOGETHER * 5));
  const before = await settledKb(subject);
  const first = await loginAll(subject, options.connections);
  const between = await settledKb(subject);
  const next = await loginAll(subject, options.connections);
  const after = await settledKb(subject);
  await closeAll([...first, ...next]);
  return {
    residentBeforeKb: before,
    firstKb: (between - before) / options.connections,
    nextKb: (after - between) / options.connections,
  };
}

async function settledKb({ pid }: Subject): Promise<number> {
  await sleep(SETTLE);
  return residentKb(pid);
}

export interface LoginResult {
  readonly loginsPerSecond: number;
  /** Of the socket manager alone, in microseconds; the end of the session is part of it. */
  readonly cpuPerLogin: number;
  /** Share of the logins that failed, of all that were tried, those of the warm-up too. */
  readonly failed: number;
}

/** Clients that connect, log in and close, again and again. */
export async function logins(
  subject: Subject,
  options: { readonly atOnce: number; readonly seconds: number },
): Promise<LoginResult> {
  let count = 0;
  let failed = 0;
  const until = performance.now() + WARM_UP + options.seconds * 1000;
  const workers = Array.from({ length: options.atOnce }, async (_none, number) => {
    while (performance.now() < until) {
      const client = await login(subject, number).catch(() => undefined);
      await client?.close();
      if (client) count += 1;
      else failed += 1;
    }
  });
  const measured = sleep(WARM_UP).then(async () => {
    const before = reading(subject.pid, count);
    await sleep(options.seconds * 1000);
    return [before, reading(subject.pid, count)] as const;
  });
  const [[before, after]] = await Promise.all([measured, ...workers]);
  const done = after.count - before.count;
  return {
    loginsPerSecond: done / (after.time - before.time),
    cpuPerLogin: ((after.cpu - before.cpu) / done) * 1e6,
    failed: failed / (count + failed),
  };
}

/** Clients that are logged in; they have not sent presence, so nothing is sent to them. */
export async function loginAll(target: Target, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  await inParallel(count, TOGETHER, async (number) => {
    clients[number] = await again(target, number);
  });
  return clients;
}

async function closeAll(clients: readonly Client[]): Promise<void> {
  await inParallel(clients.length, TOGETHER, async (number) => clients[number].close());
}

/** Does something for each number below `count`, some at a time. */
export async function inParallel(
  count: number,
  together: number,
  work: (number: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: together }, worker));
}
