import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../observe/log.js';
import { CredentialsError } from './credentials.js';

/** A program and its arguments. */
export type ProgramCommand = readonly [program: string, ...args: string[]];

/** All times in milliseconds. */
export interface ProgramTimeouts {
  /** For one answer; a program that takes longer is stopped: whatever it says then could be taken for the next answer. */
  readonly answer: number;
  /** Before it is started again; twice as much after each time that it did not answer in between. */
  readonly restart: number;
  readonly longestRestart: number;
  /** To end by itself when it is asked to. */
  readonly end: number;
}

export const TIMEOUTS_MS: ProgramTimeouts = {
  answer: 10_000,
  restart: 500,
  longestRestart: 30_000,
  end: 1000,
};

/** Characters that an answer may have, line ends included; c2s takes 1023 bytes. [jabberd2 2.7.0 authreg_pipe.c] */
const MAX_ANSWER_BYTES = 4096;
/** Characters of a line on standard error that are logged. */
const MAX_LOGGED_LINE_LENGTH = 200;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** What is waited for; called once, with an answer or with what came instead. */
type Settle = (answer: string | CredentialsError) => void;

type State =
  /** It is running, and owes the line that it starts with, or an answer. */
  | { readonly name: 'asked'; readonly child: Child; readonly settle: Settle }
  | { readonly name: 'idle'; readonly child: Child }
  /** It is not running; `why` follows "the program". */
  | { readonly name: 'down'; readonly why: string; readonly timer: NodeJS.Timeout }
  | { readonly name: 'closed' };

/**
 * A program that is asked a line and answers with one, as jabberd2's pipe module has it: it says "OK" and what it can
 * do when it starts, and nothing that it was not asked. Nothing in an answer says what it belongs to, so a program that
 * is late, or talks out of turn, is stopped. However it ends, it is started again.
 */
export class Program {
  private state: State = { name: 'closed' };
  private output = '';
  private failures = 0;
  private known: ReadonlySet<string> = new Set();

  private constructor(
    private readonly command: ProgramCommand,
    private readonly log: Log,
    private readonly patience: ProgramTimeouts,
  ) {}

  /** @throws {CredentialsError} where it does not start as it should; it is not started again then */
  static async start(command: ProgramCommand, log: Log, patience = TIMEOUTS_MS): Promise<Program> {
    const program = new Program(command, log, patience);
    try {
      await program.launch();
    } catch (error) {
      await program.close();
      throw error;
    }
    return program;
  }

  /** What it said that it can do, when it started last. */
  get abilities(): ReadonlySet<string> {
    return this.known;
  }

  /**
   * One question at a time: the one before has been answered, or refused.
   *
   * @param line without its end
   * @returns all that it said, without spaces and line ends around it
   * @throws {CredentialsError} where it did not answer
   */
  async ask(line: string): Promise<string> {
    if (this.state.name !== 'idle') throw this.silence();
    const { child } = this.state;
    // One write: programs take what one read brings for a question.
    child.stdin.write(`${line}\n`);
    const answer = await this.answer(child);
    this.failures = 0;
    return answer;
  }

  /** Asks it to end, then makes it. */
  async close(): Promise<void> {
    const { state } = this;
    this.state = { name: 'closed' };
    if (state.name === 'down') clearTimeout(state.timer);
    if (state.name === 'asked') state.settle(this.silence());
    if (!('child' in state)) return;
    if (this.known.has('FREE')) state.child.stdin.write('FREE\n');
    state.child.stdin.end();
    await ended(state.child, this.patience.end);
    await this.end(state.child);
  }

  private async launch(): Promise<void> {
    const child = this.spawn();
    const [first, ...abilities] = (await this.answer(child)).split(/\s+/);
    if (first !== 'OK') {
      this.failed(child, 'did not print "OK" first, as programs for the module pipe of jabberd2 do');
      throw this.silence();
    }
    this.known = new Set(abilities);
  }

