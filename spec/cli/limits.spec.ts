import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { call, Program } from './program.js';

const TOO_MANY =
  /--max-clients is 900, and this process may have 128 file descriptors, enough for 96 clients at most: raise LimitNOFILE/;

describe('limits, in the program', function () {
  this.timeout(30_000);
  let cwd: string;
  let program: Program | undefined;

  beforeEach(() => {
    cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    program = undefined;
  });
  afterEach(async () => {
    await program?.discard();
    rmSync(cwd, { recursive: true });
  });

  it('--max-clients over what there are descriptors for is warned of at the start', async function () {
    if (!existsSync('/proc/self/limits')) this.skip();
    program = new Program(['--listen', '0', '--max-clients', '900'], { cwd, descriptors: 128 });
    await program.says(/connect to 127\.0\.0\.1/);
    expect(program.stderr).to.match(TOO_MANY);
  });

  it('--max-clients that there are descriptors for is not', () => {
    const { code, stderr } = call(['check-config', '--max-clients', '10'], { cwd });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  });

  it('check-config warns of it as well', () => {
    const { code, stderr } = call(['check-config', '--max-clients', '1000000'], { cwd });
    expect(code).to.equal(0);
    expect(stderr).to.match(
      /^sm-component: --max-clients is 1000000, and this process may have \d+ file descriptors/,
    );
  });

  const HEADER = `<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='foo-sockets'>`;
  const WRONG: Record<string, [said: string, reason: string]> = {
    'a wrong secret': [`${HEADER}<handshake>00</handshake>`, '"wrong secret"'],
    'a packet before the handshake': [`${HEADER}<message/>`, '"packet before handshake"'],
    'another namespace': [HEADER.replace('component:accept', 'client'), '"wrong namespace"'],
  };
  for (const [what, [said, reason]] of Object.entries(WRONG)) {
    it(`session-manager logs the address of a component with ${what}`, async () => {
      program = new Program(
        ['session-manager', '--dialect', 'route', '--secret', 's3cret', '--listen', '0'],
        { cwd },
      );
      const [, port] = await program.says(/connects to 127\.0\.0\.1:(\d+)/);
      const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress: '127.0.0.9' });
      socket.on('error', () => undefined);
      socket.resume().write(said);
      await once(socket, 'close');
      await program.says(
        new RegExp(`^\\S+ warn component handshake failed ip=127\\.0\\.0\\.9 reason=${reason}$`, 'm'),
        'stderr',
      );
    });
  }
});
