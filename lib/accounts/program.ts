import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../observe/log.js';
import { CredentialsError } from './credential-store.js';

/** A program and its arguments. */
export type ProgramCommand = readonly [program: string, ...args: string[]];

/** All times in milliseconds. */
export interface ProgramTimeouts {
  /** For one answer; a program that takes longer is stopped, since its late answer could be taken for the next one. */
  readonly answer: number;
  /** Before it is started again; doubled after each start after which it gave no answer. */
  readonly restart: number;
  readonly longestRestart: number;
  /** For the program to exit when it is asked to. */
  readonly end: number;
}

export const PROGRAM_TIMEOUTS_MS: ProgramTimeouts = {
  answer: 10_000,
  restart: 500,
  longestRestart: 30_000,
  end: 1000,
};

/** Of an answer, with its line ends; c2s takes 1023 bytes. [jabberd2 2.7.0 authreg_pipe.c] */
const MAX_ANSWER_LENGTH = 4096;
/** So much of a line on standard error is logged. */
const MAX_LOGGED_LINE_LENGTH = 200;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Called once, with the answer or with the reason why there is none. */
type Settle = (answer: string | CredentialsError) => void;

type State =
  /** It runs, and its first line or an answer is outstanding. */
  | { readonly name: 'asked'; readonly child: Child; readonly settle: Settle }
  | { readonly name: 'idle'; readonly child: Child }
  /** It does not run; `why` completes the sentence "the program …". */
  | { readonly name: 'down'; readonly why: string; readonly timer: NodeJS.Timeout }
  | { readonly name: 'closed' };

/**
 * A program that answers one line to each line, as jabberd2's pipe module runs it. When it starts it writes "OK" and the
 * words that it understands. An answer does not say which question it belongs to, so a program that is late, or writes
 * without a question, is stopped. It is started again however it ended.
 */
export class Program {
  private state: State = { name: 'closed' };
  private output = '';
  private failures = 0;
  private abilityWords: ReadonlySet<string> = new Set();

  private constructor(
    private readonly command: ProgramCommand,
    private readonly log: Log,
    private readonly timeouts: ProgramTimeouts,
  ) {}

  /** @throws {CredentialsError} where it does not start as it should; then it is not started again */
  static async start(command: ProgramCommand, log: Log, patience = PROGRAM_TIMEOUTS_MS): Promise<Program> {
    const program = new Program(command, log, patience);
    try {
      await program.launch();
    } catch (error) {
      await program.close();
      throw error;
    }
    return program;
  }

  /** The words that it announced at its last start. */
  get abilities(): ReadonlySet<string> {
    return this.abilityWords;
  }

  /**
   * Asks a question. The caller asks the next one after the promise has settled.
   *
   * @param line without its line end
   * @returns the answer without white space around it
   * @throws {CredentialsError} where there is no answer
   */
  async ask(line: string): Promise<string> {
    if (this.state.name !== 'idle') throw this.noAnswer();
    const { child } = this.state;
    // One write: programs take all that one read returns for one question.
    child.stdin.write(`${line}\n`);
    const answer = await this.answer(child);
    this.failures = 0;
    return answer;
  }

  /** Asks it to exit, then kills it. */
  async close(): Promise<void> {
    const { state } = this;
    this.state = { name: 'closed' };
    if (state.name === 'down') clearTimeout(state.timer);
    if (state.name === 'asked') state.settle(this.noAnswer());
    if (!('child' in state)) return;
    if (this.abilityWords.has('FREE')) state.child.stdin.write('FREE\n');
    state.child.stdin.end();
    await ended(state.child, this.timeouts.end);
    await this.end(state.child);
  }

  private async launch(): Promise<void> {
    const child = this.spawn();
    const [first, ...abilities] = (await this.answer(child)).split(/\s+/);
    if (first !== 'OK') {
      this.failed(child, 'did not print "OK" first, as programs for the module pipe of jabberd2 do');
      throw this.noAnswer();
    }
    this.abilityWords = new Set(abilities);
  }

