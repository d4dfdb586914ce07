import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { makeSelfSigned } from '../../lib/net/self-signed.js';
import { tlsFile } from '../support/tls-files.js';
import { call, Program } from './program.js';

describe('cli: TLS', function () {
  this.timeout(30_000);
  let cwd: string;
  let running: Program[];
  let sockets: TLSSocket[];

  const start = (...args: string[]): Program => {
    const program = new Program(args, { cwd });
    running.push(program);
    return program;
  };
  const file = (name: string): string => path.join(cwd, name);

  beforeEach(() => {
    cwd = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    [running, sockets] = [[], []];
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(running.map((program) => program.discard()));
    rmSync(cwd, { recursive: true });
  });

  describe('certificate', () => {
    it('writes a certificate and its key for all domains, which only the owner can read, and says how to use it', () => {
      const { code, stdout } = call(['certificate', 'foo.com', 'bücher.example', '--days', '30'], { cwd });
      expect(code).to.equal(0);
      expect(stdout).to.contain('bin/sm-component --tls-cert foo.com.pem --domain foo.com');
      expect(statSync(file('foo.com.pem')).mode & 0o777).to.equal(0o600);
      const pem = readFileSync(file('foo.com.pem'), 'utf8');
      const certificate = new X509Certificate(pem);
      expect(certificate.subjectAltName).to.equal('DNS:foo.com, DNS:xn--bcher-kva.example');
      expect(certificate.verify(certificate.publicKey)).to.equal(true);
      expect(Math.round((Date.parse(certificate.validTo) - Date.now()) / 86_400_000)).to.equal(30);
      const check = call(['check-config', '--tls-cert', 'foo.com.pem', '--domain', 'foo.com'], { cwd });
      expect(check.code).to.equal(0);
      expect(check.stdout).to.match(
        /^\(certificate\) +foo\.com, xn--bcher-kva\.example +until \d{4}-\d\d-\d\d; /m,
      );
      expect(check.stderr).to.equal('');
    });

    it('replaces no file, and wants a domain', () => {
      writeFileSync(file('foo.com.pem'), 'the key of a real certificate');
      const there = call(['certificate', 'foo.com'], { cwd });
      expect([there.code, there.stderr]).to.deep.equal([
        1,
        `sm-component: ${file('foo.com.pem')} is there already: name another file with --out\n`,
      ]);
      expect(readFileSync(file('foo.com.pem'), 'utf8')).to.equal('the key of a real certificate');
      expect(call(['certificate', 'foo.com', '--out', 'other.pem'], { cwd }).code).to.equal(0);
      expect(call(['certificate'], { cwd })).to.include({ code: 2 });
    });
  });

  describe('check-config', () => {
    const refused = (...args: string[]): string => {
      const { code, stderr } = call(['check-config', ...args], { cwd });
      expect(code).to.equal(2);
      return stderr;
    };

    it('reads the certificates, and names what cannot be used', () => {
      expect(refused('--tls-cert', 'none.pem')).to.match(
        /--tls-cert .*none\.pem: the file cannot be read: ENOENT/,
      );
      expect(refused('--tls-cert', tlsFile('server-rsa'), '--tls-client-ca', 'none.pem')).to.match(
        /--tls-client-ca .*none\.pem: the file cannot be read/,
      );
    });

    it('warns of domains that no certificate is for, and of a certificate that ends soon', async () => {
      writeFileSync(file('a.pem'), await makeSelfSigned(['foo.com'], 3.5));
      const args = [
        '--tls-cert',
        'a.pem',
        '--domain',
        'foo.com',
        '--domain',
        'bar.com',
        '--alias',
        'old.com=foo.com',
      ];
      const { code, stderr } = call(['check-config', ...args], { cwd });
      expect(code).to.equal(0);
      expect(stderr).to.match(
        /^sm-component: the certificate for foo\.com \(.*a\.pem\) ends on .*, in 3 days$/m,
      );
      expect(stderr).to.match(/^sm-component: no certificate is for bar\.com, old\.com: /m);
    });

    for (const args of [
      ['--tls', 'required'],
      ['--listen-tls', '0'],
      ['--tls-key', 'a'],
      ['--tls-ciphers', 'A'],
    ]) {
      it(`says that ${args.join(' ')} needs a certificate, and how to get one`, () => {
        const message = refused(...args);
        expect(message).to.contain(`argument ${args[0]}: that needs a certificate: give --tls-cert FILE; `);
        expect(message).to.contain('"sm-component certificate DOMAIN" makes one for trying');
      });
    }

    it('refuses one address for both kinds of listener', () => {
      const args = [
        '--tls-cert',
        tlsFile('server-rsa'),
        '--listen',
        '0.0.0.0:5223',
        '--listen-tls',
        '0.0.0.0:5223',
      ];
      expect(refused(...args)).to.contain('0.0.0.0:5223 is given twice; give one of them');
    });

    it('takes registration for open to everybody also where only TLS is listened on from everywhere', () => {
      const args = ['check-config', '--tls-cert', tlsFile('server-rsa'), '--listen-tls', '0.0.0.0:5223'];
      expect(call(args, { cwd }).stdout).to.match(/^registration +off +default$/m);
    });
  });

  describe('run', () => {
    it('without a certificate says that nothing is encrypted, and how to get one', async () => {
      const program = start('--listen', '0');
      await program.says(/Stop:/);
      expect(program.stdout).to.match(/connect to 127\.0\.0\.1:\d+, domain localhost, without encryption$/m);
      expect(program.stdout).to.match(
        /^ {2}TLS: +off; make a certificate for trying: bin\/sm-component certificate localhost/m,
      );
    });

    it('with one says where clients are encrypted, and how', async () => {
      const program = start(
        ...['--listen', '127.0.0.1:0', '--listen', '0.0.0.0:0', '--listen-tls', '0'],
        ...['--tls-cert', tlsFile('server-rsa'), '--domain', 'localhost'],
      );
      await program.says(/Stop:/);
      expect(program.stdout).to.match(
        /connect to 127\.0\.0\.1:\d+ \(STARTTLS\) and 0\.0\.0\.0:\d+ \(STARTTLS required\) and 127\.0\.0\.1:\d+ \(TLS\), domain localhost$/m,
      );
      expect(program.stdout).not.to.contain('TLS:  ');
    });

    it('does not start with a certificate that it cannot use', () => {
      const { code, stderr } = call(['--listen', '0', '--tls-cert', 'none.pem'], { cwd });
      expect(code).to.equal(2);
      expect(stderr).to.match(/--tls-cert .*none\.pem: the file cannot be read/);
    });

    it('reads certificates again at SIGHUP, keeps the connections, and keeps the old ones where the new are broken', async () => {
      copyFileSync(tlsFile('server-rsa'), file('a.pem'));
      const program = start('--listen-tls', '0', '--listen', '127.0.0.1:0', '--tls-cert', 'a.pem');
      const [, port] = await program.says(/127\.0\.0\.1:(\d+) \(TLS\)/);
      const shown = async (): Promise<[TLSSocket, unknown]> => {
        const socket = connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false });
        sockets.push(socket);
        await once(socket, 'secureConnect');
        return [socket, socket.getPeerCertificate().subject.CN];
      };
      const [first, before] = await shown();
      expect(before).to.equal('localhost');
      copyFileSync(tlsFile('server-other'), file('a.pem'));
      program.signal('SIGHUP');
      await program.says(/ info certificate read file=\S+a\.pem hosts=other\.example/, 'stderr');
      await program.says(
        / info SIGHUP: reading the certificates again; the rest of the configuration is read only at the start$/m,
        'stderr',
      );
      await program.says(/ warn no certificate is for localhost: /, 'stderr');
      expect((await shown())[1]).to.equal('other.example');
      writeFileSync(file('a.pem'), 'broken');
      program.signal('SIGHUP');
      await program.says(
        / error the certificates are not read again, those in force stay error="--tls-cert /,
        'stderr',
      );
      expect((await shown())[1]).to.equal('other.example');
      expect(first.destroyed).to.equal(false);
    });
  });
});
