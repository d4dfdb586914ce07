import { connect, type Socket } from 'node:net';
import { controlPath, pathProblem } from './path.js';

/** How long an answer may take, in milliseconds of silence. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Why there is no answer. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
}

/** Nothing runs on the data directory, or what runs there could not open its control socket. */
export class NoInstanceError extends ControlError {}

/**
 * Asks whoever runs on a data directory: one JSON line there, one JSON document back.
 *
 * @throws ControlError a sentence that says why there is no answer
 */
export async function ask(directory: string, request: object): Promise<unknown> {
  const text = await exchange(controlPath(directory), `${JSON.stringify(request)}\n`);
  const answer = parsed(text);
  const error = (answer as { error?: unknown } | null)?.error;
  if (typeof error === 'string') throw new ControlError(`the running sm-component says: ${error}`);
  return answer;
}

/** Does anybody answer there? */
export function isListening(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: file });
    const done = (there: boolean): void => {
      socket.destroy();
      resolve(there);
    };
    socket.once('connect', () => done(true));
    // A full backlog (EAGAIN) is one of somebody who listens.
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code === 'EAGAIN'));
  });
}

function exchange(file: string, line: string): Promise<string> {
  const wrong = pathProblem(file);
  if (wrong !== undefined) throw new NoInstanceError(wrong);
  return new Promise((resolve, reject) => {
    const socket = connect({ path: file });
    const chunks: Buffer[] = [];
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => giveUp(socket, reject));
    socket.once('connect', () => socket.write(line));
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
    socket.once('end', () => resolve(Buffer.concat(chunks).toString()));
    socket.once('error', (error: NodeJS.ErrnoException) => reject(asSentence(error, file)));
  });
}

function giveUp(socket: Socket, reject: (error: ControlError) => void): void {
  socket.destroy();
  reject(new ControlError(`the running sm-component does not answer within ${ANSWER_TIMEOUT_MS / 1000} s`));
}

/** A document that is cut is none: the program has ended while it answered. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ControlError('the answer of the running sm-component is incomplete; try again');
  }
}

function asSentence(error: NodeJS.ErrnoException, file: string): ControlError {
  const directory = file.slice(0, file.lastIndexOf('/'));
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTSOCK':
      return new NoInstanceError(
        `no sm-component runs on the data directory ${directory}: start it, or name another directory with --data`,
      );
    case 'EACCES':
      return new ControlError(
        `${file} belongs to another user: run this command as the user of sm-component`,
      );
    default:
      return new ControlError(`${file}: ${error.message}`);
  }
}