  /** @throws {CredentialsError} */
  private spawn(): Child {
    const [program, ...args] = this.command;
    this.output = '';
    let child: Child;
    try {
      // A process group of its own: it can be killed with its children, and Ctrl-C in a terminal reaches only us.
      child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
      // a program that does not read exits, or is too late with its answer
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
    } catch (error) {
      this.down(`cannot be run: ${(error as Error).message}`);
      throw this.noAnswer();
    }
    child.on('error', (error) => this.failed(child, `cannot be run: ${error.message}`));
    child.on('exit', (code, signal) => this.failed(child, `ended with ${signal ?? `exit code ${code}`}`));
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.received(child, text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.logStderr(text));
    return child;
  }

  private answer(child: Child): Promise<string> {
    return new Promise((resolve, reject) => {
      const late = `did not answer within ${this.timeouts.answer / 1000} s`;
      const timer = setTimeout(() => this.failed(child, late), this.timeouts.answer);
      const settle: Settle = (answer) => {
        clearTimeout(timer);
        if (typeof answer === 'string') resolve(answer);
        else reject(answer);
      };
      this.state = { name: 'asked', child, settle };
    });
  }

  private received(child: Child, text: string): void {
    const { state } = this;
    if (!('child' in state) || state.child !== child) return;
    this.output += text;
    const said = this.output.trim();
    if (this.output.length > MAX_ANSWER_LENGTH) return this.failed(child, 'sent much more than an answer');
    // Empty lines are no answer: Perl's encode_base64 ends its text with a line end, and jabberd2's sample adds another.
    if (said === '') return;
    if (state.name === 'idle') return this.failed(child, 'sent an answer without a request');
    if (!this.output.trimStart().includes('\n')) return;
    this.output = '';
    this.state = { name: 'idle', child };
    state.settle(said);
  }

  /** Only the first failure of a child counts. */
  private failed(child: Child, why: string): void {
    const { state } = this;
    if (!('child' in state) || state.child !== child) return;
    void this.end(child);
    this.down(why);
    if (state.name === 'asked') state.settle(this.noAnswer());
  }

  private down(why: string): void {
    const wait = Math.min(this.timeouts.longestRestart, this.timeouts.restart * 2 ** this.failures);
    this.failures += 1;
    const timer = setTimeout(() => this.relaunch(), wait);
    this.state = { name: 'down', why, timer };
    const details = { program: this.command[0], nextTrySeconds: wait / 1000 };
    if (this.abilityWords.size > 0) this.log.warn(`the accounts program ${why}`, details);
  }

  private relaunch(): void {
    this.launch().then(
      () => this.log.info('the accounts program is running again', { program: this.command[0] }),
      () => undefined, // logged, and tried again later
    );
  }

  /** Why there is no answer. */
  private noAnswer(): CredentialsError {
    const { state } = this;
    if (state.name === 'closed') return new CredentialsError('the accounts are closed');
    const why = state.name === 'down' ? state.why : 'is starting';
    return new CredentialsError(`the accounts program ${this.command[0]} ${why}`);
  }

  private async end(child: Child): Promise<void> {
    kill(child, 'SIGTERM');
    await ended(child, this.timeouts.end);
    if (isRunning(child)) kill(child, 'SIGKILL');
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  }

  private logStderr(text: string): void {
    for (const line of text.split('\n').filter((one) => one.trim() !== ''))
      this.log.warn('output of the accounts program', { text: line.slice(0, MAX_LOGGED_LINE_LENGTH) });
  }
}

const isRunning = (child: Child): boolean =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null;

/** Resolves when it has exited, at the latest after `most` milliseconds. */
async function ended(child: Child, most: number): Promise<void> {
  if (!isRunning(child)) return;
  const timer = new AbortController();
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await Promise.race([exit, delay(most, undefined, timer).catch(() => undefined)]);
  timer.abort();
}

/** Signals the whole process group, also where its first process has exited. */
function kill(child: Child, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // no process of the group is left
  }
}