  /** @throws {CredentialsError} */
  private spawn(): Child {
    const [program, ...args] = this.command;
    this.output = '';
    let child: Child;
    try {
      // A group of its own: it can be ended with all that it started, and Ctrl-C in a terminal is left to us.
      child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
      // whoever does not read ends, or is late
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
    } catch (error) {
      this.down(`cannot be run: ${(error as Error).message}`);
      throw this.silence();
    }
    child.on('error', (error) => this.failed(child, `cannot be run: ${error.message}`));
    child.on('exit', (code, signal) => this.failed(child, `ended with ${signal ?? `exit code ${code}`}`));
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.said(child, text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.complained(text));
    return child;
  }

  private answer(child: Child): Promise<string> {
    return new Promise((resolve, reject) => {
      const late = `did not answer within ${this.patience.answer / 1000} s`;
      const timer = setTimeout(() => this.failed(child, late), this.patience.answer);
      const settle: Settle = (answer) => {
        clearTimeout(timer);
        if (typeof answer === 'string') resolve(answer);
        else reject(answer);
      };
      this.state = { name: 'asked', child, settle };
    });
  }

  private said(child: Child, text: string): void {
    const { state } = this;
    if (!('child' in state) || state.child !== child) return;
    this.output += text;
    const said = this.output.trim();
    if (this.output.length > MAX_ANSWER_BYTES) return this.failed(child, 'sent much more than an answer');
    // Empty lines are no answer: Perl's encode_base64 ends a line, and so does the sample of jabberd2 behind it.
    if (said === '') return;
    if (state.name === 'idle') return this.failed(child, 'sent an answer without a request');
    if (!this.output.trimStart().includes('\n')) return;
    this.output = '';
    this.state = { name: 'idle', child };
    state.settle(said);
  }

  /** The first thing that goes wrong with a child counts. */
  private failed(child: Child, why: string): void {
    const { state } = this;
    if (!('child' in state) || state.child !== child) return;
    void this.end(child);
    this.down(why);
    if (state.name === 'asked') state.settle(this.silence());
  }

  private down(why: string): void {
    const wait = Math.min(this.patience.longestRestart, this.patience.restart * 2 ** this.failures);
    this.failures += 1;
    const timer = setTimeout(() => this.relaunch(), wait);
    this.state = { name: 'down', why, timer };
    const details = { program: this.command[0], nextTrySeconds: wait / 1000 };
    if (this.known.size > 0) this.log.warn(`the accounts program ${why}`, details);
  }

  private relaunch(): void {
    this.launch().then(
      () => this.log.info('the accounts program is running again', { program: this.command[0] }),
      () => undefined, // it is logged, and tried again
    );
  }

  /** Why there is no answer. */
  private silence(): CredentialsError {
    const { state } = this;
    if (state.name === 'closed') return new CredentialsError('the accounts are closed');
    const why = state.name === 'down' ? state.why : 'is starting';
    return new CredentialsError(`the accounts program ${this.command[0]} ${why}`);
  }

  private async end(child: Child): Promise<void> {
    kill(child, 'SIGTERM');
    await ended(child, this.patience.end);
    if (isRunning(child)) kill(child, 'SIGKILL');
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  }

  private complained(text: string): void {
    for (const line of text.split('\n').filter((one) => one.trim() !== ''))
      this.log.warn('output of the accounts program', { text: line.slice(0, MAX_LOGGED_LINE_LENGTH) });
  }
}

const isRunning = (child: Child): boolean =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null;

/** Resolves when it has ended, or after so many milliseconds. */
async function ended(child: Child, most: number): Promise<void> {
  if (!isRunning(child)) return;
  const timer = new AbortController();
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await Promise.race([exit, delay(most, undefined, timer).catch(() => undefined)]);
  timer.abort();
}

/** With all that it started, also where it is gone itself. */
function kill(child: Child, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // nothing is left of it
  }
}
