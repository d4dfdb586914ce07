import { Worker } from 'node:worker_threads';
import { CredentialsError } from '../credential-store.js';

/** The arguments of {@link crypt}. */
export interface HashJob {
  readonly password: string;
  readonly setting: string;
}

interface Waiting {
  readonly job: HashJob;
  readonly timer: NodeJS.Timeout;
  resolve(hash: string | undefined): void;
  reject(error: CredentialsError): void;
}

/** From the call to the answer: a stored password itself decides how long its hash takes. */
const HASH_TIMEOUT_MS = 10_000;

/**
 * Computes crypt(3) in a thread, one job after another. `$6$rounds=50000$`, which jabberd2 writes, takes 0.1 s, and so
 * does bcrypt of cost 10: in the main thread many logins at once would stop all clients. The thread starts with the
 * first job, and keeps the process running only while it has a job.
 */
export class Hasher {
  private worker: Worker | undefined;
  private readonly waiting: Waiting[] = [];
  private closed = false;

  constructor(private readonly timeoutMs = HASH_TIMEOUT_MS) {}

  /**
   * @returns what {@link crypt} returns
   * @throws {CredentialsError} where it takes too long
   */
  hash(password: string, setting: string): Promise<string | undefined> {
    if (this.closed) return Promise.reject(new CredentialsError('the accounts are closed'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.late(waiting), this.timeoutMs);
      const waiting: Waiting = { job: { password, setting }, timer, resolve, reject };
      this.waiting.push(waiting);
      if (this.waiting.length === 1) this.next();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const waiting of this.waiting.splice(0)) refuse(waiting, 'the accounts are closed');
    await this.stop();
  }

  private next(): void {
    if (this.waiting.length === 0) return this.worker?.unref();
    this.worker ??= this.start();
    this.worker.ref();
    this.worker.postMessage(this.waiting[0].job);
  }

  private start(): Worker {
    const worker = new Worker(new URL('worker.js', import.meta.url));
    worker.on('message', (hash: string | undefined) => {
      if (worker === this.worker) this.done(hash);
    });
    worker.on('error', (error) => {
      if (worker === this.worker) this.broken(`a password cannot be hashed: ${error.message}`);
    });
    return worker;
  }

  private done(hash: string | undefined): void {
    const first = this.waiting.shift();
    clearTimeout(first?.timer);
    first?.resolve(hash);
    this.next();
  }

  /** The job in progress can only be stopped together with the thread. */
  private late(waiting: Waiting): void {
    if (waiting === this.waiting[0])
      return this.broken('the hash of a stored password takes too long to compute');
    this.waiting.splice(this.waiting.indexOf(waiting), 1);
    refuse(waiting, 'too many passwords are waiting to be hashed');
  }

  private broken(why: string): void {
    void this.stop();
    const first = this.waiting.shift();
    if (first) refuse(first, why);
    this.next();
  }

  private async stop(): Promise<void> {
    const worker = this.worker;
    this.worker = undefined;
    await worker?.terminate();
  }
}

function refuse(waiting: Waiting, why: string): void {
  clearTimeout(waiting.timer);
  waiting.reject(new CredentialsError(why));
}
