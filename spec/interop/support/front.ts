import path from 'node:path';
import { Running } from './running.js';

const PROGRAM = path.resolve('bin/sm-component');

/** A line of our log, as JSON. */
export interface Entry {
  readonly level: string;
  readonly message: string;
  readonly [detail: string]: unknown;
}

/** How bin/sm-component is run. */
export function program(...args: readonly string[]): readonly string[] {
  return [process.execPath, PROGRAM, ...args];
}

/** bin/sm-component in front of a session manager, running as a user runs it. */
export class Front {
  /** Where clients connect; the same over all restarts. */
  port = 0;
  running!: Running;
  /** How many lines of the log were looked at; a session manager that was not there yet at the start is no complaint. */
  private seen = 0;

  /** @param options all but where it listens and how it logs */
  constructor(private readonly options: readonly string[]) {}

  /** Starts it, again on the port that it had, and waits until it takes clients. */
  async start(): Promise<void> {
    this.launch();
    this.port = await this.running.find('where it listens', (line) =>
      portIn(/connect to 127\.0\.0\.1:(\d+)/, line),
    );
    await this.running.find('how to stop it', (line) => (/^ *Stop:/.test(line) ? true : undefined));
    this.seen = this.running.lines.length;
  }

  /** Starts it, and does not wait. */
  launch(): void {
    const [file, ...args] = program(
      ...this.options,
      ...['--listen', `127.0.0.1:${this.port}`, '--log-format', 'json', '--log-level', 'debug'],
    );
    this.running = new Running('sm-component', { file, args });
  }

  /** As `kill -9`. */
  async kill(): Promise<void> {
    this.running.signal('SIGKILL');
    await this.running.ended();
  }

  /** @returns its exit code */
  async terminate(): Promise<number | NodeJS.Signals> {
    this.running.signal('SIGTERM');
    return this.running.ended();
  }

  /** Ends it, for the end of a story; it must end in good order. */
  async stop(): Promise<void> {
    const ended = (await this.running?.stop()) ?? 0;
    if (ended !== 0) throw new Error(`sm-component ended with ${ended}${this.running.tail()}`);
  }

  /** A line of its log, there already or still to come. */
  logged(what: string, is: (entry: Entry) => boolean, from = 0): Promise<Entry> {
    const look = (line: string): Entry | undefined => {
      const found = entry(line);
      return found && is(found) ? found : undefined;
    };
    return this.running.find(`log line: ${what}`, look, from);
  }

  /** What it has warned of since the last call, except for what the spec itself brought about. */
  complaints(expected?: RegExp): string[] {
    const lines = this.running.lines.slice(this.seen);
    this.seen = this.running.lines.length;
    return lines.filter((line) => {
      // Anything that is no log line, after the start, is a crash or a warning of Node.js.
      const { level, message } = entry(line) ?? { level: 'error', message: line };
      return (level === 'warn' || level === 'error') && !expected?.test(message);
    });
  }
}

function entry(line: string): Entry | undefined {
  return line.startsWith('{') ? (JSON.parse(line) as Entry) : undefined;
}

export function portIn(pattern: RegExp, line: string): number | undefined {
  const found = pattern.exec(line);
  return found ? Number(found[1]) : undefined;
}
