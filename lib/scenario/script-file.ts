import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** From a change to the time when it is saved; longer where saving takes long. */
const MIN_SAVE_DELAY_MS = 500;
/** Saving takes at most this part of the time: 1/10. */
const SAVE_TIME_DIVISOR = 10;

/**
 * A file with a script that grows. At any time, also after a crash, the file holds a complete script.
 */
export class ScriptFile {
  private timer: NodeJS.Timeout | undefined;
  private wait = MIN_SAVE_DELAY_MS;
  private failed = false;

  /**
   * @param text the current content
   * @param tell called when the file cannot be written; it is tried again
   */
  constructor(
    private readonly file: string,
    private readonly text: () => string,
    private readonly tell: (problem: string) => void,
  ) {}

  /** Is there a file that is not empty? @throws the system's error where that cannot be found out */
  isTaken(): boolean {
    try {
      return readFileSync(this.file, 'utf8').trim() !== '';
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
      throw error;
    }
  }

  /** Says that the content has changed. */
  changed(): void {
    this.timer ??= setTimeout(() => this.saveOrReport(), this.wait);
  }

  /** Saves the content now. Only the owner can read the file: it may hold passwords. @throws the system's error */
  save(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const began = performance.now();
    const part = `${this.file}.part`;
    rmSync(part, { force: true });
    writeFileSync(part, this.text(), { mode: 0o600 });
    renameSync(part, this.file);
    this.wait = Math.max(MIN_SAVE_DELAY_MS, SAVE_TIME_DIVISOR * (performance.now() - began));
  }

  remove(): void {
    clearTimeout(this.timer);
    rmSync(this.file, { force: true });
  }

  private saveOrReport(): void {
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
