import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** How long a change may wait until it is written, in milliseconds: more where writing takes long. */
const MIN_WAIT_MS = 500;
/** Of the time, one part in so many at most is spent on writing. */
const TIMEOUT_DIVISOR = 10;

/**
 * A script that is written while it grows. Whoever reads the file finds a whole script in it, whenever the writer is
 * ended.
 */
export class ScriptFile {
  private timer: NodeJS.Timeout | undefined;
  private wait = MIN_WAIT_MS;
  private failed = false;

  /**
   * @param text what has to be in the file now
   * @param tell told when it cannot be written; that is tried again
   */
  constructor(
    private readonly file: string,
    private readonly text: () => string,
    private readonly tell: (problem: string) => void,
  ) {}

  /** Is there something at that place already? @throws the system's error where that cannot be told */
  isTaken(): boolean {
    try {
      return readFileSync(this.file, 'utf8').trim() !== '';
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
      throw error;
    }
  }

  /** There is more to write. */
  changed(): void {
    this.timer ??= setTimeout(() => this.saveOrTell(), this.wait);
  }

  /** Writes it at once. It may hold a password, so only its owner can read it. @throws the system's error */
  save(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const began = performance.now();
    const part = `${this.file}.part`;
    rmSync(part, { force: true });
    writeFileSync(part, this.text(), { mode: 0o600 });
    renameSync(part, this.file);
    this.wait = Math.max(MIN_WAIT_MS, TIMEOUT_DIVISOR * (performance.now() - began));
  }

  remove(): void {
    clearTimeout(this.timer);
    rmSync(this.file, { force: true });
  }

  private saveOrTell(): void {
    try {
      this.save();
      this.failed = false;
    } catch (error) {
      if (!this.failed) this.tell((error as Error).message);
      this.failed = true;
      this.changed();
    }
  }
}
