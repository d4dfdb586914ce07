import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const PROGRAM = path.resolve('bin/sm-component');

/** How a call of the program ended. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** What the system lets a file of the program grow to, in kB: more fails as on a full disk. */
  readonly fileKilobytes?: number;
  /** How many file descriptors the system lets the program have. */
  readonly descriptors?: number;
}

/** Command and arguments of the program, within a limit of the system where there is one. */
function commandLine(
  args: readonly string[],
  { fileKilobytes, descriptors }: Surroundings,
): [command: string, args: string[]] {
  const limits = [
    ...(fileKilobytes === undefined ? [] : [`ulimit -S -f ${fileKilobytes}`]),
    ...(descriptors === undefined ? [] : [`ulimit -n ${descriptors}`]),
  ];
  if (limits.length === 0) return [process.execPath, [PROGRAM, ...args]];
  const limited = [...limits, 'exec "$@"'].join(' && ');
  return ['bash', ['-c', limited, 'bash', process.execPath, PROGRAM, ...args]];
}

/** The environment without what the caller of the specs may have set for the program. */
function environment(extra: Surroundings['env'] = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('SM_COMPONENT_'));
  return { ...Object.fromEntries(own), ...extra };
}

/** Calls bin/sm-component and waits for its end. */
export function call(args: readonly string[], { cwd, env, input = '' }: Surroundings = {}): Outcome {
  const options = { cwd, env: environment(env), input, encoding: 'utf8', timeout: 10_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], options);
  return { code: status, stdout, stderr };
}

/** bin/sm-component, running. */
export class Program {
  stdout = '';
  stderr = '';
  readonly exit: Promise<number | null>;
  private readonly child: ChildProcessWithoutNullStreams;

  constructor(args: readonly string[], surroundings: Surroundings = {}) {
    const { cwd, env } = surroundings;
    this.child = spawn(...commandLine(args, surroundings), { cwd, env: environment(env) });
    this.child.stdout.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exit = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** Resolves when what it printed matches, with the match. */
  async says(pattern: RegExp, where: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this[where]);
      if (found) return found;
      const over = await Promise.race([once(this.child[where], 'data'), this.exit]);
      if (!Array.isArray(over))
        throw new Error(`exit ${over} before ${pattern}:\n${this.stdout}\n${this.stderr}`);
    }
  }

  /** Writes to its standard input, and leaves that open. */
  write(text: string): void {
    this.child.stdin.write(text);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** For the end of a spec that failed: nothing stays behind. */
  async discard(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit;
  }
}
