import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { readText, withoutByteOrderMark } from '../config/text.js';
import { Failure, UsageError } from './command.js';

export interface PasswordOptions {
  readonly password?: string | undefined;
  readonly 'password-file'?: string | undefined;
}

/**
 * Reads a password: from an option, from the first line of a file, from a terminal without echo, or from the first line
 * of standard input.
 *
 * @param use a password to `set` is typed twice at a terminal
 */
export async function askPassword(given: PasswordOptions, use: 'set' | 'try' = 'set'): Promise<string> {
  const { password, 'password-file': file } = given;
  if (password !== undefined && file !== undefined) {
    throw new UsageError('--password and --password-file exclude each other: give one of them');
  }
  return notEmpty(password ?? (file === undefined ? await ask(use) : readFirstLine(file)));
}

function notEmpty(password: string): string {
  if (password === '') throw new UsageError('the password must not be empty');
  return password;
}

function readFirstLine(file: string): string {
  try {
    return readText(file).split(/\r?\n/, 1)[0];
  } catch (error) {
    throw new Failure(`the password file cannot be read: ${(error as Error).message}`);
  }
}

async function ask(use: 'set' | 'try'): Promise<string> {
  if (!process.stdin.isTTY) return readLine();
  const first = notEmpty(await readLine('Password: '));
  if (use === 'set' && (await readLine('Repeat the password: ')) !== first)
    throw new Failure('the two passwords differ; nothing was changed');
  return first;
}

/** Reads one line of standard input. With a question, a person types it at a terminal, without echo. */
async function readLine(question?: string): Promise<string> {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output, terminal: question !== undefined });
  if (question !== undefined) process.stderr.write(question);
  try {
    return await new Promise((resolve, reject) => {
      lines.once('line', (line) => resolve(withoutByteOrderMark(line)));
      lines.once('SIGINT', () => reject(new Failure('interrupted; nothing was changed')));
      lines.once('close', () => resolve(''));
    });
  } finally {
    lines.close();
    if (question !== undefined) process.stderr.write('\n');
  }
}
