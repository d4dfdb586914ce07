import winston from 'winston';

/** Details of a log line: names to plain values. Never a password, never a client's text without bound. */
export type Details = Record<string, string | number | boolean | undefined>;

/** Where the program says what it does. */
export interface Log {
  error(message: string, details?: Details): void;
  warn(message: string, details?: Details): void;
  info(message: string, details?: Details): void;
  debug(message: string, details?: Details): void;
}

export type LogLevel = keyof Log;
export type LogFormat = 'text' | 'json';

/** From the least to the most talkative. */
const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

/** What may wait for somebody to read it; lines that come then are lost, and counted. */
const MAX_UNREAD_BYTES = 1_048_576;

const ignore = (): void => undefined;

/** A log that says nothing. */
export const silent: Log = { error: ignore, warn: ignore, info: ignore, debug: ignore };

/** A log of one line an event on `stream`; what is below `level` costs nothing, not even a line thrown away. */
export function createLog(
  level: LogLevel,
  format: LogFormat,
  stream: NodeJS.WritableStream = process.stderr,
): Log {
  // A log nobody reads any more (EPIPE) is no reason to drop the clients.
  if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  const logger = winston.createLogger({
    level,
    format: winston.format.printf((entry) => print(format, entry)),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });
  const wanted = LEVELS.slice(0, LEVELS.indexOf(level) + 1);
  const gate = new Gate(stream);
  const write = (name: LogLevel) => (message: string, details?: Details) => {
    const lost = gate.pass();
    if (lost === undefined) return;
    if (lost > 0)
      logger.write({
        level: 'error',
        message: 'log lines were lost: the reader of the log was too slow',
        details: { lines: lost },
      });
    logger.write({ level: name, message, details });
  };
  return { ...silent, ...Object.fromEntries(wanted.map((name) => [name, write(name)])) };
}

/** Does what has nobody to report a failure to (a timer, an event of a stream): a failure is logged and goes no further. */
export function safely(log: Log, what: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    log.error(`${what} failed`, { error: String(error) });
  }
}

/** Keeps lines back while too much waits for whoever reads them, so that a reader that stands still costs lines only. */
class Gate {
  private lost = 0;

  constructor(private readonly stream: NodeJS.WritableStream & { readonly writableLength?: number }) {}

  /** @returns how many lines were lost before this one; undefined where it is lost as well */
  pass(): number | undefined {
    const { lost, stream } = this;
    const room = lost > 0 ? MAX_UNREAD_BYTES / 2 : MAX_UNREAD_BYTES;
    if ((stream.writableLength ?? 0) > room) {
      this.lost += 1;
      return undefined;
    }
    this.lost = 0;
    return lost;
  }
}

function print(format: LogFormat, entry: winston.Logform.TransformableInfo): string {
  const { level, message } = entry;
  const details = (entry.details ?? {}) as Details;
  const head = { time: new Date().toISOString(), level, message };
  // the head comes first, and no detail of the same name replaces it
  if (format === 'json') return escapeControls(JSON.stringify({ ...head, ...details, ...head }));
  let text = `${head.time} ${level} ${String(message)}`;
  for (const name in details) if (details[name] !== undefined) text += ` ${name}=${bare(details[name])}`;
  return escapeControls(text);
}

/** What most values and lines are: ASCII, nothing to quote or escape. The full checks cost several times as much. */
const PLAIN_VALUE = /^[!#-<>-~]+$/;
const PLAIN_LINE = /^[\x20-\x7e]*$/;

/** A value that could be taken for more than one is quoted. */
function bare(value: Details[string]): string {
  const text = String(value);
  if (PLAIN_VALUE.test(text)) return text;
  return /^[^\s"=\p{C}]+$/u.test(text) ? text : JSON.stringify(text);
}

/** What a client sent must not forge a line of the log, nor speak to the terminal. In JSON these are escapes as well. */
function escapeControls(line: string): string {
  if (PLAIN_LINE.test(line)) return line;
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => char.split('').map(escaped).join(''));
}
