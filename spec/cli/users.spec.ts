import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { openCredentialStore, type CredentialStore } from '../../lib/accounts/index.js';
import type { CredentialsSource } from '../../lib/config/config.js';
import { Store } from '../../lib/embedded/store/store.js';
import { silent } from '../../lib/observe/log.js';
import { Lock } from '../embedded/support/lock.js';
import { Authreg } from '../support/authreg.js';
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

  beforeEach(() => {
    cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    inStore(() => undefined);
  });
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

  it('add takes a password without the byte order mark that its file or pipe begins with', () => {
    writeFileSync(path.join(cwd, 'secret'), '\uFEFFof-file\r\n');
    expect(users('add alice@localhost --password-file secret').code).to.equal(0);
    expect(users('add bob@localhost', '\uFEFFof-pipe\r\n').code).to.equal(0);
    expect(password('alice@localhost')).to.equal('of-file');
    expect(password('bob@localhost')).to.equal('of-pipe');
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
    ['add alice', 'x', 1, 'alice@localhost exists already; "users passwd" changes its password'],
    ['remove bob', '', 1, 'there is no account bob@localhost; "users list" shows all accounts'],
    ['passwd bob', 'x', 1, 'there is no account bob@localhost'],
    ['add a"b', 'x', 2, 'no account can have the address'],
    ['add alice@localhost/home', 'x', 2, 'no account can have the address'],
    ['remove alice@localhost/home', '', 2, 'no account can have the address'],
    ['passwd alice@localhost/home', 'x', 2, 'no account can have the address'],
    ['add bob', '', 2, 'the password must not be empty'],
    ['add bob --password a --password-file b', '', 2, '--password and --password-file exclude each other'],
    ['add bob --password-file none', '', 1, 'the password file cannot be read: ENOENT'],
    ['add', '', 2, 'users add takes an account: NAME@localhost'],
    ['list alice', '', 2, 'users list takes no argument "alice"'],
    ['ad bob', '', 2, 'users takes add, remove, list, passwd, not "ad"; did you mean add?'],
    ['list --data none', '', 1, 'there is no store in '],
    ['add bob --data none', 'x', 1, 'there is no store in '],
    ['add bob --data .', 'x', 1, 'there is no store in '],
    ['list --create', '', 2, '--create is an option of add, not of users list'],
    [
      'add bob@foo.com',
      'x',
      1,
      'foo.com is not served here; the served domains are localhost: correct the account, or name its',
    ],
    ['add bob --domain foo.com --domain bar.com --data none', 'x', 1, 'there is no store in '],
    [
      'add bob@localhost --domain foo.com',
      'x',
      1,
      'localhost is not served here; the served domains are foo.com',
    ],
    ['list --listen 1', '', 2, '--listen is not an option of the command users'],
    ['add bob x', '', 2, 'users add takes no argument "x"'],
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

  describe('remove, while it runs', () => {
    const HEADER =
      "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost'>";
    let running: Program[];
    let sockets: Socket[];
    beforeEach(() => ([running, sockets] = [[], []]));
    afterEach(async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(running.map((program) => program.discard()));
    });
    async function start(...args: string[]): Promise<Program> {
      const program = new Program(args, { cwd });
      running.push(program);
      await program.says(/Stop:/);
      return program;
    }

    /** All that a user hears who logs in, asks for the roster and is available. */
    async function available(program: Program, name: string) {
      const [, port] = await program.says(/connect to 127\.0\.0\.1:(\d+)/);
      const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
      sockets.push(socket);
      const told = { heard: '', over: once(socket, 'close') };
      socket.on('data', (text: string) => (told.heard += text));
      socket.write(
        `${HEADER}<iq type='set' id='in'><query xmlns='jabber:iq:auth'><username>${name}</username>` +
          `<password>first</password><resource>r</resource></query></iq>` +
          `<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>`,
      );
      const hears = async (text: string): Promise<void> => {
        while (!told.heard.includes(text)) await once(socket, 'data');
      };
      await hears(`<presence from='${name}@localhost/r' to='${name}@localhost'`);
      return { told, hears };
    }

    it('ends the sessions of the account, and tells its contacts', async () => {
      const [juliet, romeo] = ['juliet@localhost', 'romeo@localhost'];
      for (const account of [juliet, romeo]) add(account);
      const both = { mine: 'granted', theirs: 'granted' } as const;
      const contact = { ...both, name: undefined, groups: [], listed: true, request: undefined };
      inStore(({ rosters }) => rosters.save(juliet, { ...contact, jid: romeo }));
      inStore(({ rosters }) => rosters.save(romeo, { ...contact, jid: juliet }));
      const program = await start('--listen', '0');
      const his = await available(program, 'romeo');
      const hers = await available(program, 'juliet');
      await his.hears(`<presence from='${juliet}/r' to='${romeo}'`);
      expect(users(`remove Juliet`).stdout).to.match(/^Juliet@localhost was removed/);
      await hers.told.over;
      expect(hers.told.heard).to.match(/<stream:error>Account removed<\/stream:error><\/stream:stream>$/);
      for (const type of ['unavailable', 'unsubscribed', 'unsubscribe']) {
        await his.hears(`<presence type='${type}' from='${juliet}`);
      }
      await his.hears(`<item jid='${juliet}' subscription='none'/>`);
      expect(password(juliet)).to.equal(undefined);
      expect(users('remove juliet')).to.include({ code: 1, stdout: '' });
    });

    it('asks the session manager that runs by itself, too', async () => {
      add('alice@localhost');
      writeFileSync(path.join(cwd, 'secret'), 's3cret', { mode: 0o600 });
      const program = await start(
        ...['session-manager', '--listen', '127.0.0.1:0', '--secret-file', 'secret'],
        ...['--domain', 'localhost'],
      );
      expect(users('remove alice').code).to.equal(0);
      await program.says(/account removed account=alice@localhost/, 'stderr');
      expect(password('alice@localhost')).to.equal(undefined);
    });
  });

  it('add makes a store where that is asked for', () => {
    expect(users('add alice@foo.com --data new --domain foo.com --create', 'x')).to.deep.equal({
      code: 0,
      stdout: 'alice@foo.com was added\n',
      stderr: '',
    });
    expect(users('add bob@foo.com --data new', 'x').code, 'a domain that an account has').to.equal(0);
    expect(users('list --data new').stdout).to.equal('alice@foo.com\nbob@foo.com\n');
  });

  it('asks for no password where it can not be used', () => {
    const outcome = users('add alice@foo.com');
    expect(outcome.stderr).to.contain('foo.com is not served here');
    expect(users('add alice --data none').stderr).to.contain('there is no store in ');
    expect(existsSync(path.join(cwd, 'none'))).to.equal(false);
  });

  it('says that the store is locked, in a sentence', async () => {
    const lock = await Lock.on(path.join(cwd, 'data'));
    expect(users('add bob', 'x')).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: `sm-component: the store in ${path.join(cwd, 'data')} is locked by another program; try again\n`,
    });
    await lock.release();
    expect(users('add bob', 'x').code).to.equal(0);
  });

  it('names the directory that can not be a store', () => {
    rmSync(path.join(cwd, 'data'), { recursive: true });
    writeFileSync(path.join(cwd, 'data'), 'a file');
    const outcome = users('add alice --create', 'x');
    expect(outcome.code).to.equal(1);
    expect(outcome.stderr).to.match(
      /^sm-component: the store in .*data cannot be opened: .*; --data must be a directory$/m,
    );
  });
});

