/** legacy-examples/haproxy with the real haproxy and stunnel, in front of the program. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { Program } from '../cli/program.js';
import { freePort } from '../support/free-port.js';
import { describeWith, HAPROXY, OPENSSL, STUNNEL } from './support/needs.js';
import { Running } from './support/running.js';

const HEADER = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>`;

/** Where each client comes from: all of them are addresses of this machine. */
const CLIENT = '127.0.0.7';

describeWith('proxies', [HAPROXY, STUNNEL, OPENSSL], 'interop: behind a proxy', () => {
  let directory: string;
  let program: Program;
  let port: number;
  let proxy: Running;
  let sockets: Socket[];

  beforeEach(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    sockets = [];
    program = new Program(['--listen', '0', '--proxy-from', '127.0.0.1'], { cwd: directory });
    const [, found] = await program.says(/connect to 127\.0\.0\.1:(\d+)/);
    port = Number(found);
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await proxy?.stop();
    await program.discard();
    rmSync(directory, { recursive: true });
  });

  /** A certificate and its key in one file, as both programs take them. */
  function certificate(): string {
    const [key, cert, both] = ['key.pem', 'cert.pem', 'both.pem'].map((name) => path.join(directory, name));
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-days', '1'].concat([
        ...['-keyout', key, '-out', cert],
      ]),
      { stdio: 'ignore' },
    );
    writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
    return both;
  }

  /** The example with ports and files of this run. */
  function example(name: string, replace: Record<string, string>): string {
    let text = readFileSync(path.resolve('legacy-examples/haproxy', name), 'utf8');
    for (const [from, to] of Object.entries({ '127.0.0.1:5322': `127.0.0.1:${port}`, ...replace })) {
      expect(text).to.contain(from);
      text = text.replaceAll(from, to);
    }
    const file = path.join(directory, name);
    writeFileSync(file, text);
    return file;
  }

  /** Opens a stream through the proxy. @returns the line of the log about its connection */
  async function come(at: number, isTls: boolean): Promise<string> {
    const plain = connect({ host: '127.0.0.1', port: at, localAddress: CLIENT });
    sockets.push(plain);
    await once(plain, 'connect');
    const socket = isTls
      ? connectTls({ socket: plain, rejectUnauthorized: false, ALPNProtocols: ['xmpp-client'] })
      : plain;
    socket.on('error', () => undefined);
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.write(HEADER);
    while (!heard.includes('</stream:features>')) await once(socket, 'data');
    const [line] = await program.says(new RegExp(`^.* client connected .*ip=${CLIENT}$`, 'm'), 'stderr');
    return line;
  }

  async function listens(at: number): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      const socket = connect(at, '127.0.0.1');
      const isThere = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (isThere) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`nothing listens on ${at}${proxy.tail()}`);
  }

  async function haproxy(replace: Record<string, string> = {}): Promise<{ plain: number; tls: number }> {
    const [plain, tls] = [await freePort(), await freePort()];
    const file = example('haproxy.cfg', {
      'bind :5222': `bind 127.0.0.1:${plain}`,
      'bind :5223': `bind 127.0.0.1:${tls}`,
      '/etc/haproxy/foo.com.pem': certificate(),
      'maxconn 10000': 'maxconn 100',
      ...replace,
    });
    proxy = new Running('haproxy', { file: 'haproxy', args: ['-db', '-f', file] });
    await listens(plain);
    return { plain, tls };
  }

  it('haproxy says the address of the client, without TLS (send-proxy-v2)', async () => {
    const { plain } = await haproxy();
    expect(await come(plain, false)).to.contain(`ip=${CLIENT}`);
  });

  it('haproxy says the address of the client, with TLS (send-proxy-v2-ssl)', async () => {
    const { tls } = await haproxy();
    expect(await come(tls, true)).to.contain(`ip=${CLIENT}`);
  });

  it('haproxy says the address of the client in version 1 (send-proxy)', async () => {
    const { plain } = await haproxy({ 'send-proxy-v2 check': 'send-proxy check' });
    expect(await come(plain, false)).to.contain(`ip=${CLIENT}`);
  });

  it('its health checks are no fault of anybody', async () => {
    const { plain } = await haproxy({ 'check-send-proxy': 'check-send-proxy inter 50ms' });
    await come(plain, false);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(program.stderr).to.not.contain('connection refused');
    expect(program.stderr).to.not.contain(' error ');
    expect(proxy.lines.filter((line) => line.includes('DOWN'))).to.deep.equal([]);
  });

  it('stunnel says the address of the client (protocol = proxy)', async () => {
    const at = await freePort();
    const file = example('stunnel.conf', {
      ':::5223': `127.0.0.1:${at}`,
      '/etc/stunnel/foo.com.pem': certificate(),
      'foreground = yes': 'foreground = yes\npid =',
    });
    proxy = new Running('stunnel', { file: 'stunnel', args: [file] });
    await listens(at);
    expect(await come(at, true)).to.contain(`ip=${CLIENT}`);
  });

  it('a client that goes round the proxy is not believed what it says', async () => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: CLIENT });
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write(`PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${HEADER}`);
    await once(socket.resume(), 'close');
    await program.says(/a PROXY header from an address that --proxy-from does not name/, 'stderr');
    expect(program.stderr).to.not.contain('192.0.2.1');
  });
});
