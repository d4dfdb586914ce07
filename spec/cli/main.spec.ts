import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { GROUPS, NAMES } from '../../lib/config/options.js';
import { call } from './program.js';

describe('cli/main', function () {
  this.timeout(20_000);
  let cwd: string;

  beforeEach(() => (cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'))));
  afterEach(() => rmSync(cwd, { recursive: true }));

  it('--help explains every option under its heading, and exits with 0', () => {
    const { code, stdout, stderr } = call(['--help']);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    for (const group of GROUPS) expect(stdout).to.contain(`\n${group}:\n`);
    for (const name of NAMES) expect(stdout).to.contain(`\n  --${name} `);
    for (const command of ['run', 'session-manager', 'users', 'check-config']) {
      expect(stdout).to.contain(`sm-component ${command} `);
    }
  });

  it('--help of a command shows what that command takes', () => {
    const { code, stdout } = call(['session-manager', '--help']);
    expect(code).to.equal(0);
    expect(stdout)
      .to.match(/^ {2}--listen /m)
      .and.not.match(/^ {2}--sm /m);
  });

  it('--help of a command with actions names them, and --help of an action shows what that one takes', () => {
    const actions = { scenario: ['run', 'record', 'compare'], users: ['add', 'remove', 'list', 'passwd'] };
    for (const [command, names] of Object.entries(actions)) {
      const { code, stdout } = call([command, '--help']);
      expect(code).to.equal(0);
      for (const name of names) expect(stdout).to.contain(`\n  sm-component ${command} ${name} `);
      expect(stdout).not.to.match(/^ {2}--(?!version|help)/m);
    }
    const { code, stdout } = call(['scenario', 'record', '--help']);
    expect(code).to.equal(0);
    expect([...stdout.matchAll(/^ {2}--(\S+)/gm)].map(([, name]) => name)).to.deep.equal([
      'version',
      'help',
      'to',
      'listen',
      'password',
    ]);
  });

  it('--version is that of package.json', () => {
    expect(call(['--version'])).to.deep.equal({ code: 0, stdout: '0.3.0\n', stderr: '' });
  });

  for (const file of ['sm-component', 'start.js', 'test.js']) {
    it(`bin/${file} says which Node it needs, before anything that an older one does not know`, () => {
      const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } })`;
      const preload = path.join(cwd, 'old.cjs');
      writeFileSync(preload, old);
      const { status, stdout, stderr } = spawnSync(process.execPath, ['-r', preload, `bin/${file}`], {
        encoding: 'utf8',
      });
      expect({ status, stdout, stderr }).to.deep.equal({
        status: 1,
        stdout: '',
        stderr: 'sm-component needs Node 20.19 or newer; this is v18.20.8.\n',
      });
    });
  }

  it('names the help of the command that was called', () => {
    expect(call(['scenario', 'rn']).stderr).to.contain('\nHelp: sm-component scenario --help\n');
    expect(call(['scenario', 'run', '--tp', '1']).stderr).to.contain(
      '\nHelp: sm-component scenario run --help\n',
    );
    expect(call(['--listne', '1']).stderr).to.contain('\nHelp: sm-component --help\n');
  });

  it('speaks English whatever the locale, as its log does', () => {
    const { stderr } = call(['--listen'], { env: { LC_ALL: 'de_DE.UTF-8' } });
    expect(stderr).to.contain('sm-component: --listen needs a value\n');
  });

  const usage: [string[], string][] = [
    [['--listne', '5222'], 'unknown option --listne; did you mean --listen?'],
    [['-x'], 'unknown option -x'],
    [['--no-listen'], 'unknown option --no-listen; did you mean --listen?'],
    [['userz'], 'unknown command "userz"; did you mean users?'],
    [['users', 'add', '--creat'], 'unknown option --creat; did you mean --create?'],
    [['users', '--create', 'list'], '--create is an option of add, not of users list'],
    [['scenario', 'record', 'a', 'b', '--to', 'a:1'], 'scenario record takes no argument "b"'],
    [['scenario', 'record', 'a'], 'scenario record needs --to HOST:PORT'],
    [['check-config', 'more'], 'check-config takes no argument "more"'],
    [['session-manager', '--sm', 'a:1'], '--sm is not an option of the command session-manager'],
    [['--name', 'a', '--name', 'b'], 'argument --name is given 2 times; give it once'],
    [
      ['--listen', 'x:y'],
      'argument --listen: must be [HOST:]PORT with a port from 0 (any free port) to 65535 (',
    ],
    [
      ['--sm', 'a:1'],
      'a secret is needed for the session manager at a:1 (argument --sm): give --secret-file FILE',
    ],
    [['--config', '/nonexistent'], 'argument --config: the file cannot be read: ENOENT'],
  ];
  for (const [args, sentence] of usage) {
    it(`${args.join(' ')} is refused with exit code 2`, () => {
      const { code, stdout, stderr } = call(args, { cwd });
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.contain(`sm-component: ${sentence}`);
    });
  }

  it('an unknown environment variable is refused with exit code 2', () => {
    const { code, stderr } = call([], { cwd, env: { SM_COMPONENT_SECERT: 'x' } });
    expect(code).to.equal(2);
    expect(stderr).to.match(
      /^sm-component: unknown environment variable SM_COMPONENT_SECERT; did you mean SM_/,
    );
  });

  describe('check-config', () => {
    it('shows where accounts are, without the password', () => {
      const url = 'postgresql://jabberd2:s3cret@db/jabberd2?password_type=crypt';
      const { code, stdout } = call(['check-config'], { cwd, env: { SM_COMPONENT_CREDENTIALS: url } });
      expect(code).to.equal(0);
      expect(stdout).to.match(
        /^credentials +postgres:postgresql:\/\/jabberd2:\*\*\*@db\/jabberd2\?password_type=crypt +environment/m,
      );
      expect(stdout).not.to.contain('s3cret');
    });

    it('shows what is in force and where it comes from', () => {
      writeFileSync(path.join(cwd, 'sm.json'), '{ "depth": 32, "listen": [6222, "[::1]:6222"] }');
      const env = { SM_COMPONENT_NAME: 'sockets.foo.com', SM_COMPONENT_CONFIG: 'sm.json' };
      const { code, stdout, stderr } = call(['check-config', '--domain', 'foo.com'], { cwd, env });
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout).to.match(/^name +sockets\.foo\.com +environment variable SM_COMPONENT_NAME$/m);
      expect(stdout).to.match(/^domain +foo\.com +argument --domain$/m);
      expect(stdout).to.match(/^depth +32 +file .*sm\.json, key "depth"$/m);
      expect(stdout).to.match(/^listen +127\.0\.0\.1:6222, \[::1\]:6222 +file .*sm\.json, key "listen"$/m);
      expect(stdout).to.match(/^dialect +sto-sfrom +default$/m);
      expect(stdout).to.match(/^registration +on +default$/m);
      expect(stdout).to.match(/^sm +- +default$/m);
      expect(stdout.trim().split('\n')).to.have.lengthOf(NAMES.length);
    });

    it('hides secrets', () => {
      writeFileSync(path.join(cwd, 'secret'), 'hush-file\n');
      for (const secret of [
        ['--secret', 'hush-argument'],
        ['--secret-file', 'secret'],
      ]) {
        const { code, stdout, stderr } = call(['check-config', '--sm', 'a:1', ...secret], { cwd });
        expect(code).to.equal(0);
        expect(stdout + stderr).not.to.contain('hush');
      }
      expect(call(['check-config', '--secret', 'x'], { cwd }).stdout).to.match(
        /^secret +\*\*\* +argument --secret$/m,
      );
    });

    it('says which options are of no effect', () => {
      writeFileSync(path.join(cwd, 'sm.json'), '{ "realm": ["foo.com=company"] }');
      const args = ['check-config', '--router-user', 'x', '--config', 'sm.json'];
      const env = { SM_COMPONENT_CREDENTIALS: 'sqlite:none' };
      expect(call(args, { cwd, env }).stderr).to.match(
        /^sm-component: no effect without --dialect jabberd2: argument --router-user, environment variable SM_COMPONENT_CREDENTIALS, file .*sm\.json, key "realm"\n$/,
      );
      const jabberd2 = ['--dialect', 'jabberd2', '--sm', 'a:1', '--secret', 'x'];
      expect(call([...args, ...jabberd2], { cwd, env }).stderr).to.equal('');
    });

    it('finds what the start would find', () => {
      const { code, stderr } = call(['check-config', '--secret-file', 'none', '--sm', 'a:1'], { cwd });
      expect(code).to.equal(2);
      expect(stderr).to.contain('argument --secret-file: the file cannot be read');
    });
  });
});
