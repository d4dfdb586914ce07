import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { authSet, Client } from '../support/client.js';
import { ScriptedSessionManager, SECRET } from '../support/scripted-session-manager.js';
import { call, Program } from './program.js';

describe('signals', function () {
  this.timeout(30_000);
  let cwd: string;
  let running: Program[];

  const start = (...args: string[]): Program => {
    const program = new Program(args, { cwd });
    running.push(program);
    return program;
  };

  beforeEach(() => {
    cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    running = [];
  });
  afterEach(async () => {
    await Promise.all(running.map((program) => program.discard()));
    rmSync(cwd, { recursive: true });
  });

  for (const args of [[], ['session-manager', '--secret', 'x']]) {
    const service = args[0] ?? 'run';

    it(`${service} goes on after SIGHUP, with a line in the log, and after SIGUSR1 and SIGUSR2 without one`, async () => {
      const program = start(...args, '--listen', '0');
      await program.says(/Stop:/);
      program.signal('SIGUSR1');
      program.signal('SIGUSR2');
      program.signal('SIGHUP');
      await program.says(/ info SIGHUP is ignored: the configuration is read only at the start$/m, 'stderr');
      program.signal('SIGHUP');
      await program.says(/SIGHUP is ignored[^]*SIGHUP is ignored/, 'stderr');
      program.signal('SIGQUIT');
      expect(await program.exit).to.equal(0);
      expect(program.stderr).not.to.contain('Debugger');
      expect(program.stderr).not.to.contain('USR');
    });
  }

  describe('before anybody could listen to them', () => {
    const MAIN = `
      export async function main() {
        const names = ['SIGUSR1', 'SIGUSR2', 'SIGHUP'];
        const here = names.map((name) => process.listenerCount(name));
        for (const name of names) process.kill(process.pid, name);
        await new Promise((resolve) => setImmediate(resolve));
        console.log(here.join());
        return 0;
      }`;

    for (const program of ['sm-component', 'start.js']) {
      it(`do not end bin/${program}, and open no debugger`, () => {
        cpSync('bin', path.join(cwd, 'bin'), { recursive: true });
        for (const folder of ['lib', 'node_modules', 'dist/lib/cli'])
          mkdirSync(path.join(cwd, folder), { recursive: true });
        for (const file of ['package-lock.json', 'node_modules/.package-lock.json'])
          writeFileSync(path.join(cwd, file), '{ "packages": {} }');
        for (const file of ['tsconfig.json', 'package.json'])
          writeFileSync(path.join(cwd, file), '{ "type": "module" }');
        writeFileSync(path.join(cwd, 'dist/lib/cli/main.js'), MAIN);
        const { status, signal, stdout, stderr } = spawnSync(process.execPath, [`bin/${program}`], {
          cwd,
          encoding: 'utf8',
        });
        expect({ status, signal, stdout, stderr }).to.deep.equal({
          status: 0,
          signal: null,
          stdout: '1,1,1\n',
          stderr: '',
        });
      });
    }
  });

  describe('to a command that somebody waits for', () => {
    for (const signal of ['SIGHUP', 'SIGQUIT'] as const) {
      it(`${signal} lets "scenario run" give its accounts back`, async () => {
        const server = start('--listen', '0', '--data', 'store');
        const [, port] = await server.says(/connect to 127\.0\.0\.1:(\d+)/);
        writeFileSync(
          path.join(cwd, 'a.scs'),
          '[Client] A\n\tjid: a@localhost\n\tpassword: b\n---\nA connects\n\nA receives:\n\t<message/>\n',
        );
        const scenario = start('scenario', 'run', 'a.scs', '--to', `127.0.0.1:${port}`, '--timeout', '2');
        await server.says(/ logged in /, 'stderr');
        scenario.signal(signal);
        await scenario.says(/stopping after this script/, 'stderr');
        expect(await scenario.exit).to.equal(1);
        expect(call(['users', 'list', '--data', 'store'], { cwd }).stdout).to.equal('(no accounts)\n');
      });

      it(`${signal} ends "scenario record" with what it has written`, async () => {
        call(['users', 'add', 'romeo@localhost', '--create', '--data', 'store'], { cwd, input: 'pass' });
        const server = start('--listen', '0', '--data', 'store');
        const [, port] = await server.says(/connect to 127\.0\.0\.1:(\d+)/);
        const recorder = start('scenario', 'record', 'a.scs', '--to', `127.0.0.1:${port}`);
        const [, ours] = await recorder.says(/Recording clients of 127\.0\.0\.1:(\d+)/);
        const client = await Client.connect(Number(ours));
        try {
          await client.open();
          client.send(authSet('romeo'));
          await client.expect(`<iq type='result' id='auth1'/>`);
          recorder.signal(signal);
          expect(await recorder.exit).to.equal(0);
        } finally {
          client.socket.destroy();
        }
        expect(readFileSync(path.join(cwd, 'a.scs'), 'utf8')).to.match(/^Romeo connects$/m);
      });
    }

    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      it(`${signal} lets "probe" end its session and its link`, async () => {
        const sm = await ScriptedSessionManager.listen();
        try {
          const probe = start('probe', '--sm', `127.0.0.1:${sm.port}`, '--secret', SECRET, '--domain', 'a.b');
          const link = await sm.link();
          await link.packet();
          probe.signal(signal);
          expect(await probe.exit).to.equal(1);
          expect(probe.stderr).to.equal(`sm-component: interrupted by ${signal}\n`);
          let last = await link.next();
          while (last.kind === 'stanza') last = await link.next();
          expect(last.kind).to.equal('closing tag');
        } finally {
          await sm.close();
        }
      });
    }
  });
});
