import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { EventEmitter, once } from 'node:events';

/** How long anything that must happen may take, in milliseconds: generous, since real clients take their time. */
export const PATIENCE = 45_000;

/** How many of the last lines a failure shows. */
const SHOWN = 25;

/** The promise, or an error that says what did not happen. */
export async function within<T>(promise: Promise<T>, what: () => string, patience = PATIENCE): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`did not happen within ${patience / 1000} s: ${what()}`)),
      patience,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that runs beside the spec. What it prints is kept, by lines, until the spec asks for it. */
export class Running {
  /** Of standard output and standard error, in the order of their arrival. */
  readonly lines: string[] = [];
  /** How it ended: its exit code, or the name of the signal. */
  readonly exit: Promise<number | NodeJS.Signals>;
  over = false;
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly news = new EventEmitter();

  constructor(
    readonly name: string,
    { file, args, env }: Command,
  ) {
    this.news.setMaxListeners(100);
    this.child = spawn(file, args, { env: environment(env) });
    this.collect(this.child.stdout);
    this.collect(this.child.stderr);
    // A program that is gone reads no more commands: its exit code says so.
    this.child.stdin.on('error', () => undefined);
    this.exit = this.ending();
  }

  /** Resolves with the first line from the `from`th on that `look` makes something of. */
  async find<T>(what: string, look: (line: string) => T | undefined, from = 0): Promise<T> {
    return within(this.search(what, look, from), () => `${this.name}: ${what}${this.tail()}`);
  }

  /** Sends a line to its standard input. */
  write(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }

  /** Its end, which must come by itself. */
  async ended(patience = PATIENCE): Promise<number | NodeJS.Signals> {
    return within(this.exit, () => `the end of ${this.name}${this.tail()}`, patience);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** For the end of a spec, failed or not: nothing stays behind. @returns how it ended */
  async stop(): Promise<number | NodeJS.Signals> {
    if (this.over) return this.exit;
    this.child.kill('SIGTERM');
    const kill = setTimeout(() => {
      this.child.kill('SIGKILL');
      // A child of it may have inherited them, and keep them open.
      this.child.stdout.destroy();
      this.child.stderr.destroy();
    }, 6_000);
    const ended = await this.exit;
    clearTimeout(kill);
    return ended;
  }

  /** Its last words, for the message of a failure. */
  tail(): string {
    const shown = this.lines.slice(-SHOWN).map((line) => `\n  | ${line}`);
    return `\n${this.name} said${shown.join('') || ' nothing'}`;
  }

  private async search<T>(what: string, look: (line: string) => T | undefined, from: number): Promise<T> {
    for (let at = from; ;) {
      for (; at < this.lines.length; at += 1) {
        const found = look(this.lines[at]);
        if (found !== undefined) return found;
      }
      if (this.over) throw new Error(`${this.name} ended without: ${what}${this.tail()}`);
      await once(this.news, 'news');
    }
  }

  private collect(stream: NodeJS.ReadableStream): void {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      this.lines.push(...lines);
      this.news.emit('news');
    });
    stream.on('end', () => {
      if (rest !== '') this.lines.push(rest);
    });
  }

  private async ending(): Promise<number | NodeJS.Signals> {
    const [code, signal] = (await once(this.child, 'close')) as [number | null, NodeJS.Signals];
    this.over = true;
    this.news.emit('news');
    return code ?? signal;
  }
}

/** The environment without what the caller of the specs may have set for our program. */
function environment(extra: Command['env']): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('SM_COMPONENT_'));
  return { ...Object.fromEntries(own), ...extra };
}
