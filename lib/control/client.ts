import { connect, type Socket } from 'node:net';
import { controlPath, pathProblem } from './path.js';

/** How long the other side may be silent. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Why there is no answer, as a sentence. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
}

/** No sm-component runs on the data directory, or it could not open its control socket. */
export class NoInstanceError extends ControlError {}

/**
 * Sends a request, one line of JSON, to the sm-component that runs on a data directory.
 *
 * @returns its answer, one JSON document
 * @throws {ControlError} where there is no answer
 */
export async function ask(directory: string, request: object): Promise<unknown> {
  const text = await exchange(controlPath(directory), `${JSON.stringify(request)}\n`);
  const answer = parsed(text);
  const error = (answer as { error?: unknown } | null)?.error;
  if (typeof error === 'string') throw new ControlError(`the running sm-component says: ${error}`);
  return answer;
}

/** Does a process listen on this socket? */
export function isListening(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: file });
    const done = (there: boolean): void => {
      socket.destroy();
      resolve(there);
    };
    socket.once('connect', () => done(true));
    // EAGAIN: its backlog is full, so a process listens.
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

/** The document is incomplete where the program has ended while it answered. */
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
