import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { parseScript } from '../../lib/scenario/parse.js';
import { ScriptedServer } from '../scenario/support/server.js';
import { call, Program, type Outcome } from './program.js';

describe('cli/scenario', function () {
  this.timeout(20_000);
  let cwd: string;

  beforeEach(() => {
    cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    writeFileSync(
      path.join(cwd, 'a.scs'),
      '## slow\n[Client] A\n\tjid: a@localhost\n\tpassword: b\n---\nA connects\n',
    );
  });
  afterEach(() => rmSync(cwd, { recursive: true }));

  const usage: [string[], string][] = [
    [[], 'scenario takes run, record, compare\n'],
    [['rn'], 'scenario takes run, record, compare, not "rn"; did you mean run?'],
    [['run', '--to', 'a:1'], 'which scripts? Name .scs files, or folders with .scs files'],
    [['run', 'nowhere.scs', '--to', 'a:1'], 'a script cannot be read: ENOENT'],
    [['run', 'a.scs'], 'which server? --to HOST:PORT (A has no connect_host either)'],
    [['run', 'a.scs', '--to', 'x'], 'argument --to: must be HOST:PORT with a port from 1 to 65535'],
    [
      ['run', 'a.scs', '--to', 'a:1', '--auth', 'x'],
      'argument --auth: must be "auto", "sasl" or "iq-auth", not "x"',
    ],
    [
      ['run', 'a.scs', '--to', 'a:1', '--timeout', '0'],
      'argument --timeout: must be a number of seconds, more than 0',
    ],
    [['run', 'a.scs', '--to', 'a:1', '--account', 'a'], 'argument --account: must be USER:PASSWORD or'],
    [['run', 'a.scs', '--to', 'a:1', '--left', 'b:1'], '--left is an option of compare, not of scenario run'],
    [['run', 'a.scs', '--to', 'a:1', '--secret', 'b'], '--secret is not an option of the command scenario'],
    [['run', 'a.scs', '--to', 'a:1', '--exakt'], 'unknown option --exakt; did you mean --exact?'],
    [['compare', 'a.scs', '--left', 'a:1'], 'scenario compare needs --right HOST:PORT'],
    [
      ['compare', 'a.scs', '--left', 'a:1', '--right', 'b:1', '--ignore', '@'],
      'argument --ignore: must be usual, none, !RULE, or a path like',
    ],
    [
      ['compare', 'a.scs', '--left', 'a:1', '--right', 'b:1', '--ignore', '!dealy'],
      'argument --ignore: unknown rule dealy (known rules: addresses, ids, lang, ',
    ],
    [
      ['compare', 'a.scs', '--left', 'a:1', '--right', 'b:1', '--left-account', 'a'],
      'argument --left-account: must be USER:PASSWORD or',
    ],
    [
      ['run', 'a.scs', '--to', 'a:1', '--left-account', 'a:b'],
      '--left-account is an option of compare, not of scenario run',
    ],
    [['record', '--to', 'a:1'], 'scenario record takes one FILE.scs to write'],
    [['record', 'a.scs', '--to', 'a:1'], 'a.scs exists already: remove it first'],
  ];
  for (const [args, sentence] of usage) {
    it(`"${args.join(' ')}" is wrong usage: ${sentence.trim()}`, () => {
      const { code, stdout, stderr } = call(['scenario', ...args], { cwd });
      expect(stderr).to.contain(`sm-component: ${sentence}`);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
    });
  }

  it('a failure is exit code 1, in a pipe by TAP', () => {
    const { code, stdout } = call(['scenario', 'run', '.', '--to', '127.0.0.1:1'], { cwd });
    expect(stdout)
      .to.match(/^TAP version 13\n1\.\.1\n/)
      .and.contain('\nnot ok 1 - a.scs\n');
    expect(code).to.equal(1);
  });

  it('scripts that are not wanted are skipped, which is no failure where others are played', () => {
    writeFileSync(path.join(cwd, 'b.scs'), '[Client] A\n\tjid: a@localhost\n---\nA disconnects\n');
    const { code, stdout } = call(['scenario', 'run', '.', '--to', '127.0.0.1:1', '--tags', '!slow'], {
      cwd,
    });
    expect(stdout).to.contain('\nok 1 - a.scs # SKIP --tags !slow\n').and.contain('\nok 2 - b.scs\n');
    expect(code).to.equal(0);
  });

  for (const action of [
    ['run', '--to', '127.0.0.1:1'],
    ['compare', '--left', '127.0.0.1:1', '--right', '127.0.0.1:1'],
  ]) {
    it(`${action[0]}: a tag that no script has is a failure, and not a pass of nothing`, () => {
      const { code, stdout } = call(['scenario', ...action, 'a.scs', '--tags', 'slwo'], { cwd });
      expect(stdout).to.contain('nothing was played: --tags excludes all scripts\n');
      expect(code).to.equal(1);
    });
  }

  const empty: [string, string | Buffer, string][] = [
    ['of 0 bytes', '', '1: nothing to play'],
    ['of a byte order mark', '\uFEFF', '1: nothing to play'],
    ['of comments', '# A title\r\n\r\n## tag\r\n', '3: nothing to play'],
    ['of dashes', '---\n', '1: nothing to play'],
    ['of characters', '[Client] A\n\tjid: a@localhost\n---\n# A connects\n', '4: no action to play'],
    ['cut off before its actions', '[Client] A\n\tjid: a@localhost', '2: no action to play'],
  ];
  for (const [what, text, sentence] of empty) {
    it(`a script ${what} does not pass, and is not the same on two servers`, () => {
      writeFileSync(path.join(cwd, 'b.scs'), text);
      const ran = call(['scenario', 'run', 'b.scs', '--to', '127.0.0.1:1'], { cwd });
      expect(ran.stdout).to.contain(`not ok 1 - b.scs\n  ---\n  message: "b.scs:${sentence}`);
      const sides = ['--left', '127.0.0.1:1', '--right', '127.0.0.1:1'];
      const compared = call(['scenario', 'compare', 'b.scs', ...sides], { cwd });
      expect(compared.stdout).to.contain(`b.scs:${sentence}`);
      expect([ran.code, compared.code]).to.deep.equal([1, 1]);
    });
  }

  it('a folder that is called like a script is none', () => {
    mkdirSync(path.join(cwd, 'old.scs'));
    const { code, stdout } = call(['scenario', 'run', '.', '--to', '127.0.0.1:1'], { cwd });
    expect(stdout).to.contain('\n1..1\n');
    expect(code).to.equal(1);
  });

  it('a script that can not be read is a failure that names its line', () => {
    writeFileSync(path.join(cwd, 'b.scs'), 'what');
    const { code, stdout } = call(['scenario', 'run', 'b.scs', '--to', '127.0.0.1:1', '--format', 'json'], {
      cwd,
    });
    expect(JSON.parse(stdout).scripts[0].failure.message).to.match(/^b\.scs:1: not a comment, /);
    expect(code).to.equal(1);
  });

  it('a script in another encoding than UTF-8 is a failure that names its line', () => {
    const text = Buffer.from('# a\n# \u00e4\u00f6\n[Client] A\n\tjid: a@localhost\n---\n', 'latin1');
    writeFileSync(path.join(cwd, 'b.scs'), text);
    const { code, stdout } = call(['scenario', 'run', 'b.scs', '--to', '127.0.0.1:1'], { cwd });
    expect(stdout).to.contain('message: "b.scs:2: this is not UTF-8"');
    expect(code).to.equal(1);
  });

  it('servers that nobody gets in to are not the same', () => {
    const sides = ['--left', '127.0.0.1:1', '--right', '127.0.0.1:1'];
    const { code, stdout } = call(['scenario', 'compare', 'a.scs', ...sides], { cwd });
    expect(stdout).to.contain('on both the script fails, line 6: A connects: a@localhost: no connection');
    expect(stdout).to.contain('there is no server on the left and on the right: nothing more is compared');
    expect(code).to.equal(1);
  });

  describe('compare', () => {
    const servers: ScriptedServer[] = [];
    afterEach(async () => {
      for (const server of servers.splice(0)) await server.stop();
    });

    /** A server that has one account, and sends to each its message back. */
    async function serverOf(user: string, more: string): Promise<string> {
      const server = await new ScriptedServer({
        answer: ({ name }, { jid }) =>
          name === 'message'
            ? `<presence from='${jid}'/><message from='${user}@localhost' to='${user}@localhost'${more}><body>${user}@localhost</body></message>`
            : undefined,
      }).start();
      server.accounts.set(user, 'secret');
      servers.push(server);
      return `127.0.0.1:${server.port}`;
    }

    it('other accounts on either side, and what servers usually differ in, are no difference', async () => {
      writeFileSync(
        path.join(cwd, 'a.scs'),
        "[Client] A\n\tjid: romeo@localhost\n---\nA connects\nA sends: <message to='romeo@localhost'/>\nA receives:\n\t<message><body>romeo@localhost</body></message>\n",
      );
      const sides = [
        ...['--left', await serverOf('alice', ''), '--left-account', 'romeo=alice:secret'],
        ...['--right', await serverOf('bob', " xml:lang='en' id='7'"), '--right-account', 'romeo=bob:secret'],
      ];
      const compared = (...more: string[]): Promise<Outcome> =>
        finished(['scenario', 'compare', 'a.scs', ...sides, ...more]);
      const usual = await compared();
      expect(usual.stdout)
        .to.contain('a.scs: the same (1 stanza)\n')
        .and.match(/\nNot shown: addresses, .*\(--ignore none shows all\)\n$/);
      expect(usual.code).to.equal(0);
      const less = await compared('--ignore', '!lang', '--ignore', '!ids');
      expect(less.stdout)
        .to.contain('--ignore message/@xml:lang')
        .and.contain('--ignore message/@id')
        .and.not.contain('lang,');
      expect(less.code).to.equal(1);
      const all = await compared('--ignore', 'none', '--ignore', '@xml:lang', '--ignore', '@id');
      expect(all.stdout).to.contain('the same (2 stanzas)').and.not.contain('Not shown');
      expect(all.code).to.equal(0);
    });

    async function finished(args: readonly string[]): Promise<Outcome> {
      const program = new Program(args, { cwd });
      const code = await program.exit;
      return { code, stdout: program.stdout, stderr: program.stderr };
    }
  });

  describe('record', () => {
    let server: ScriptedServer;
    let recorder: Program;
    let client: Socket;
    let file: string;

    beforeEach(async () => {
      server = await new ScriptedServer({ answer: ({ name }) => (name === 'iq' ? undefined : '') }).start();
      server.accounts.set('ann', 'secret');
      mkdirSync(path.join(cwd, 'out'));
      file = path.join(cwd, 'out', 'r.scs');
      recorder = new Program(['scenario', 'record', file, '--to', `127.0.0.1:${server.port}`]);
    });
    afterEach(async () => {
      client?.destroy();
      await recorder.discard();
      await server.stop();
    });

    /** Somebody logs in, and sends something. */
    async function begins(): Promise<void> {
      const [, port] = await recorder.says(/Recording clients of 127\.0\.0\.1:(\d+)/);
      client = connect(Number(port), '127.0.0.1');
      client.on('error', () => undefined).resume();
      client.write(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost'>" +
          "<iq type='set' id='a'><query xmlns='jabber:iq:auth'><username>ann</username><password>secret</password><resource>r</resource></query></iq>",
      );
      await recorder.says(/has logged in/);
      client.write("<message id='said'/>");
    }

    /** Waits until the file holds a text. */
    async function holds(text: string): Promise<void> {
      const changes = watch(path.dirname(file));
      const read = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
      const next = changes[Symbol.asyncIterator]();
      for (let change = next.next(); !read().includes(text); change = next.next()) await change;
      await next.return?.();
    }

    it('killed in the middle, it leaves a script of what was recorded, for its owner only', async () => {
      await begins();
      await holds("id='said'");
      recorder.signal('SIGKILL');
      await recorder.exit;
      expect(parseScript('r.scs', readFileSync(file, 'utf8')).actions.map(({ kind }) => kind)).to.deep.equal([
        'connects',
        'sends',
      ]);
      expect(statSync(file).mode & 0o777).to.equal(0o600);
    });

    it('ended by Ctrl-C or with its terminal, it has written all of it', async () => {
      await begins();
      await holds("id='said'");
      client.write("<message id='more'/><iq type='get' id='last'><x xmlns='u'/></iq>");
      while (!String((await once(client, 'data'))[0]).includes("id='last'"));
      recorder.signal('SIGHUP');
      expect(await recorder.exit).to.equal(0);
      expect(readFileSync(file, 'utf8')).to.contain("id='more'").and.contain('Ann disconnects');
      expect(recorder.stdout).to.match(/r\.scs holds 6 actions\.\n$/);
    });

    it('the file cannot be written for a while: it says so, goes on, and writes it then', async () => {
      await recorder.says(/Recording/);
      rmSync(path.join(cwd, 'out'), { recursive: true });
      await begins();
      await recorder.says(/the script cannot be written: ENOENT.*; trying again/, 'stderr');
      mkdirSync(path.join(cwd, 'out'));
      await holds("id='said'");
      recorder.signal('SIGINT');
      expect(await recorder.exit).to.equal(0);
    });

    it('nobody has logged in: that is a failure, and leaves no file', async () => {
      await recorder.says(/Recording/);
      recorder.signal('SIGINT');
      expect(await recorder.exit).to.equal(1);
      expect(recorder.stderr).to.equal('sm-component: no client has logged in, so nothing was recorded\n');
      expect(existsSync(file)).to.equal(false);
    });

    it('what cannot be written is told before anybody is recorded', () => {
      const to = ['--to', `127.0.0.1:${server.port}`];
      const tried = (name: string, ...more: string[]): string =>
        call(['scenario', 'record', path.join(cwd, name), ...to, ...more]).stderr;
      expect(tried('out')).to.contain('the script cannot be written: EISDIR');
      expect(tried('none/r.scs')).to.contain('the script cannot be written: ENOENT');
      expect(tried('new.scs', '--listen', `127.0.0.1:${server.port}`)).to.contain('listening on');
      expect(existsSync(path.join(cwd, 'new.scs'))).to.equal(false);
    });
  });

  it('the script that docs/scenarios.md begins with passes as it stands there', async () => {
    const [, script] = /^```\n(.*?)^```$/ms.exec(readFileSync('docs/scenarios.md', 'utf8'))!;
    writeFileSync(path.join(cwd, 'hello.scs'), script);
    const server = new Program(['--listen', '0', '--data', path.join(cwd, 'data')]);
    try {
      const [, port] = await server.says(/connect to 127\.0\.0\.1:(\d+)/);
      const { code, stdout } = call(['scenario', 'run', 'hello.scs', '--to', `127.0.0.1:${port}`], { cwd });
      expect(stdout).to.contain('\nok 1 - hello.scs: Messages to a contact\n');
      expect(code).to.equal(0);
      server.signal('SIGTERM');
      expect(await server.exit).to.equal(0);
    } finally {
      await server.discard();
    }
  });
});
