import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** An element as expat reports it; text that stands together is one string. */
export type ExpatElement = [
  name: string,
  attributes: Record<string, string>,
  children: (ExpatElement | string)[],
];

/** See expat.py. */
export interface Verdict {
  readonly errors: readonly (string | null)[];
  readonly unended: string | null;
  readonly plain: ExpatElement[];
  readonly expanded: ExpatElement[];
  readonly stray: boolean;
}

/** From dist/spec/fuzz back to the source tree: TypeScript leaves files of other languages where they are. */
const SCRIPT = fileURLToPath(new URL('../../../spec/fuzz/expat.py', import.meta.url));

/** The version of expat that python3 has; undefined where there is no python3 with an expat. */
export function expatVersion(): string | undefined {
  const { status, stdout } = spawnSync('python3', [SCRIPT, '--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** One python3 that parses what it is given, in order. */
export class Expat {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly waiting: { resolve: (verdict: Verdict) => void; reject: (error: Error) => void }[] = [];

  constructor() {
    this.child = spawn('python3', ['-u', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdin.on('error', () => undefined); // the exit says more
    createInterface(this.child.stdout).on('line', (line) =>
      this.waiting.shift()!.resolve(JSON.parse(line) as Verdict),
    );
    this.child.once('exit', (code, signal) => {
      for (const { reject } of this.waiting) reject(new Error(`python3 is gone: ${code ?? signal}`));
    });
  }

  /** What expat says to the beginning of a stream. */
  stream(bytes: Buffer): Promise<Verdict> {
    return this.ask('S', bytes);
  }

  /** What expat says to a whole document. */
  document(bytes: Buffer): Promise<Verdict> {
    return this.ask('D', bytes);
  }

  async close(): Promise<void> {
    this.child.stdin.end();
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    await new Promise((resolve) => this.child.once('exit', resolve));
  }

  private ask(kind: string, document: Buffer): Promise<Verdict> {
    const head = Buffer.alloc(5, kind);
    head.writeUInt32BE(document.length);
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.child.stdin.write(Buffer.concat([head, document]));
    });
  }
}
