import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { Store } from '../../lib/embedded/store/store.js';
import { call, Program, type Outcome } from './program.js';

describe('cli: two instances on one data directory', function () {
  this.timeout(30_000);
  let cwd: string;
  let data: string;
  let running: Program[];
  const manager = ['session-manager', '--listen', '0', '--secret', 'x', '--domain', 'localhost'];
  const alone = ['--listen', '0'];

  async function start(...args: string[]): Promise<Program> {
    const program = new Program([...args, '--data', data], { cwd });
    running.push(program);
    await program.says(/Stop:/);
    return program;
  }
  const tryTo = (...args: string[]): Outcome => call([...args, '--data', data], { cwd, input: 'secret' });
  const controlSocket = (): string => path.join(data, 'control.sock');
  const add = (account: string): void => {
    const store = Store.open(data);
    store.accounts.add(account, 'first');
    store.close();
  };
  const expectRefused = ({ code, stderr }: Outcome): void => {
    expect(code).to.equal(1);
    expect(stderr).to.contain(
      `sm-component: another sm-component runs on ${data}: stop it, or choose another`,
    );
  };

  beforeEach(() => {
    cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    data = path.join(cwd, 'data');
    running = [];
  });
  afterEach(async () => {
    await Promise.all(running.map((program) => program.discard()));
    rmSync(cwd, { recursive: true });
  });

  for (const [first, second] of [
    [alone, alone],
    [alone, manager],
    [manager, alone],
  ]) {
    const name = (args: string[]): string => (args === manager ? 'session-manager' : 'run');
    it(`${name(second)} does not start beside ${name(first)} whose control socket was removed`, async () => {
      await start(...first);
      rmSync(controlSocket());
      expectRefused(tryTo(...second));
    });
  }

  it('nor where the path is too long for a control socket', async () => {
    data = path.join(cwd, 'x'.repeat(100));
    await start(...alone);
    expect(existsSync(controlSocket())).to.equal(false);
    expectRefused(tryTo(...alone));
  });

  it('nor by another name of the directory', async () => {
    await start(...alone);
    rmSync(controlSocket());
    mkdirSync(path.join(cwd, 'other'));
    expect(call([...alone, '--data', path.join(cwd, 'other', '..', 'data')], { cwd }).code).to.equal(1);
  });

  it('one that was killed keeps nobody out', async () => {
    const first = await start(...alone);
    await first.discard();
    await start(...alone);
  });

  it('one that was stopped keeps nobody out', async () => {
    const first = await start(...alone);
    first.signal('SIGTERM');
    expect(await first.exit).to.equal(0);
    await start(...alone);
  });

  it('one that hangs still has the store', async () => {
    const first = await start(...alone);
    rmSync(controlSocket());
    first.signal('SIGSTOP');
    expectRefused(tryTo(...alone));
    first.signal('SIGCONT');
  });

  it('who stops first leaves the control socket of the other alone', async () => {
    const front = ['--sm', '127.0.0.1:1', '--secret', 'x', '--listen', '0'];
    const first = new Program([...front, '--data', data], { cwd });
    running.push(first);
    await first.says(/no link to the session manager/, 'stderr');
    rmSync(controlSocket());
    await start(...alone);
    first.signal('SIGTERM');
    await first.exit;
    expect(tryTo('sessions').code).to.equal(0);
  });

  it('users changes accounts beside one that runs, and removes none behind its back', async () => {
    add('alice@localhost');
    await start(...alone);
    rmSync(controlSocket());
    expect(tryTo('users', 'add', 'bob').stdout).to.equal('bob@localhost was added\n');
    const { code, stderr } = tryTo('users', 'remove', 'alice');
    expect(code).to.equal(1);
    expect(stderr).to.contain('so it cannot end the sessions of alice@localhost: stop it first');
    expect(tryTo('users', 'list').stdout).to.equal('alice@localhost\nbob@localhost\n');
  });

  it('users knows from the one that runs what is served', async () => {
    await start(...alone, '--domain', 'foo.com');
    expect(tryTo('users', 'add', 'bob@foo.com').stdout).to.equal('bob@foo.com was added\n');
    expect(tryTo('users', 'add', 'bob@bar.com', '--domain', 'bar.com').stderr).to.contain(
      'bar.com is not served here; the served domains are foo.com: correct the account',
    );
  });
});
