import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import {
  ScriptedSessionManager,
  SECRET,
  type Generation,
  type ScriptedLink,
} from '../support/scripted-session-manager.js';
import { parse, type Element } from '../../lib/xml/index.js';
import { Clock } from '../support/clock.js';
import { action, stamped } from '../support/router-story.js';
import { NAME, route, ScriptedRouter } from '../support/scripted-router.js';
import { probeCommand as command } from '../../lib/cli/probe.js';
import { call, Program, type Outcome } from './program.js';

describe('cli/probe', function () {
  this.timeout(30_000);
  let cwd: string;
  let sm: ScriptedSessionManager | undefined;
  let running: Program[];

  beforeEach(() => {
    cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    running = [];
    sm = undefined;
  });
  afterEach(async () => {
    await Promise.all(running.map((program) => program.discard()));
    await sm?.close();
    rmSync(cwd, { recursive: true });
  });

  /** `sm-component probe`, to its end. */
  async function probe(port: number, ...args: string[]): Promise<Outcome> {
    const program = new Program(['probe', '--sm', `127.0.0.1:${port}`, '--secret', SECRET, ...args], { cwd });
    running.push(program);
    const code = await program.exit;
    return { code, stdout: program.stdout, stderr: program.stderr };
  }

  /** What it printed, by the word before the colon. */
  function said({ stdout }: Outcome): Record<string, string> {
    const lines = stdout.trimEnd().split('\n');
    return Object.fromEntries(
      lines.map((line): [string, string] => {
        const [, what, text] = /^(\S+):\s+(.*)$/.exec(line)!;
        return [what, text];
      }),
    );
  }

  const FORM = '<username/><password/><digest/><sequence>499</sequence><token>6B0120FE</token><resource/>';
  const VERSION = '<name>jsm</name><version>1.4CVS</version><os>Linux</os>';

  /** A session manager of 1.4 that serves localhost and has one account: juliet, with the password "secret". */
  function serve14(link: ScriptedLink, packet: Element): void {
    const [to, from, type] = ['to', 'from', 'type'].map((name) => packet.attribute(name)!);
    const [iq] = packet.elements;
    if (!/^(?:[^@]*@)?localhost(?:\/|$)/.test(to)) {
      link.send(
        `<route to='${from}' from='${to}' type='error' error='Unable to deliver, destination unknown'/>`,
      );
    } else if (type === 'session')
      link.send(`<route to='${from}' from='juliet@localhost/AF78B60' type='session'/>`);
    else if (type === 'auth') link.send(`<route from='${to}' to='${from}' type='auth'>${login(iq)}</route>`);
    else if (type === undefined && iq) {
      const query = `<query xmlns='jabber:iq:version'>${VERSION}</query>`;
      link.send(
        `<route from='${to}' to='${from}'><iq type='result' id='${iq.attribute('id')}'>${query}</iq></route>`,
      );
    }
  }

  /** One of 1.1, the same. */
  function serve11(link: ScriptedLink, packet: Element): void {
    const [sto, sfrom, type] = ['sto', 'sfrom', 'type'].map((name) => packet.attribute(name)!);
    if (type === 'error' && packet.name === 'message') return;
    const right = packet.child('query')!.childText('password') === 'secret';
    const session = right ? 'juliet@localhost/sm-component-probe' : sto;
    const answer =
      packet.child('query')!.namespace === 'jabber:iq:version'
        ? `<iq type='result' id='ask'><query xmlns='jabber:iq:version'><name>jsm</name><ver>1.1.2</ver></query></iq>`
        : login(packet);
    link.send(answer.replace('<iq', `<iq sto='${sfrom}' sfrom='${session}'`));
  }

  function login(iq: Element): string {
    const id = iq.attribute('id');
    const query = iq.child('query')!;
    if (iq.attribute('type') === 'get') {
      return query.child('username')
        ? `<iq type='result' id='${id}'><query xmlns='jabber:iq:auth'>${FORM}</query></iq>`
        : `<iq type='error' id='${id}'><error code='406'>Not Acceptable</error></iq>`;
    }
    return query.childText('username') === 'juliet' && query.childText('password') === 'secret'
      ? `<iq type='result' id='${id}'/>`
      : `<iq type='error' id='${id}'><error code='401'>Unauthorized</error></iq>`;
  }

  /** Plays it for as long as the probe goes on. What it was told is returned. */
  async function play(generation: Generation): Promise<{ port: number; told: string[] }> {
    sm = await ScriptedSessionManager.listen(0, generation);
    const told: string[] = [];
    const serve = async (link: ScriptedLink): Promise<void> => {
      for (;;) {
        const arrival = await link.next();
        if (arrival.kind !== 'stanza') return;
        told.push(arrival.source);
        const packet = parse(arrival.source);
        if (generation === '1.1') serve11(link, packet);
        else if (packet.name === 'route') serve14(link, packet);
      }
    };
    sm.link()
      .then(serve)
      .catch(() => undefined);
    return { port: sm.port, told };
  }

  it('says what a jabberd 1.4 speaks, which domains it serves, and that a login works', async () => {
    const { port, told } = await play('1.4');
    const outcome = await probe(port, '--domain', 'localhost', '--user', 'juliet', '--password', 'secret');
    expect(outcome.code, outcome.stderr).to.equal(0);
    const { link, dialect, localhost, login, version } = said(outcome);
    expect(link).to.equal(`up, as foo-sockets to 127.0.0.1:${port}`);
    expect(dialect).to.equal('route: it answers in <route/>');
    expect(localhost).to.match(/^served; /);
    expect(login).to.equal('works as juliet@localhost');
    expect(version).to.equal('jsm, 1.4CVS, Linux');
    expect(outcome.stdout).to.not.contain('secret');
    expect(told.join(''), 'the session is ended').to.match(
      /<route type='error' to='juliet@localhost\/AF78B60'/,
    );
  });

  it('says what a jabberd 1.1 speaks', async () => {
    const { port, told } = await play('1.1');
    const outcome = await probe(port, '--domain', 'localhost', '--user', 'juliet', '--password', 'secret');
    expect(outcome.code, outcome.stderr).to.equal(0);
    const { dialect, login, version } = said(outcome);
    expect(dialect).to.equal('sto-sfrom: its stream header has the namespace jabberd:sockets');
    expect(login).to.equal('works as juliet@localhost');
    expect(version).to.equal('jsm, 1.1.2');
    expect(told.join('')).to.contain(`<error code='510'>Disconnected</error>`);
  });

  it('says which of several domains are not served, and fails then', async () => {
    const { port } = await play('1.4');
    const outcome = await probe(port, '--domain', 'localhost', '--domain', 'elsewhere.example');
    expect(outcome.code).to.equal(1);
    const words = said(outcome);
    expect(words['localhost']).to.match(/^served/);
    expect(words['elsewhere.example']).to.match(/^not served/);
  });

  it('asks for localhost where no domain is named, and logs nobody in without --user', async () => {
    const { port, told } = await play('1.4');
    const outcome = await probe(port);
    expect(outcome.code).to.equal(0);
    expect(said(outcome)['localhost']).to.match(/^served/);
    expect(told.join('')).to.not.contain(`type='session'`);
  });

  it('asks for the domains that the router of jabberd2 has where none is named: one that works is enough', async () => {
    const router = await ScriptedRouter.listen();
    try {
      router.names = ['sm', 'c2s', 'foo.com', 'conference.foo.com'];
      const added = call(['users', 'add', 'juliet@foo.com', '--credentials', 'embedded', '--create'], {
        cwd,
        input: 'secret',
      });
      expect(added.code, added.stderr).to.equal(0);
      const opened = router.link().then(async (link) => {
        const { id, c2s = '', target } = await link.action('start');
        const ids = { c2s, sm: 's1' };
        link.send(route(NAME, 'foo.com', action('started', ids, ` target='${target}' id='${id}'`)));
        await link.routed();
        link.send(route(NAME, 'foo.com', stamped(`<iq type='result' id='ask'/>`, ids)));
      });
      const jabberd2 = ['--dialect', 'jabberd2', '--name', NAME, '--user', 'juliet', '--password', 'secret'];
      const outcome = await probe(router.port, ...jabberd2);
      expect(outcome.code, outcome.stdout + outcome.stderr).to.equal(0);
      await opened;
      const words = said(outcome);
      expect(words)
        .to.include.keys('foo.com', 'conference.foo.com')
        .and.not.any.keys('sm', 'c2s', 'localhost');
      expect(outcome.stdout).to.contain('works as juliet@foo.com').and.to.contain('refused: not-authorized');
    } finally {
      await router.close();
    }
  });

  it('says that a login is refused, and fails', async () => {
    const { port } = await play('1.4');
    const outcome = await probe(port, '--user', 'juliet', '--password', 'wrong');
    expect(outcome.code).to.equal(1);
    expect(said(outcome)['login']).to.equal('refused: Unauthorized');
    expect(outcome.stdout).to.not.contain('version');
  });

  it('takes the password from a file, and from standard input', async () => {
    for (const how of ['file', 'input']) {
      const { port } = await play('1.4');
      const file = path.join(cwd, 'password');
      writeFileSync(file, 'secret\n');
      const given = how === 'file' ? ['--password-file', file] : [];
      const args = ['probe', '--sm', `127.0.0.1:${port}`, '--secret', SECRET, '--user', 'juliet', ...given];
      const program = new Program(args, { cwd });
      running.push(program);
      if (how === 'input') program.write('secret\n');
      await program.says(/login: +works as juliet@localhost/);
      expect(await program.exit).to.equal(0);
      await sm!.close();
    }
  });

  it('says that the secret is wrong, and fails', async () => {
    const { port } = await play('1.4');
    const program = new Program(['probe', '--sm', `127.0.0.1:${port}`, '--secret', 'wrong'], { cwd });
    running.push(program);
    expect(await program.exit).to.equal(1);
    expect(program.stdout).to.match(/^link: +none: the secret is wrong/);
  });

  it('says that nothing listens, and fails', async () => {
    const { port } = await play('1.4');
    await sm!.close();
    const outcome = await probe(port);
    expect(outcome.code).to.equal(1);
    expect(said(outcome)['link']).to.equal('none: nothing listens there (connection refused)');
  });

  describe('in front of a peer that answers nothing', () => {
    const clock = new Clock();
    const { log } = console;
    let printed: string[];

    beforeEach(async () => {
      printed = [];
      console.log = (line: string) => void printed.push(line);
      sm = await ScriptedSessionManager.listen(0, '1.4');
    });
    afterEach(() => {
      console.log = log;
      clock.uninstall();
    });

    /** In this process, where the clock can be moved. */
    function run(dialect: string): Promise<number> | number {
      clock.install();
      const options = { sm: [`127.0.0.1:${sm!.port}`], secret: [SECRET], dialect: [dialect] };
      return command.run({ options, own: {} });
    }

    it('says that its dialect could not be detected, and fails', async () => {
      const code = run('auto');
      const link = await sm!.link();
      await link.packet();
      await link.packet();
      clock.advance(10_000);
      expect(await code).to.equal(1);
      expect(printed.join()).to.match(/^link: +none: its dialect could not be detected/);
    });

    it('does not say that a domain is not served, when it was told which dialect to speak', async () => {
      const code = run('sto-sfrom');
      const link = await sm!.link();
      expect((await link.packet()).name).to.equal('iq');
      clock.advance(10_000);
      expect(await code).to.equal(1);
      expect(printed.at(-1)).to.match(/^localhost: +no answer: .*--dialect/);
    });
  });

  it('must be told where the session manager is, and its secret', () => {
    const nowhere = call(['probe', '--secret', 'x'], { cwd });
    expect(nowhere.code).to.equal(2);
    expect(nowhere.stderr).to.contain('--sm HOST:PORT');
    const closed = call(['probe', '--sm', '127.0.0.1:1'], { cwd });
    expect(closed.code).to.equal(2);
    expect(closed.stderr).to.contain('secret');
  });

  for (const dialect of ['sto-sfrom', 'route']) {
    it(`finds what sm-component session-manager --dialect ${dialect} speaks, and logs in`, async () => {
      const data = path.join(cwd, 'data');
      const add = ['users', 'add', 'juliet@foo.com', '--data', data, '--domain', 'foo.com', '--create'];
      const added = call(add, { cwd, input: 'secret\n' });
      expect(added.code, added.stderr).to.equal(0);
      const peer = new Program(
        [
          ...['session-manager', '--dialect', dialect, '--listen', '0', '--secret', SECRET],
          ...['--domain', 'foo.com', '--data', data],
        ],
        { cwd },
      );
      running.push(peer);
      const [, port] = await peer.says(/connects to 127\.0\.0\.1:(\d+)/);
      for (const asked of ['auto', dialect]) {
        const outcome = await probe(
          Number(port),
          ...['--dialect', asked, '--domain', 'foo.com', '--user', 'juliet', '--password', 'secret'],
        );
        expect(outcome.code, outcome.stdout + outcome.stderr).to.equal(0);
        const words = said(outcome);
        expect(words['dialect']).to.match(new RegExp(`^${dialect}`));
        expect(words['foo.com']).to.match(/^served/);
        expect(words['login']).to.equal('works as juliet@foo.com');
        expect(words['version']).to.match(/sm-component/);
      }
      const elsewhere = await probe(Number(port), '--domain', 'elsewhere.example');
      expect(elsewhere.code).to.equal(1);
      expect(said(elsewhere)['elsewhere.example']).to.match(/^not served/);
    });
  }
});
