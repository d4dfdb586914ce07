import Mocha from 'mocha';

/** How long the process may take to end by itself after the last spec. */
const LEAK_AFTER = 5000;

/**
 * Mocha's own report, and as the last line of all the plain total that CI reads. A process that does not end after
 * the last spec has left something open: that is a failure too, where mocha alone would hang for ever.
 */
export default class Reporter extends Mocha.reporters.Spec {
  private leaks = 0;

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.once('end', () => setImmediate(() => this.watchEnd(runner)));
  }

  /** A turn after mocha is done, so that our listener for the exit comes after its own, which sets the exit code. */
  private watchEnd(runner: Mocha.Runner): void {
    setTimeout(() => this.reportLeak(), LEAK_AFTER).unref();
    process.once('exit', () => this.total(runner.stats));
  }

  private reportLeak(): void {
    this.leaks = 1;
    const open = process.getActiveResourcesInfo().join(', ');
    console.error(`The specs are over but the process does not end. Still open: ${open}`);
    process.exit();
  }

  private total(stats: Mocha.Stats | undefined): void {
    const { passes = 0, failures = 0, pending = 0 } = stats ?? {};
    const failed = failures + this.leaks;
    if (failed > 0) process.exitCode = Math.min(failed, 255);
    console.log(`${passes} passed, ${failed} failed${pending > 0 ? `, ${pending} skipped` : ''}`);
  }
}
