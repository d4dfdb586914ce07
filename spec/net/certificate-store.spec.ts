import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { CertificateStore } from '../../lib/net/certificate-store.js';
import { makeSelfSigned } from '../../lib/net/self-signed.js';
import type { TlsSettings } from '../../lib/net/tls-contexts.js';
import { RecordedLog } from '../support/log.js';
import { tlsFile, tlsText } from '../support/tls-files.js';
import { handshake } from '../support/tls-pair.js';

const LOOK_MS = 10;

describe('net/certificate-store', () => {
  let directory: string;
  let log: RecordedLog;
  let store: CertificateStore;

  const file = (name: string): string => path.join(directory, name);
  const settings = (...certificates: string[]): TlsSettings => ({
    certificates,
    keys: [],
    minVersion: 'TLSv1.2',
    ciphers: undefined,
    clientCa: undefined,
  });
  const open = (given: TlsSettings, hosts: string[] = []): CertificateStore => {
    store = new CertificateStore(given, hosts, log);
    return store;
  };
  /** The subject of the certificate that a client of that host is shown. */
  const shown = async (host: string): Promise<string> => {
    const { client } = await handshake(store.forHost(host), { servername: host });
    return new X509Certificate(client.getPeerCertificate().raw).subject;
  };

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    log = new RecordedLog();
  });
  afterEach(() => {
    store.stop();
    rmSync(directory, { recursive: true });
  });

  it('reads files that have changed by themselves, once they change no more', async () => {
    copyFileSync(tlsFile('server-rsa'), file('a.pem'));
    open(settings(file('a.pem'))).start(LOOK_MS);
    await new Promise((resolve) => setTimeout(resolve, 5 * LOOK_MS));
    expect(log.lines).to.deep.equal([]);
    expect(await shown('localhost')).to.equal('CN=localhost');
    copyFileSync(tlsFile('server-other'), file('a.pem'));
    const { details } = await log.line(/^certificate read$/);
    expect(details).to.deep.equal({
      file: file('a.pem'),
      hosts: 'other.example,*.rooms.localhost',
      ends: '2100-01-01',
    });
    expect(await shown('localhost')).to.equal('CN=other.example');
  });

  it('follows a link that is changed, as certbot and Kubernetes do', async () => {
    for (const [version, name] of [
      ['1', 'server-rsa'],
      ['2', 'server-other'],
    ]) {
      mkdirSync(file(version));
      copyFileSync(tlsFile(name), path.join(directory, version, 'a.pem'));
    }
    symlinkSync('1', file('live'));
    open(settings(path.join(directory, 'live', 'a.pem'))).start(LOOK_MS);
    await new Promise((resolve) => setTimeout(resolve, 5 * LOOK_MS));
    rmSync(file('live'));
    symlinkSync('2', file('live'));
    await log.line(/^certificate read$/);
    expect(await shown('localhost')).to.equal('CN=other.example');
  });

  it('keeps those in force where a new file is broken, says so once, and takes the next one that is not', async () => {
    copyFileSync(tlsFile('server-rsa'), file('a.pem'));
    open(settings(file('a.pem'))).start(LOOK_MS);
    await new Promise((resolve) => setTimeout(resolve, 5 * LOOK_MS));
    writeFileSync(file('a.pem'), tlsText('server-other').slice(0, 300));
    const { level, details } = await log.line(/^the certificates are not read again, those in force stay$/);
    expect(level).to.equal('error');
    expect(details['error']).to.match(/^--tls-cert .*a\.pem: there is no certificate in it/);
    expect(await shown('localhost')).to.equal('CN=localhost');
    rmSync(file('a.pem'));
    await log.line(/^the certificates are not read again/);
    copyFileSync(tlsFile('server-other'), file('a.pem'));
    await log.line(/^certificate read$/);
    expect(log.lines).to.deep.equal([]);
    expect(await shown('localhost')).to.equal('CN=other.example');
  });

  it('reads everything again when it is told to', async () => {
    copyFileSync(tlsFile('server-rsa'), file('a.pem'));
    open(settings(file('a.pem')));
    copyFileSync(tlsFile('server-other'), file('a.pem'));
    store.reload();
    expect(await shown('localhost')).to.equal('CN=other.example');
  });

  it('warns at the start of a certificate that ends soon, and of hosts that none is for', async () => {
    writeFileSync(file('a.pem'), await makeSelfSigned(['foo.com'], 13.5));
    open(settings(file('a.pem')), ['foo.com', 'bar.com']).start();
    expect(
      log.lines.map(({ level, message }) => [level, message.replace(/\d{4}-\d\d-\d\d/, 'DATE')]),
    ).to.deep.equal([
      ['warn', `the certificate for foo.com (${file('a.pem')}) ends on DATE, in 13 days`],
      [
        'warn',
        'no certificate is for bar.com: clients of that host are shown one that they refuse; give one more --tls-cert',
      ],
    ]);
  });
});