describe('cli/users in front of jabberd2', function () {
  this.timeout(20_000);
  let cwd: string;
  let authreg: Authreg;
  const users = (args: string[], input = 'secret', env: Record<string, string> = {}): Outcome =>
    call(['users', ...args], { cwd, input, env });
  const ok = (outcome: Outcome): string => {
    expect(outcome).to.include({ code: 0, stderr: '' });
    return outcome.stdout;
  };
  const failed = ({ code, stdout, stderr }: Outcome, expected: number): string => {
    expect([code, stdout]).to.deep.equal([expected, '']);
    return stderr;
  };

  /** As a running sm-component has them. */
  const running = async (work: (credentials: CredentialStore) => Promise<void>): Promise<void> => {
    const source: CredentialsSource = { store: 'embedded' };
    const credentials = await openCredentialStore(source, { data: path.join(cwd, 'data'), log: silent });
    await work(credentials);
    await credentials.close();
  };

  beforeEach(() => {
    cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    authreg = new Authreg();
  });
  afterEach(() => {
    authreg.discard();
    rmSync(cwd, { recursive: true });
  });

  it('keeps the accounts of a store of our own, which may be in use, and not those of the embedded session manager', async () => {
    const own = ['--credentials', 'embedded'];
    expect(failed(users(['add', 'Romeo@foo.com', ...own]), 1)).to.contain('there is no store in ');
    const added = ok(users(['add', 'Romeo@foo.com', ...own, '--create']));
    expect(added).to.equal(`Romeo@foo.com was added to the accounts in ${path.join(cwd, 'data')}\n`);
    await running(async (credentials) => {
      expect(await credentials.check('romeo', 'foo.com', 'secret')).to.equal(true);
      ok(users(['add', 'juliet', ...own]));
      expect(await credentials.check('juliet', 'localhost', 'secret')).to.equal(true);
      expect(ok(users(['passwd', 'juliet', ...own], 'changed'))).to.equal(
        'juliet@localhost has a new password\n',
      );
      expect(await credentials.check('juliet', 'localhost', 'changed')).to.equal(true);
      expect(ok(users(['list', ...own]))).to.equal('romeo@foo.com\njuliet@localhost\n');
      expect(ok(users(['remove', 'juliet', ...own]))).to.match(
        /^juliet@localhost was removed from .*: new logins are refused\. .* the next user of this name gets them\n$/,
      );
      expect(await credentials.exists('juliet', 'localhost')).to.equal(false);
    });
    expect(failed(users(['list']), 1)).to.contain('there is no store in ');
  });

  it('keeps those of jabberd2 in SQLite, under the realms of their domains', () => {
    const sqlite = [
      '--credentials',
      `sqlite:${authreg.file}?password_type=a1hash`,
      '--realm',
      'foo.com=company',
    ];
    expect(ok(users(['add', 'romeo@foo.com', ...sqlite]))).to.equal(
      `romeo@foo.com was added to the accounts in sqlite:${authreg.file}?password_type=a1hash\n`,
    );
    ok(users(['add', 'romeo@bar.com', ...sqlite]));
    // md5 of romeo:company:secret
    expect(authreg.passwords('romeo', 'company')).to.deep.equal(['e050fbfe8edcf7d0673c7587f4c26a9d']);
    expect(authreg.passwords('romeo', 'bar.com')).to.have.length(1);
    expect(failed(users(['add', 'romeo@foo.com', ...sqlite]), 1)).to.contain(
      'romeo@foo.com exists already; "users passwd" changes its password',
    );
    ok(users(['remove', 'romeo@foo.com', ...sqlite]));
    expect(authreg.passwords('romeo', 'company')).to.deep.equal([]);
    expect(failed(users(['remove', 'romeo@foo.com', ...sqlite]), 1)).to.contain('no account romeo@foo.com');
    expect(failed(users(['passwd', 'romeo@foo.com', ...sqlite]), 1)).to.contain('no account romeo@foo.com');
  });

  it('lists by the addresses that logins have, and says how many rows are of nobody who can log in', () => {
    authreg.add('romeo', 'x', 'company');
    authreg.add('juliet', 'x', 'foo.com');
    authreg.add('nurse', 'x', 'foo.com');
    authreg.add('tybalt', 'x', 'vhost.test');
    authreg.add('Tybalt', 'x', 'vhost.test');
    authreg.add('evil\u001b[2J', 'x', 'vhost.test');
    const outcome = users([
      ...['list', '--credentials', `sqlite:${authreg.file}`],
      ...['--realm', 'foo.com=company', '--realm', 'www.foo.com=company', '--domain', 'vhost.test'],
    ]);
    expect(outcome).to.deep.equal({
      code: 0,
      stdout: 'romeo@foo.com\nromeo@www.foo.com\ntybalt@vhost.test\n',
      stderr:
        '4 more without a domain here (see --domain and --realm), in the realms "foo.com", "vhost.test"\n',
    });
  });

  it('lists the addresses of all realms where no domain is named', () => {
    authreg.add('romeo', 'x', 'foo.com');
    authreg.add('romeo', 'x', 'bar.com');
    authreg.add('tybalt', 'x', 'www.foo.com');
    const outcome = users([
      'list',
      '--credentials',
      `sqlite:${authreg.file}`,
      '--realm',
      'www.foo.com=foo.com',
    ]);
    expect(outcome).to.deep.equal({
      code: 0,
      stdout: 'romeo@bar.com\nromeo@www.foo.com\nromeo@foo.com\n',
      stderr: '1 more without a domain here (see --domain and --realm), in the realms "www.foo.com"\n',
    });
  });

  it('takes store and realm from the configuration of the server, and from the environment', () => {
    const options = {
      dialect: 'jabberd2',
      sm: '127.0.0.1:5347',
      'secret-file': 'secret',
      domain: ['foo.com'],
      realm: ['foo.com=company'],
    };
    writeFileSync(path.join(cwd, 'config.json'), JSON.stringify(options));
    expect(ok(users(['add', 'romeo', '--config', 'config.json', '--create']))).to.equal(
      `romeo@foo.com was added to the accounts in ${path.join(cwd, 'data')}\n`,
    );
    const env = { SM_COMPONENT_CREDENTIALS: `sqlite:${authreg.file}` };
    ok(users(['add', 'romeo', '--config', 'config.json'], 'secret', env));
    expect(authreg.passwords('romeo', 'company')).to.deep.equal(['secret']);
  });

  describe('by a program', () => {
    const program = path.resolve('spec/accounts/accounts-program.mjs');
    const pipe = (...can: string[]): string[] => [
      '--credentials',
      `pipe:${[process.execPath, program, ...can].join(' ')}`,
    ];

    it('has it make accounts', () => {
      expect(ok(users(['add', 'romeo@foo.com', ...pipe()]))).to.match(
        /^romeo@foo\.com was added to .* in pipe:/,
      );
    });

    it('says what its protocol has no word for', () => {
      expect(failed(users(['list', ...pipe()]), 1)).to.equal(
        'sm-component: an accounts program (pipe:) cannot list accounts\n',
      );
    });

    it('says what it does not know', () => {
      const checking = pipe('USER-EXISTS', 'CHECK-PASSWORD');
      expect(failed(users(['add', 'romeo@foo.com', ...checking]), 1)).to.equal(
        'sm-component: the accounts program does not support CREATE-USER and SET-PASSWORD\n',
      );
      expect(failed(users(['remove', 'romeo@foo.com', ...checking]), 1)).to.contain('there is no account');
    });
  });

  for (const [args, code, sentence] of [
    [
      ['add', 'a"b', '--credentials', 'embedded', '--create'],
      2,
      'no account can have the address "a"b@localhost"',
    ],
    [
      ['add', 'romeo@foo.com/x', '--credentials', 'embedded', '--create'],
      2,
      'no account can have the address',
    ],
    [['list', '--credentials', 'embedded', '--data', 'none'], 1, 'there is no store in '],
    [
      ['add', 'romeo@bar.com', '--credentials', 'embedded', '--create', '--domain', 'foo.com'],
      1,
      'bar.com is not served here; the served domains are foo.com',
    ],
    [['list', '--credentials', 'sqlite:none'], 1, 'the accounts file '],
    [['list', '--credentials', 'pipe:/none'], 1, 'the accounts program'],
    [['list', '--credentials', 'mysql:x'], 2, '--credentials: must be "embedded"'],
    [['list', '--dialect', 'jabberd'], 2, '--dialect: must be'],
  ] as const) {
    it(`${args.join(' ')} fails with exit code ${code} and a sentence`, () => {
      const said = failed(users([...args]), code);
      expect(said).to.match(/^sm-component: /);
      expect(said).to.contain(sentence);
    });
  }

  it('says that the store is locked, and does not wait for ever', () => {
    authreg.lock();
    expect(failed(users(['add', 'romeo', '--credentials', `sqlite:${authreg.file}`]), 1)).to.match(
      /are locked by another program\n$/,
    );
    authreg.unlock();
  });

  it('refuses a password that no login could use', () => {
    const said = failed(users(['add', 'romeo', '--credentials', 'embedded', '--create'], 'x'.repeat(257)), 2);
    expect(said).to.contain('a password must have 1 to 256 bytes');
  });
});
