import winston from 'winston';

/** Details of a log line by name. Never a password, and texts of clients only with a bounded length. */
export type Details = Record<string, string | number | boolean | undefined>;

/** The log of the program. */
export interface Log {
  error(message: string, details?: Details): void;
  warn(message: string, details?: Details): void;
  info(message: string, details?: Details): void;
  debug(message: string, details?: Details): void;
}

export type LogLevel = keyof Log;
export type LogFormat = 'text' | 'json';

/** From the fewest lines to the most. */
const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

/** Of lines that nobody has read yet; above it new lines are lost, and counted. */
const MAX_UNREAD_BYTES = 1_048_576;

const ignore = (): void => undefined;

/** A log that writes nothing. */
export const silent: Log = { error: ignore, warn: ignore, info: ignore, debug: ignore };

/** A log that writes one line per event to `stream`. The methods below `level` do nothing. */
export function createLog(
  level: LogLevel,
  format: LogFormat,
  stream: NodeJS.WritableStream = process.stderr,
): Log {
  // Clients stay connected when nobody reads the log any more (EPIPE).
  if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  const logger = winston.createLogger({
    level,
    format: winston.format.printf((entry) => print(format, entry)),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });
  const wanted = LEVELS.slice(0, LEVELS.indexOf(level) + 1);
  const gate = new UnreadLimit(stream);
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

/** Runs an action that has no caller for its errors (a timer, an event of a stream), and logs an error. */
export function safely(log: Log, what: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    log.error(`${what} failed`, { error: String(error) });
  }
}

/** Drops lines while too many are unread, so that a slow reader of the log does not use up the memory. */
class UnreadLimit {
  private lost = 0;

  constructor(private readonly stream: NodeJS.WritableStream & { readonly writableLength?: number }) {}

  /** @returns how many lines were lost before this one; undefined where this one is lost too */
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
  // the head comes first, and a detail of the same name does not replace it
  if (format === 'json') return escapeControls(JSON.stringify({ ...head, ...details, ...head }));
  let text = `${head.time} ${level} ${String(message)}`;
  for (const name in details) if (details[name] !== undefined) text += ` ${name}=${bare(details[name])}`;
  return escapeControls(text);
}

/** Most values and lines: ASCII with nothing to quote or escape. The full checks take several times as long. */
const PLAIN_VALUE = /^[!#-<>-~]+$/;
const PLAIN_LINE = /^[\x20-\x7e]*$/;

/** A value is quoted where it could be read as several. */
function bare(value: Details[string]): string {
  const text = String(value);
  if (PLAIN_VALUE.test(text)) return text;
  return /^[^\s"=\p{C}]+$/u.test(text) ? text : JSON.stringify(text);
}

/** Texts of clients must not forge lines of the log, nor control the terminal. The escapes are valid in JSON too. */
function escapeControls(line: string): string {
  if (PLAIN_LINE.test(line)) return line;
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => char.split('').map(escaped).join(''));
}
