import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { ScriptedSessionManager, SECRET } from '../support/scripted-session-manager.js';
import { call, Program } from './program.js';

const DESCRIPTORS = 128;
const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>";

/** A client, and what it was told so far. */
interface Guest {
  readonly socket: Socket;
  heard: string;
}

describe('nearly out of file descriptors', function () {
  this.timeout(30_000);
  let cwd: string;
  let running: Program[];
  let guests: Guest[];

  before(function () {
    if (existsSync('/proc/self/limits')) return;
    console.log('      skipped: how many descriptors there are is known on Linux only');
    this.skip();
  });
  beforeEach(() => {
    cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    [running, guests] = [[], []];
  });
  afterEach(async () => {
    for (const { socket } of guests) socket.destroy();
    await Promise.all(running.map((program) => program.discard()));
    rmSync(cwd, { recursive: true });
  });

  const start = async (...args: string[]): Promise<{ program: Program; port: number }> => {
    const program = new Program([...args, '--listen', '0'], { cwd, descriptors: DESCRIPTORS });
    running.push(program);
    const [, port] = await program.says(/connect to 127\.0\.0\.1:(\d+)/);
    return { program, port: Number(port) };
  };

  /** Connects, and resolves when it has been answered or closed. */
  const come = async (port: number): Promise<Guest> => {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8');
    const guest = { socket, heard: '' };
    guests.push(guest);
    socket.on('error', () => undefined);
    socket.on('data', (text: string) => (guest.heard += text));
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write(HEADER);
    const answered = new Promise<void>((resolve) => {
      socket.on('data', () => (guest.heard.includes('<stream:features>') ? resolve() : undefined));
    });
    await Promise.race([answered, closed]);
    return guest;
  };

  const isIn = ({ heard }: Guest): boolean => heard.includes('<stream:features>');

  it('those who come are refused with a reason, those who are in are served, and the log says so once', async () => {
    const { program, port } = await start();
    const before: Guest[] = [];
    for (let count = 0; count < 150; count += 1) before.push(await come(port));
    const inside = before.filter(isIn);
    expect(inside.length).to.be.within(5, DESCRIPTORS - 32);
    for (const { heard } of before.slice(inside.length)) {
      expect(heard).to.match(
        /^<\?xml [^>]*\?><stream:stream [^>]*from='localhost'[^>]*><stream:error><resource-constraint /,
      );
      expect(heard).to.match(/<\/stream:stream>$/);
    }
    const lines = program.stderr.match(/^.* warn connections are refused .*$/gm);
    expect(lines).to.have.lengthOf(1);
    expect(lines![0]).to.contain(`nearly all ${DESCRIPTORS} file descriptors are in use; raise LimitNOFILE`);

    const sessions = call(['sessions', '--format', 'json'], { cwd });
    expect(JSON.parse(sessions.stdout)).to.have.lengthOf(inside.length);
    inside[0].socket.write(
      "<iq type='get' id='1' to='localhost'><query xmlns='jabber:iq:auth'><username>a</username></query></iq>",
    );
    await once(inside[0].socket, 'data');
    expect(inside[0].heard).to.contain("id='1'");

    const left = once(inside[1].socket, 'close');
    inside[1].socket.end('</stream:stream>');
    await left;
    await program.says(/client gone/, 'stderr');
    expect(isIn(await come(port)), 'there is room again').to.equal(true);
  });

  it('a flood of those who are refused leaves what is kept for others alone', async () => {
    const { program, port } = await start();
    for (let count = 0; count < 10; count += 1)
      await Promise.all(Array.from({ length: 50 }, () => come(port)));
    expect(guests.filter(isIn).length).to.be.within(5, DESCRIPTORS - 32);
    expect(call(['sessions'], { cwd }).code).to.equal(0);
    for (const { socket } of guests) socket.destroy();
    program.signal('SIGTERM');
    expect(await program.exit).to.equal(0);
  });

  it('too few to load the program are told in a sentence', async () => {
    const program = new Program(['--listen', '0'], { cwd, descriptors: 40 });
    running.push(program);
    expect(await program.exit).to.equal(1);
    expect(program.stderr).to.match(
      /^sm-component needs more file descriptors; raise "ulimit -n" \(EMFILE: .*\)\n$/,
    );
  });

  it('the link that is lost comes back', async () => {
    const sm = await ScriptedSessionManager.listen();
    try {
      const [first, { port }] = await Promise.all([
        sm.link(),
        start('--sm', `127.0.0.1:${sm.port}`, '--secret', SECRET, '--domain', 'localhost'),
      ]);
      for (let count = 0; count < 150; count += 1) await come(port);
      first.socket.destroy();
      await sm.link();
      expect(sm.connects).to.equal(2);
    } finally {
      await sm.close();
    }
  });
});
