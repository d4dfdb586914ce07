import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { call, Program } from './program.js';

const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost'>";

describe('cli/run', function () {
  this.timeout(20_000);
  let cwd: string;
  let running: Program[];
  let sockets: Socket[];
  let servers: Server[];

  const start = (...args: string[]): Program => {
    const program = new Program(args, { cwd });
    running.push(program);
    return program;
  };

  const client = async (program: Program, allowHalfOpen = false): Promise<Socket> => {
    const [, port] = await program.says(/connect to 127\.0\.0\.1:(\d+)/);
    const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen }).setEncoding('utf8');
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write(HEADER);
    await once(socket, 'data');
    return socket;
  };

  const occupied = async (): Promise<number> => {
    const server = createServer().listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };

  const free = async (): Promise<number> => {
    const port = await occupied();
    const server = servers.pop()!.close();
    await once(server, 'close');
    return port;
  };

  beforeEach(() => {
    cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    [running, sockets, servers] = [[], [], []];
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
    await Promise.all(running.map((program) => program.discard()));
    rmSync(cwd, { recursive: true });
  });

  it('prints where to connect, how to make an account and where data is; its log goes to standard error', async () => {
    const program = start('--listen', '0', '--data', 'store');
    await program.says(/Stop:/);
    expect(program.stdout).to.match(/connect to 127\.0\.0\.1:\d+, domain localhost/);
    expect(program.stdout).to.contain('users add NAME@localhost --data');
    expect(program.stdout).to.contain('register from the client');
    expect(program.stdout).to.contain(path.join(cwd, 'store'));
    program.signal('SIGTERM');
    expect(await program.exit).to.equal(0);
    expect(program.stdout).not.to.match(/\d{4}-\d\d-\d\dT/);
    expect(program.stderr).to.match(/\d{4}-\d\d-\d\dT.* info /);
  });

  it('warns of options that are of no effect', async () => {
    const program = start('--listen', '0', '--credentials', 'embedded');
    await program.says(/Stop:/);
    expect(program.stderr).to.match(
      /^\S+ warn no effect without --dialect jabberd2: argument --credentials$/m,
    );
  });

  it('passes over the variables of a Kubernetes service of its name, and says so once', async () => {
    const env = {
      SM_COMPONENT_SERVICE_HOST: '10.96.0.17',
      SM_COMPONENT_PORT: 'tcp://10.96.0.17:5222',
      SM_COMPONENT_PORT_5222_TCP: 'tcp://10.96.0.17:5222',
    };
    for (const args of [[], ['session-manager', '--secret', 'x']]) {
      const program = new Program([...args, '--listen', '0'], { cwd, env });
      running.push(program);
      await program.says(/Stop:/);
      const said = program.stderr.match(
        /^.* info ignored, because Kubernetes sets these variables for a service: .*$/gm,
      );
      expect(said).to.have.lengthOf(1);
      expect(said![0]).to.contain(Object.keys(env).join(', '));
      program.signal('SIGTERM');
      expect(await program.exit).to.equal(0);
    }
  });

  describe('every address of IPv4 and of IPv6, on one port', () => {
    before(function () {
      const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
        all?.some((one) => one.family === 'IPv6'),
      );
      if (hasIPv6) return;
      console.log('      skipped: this machine has no IPv6');
      this.skip();
    });

    const greets = async (host: string, port: number): Promise<void> => {
      const socket = connect({ host, port }).setEncoding('utf8');
      sockets.push(socket);
      socket.write(HEADER);
      const [answer] = (await once(socket, 'data')) as [string];
      expect(answer).to.contain('<stream:stream');
    };

    for (const hosts of [
      ['0.0.0.0', '[::]'],
      ['[::]', '127.0.0.1'],
    ]) {
      it(`${hosts.join(' and ')} are listened on, each by its own listener`, async () => {
        const port = await free();
        const program = start(...hosts.flatMap((host) => ['--listen', `${host}:${port}`]));
        await program.says(/Stop:/);
        await greets('127.0.0.1', port);
        await greets('::1', port);
      });
    }

    it('[::] alone takes both', async () => {
      const port = await free();
      await start('--listen', `[::]:${port}`).says(/Stop:/);
      await greets('127.0.0.1', port);
      await greets('::1', port);
    });
  });

  it('does not offer to register where that is off', async () => {
    const program = start('--listen', '0', '--registration', 'off');
    await program.says(/Stop:/);
    expect(program.stdout).not.to.contain('register');
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    it(`${signal} tells clients system-shutdown, ends everything and exits with 0`, async () => {
      const program = start('--listen', '0');
      const socket = await client(program);
      let heard = '';
      socket.on('data', (text: string) => (heard += text));
      const before = Date.now();
      program.signal(signal);
      expect(await program.exit).to.equal(0);
      expect(Date.now() - before).to.be.below(5000);
      expect(heard).to.match(/<stream:error>.*<\/stream:error><\/stream:stream>$/);
    });
  }

  it('another signal while it stops ends it at once with 1', async () => {
    const program = start('--listen', '0');
    // a client that leaves its side open keeps the first signal waiting
    const socket = await client(program, true);
    program.signal('SIGTERM');
    await once(socket, 'data');
    program.signal('SIGINT');
    expect(await program.exit).to.equal(1);
  });

  it('a signal while it waits for the session manager stops it', async () => {
    const port = await occupied();
    const asked = once(servers[0], 'connection');
    const program = start('--sm', `127.0.0.1:${port}`, '--secret', 'x', '--listen', '0');
    const [link] = (await asked) as [Socket];
    sockets.push(link);
    program.signal('SIGTERM');
    expect(await program.exit).to.equal(0);
    expect(program.stdout).to.equal('');
  });

  it('a port that is taken is told in a sentence, with exit code 1', async () => {
    const port = await occupied();
    const { code, stdout, stderr } = call(['--listen', String(port)], { cwd });
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
    expect(stderr).to.contain(
      `sm-component: another program already listens on 127.0.0.1:${port}: ` +
        'stop it, or choose another port with --listen\n',
    );
  });

  it('an address that is not ours is told in a sentence, with exit code 1', () => {
    // 192.0.2.0/24 is for documentation, no machine has it [RFC5737 3]
    const { code, stderr } = call(['--listen', '192.0.2.1:5222'], { cwd });
    expect(code).to.equal(1);
    expect(stderr).to.contain('sm-component: this machine does not have the address of 192.0.2.1:5222: ');
  });

  describe('session-manager', () => {
    it('says who connects where, and serves a socket manager', async () => {
      const back = start('session-manager', '--listen', '0', '--secret', 'x', '--domain', 'foo.com');
      const [, address] = await back.says(/foo-sockets connects to (\S+)/);
      const front = start('--sm', address, '--secret', 'x', '--domain', 'foo.com', '--listen', '0');
      await front.says(/Stop:/);
      expect(front.stdout).to.contain(`Sessions: ${address} (sto-sfrom), our name is foo-sockets`);
      front.signal('SIGTERM');
      expect(await front.exit).to.equal(0);
      back.signal('SIGTERM');
      expect(await back.exit).to.equal(0);
    });

    it('serves the route dialect where it is told to', async () => {
      const back = start('session-manager', '--dialect', 'route', '--listen', '0', '--secret', 'x');
      const [, address] = await back.says(/foo-sockets connects to (\S+)/);
      await back.says(/Dialect: +route/);
      const front = start('--sm', address, '--secret', 'x', '--dialect', 'auto', '--listen', '0');
      await front.says(/Stop:/);
      expect(front.stderr).to.contain('the session manager speaks route: it answers in <route/>');
      front.signal('SIGTERM');
      expect(await front.exit).to.equal(0);
      back.signal('SIGTERM');
      expect(await back.exit).to.equal(0);
    });

    it('tells a port that is taken, with exit code 1', async () => {
      const port = await occupied();
      const { code, stderr } = call(['session-manager', '--secret', 'x', '--listen', String(port)], { cwd });
      expect(code).to.equal(1);
      expect(stderr).to.contain(`another program already listens on 127.0.0.1:${port}`);
    });
  });
});
