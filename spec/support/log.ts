import type { Details, Log, LogLevel } from '../../lib/observe/log.js';
import { soon } from './queue.js';

export interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly details: Details;
}

/** A log that keeps its lines, and says when one comes. */
export class RecordedLog implements Log {
  readonly lines: Line[] = [];
  private readonly waiting = new Set<(line: Line) => void>();

  error = this.recorder('error');
  warn = this.recorder('warn');
  info = this.recorder('info');
  debug = this.recorder('debug');

  /** The first line that matches, come or still to come; each line is found once. */
  async line(message: RegExp): Promise<Line> {
    const found = this.lines.findIndex((line) => message.test(line.message));
    if (found >= 0) return this.lines.splice(found, 1)[0];
    const coming = new Promise<Line>((resolve) => {
      const look = (line: Line): void => {
        if (!message.test(line.message)) return;
        this.waiting.delete(look);
        this.lines.splice(this.lines.indexOf(line), 1);
        resolve(line);
      };
      this.waiting.add(look);
    });
    return soon(coming, `a line of the log like ${message}`);
  }

  private recorder(level: LogLevel): (message: string, details?: Details) => void {
    return (message, details = {}) => {
      const line = { level, message, details };
      this.lines.push(line);
      for (const look of [...this.waiting]) look(line);
    };
  }
}
