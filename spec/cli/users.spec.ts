import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { Store } from '../../lib/embedded/store.js';
import { call, Program, type Outcome } from './program.js';

describe('cli/users', function () {
  this.timeout(20_000);
  let cwd: string;
  const users = (args: string, input?: string): Outcome =>
    call(['users', ...args.split(' ')], { cwd, input });

  /** Looks at, or prepares, what the program keeps; another process than the program. */
  const inStore = <Result>(work: (store: Store) => Result): Result => {
    const store = Store.open(path.join(cwd, 'data'));
    try {
      return work(store);
    } finally {
      store.close();
    }
  };
  const password = (account: string): string | undefined =>
    inStore(({ accounts }) => accounts.password(account));
  const add = (account: string): boolean => inStore(({ accounts }) => accounts.add(account, 'first'));

  beforeEach(() => (cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'))));
  afterEach(() => rmSync(cwd, { recursive: true }));

  it('add makes an account, with the first line of standard input as password', () => {
    const outcome = users('add alice@localhost', 'pa ss\r\nmore\n');
    expect(outcome).to.deep.equal({ code: 0, stdout: 'alice@localhost was added\n', stderr: '' });
    expect(password('alice@localhost')).to.equal('pa ss');
  });

  it('add does not wait for the end of standard input', async () => {
    const program = new Program(['users', 'add', 'alice'], { cwd });
    program.write('secret\n');
    expect(await program.exit).to.equal(0);
    expect(password('alice@localhost')).to.equal('secret');
  });

  it('add takes the password from a file, or as an argument', () => {
    writeFileSync(path.join(cwd, 'secret'), 'of-file\n');
    expect(users('add alice@localhost --password-file secret').code).to.equal(0);
    expect(users('add bob@localhost --password of-argument').code).to.equal(0);
    expect(password('alice@localhost')).to.equal('of-file');
    expect(password('bob@localhost')).to.equal('of-argument');
  });

  it('add puts a name without a domain in the first one', () => {
    expect(users('add alice --domain foo.com --domain bar.com', 'x').stdout).to.equal(
      'alice@foo.com was added\n',
    );
  });

  it('list shows the accounts, one a line', () => {
    add('bob@localhost');
    add('alice@localhost');
    expect(users('list').stdout).to.equal('alice@localhost\nbob@localhost\n');
  });

  it('passwd gives another password', () => {
    add('alice@localhost');
    expect(users('passwd alice', 'new').stdout).to.equal('alice@localhost has a new password\n');
    expect(password('alice@localhost')).to.equal('new');
  });

  it('remove takes the account away', () => {
    add('alice@localhost');
    expect(users('remove alice').stdout).to.match(/^alice@localhost was removed/);
    expect(users('list').stdout).to.equal('(no accounts)\n');
  });

  const prepared: [string, string, number, string][] = [
    ['add alice', 'x', 1, 'alice@localhost exists already; "users passwd" gives it another password'],
    ['remove bob', '', 1, 'there is no account bob@localhost; "users list" shows those that there are'],
    ['passwd bob', 'x', 1, 'there is no account bob@localhost'],
    ['add a"b', 'x', 2, 'no account can have the address'],
    ['add alice@localhost/home', 'x', 2, 'no account can have the address'],
    ['add bob', '', 2, 'the password must not be empty'],
    ['add bob --password a --password-file b', '', 2, '--password and --password-file exclude each other'],
    ['add bob --password-file none', '', 1, 'the password file can not be read: ENOENT'],
    ['add', '', 2, 'users add takes an account: NAME@localhost'],
    ['list alice', '', 2, 'users list takes no account'],
    ['ad bob', '', 2, 'users takes add, remove, list, passwd, not "ad"; did you mean add?'],
    ['list --data none', '', 1, 'there is no data directory '],
    ['list --listen 1', '', 2, '--listen is no option of the command users'],
    ['add bob x', '', 2, 'users takes no "x"'],
  ];
  for (const [args, input, code, sentence] of prepared) {
    it(`${args} fails with exit code ${code} and a sentence`, () => {
      add('alice@localhost');
      const outcome = users(args, input);
      expect(outcome).to.include({ code, stdout: '' });
      expect(outcome.stderr).to.contain(`sm-component: ${sentence}`);
      expect(password('alice@localhost')).to.equal('first');
      expect(password('bob@localhost')).to.equal(undefined);
    });
  }

  it('names the directory that can not be a store', () => {
    writeFileSync(path.join(cwd, 'data'), 'a file');
    const outcome = users('add alice', 'x');
    expect(outcome.code).to.equal(1);
    expect(outcome.stderr).to.match(/^sm-component: the store in .*data can not be opened: /);
  });
});
