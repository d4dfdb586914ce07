import { randomBytes } from 'node:crypto';
import { lstatSync, renameSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { withoutByteOrderMark } from '../config/text.js';
import path from 'node:path';
import { makeDirectory } from '../config/directory.js';
import type { Log } from '../observe/log.js';
import { isListening } from './client.js';
import { controlPath, pathProblem } from './path.js';

const MAX_REQUEST_BYTES = 4096;
/** At a time; a command of the command line uses one. */
const MAX_CONNECTIONS = 16;
/** How long a connection may be silent, or not read. */
const REQUEST_TIMEOUT_MS = 5_000;
/** Of an answer, in one write. */
const ROWS_PER_WRITE = 200;

/** A request, with the account that it is about. */
export interface ControlRequest {
  readonly command: string;
  readonly account?: string;
}

/**
 * Answers requests, by the `command` of the request. An answer is a list, which may be long. The message of a thrown
 * error is sent instead of an answer.
 */
export type ControlCommands = Readonly<Record<string, (request: ControlRequest) => Iterable<object>>>;

/** The socket is open, or another process listens on it, or why it cannot be opened. */
export type ControlOpenResult = 'open' | 'occupied' | { readonly warning: string };

/**
 * The control socket in a data directory, for local programs of the same user. A request is one line of JSON; the answer
 * is one JSON document: a list with one item per line, or `{"error": …}`.
 */
export class ControlServer {
  private readonly file: string;
  /** The inode of our socket, while it is there. */
  private inode: bigint | undefined;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(
    private readonly directory: string,
    private readonly commands: ControlCommands,
    private readonly log: Log,
  ) {
    this.file = controlPath(directory);
    this.server = createServer((socket) => this.serve(socket));
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  /** Listens, unless another process does; the socket of a dead process is replaced. Never rejects. */
  async open(): Promise<ControlOpenResult> {
    try {
      return await this.tryToOpen();
    } catch (error) {
      return { warning: `no control socket: ${(error as Error).message}` };
    }
  }

  /** Closes the socket and removes its file, unless another process has replaced that. May be called when it is not open. */
  close(): void {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) return;
    this.server.close();
    if (inodeOf(this.file) === this.inode) unlinkSync(this.file);
  }

  private async tryToOpen(): Promise<ControlOpenResult> {
    const wrong = pathProblem(this.file);
    if (wrong !== undefined) return { warning: wrong };
    makeDirectory(this.directory);
    if (isThere(this.file) && (await isListening(this.file))) return 'occupied';
    const own = path.join(this.directory, `.${randomBytes(4).toString('base64url')}.sock`);
    await this.listen(own);
    this.inode = inodeOf(own);
    renameSync(own, this.file);
    return 'open';
  }

  /** Listens under a temporary name: Node removes the file that it has bound by name, which could be that of another process. */
  private listen(file: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.once('listening', () => {
        this.server.off('error', reject);
        this.server.on('error', (error) =>
          this.log.warn('error on the control socket', { error: error.message }),
        );
        resolve();
      });
      // The socket is bound in this call, so at no time can other users of the machine connect.
      const mask = process.umask(0o177);
      this.server.listen({ path: file });
      process.umask(mask);
    });
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    let request: Buffer = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.sockets.delete(socket));
    socket.setTimeout(REQUEST_TIMEOUT_MS, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      request = Buffer.concat([request, chunk]);
      const end = request.indexOf('\n');
      if (end < 0 && request.length <= MAX_REQUEST_BYTES) return;
      socket.removeAllListeners('data').resume();
      void this.answer(socket, request.toString('utf8', 0, end < 0 ? 0 : end));
    });
  }

  private async answer(socket: Socket, line: string): Promise<void> {
    try {
      await pipeline(Readable.from(this.parts(line)), socket);
    } catch (error) {
      this.log.debug('a control request was not answered', { error: String(error) });
    }
  }

  private parts(line: string): Iterable<string> {
    const request = requestIn(line);
    if (request && Object.hasOwn(this.commands, request.command)) return this.answerTo(request);
    const known = Object.keys(this.commands).join(', ');
    return failure(`a request is one line of JSON, {"command": "…"} with one of: ${known}`);
  }

  private answerTo(request: ControlRequest): Iterable<string> {
    try {
      return listed(this.commands[request.command](request));
    } catch (error) {
      return failure((error as Error).message);
    }
  }
}

/** @throws Error where another file than a socket has its name */
function isThere(file: string): boolean {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat && !stat.isSocket()) throw new Error(`${file} exists, but is not a socket`);
  return stat !== undefined;
}

function inodeOf(file: string): bigint | undefined {
  return lstatSync(file, { throwIfNoEntry: false, bigint: true })?.ino;
}

function requestIn(line: string): ControlRequest | undefined {
  try {
    const { command, account } = (JSON.parse(withoutByteOrderMark(line)) ?? {}) as Partial<
      Record<string, unknown>
    >;
    if (typeof command !== 'string') return undefined;
    return { command, account: typeof account === 'string' ? account : undefined };
  } catch {
    return undefined;
  }
}

const failure = (error: string): string[] => [`${JSON.stringify({ error })}\n`];

/** A JSON list in parts, so that a long one does not block the thread. */
function* listed(items: Iterable<object>): Iterable<string> {
  let part = '[';
  let count = 0;
  for (const item of items) {
    part += `${count === 0 ? '' : ','}\n${JSON.stringify(item)}`;
    count += 1;
    if (count % ROWS_PER_WRITE > 0) continue;
    yield part;
    part = '';
  }
  yield `${part}\n]\n`;
}
