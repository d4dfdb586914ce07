import { expect } from 'chai';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { ask, NoInstanceError } from '../../lib/control/client.js';
import { ControlServer, type ControlRequest } from '../../lib/control/server.js';
import { silent } from '../../lib/observe/log.js';

describe('control: the socket in the data directory', () => {
  let directory: string;
  let file: string;
  let items: object[];
  let servers: ControlServer[];
  let sockets: Socket[];
  const server = (where = directory): ControlServer => {
    const made = new ControlServer(where, { sessions: () => items }, silent);
    servers.push(made);
    return made;
  };
  const failure = (promise: Promise<unknown>): Promise<Error> =>
    promise.then(
      () => new Error('no failure'),
      (error: Error) => error,
    );
  /** Sends text, and reads until the other side closes. */
  async function say(text: string): Promise<string> {
    const socket = connect({ path: file });
    sockets.push(socket);
    socket.on('error', () => undefined);
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.write(text);
    await new Promise((resolve) => socket.once('close', resolve)); // after an error, too
    return heard;
  }
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    file = path.join(directory, 'control.sock');
    [items, servers, sockets] = [[{ a: 1 }, { b: 'ü\n' }], [], []];
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    for (const one of servers) one.close();
    rmSync(directory, { recursive: true });
  });

  it('answers a request with a list, an item a line', async () => {
    expect(await server().open()).to.equal('open');
    expect(await ask(directory, { command: 'sessions' })).to.deep.equal(items);
    expect(await say('{"command":"sessions"}\n')).to.equal('[\n{"a":1},\n{"b":"ü\\n"}\n]\n');
  });

  it('says of whom a request is, and what went wrong with it', async () => {
    const asked: unknown[] = [];
    const remove = (request: ControlRequest): object[] => {
      asked.push(request.account);
      if (request.account === undefined) throw new Error('nobody is named');
      return [{ removed: true }];
    };
    const made = new ControlServer(directory, { remove }, silent);
    servers.push(made);
    await made.open();
    expect(await ask(directory, { command: 'remove', account: 'a@b' })).to.deep.equal([{ removed: true }]);
    expect((await failure(ask(directory, { command: 'remove', account: 1 }))).message).to.equal(
      'the running sm-component says: nobody is named',
    );
    expect(asked).to.deep.equal(['a@b', undefined]);
  });

  it('knows a name that is not all ASCII, wherever it is cut', async () => {
    const made = new ControlServer(directory, { echo: ({ account }) => [{ account }] }, silent);
    servers.push(made);
    await made.open();
    const account = 'zoë😀@münchen.test';
    expect(await ask(directory, { command: 'echo', account })).to.deep.equal([{ account }]);
    const socket = connect({ path: file });
    sockets.push(socket);
    const heard = once(socket, 'data');
    for (const byte of Buffer.from(`${JSON.stringify({ command: 'echo', account })}\n`)) {
      await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
    }
    expect(String((await heard)[0])).to.contain(account);
  });

  it('is for its owner alone', async () => {
    await server().open();
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  it('makes the directory where it is missing', async () => {
    const nested = path.join(directory, 'a', 'b');
    expect(await server(nested).open()).to.equal('open');
    expect(await ask(nested, { command: 'sessions' })).to.deep.equal(items);
  });

  it('gives lists that are long and empty', async () => {
    await server().open();
    items = [];
    expect(await ask(directory, { command: 'sessions' })).to.deep.equal([]);
    items = Array.from({ length: 50_000 }, (_none, at) => ({ at }));
    expect(await ask(directory, { command: 'sessions' })).to.deep.equal(items);
  });

  for (const request of [
    '',
    'x',
    'null',
    '1',
    '[]',
    '{}',
    '{"command":1}',
    '{"command":"constructor"}',
    '\0',
  ]) {
    it(`says what a request is to ${JSON.stringify(request)}`, async () => {
      await server().open();
      expect(JSON.parse(await say(`${request}\n`))).to.deep.equal({
        error: 'a request is one line of JSON, {"command": "…"} with one of: sessions',
      });
      expect(await ask(directory, { command: 'sessions' })).to.deep.equal(items);
    });
  }

  it('says so also where the line does not end, and takes no more of it', async () => {
    await server().open();
    expect(await say('x'.repeat(10_000))).to.match(/^\{"error":/);
  });

  it('tells who asks what is wrong', async () => {
    await server().open();
    const error = await failure(ask(directory, { command: 'stop' }));
    expect(error.message).to.match(/^the running sm-component says: a request is one line/);
  });

  it('lives on when one leaves in the middle of an answer, or asks for two things', async () => {
    await server().open();
    items = Array.from({ length: 20_000 }, () => ({ text: 'x'.repeat(1000) }));
    const socket = connect({ path: file });
    sockets.push(socket);
    socket.write('{"command":"sessions"}\n{"command":"sessions"}\n');
    await once(socket, 'data');
    socket.destroy();
    expect(await ask(directory, { command: 'sessions' })).to.have.length(20_000);
  });

  it('takes so many connections, and goes on when some have left', async () => {
    await server().open();
    const idle = Array.from({ length: 16 }, () => connect({ path: file }));
    sockets.push(...idle);
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    expect(await say('{"command":"sessions"}\n')).to.equal('');
    const left = once(idle[0], 'close');
    idle[0].end('\n').resume();
    await left;
    expect(await ask(directory, { command: 'sessions' })).to.deep.equal(items);
  });

  it('is gone when it is closed, with those who were connected', async () => {
    const first = server();
    await first.open();
    const socket = connect({ path: file });
    sockets.push(socket);
    await once(socket, 'connect');
    first.close();
    await once(socket, 'close');
    expect(existsSync(file)).to.equal(false);
    expect(await failure(ask(directory, { command: 'sessions' }))).to.be.instanceOf(NoInstanceError);
  });

  it('is not taken from one that listens', async () => {
    await server().open();
    expect(await server().open()).to.equal('occupied');
    expect(await ask(directory, { command: 'sessions' })).to.deep.equal(items);
  });

  it('replaces what a dead process has left', async () => {
    const script = `require('node:net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
    try {
      execFileSync(process.execPath, ['-e', script], { stdio: 'pipe' });
    } catch (error) {
      if ((error as { signal?: string }).signal !== 'SIGKILL') throw error;
    }
    expect(existsSync(file)).to.equal(true);
    expect(await failure(ask(directory, { command: 'sessions' }))).to.be.instanceOf(NoInstanceError);
    expect(await server().open()).to.equal('open');
    expect(await ask(directory, { command: 'sessions' })).to.deep.equal(items);
  });

  it('leaves a file alone that is no socket, and says so', async () => {
    writeFileSync(file, 'mine');
    expect(await server().open()).to.deep.equal({
      warning: `no control socket: ${file} exists, but is not a socket`,
    });
    expect(await failure(ask(directory, { command: 'sessions' }))).to.be.instanceOf(NoInstanceError);
  });

  it('says when its path is too long, on both sides, instead of being cut', async () => {
    const deep = path.join(directory, 'x'.repeat(100));
    mkdirSync(deep);
    const opened = await server(deep).open();
    expect(opened)
      .to.have.property('warning')
      .that.matches(/^the path of the control socket has \d+ bytes, but the system allows only \d+/);
    expect((await failure(ask(deep, { command: 'sessions' }))).message).to.match(/choose a shorter --data/);
    const just = path.join(directory, 'y'.repeat(107 - directory.length - '//control.sock'.length));
    expect(await server(just).open()).to.equal('open');
  });

  it('says why it can not be, and nothing worse happens', async () => {
    writeFileSync(path.join(directory, 'plain'), '');
    expect(await server(path.join(directory, 'plain')).open())
      .to.have.property('warning')
      .that.matches(/^no control socket: /);
  });

  it('an answer that is cut is none', async () => {
    const cutting = createServer((socket) => socket.end('[\n{"a":1},')).listen(file);
    await once(cutting, 'listening');
    const error = await failure(ask(directory, { command: 'sessions' }));
    cutting.close();
    expect(error.message).to.contain('is incomplete');
  });
});
