/** A socket manager that can be measured, with its session manager. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import type { Subject } from '../load.js';
import { sleep } from '../proc.js';

export interface Peer {
  readonly name: string;
  /** Starts it, or finds it running. A peer that can be stopped is started again for each figure. */
  start(): Promise<Started>;
}

export interface Started {
  readonly subject: Subject;
  stop(): Promise<void>;
}

/** For a server to listen, and to stop, in milliseconds. */
const START_TIMEOUT_MS = 15_000;

/** The processor of a process: the socket manager has one, all other processes have the other. */
export type Role = 'socket manager' | 'around';

let pinned = false;

/** Pins processes to the processor of their role from now on, this one included. */
export function pin(): void {
  pinned = true;
  pinRunning(process.pid, 'around');
}

export function pinRunning(pid: number, role: Role): void {
  if (pinned) execFileSync('taskset', ['-acp', processorOf(role), String(pid)]);
}

function processorOf(role: Role): string {
  return role === 'socket manager' ? '0' : '1';
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly role: Role;
  /** Where it listens once it is ready. */
  readonly port: number;
  /** Its log, in a directory that exists. */
  readonly log: string;
}

/** A server process that the bench has started. */
export class Server {
  private constructor(
    private readonly program: Program,
    private readonly child: ChildProcess,
  ) {}

  /** @throws Error with the end of its log, where it does not listen in time */
  static async start(program: Program): Promise<Server> {
    const { command, args, role, log } = program;
    const output = openSync(log, 'a');
    const [name, ...rest] = pinned
      ? ['taskset', '-c', processorOf(role), command, ...args]
      : [command, ...args];
    const child = spawn(name, rest, { cwd: path.dirname(log), stdio: ['ignore', output, output] });
    closeSync(output);
    const server = new Server(program, child);
    child.on('error', () => undefined);
    // The process must not outlive the bench, whatever fails later.
    const cut = (): void => void child.kill('SIGKILL');
    process.once('exit', cut);
    child.once('exit', () => process.off('exit', cut));
    await server.listening();
    return server;
  }

  get pid(): number {
    return this.child.pid!;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    if (this.over) return;
    this.child.kill('SIGTERM');
    await Promise.race([ended, sleep(START_TIMEOUT_MS)]);
    if (!this.over) this.child.kill('SIGKILL');
  }

  private get over(): boolean {
    return this.child.pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  private async listening(): Promise<void> {
    const last = performance.now() + START_TIMEOUT_MS;
    while (!(await isListening(this.program.port))) {
      if (!this.over && performance.now() < last) await sleep(50);
      else return this.failed();
    }
  }

  private async failed(): Promise<never> {
    await this.stop();
    const { command, port, log } = this.program;
    throw new Error(`${command} does not listen on ${port}:\n${readFileSync(log, 'utf8').slice(-2000)}`);
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
