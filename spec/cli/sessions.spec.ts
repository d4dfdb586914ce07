import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import type { SessionRow } from '../../lib/control/sessions.js';
import { call, Program } from './program.js';

const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost'>";
const REGISTER =
  "<iq type='set' id='reg'><query xmlns='jabber:iq:register'><username>juliet</username><password>p</password></query></iq>";
const LOGIN =
  "<iq type='set' id='login'><query xmlns='jabber:iq:auth'><username>juliet</username><password>p</password>" +
  '<resource>Balcony</resource></query></iq>';

describe('cli/sessions', function () {
  this.timeout(20_000);
  let cwd: string;
  let running: Program[];
  let sockets: Socket[];
  const start = (...args: string[]): Program => {
    const program = new Program(args, { cwd });
    running.push(program);
    return program;
  };
  /** A client that has sent that much, and has the answer to the last of it. */
  async function client(program: Program, text: string, answer: RegExp): Promise<void> {
    const [, port] = await program.says(/connect to 127\.0\.0\.1:(\d+)/);
    const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
    sockets.push(socket);
    let heard = '';
    socket.write(text);
    while (!answer.test(heard)) heard += String((await once(socket, 'data'))[0]);
  }
  const list = (...args: string[]): SessionRow[] =>
    JSON.parse(call(['sessions', '--format', 'json', ...args], { cwd }).stdout) as SessionRow[];
  const enter = (program: Program): Promise<void> =>
    client(
      program,
      `${HEADER}${REGISTER}${LOGIN}<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>` +
        `<presence><show>away</show><priority>5</priority></presence>`,
      /<show>away/,
    );

  beforeEach(() => {
    cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    [running, sockets] = [[], []];
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(running.map((program) => program.discard()));
    rmSync(cwd, { recursive: true });
  });

  it('lists who is connected, and how', async () => {
    const program = start('--listen', '0');
    await program.says(/Stop:/);
    expect(call(['sessions'], { cwd }).stdout).to.equal('(nobody is connected)\n');
    expect(list()).to.deep.equal([]);
    await enter(program);
    await client(program, HEADER, /<stream:features>|id=/);
    const [juliet, other] = list();
    expect(juliet).to.include({
      ip: '127.0.0.1',
      state: 'available',
      type: 'c2s',
      full_jid: 'juliet@localhost/Balcony',
      priority: 5,
      show: 'away',
      interested: true,
      stanzas_in: 4,
      stanzas_out: 2,
    });
    expect(juliet.socket).to.match(/^\d+@foo-sockets\/[0-9a-f]+$/);
    expect(other).to.include({ state: 'unknown', type: 'c2s_unauthed', stanzas_in: 0 });
    const [headings, row] = call(['sessions'], { cwd }).stdout.split('\n');
    expect(headings).to.match(/^SOCKET ADDRESS +IP +USER +STATE +ROSTER +PRIORITY +SHOW +SINCE +IN +OUT$/);
    expect(row).to.match(/ 127\.0\.0\.1 +juliet@localhost\/Balcony +available +yes +5 +away +\S+Z +4 +2$/);
  });

  it('in front of another session manager, tells what is known there and here', async () => {
    const back = start(
      'session-manager',
      '--listen',
      '0',
      '--secret',
      'x',
      '--data',
      'back',
      '--registration',
      'on',
    );
    const [, address] = await back.says(/foo-sockets connects to (\S+)/);
    const front = start(
      '--sm',
      address,
      '--secret',
      'x',
      '--domain',
      'localhost',
      '--listen',
      '0',
      '--data',
      'front',
    );
    await enter(front);
    const [here] = list('--data', 'front');
    expect(here).to.include({
      state: 'authenticated',
      full_jid: 'juliet@localhost/Balcony',
      ip: '127.0.0.1',
    });
    expect(here).to.not.have.property('priority');
    const [there] = list('--data', 'back');
    expect(there).to.include({ state: 'available', priority: 5, socket: here.socket });
    expect(call(['sessions', '--data', 'front'], { cwd }).stdout).to.match(/ authenticated +- +- +- /);
  });

  it('says when nothing runs there, with exit code 1', () => {
    const { code, stdout, stderr } = call(['sessions'], { cwd });
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
    expect(stderr).to.equal(
      `sm-component: no sm-component runs on the data directory ${path.join(cwd, 'data')}: start it, or name another directory with --data\n`,
    );
  });

  it('knows two formats', () => {
    const { code, stderr } = call(['sessions', '--format', 'xml'], { cwd });
    expect(code).to.equal(2);
    expect(stderr).to.contain('argument --format: must be "table" or "json", not "xml"');
  });

  it('works again after a kill', async () => {
    const program = start('--listen', '0');
    await program.says(/Stop:/);
    await program.discard();
    expect(call(['sessions'], { cwd }).stderr).to.contain('no sm-component runs on');
    const again = start('--listen', '0');
    await again.says(/Stop:/);
    expect(list()).to.deep.equal([]);
  });

  it('one store has one sm-component: a second one says so, and leaves the first alone', async () => {
    const program = start('--listen', '0');
    await program.says(/Stop:/);
    const { code, stderr } = call(['--listen', '0'], { cwd });
    expect(code).to.equal(1);
    expect(stderr).to.match(
      /another sm-component \(process \d+\) runs on \S+\/data: stop it, or choose another/,
    );
    expect(list()).to.deep.equal([]);
  });

  it('socket managers without a store may share a directory: the second one goes without', async () => {
    const back = start('session-manager', '--listen', '0', '--secret', 'x', '--data', 'back');
    const [, address] = await back.says(/foo-sockets connects to (\S+)/);
    const front = ['--sm', address, '--secret', 'x', '--listen', '0'];
    await start(...front).says(/Stop:/);
    const second = start(...front, '--name', 'foo-sockets');
    await second.says(
      /no control socket: another sm-component has the control socket of this data directory/,
      'stderr',
    );
  });

  it('a socket manager that came first does not keep the session manager from its store', async () => {
    const front = start('--sm', '127.0.0.1:1', '--secret', 'x', '--listen', '0');
    await front.says(/no link to the session manager/, 'stderr');
    const back = start('session-manager', '--listen', '0', '--secret', 'x');
    await back.says(/Stop:/);
    expect(back.stderr).to.contain(
      'no control socket: another sm-component has the control socket of this data directory',
    );
  });
});
