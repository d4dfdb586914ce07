/** A socket manager that can be measured, with the session manager behind it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import type { Subject } from '../load.js';
import { sleep } from '../proc.js';

export interface Peer {
  readonly name: string;
  /** Starts it, or finds it running. A peer is stopped and started again for each figure, if it can be. */
  start(): Promise<Started>;
}

export interface Started {
  readonly subject: Subject;
  stop(): Promise<void>;
}

/** How long a server may take to listen, and to stop, in milliseconds. */
const PATIENCE = 15_000;

/** Which processor a process may use: the socket manager one, all that is around it the other. */
export type Role = 'socket manager' | 'around';

let pinned = false;

/** From now on processes get the processor of their role, this one included. */
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
  /** Its log: the directory is there. */
  readonly log: string;
}

/** A server process of ours. */
export class Server {
  private constructor(
    private readonly program: Program,
    private readonly child: ChildProcess,
  ) {}

  /** @throws Error with the end of its log, when it does not come to listen */
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
    // Whatever goes wrong later, nothing of ours stays behind.
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
    await Promise.race([ended, sleep(PATIENCE)]);
    if (!this.over) this.child.kill('SIGKILL');
  }

  private get over(): boolean {
    return this.child.pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  private async listening(): Promise<void> {
    const last = performance.now() + PATIENCE;
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
