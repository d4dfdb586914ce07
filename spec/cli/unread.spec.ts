import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';

const PROGRAM = path.resolve('bin/sm-component');
const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost'>";

/**
 * Fills the pipe that is its standard error to the brim, runs the program on the same pipe, tells what that prints on
 * standard output and how it ends, and passes signals on.
 */
const SUPERVISOR = `
  const { spawn } = require('node:child_process');
  process.stderr.write('x'.repeat(8_000_000));
  const child = spawn(process.execPath, process.argv.slice(2), { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.on('data', (text) => process.send({ text: text.toString() }));
  child.on('exit', (code) => process.send({ code }, () => process.exit()));
  process.on('message', (signal) => child.kill(signal));
`;

describe('a log that nobody reads', function () {
  this.timeout(60_000);
  let cwd: string;
  let child: ChildProcess;

  beforeEach(() => (cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'))));
  afterEach(async () => {
    child.kill('SIGKILL');
    child.stdout?.destroy();
    child.stderr?.destroy();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    rmSync(cwd, { recursive: true });
  });

  /** Each client costs two lines of the log. */
  const serves = async (port: number, clients: number): Promise<void> => {
    for (let count = 0; count < clients; count += 1) {
      const socket = connect(port, '127.0.0.1');
      socket.write(HEADER);
      await once(socket, 'data');
      socket.destroy();
    }
  };

  const supervise = (...args: string[]): void => {
    writeFileSync(path.join(cwd, 'supervisor.cjs'), SUPERVISOR);
    child = fork(path.join(cwd, 'supervisor.cjs'), [PROGRAM, ...args], {
      cwd,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
  };

  const told = async <Told>(): Promise<Told> => ((await once(child, 'message')) as [Told])[0];

  it('keeps no client waiting, and the service still stops in good order', async () => {
    supervise('--listen', '0');
    let greeting = '';
    while (!greeting.includes('Stop:')) greeting += (await told<{ text: string }>()).text;
    await serves(Number(/127\.0\.0\.1:(\d+)/.exec(greeting)![1]), 100);
    child.send('SIGTERM');
    expect(await told<{ code: number }>()).to.deep.equal({ code: 0 });
  });

  it('does not keep a service that could not start', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    supervise('--listen', String((server.address() as AddressInfo).port));
    expect(await told<{ code: number }>()).to.deep.equal({ code: 1 });
    server.close();
  });

  /** Runs the program in a terminal. @returns where it listens; undefined where there are no terminals */
  async function inTerminal(): Promise<number | undefined> {
    const terminal = spawnSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' });
    if (terminal.status !== 0) {
      console.log('      skipped: the terminal is made by script(1) of util-linux, which is not here');
      return undefined;
    }
    const command = `exec '${process.execPath}' '${PROGRAM}' --listen 0`;
    child = spawn('script', ['-qefc', command, '/dev/null'], { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
    let shown = '';
    while (!shown.includes('Stop:')) shown += ((await once(child.stdout!, 'data')) as [Buffer])[0].toString();
    child.stdout!.removeAllListeners('data').pause();
    return Number(/127\.0\.0\.1:(\d+)/.exec(shown)![1]);
  }

  /** Closes the terminal, which ends what runs in it. */
  async function closeTerminal(port: number): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    const said: Buffer[] = [];
    socket.on('data', (bytes: Buffer) => void said.push(bytes));
    socket.write(
      `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`,
    );
    await once(socket, 'data');
    child.kill('SIGKILL');
    await once(socket, 'close');
    expect(Buffer.concat(said).toString()).to.contain('<system-shutdown ');
  }

  it('keeps no client waiting on a terminal that was stopped with Ctrl-S', async function () {
    const port = await inTerminal();
    if (port === undefined) return this.skip();
    await serves(port, 2000);
    await closeTerminal(port);
  });

  it('ends in good order when its terminal is closed', async function () {
    const port = await inTerminal();
    if (port === undefined) return this.skip();
    await closeTerminal(port);
  });
});
