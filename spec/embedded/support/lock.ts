import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const SCRIPT = `
  const database = new (require('better-sqlite3'))(process.argv[1]);
  database.exec('BEGIN IMMEDIATE');
  process.stdout.write('locked');
  process.stdin.once('data', () => { database.close(); process.stdout.write('free'); });
`;

/** Another program that writes to a store, and does not come to an end. */
export class Lock {
  private constructor(private readonly child: ChildProcess) {}

  static async on(directory: string): Promise<Lock> {
    const file = path.join(directory, 'sm-component.sqlite');
    const child = spawn(process.execPath, ['-e', SCRIPT, file], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return new Lock(child);
  }

  /** It comes to its end. */
  async release(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const closed = once(this.child, 'close');
    this.child.stdin!.end('\n');
    await closed;
  }
}
