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

/** Bytes of a request. */
const MAX_REQUEST_BYTES = 4096;
/** Connections at a time; who asks at the command line needs one. */
const MAX_CONNECTIONS = 16;
/** How long one may be silent, or not read, in milliseconds. */
const REQUEST_TIMEOUT_MS = 5_000;
/** Items of an answer that are written at one go. */
const ROWS_PER_WRITE = 200;

/** What is asked, and of whom. */
export interface ControlRequest {
  readonly command: string;
  readonly account?: string;
}

/**
 * Answers to requests, by the `command` of the request. An answer is a list, which may be long; what one throws is told
 * instead of it.
 */
export type ControlCommands = Readonly<Record<string, (request: ControlRequest) => Iterable<object>>>;

/** What came of opening: whether it listens, or another one does already, or why it can not. */
export type Opened = 'open' | 'occupied' | { readonly warning: string };

/**
 * The control socket in a data directory: local programs of the same user ask what is going on, or have something done.
 * One JSON line in, one JSON document out: a list with an item a line, or `{"error": …}`.
 */
export class ControlServer {
  private readonly file: string;
  /** The number of our file in its file system, while it is there. */
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

  /** Listens, where nobody else does; what a dead process has left is replaced. Never rejects. */
  async open(): Promise<Opened> {
    try {
      return await this.tryToOpen();
    } catch (error) {
      return { warning: `no control socket: ${(error as Error).message}` };
    }
  }

  /** Closes it and removes its file, and no other that has taken its place. Closing what is not open is harmless. */
  close(): void {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) return;
    this.server.close();
    if (inodeOf(this.file) === this.inode) unlinkSync(this.file);
  }

  private async tryToOpen(): Promise<Opened> {
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

  /** By a name of its own, so that Node, which removes what it has bound by its name, removes no other's file. */
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
      // Bound in this call; there is no moment in which others of the machine could connect.
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

/** @throws Error where something else than a socket is in the way */
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

/** A JSON list in parts: nobody waits for a long one to be written. */
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
