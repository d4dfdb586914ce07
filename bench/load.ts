/** The load of clients, and the resources of the socket manager that serves it. */
import { Client, MESSAGE_MARK, Refused, type Target } from './client.js';
import { cpuSeconds, residentKb, sleep } from './proc.js';

/** A target, with the process of its socket manager. */
export interface Subject extends Target {
  readonly pid: number;
}

const MESSAGE_BYTES = 170;

/** Until the code of a new process is compiled, and all pairs exchange messages. In milliseconds. */
const WARM_UP_MS = 1_500;

/** Until presence is known, and offline messages of the accounts have arrived. In milliseconds. */
const ARRIVAL_MS = 500;

/** For messages that are still on their way at the end, in milliseconds. */
const DRAIN_MS = 3_000;

/** For a process to free the memory that it needed only during logins, in milliseconds. */
const SETTLE_MS = 4_000;

/** Clients that log in at the same time, where logins are not measured. */
const PARALLEL_LOGINS = 20;

/** Clients share accounts, with different resources, so that servers need not have thousands of accounts. */
export const ACCOUNTS = 100;

export function account(number: number): string {
  return `bench${number % ACCOUNTS}`;
}

/** Resources are never used twice, so that no session replaces one that is just ending. */
let resources = 0;
function login(target: Target, number: number): Promise<Client> {
  resources += 1;
  return Client.login(target, account(number), `r${process.pid}-${resources}`);
}

/** Ensures that the accounts exist: logs in, and registers an account where that fails. */
export async function prepareAccounts(target: Target): Promise<void> {
  await inParallel(ACCOUNTS, 4, async (number) => {
    const client = await again(target, number).catch(async () => {
      await Client.register(target, account(number));
      return again(target, number);
    });
    await client.close();
  });
}

/** Tries a login again: jabberd2 sometimes closes a connection that got the descriptor of one just closed. */
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
  /** The part of one CPU that the load generator used. */
  readonly loadCpu: number;
  readonly residentKb: number;
  /** Time of messages from one client to the other, in milliseconds: the median and the 99th percentile. */
  readonly medianLatency: number;
  readonly p99Latency: number;
}

/** Pairs of clients; each sender keeps `window` messages on their way to its partner. */
export async function relay(
  subject: Subject,
  options: { readonly pairs: number; readonly window: number; readonly seconds: number },
): Promise<RelayResult> {
  const clients = await loginAll(subject, options.pairs * 2);
  try {
    for (const client of clients) client.write('<presence/>');
    await sleep(ARRIVAL_MS);
    const traffic = new Traffic(subject, clients, options.window);
    traffic.start();
    await sleep(WARM_UP_MS);
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

/** Two clients. Messages from one arrive at the other in order. */
interface Pair {
  readonly sender: Client;
  /** Messages that may be on their way at the same time. */
  readonly bytes: Buffer;
  /** The times at which the messages on their way were sent, the oldest first. */
  readonly sentAt: number[];
}

/** Messages between the first and the second client, the third and the fourth, and so on. */
class Traffic {
  received = 0;
  /** Times of all received messages, in milliseconds. */
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
    const last = performance.now() + DRAIN_MS;
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

  /** Sends all messages that the window allows, in one write. */
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
  const room = MESSAGE_BYTES - write(MESSAGE_MARK).length;
  return write(
    'It is the east, and Juliet is the sun. '.repeat(5).slice(0, Math.max(0, room)) + MESSAGE_MARK,
  );
}

export interface IdleResult {
  readonly residentBeforeKb: number;
  /** Added by each of the first connections, including memory that the process allocates only once. */
  readonly firstKb: number;
  /** Added by each of as many further connections. */
  readonly nextKb: number;
}

/** Clients that have logged in and send nothing: a number of them, then as many again. */
export async function idle(subject: Subject, options: { readonly connections: number }): Promise<IdleResult> {
  await closeAll(await loginAll(subject, PARALLEL_LOGINS * 5));
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
  await sleep(SETTLE_MS);
  return residentKb(pid);
}

export interface LoginResult {
  readonly loginsPerSecond: number;
  /** Of the socket manager alone, in microseconds, including the end of the session. */
  readonly cpuPerLogin: number;
  /** The part of all logins that failed, including those of the warm-up. */
  readonly failed: number;
}

/** Clients that connect, log in and close again and again. */
export async function logins(
  subject: Subject,
  options: { readonly atOnce: number; readonly seconds: number },
): Promise<LoginResult> {
  let count = 0;
  let failed = 0;
  const until = performance.now() + WARM_UP_MS + options.seconds * 1000;
  const workers = Array.from({ length: options.atOnce }, async (_none, number) => {
    while (performance.now() < until) {
      const client = await login(subject, number).catch(() => undefined);
      await client?.close();
      if (client) count += 1;
      else failed += 1;
    }
  });
  const measured = sleep(WARM_UP_MS).then(async () => {
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

/** Clients that are logged in. They have sent no presence, so they receive nothing. */
export async function loginAll(target: Target, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  await inParallel(count, PARALLEL_LOGINS, async (number) => {
    clients[number] = await again(target, number);
  });
  return clients;
}

async function closeAll(clients: readonly Client[]): Promise<void> {
  await inParallel(clients.length, PARALLEL_LOGINS, async (number) => clients[number].close());
}

/** Calls `work` for each number below `count`, `together` at a time. */
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
