import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';

const SERVICE = pathToFileURL('dist/lib/cli/service.js').href;

/** Serves, in a process of its own, a service that stops as told; `ready` is run when it has started. */
function served(
  ready: string,
  stop = 'async () => undefined',
): { code: number | null; stdout: string; stderr: string } {
  const script = `
    import { serve } from '${SERVICE}';
    const signal = (name) => process.emit(name, name);
    const log = { info: console.log };
    const service = { start: async () => undefined, stop: ${stop} };
    process.exitCode = await serve(service, log, () => { ${ready} });
    console.log('stopped');`;
  const args = ['--input-type=module', '--eval', script];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

describe('cli/service', function () {
  this.timeout(20_000);

  it('stops at a signal, with exit code 0', () => {
    expect(served(`signal('SIGTERM')`)).to.include({ code: 0, stdout: 'stopped\n' });
  });

  it('takes the same signal twice at once, as npm start brings a Ctrl-C, for one', () => {
    expect(served(`signal('SIGINT'); signal('SIGINT')`)).to.include({ code: 0, stdout: 'stopped\n' });
  });

  it('ends at once at another signal, with exit code 1', () => {
    expect(served(`signal('SIGINT'); signal('SIGTERM')`)).to.include({ code: 1, stdout: '' });
  });

  it('ends at once at the same signal later on', () => {
    const later = `signal('SIGINT'); const now = Date.now; Date.now = () => now() + 1000; signal('SIGINT')`;
    expect(served(later)).to.include({ code: 1, stdout: '' });
  });

  it('ends within five seconds even if the stop hangs, with exit code 1', () => {
    const before = Date.now();
    const { code, stderr } = served(
      `signal('SIGTERM')`,
      '() => new Promise(() => setInterval(() => undefined, 1000))',
    );
    expect(code).to.equal(1);
    expect(stderr).to.match(/^sm-component: not everything could be closed within/);
    expect(Date.now() - before).to.be.within(4000, 10_000);
  });

  it('fails when the stop fails', () => {
    const { code, stderr } = served(`signal('SIGTERM')`, `async () => { throw new Error('stuck') }`);
    expect(code).to.equal(1);
    expect(stderr).to.contain('stuck');
  });
});
