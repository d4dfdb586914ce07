import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { ConfigError } from '../../lib/config/error.js';
import {
  alternativeNames,
  fitOf,
  hostNames,
  readAuthorities,
  readCertificates,
  warningOf,
  type ServerCertificate,
} from '../../lib/net/certificates.js';
import { makeSelfSigned } from '../../lib/net/self-signed.js';
import { tlsFile, tlsText } from '../support/tls-files.js';

describe('net/certificates', () => {
  let directory: string;

  const file = (name: string, content: string): string => {
    const whole = path.join(directory, name);
    writeFileSync(whole, content);
    return whole;
  };
  const refusal = (call: () => unknown): string => {
    try {
      call();
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    throw new Error('nothing was refused');
  };
  const key = tlsText('server-ec-key');
  const certificate = (name: string): X509Certificate => new X509Certificate(tlsText(name));

  beforeEach(() => (directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  describe('readCertificates', () => {
    it('takes a certificate and its key from one file', () => {
      const [found] = readCertificates([tlsFile('server-rsa')], []);
      expect(found.leaf.subject).to.equal('CN=localhost');
      expect(found.key).to.contain('PRIVATE KEY');
      expect(found.chain).not.to.contain('PRIVATE KEY');
    });

    it('finds out which key belongs to which certificate, in whatever order they are given', () => {
      const ec = file('ec.key', key);
      const files = [tlsFile('server-other'), tlsFile('server-ec'), tlsFile('server-rsa')];
      const found = readCertificates(files, [tlsFile('server-room'), ec]);
      expect(found.map(({ leaf }) => hostNames(leaf)[0])).to.deep.equal([
        'other.example',
        'localhost',
        'localhost',
      ]);
      expect(found[1].key).to.equal(key.trim());
    });

    it('shows the own certificate first, and then those of the authorities, also where the file has another order', () => {
      const chain = tlsText('server-ca') + tlsText('server-ec');
      const [found] = readCertificates([file('chain.pem', chain)], [tlsFile('server-ec-key')]);
      expect(found.leaf.subject).to.equal('CN=localhost');
      expect(found.chain.match(/BEGIN/g)).to.have.lengthOf(2);
      expect(new X509Certificate(found.chain).subject).to.equal('CN=localhost');
    });

    it('says which file cannot be used, and why', () => {
      const missing = path.join(directory, 'missing.pem');
      expect(refusal(() => readCertificates([missing], []))).to.match(
        /^--tls-cert .*missing\.pem: the file cannot be read: ENOENT/,
      );
      expect(refusal(() => readCertificates([file('a.pem', 'hello')], []))).to.match(
        /^--tls-cert .*a\.pem: there is no certificate in it \("BEGIN CERTIFICATE"\)$/,
      );
      expect(refusal(() => readCertificates([tlsFile('server-rsa')], [file('b.pem', '')]))).to.match(
        /^--tls-key .*b\.pem: there is no private key in it/,
      );
      expect(refusal(() => readCertificates([tlsFile('server-ec')], [tlsFile('server-rsa')]))).to.match(
        /^--tls-cert .*server-ec\.pem: the private key of this certificate is neither in that file nor in one of --tls-key$/,
      );
      const cut = tlsText('server-ec').replace(/\n.*\n/, '\n');
      expect(refusal(() => readCertificates([file('c.pem', cut)], []))).to.match(
        /^--tls-cert .*c\.pem: a certificate in it cannot be read: /,
      );
    });

    it('says what to do about a key with a passphrase', () => {
      const locked = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n';
      expect(refusal(() => readCertificates([tlsFile('server-ec')], [file('locked.key', locked)]))).to.match(
        /locked\.key: its private key needs a passphrase; remove it: openssl pkey -in /,
      );
    });
  });

  it('reads authorities, and refuses a file without any', () => {
    expect(readAuthorities(tlsFile('client-ca'))).to.contain('BEGIN CERTIFICATE');
    expect(refusal(() => readAuthorities(tlsFile('server-ec-key')))).to.match(
      /^--tls-client-ca .*: there is no certificate in it/,
    );
  });

  it('reads all names, also XMPP addresses, with commas, quotes and letters of any kind', () => {
    expect(alternativeNames(certificate('client-two'))).to.deep.equal([
      { type: 'XmppAddr', value: 'alice@localhost' },
      { type: 'XmppAddr', value: "d,'x@localhost" },
      { type: 'email', value: 'a@b.example' },
      { type: 'XmppAddr', value: 'jürgen@localhost' },
    ]);
    expect(hostNames(certificate('server-other'))).to.deep.equal(['other.example', '*.rooms.localhost']);
    expect(hostNames(certificate('client-alice'))).to.deep.equal(['alice']);
  });

  it('tells an own name from a wildcard, and takes both spellings of an internationalized one', async () => {
    const other = certificate('server-other');
    expect(fitOf(other, 'OTHER.example')).to.equal('name');
    expect(fitOf(other, 'a.rooms.localhost')).to.equal('wildcard');
    for (const host of ['a.b.rooms.localhost', 'rooms.localhost', 'localhost', '', '\0'])
      expect(fitOf(other, host), host).to.equal(undefined);
    const own = new X509Certificate(await makeSelfSigned(['bücher.example'], 1));
    expect(fitOf(own, 'xn--bcher-kva.example')).to.equal('name');
    expect(fitOf(own, 'bücher.example')).to.equal('name');
  });

  describe('warningOf', () => {
    const DAY_MS = 86_400_000;
    let own: ServerCertificate;
    let end: number;

    before(async () => {
      const pem = await makeSelfSigned(['foo.com', 'bar.com'], 100);
      const leaf = new X509Certificate(pem);
      own = { file: 'foo.pem', leaf, chain: pem, key: pem };
      end = Date.parse(leaf.validTo);
    });

    it('says nothing of a certificate with 14 days or more', () => {
      expect(warningOf(own, end - 14 * DAY_MS)).to.equal(undefined);
    });

    it('counts the days of one that ends sooner', () => {
      expect(warningOf(own, end - 14 * DAY_MS + 1)).to.match(
        /^the certificate for foo\.com, bar\.com \(foo\.pem\) ends on \d{4}-\d\d-\d\d, in 13 days$/,
      );
      expect(warningOf(own, end - DAY_MS)).to.match(/, in 1 day$/);
      expect(warningOf(own, end - 1)).to.match(/, in 0 days$/);
    });

    it('tells of one that has ended, and of one that has not begun', () => {
      expect(warningOf(own, end)).to.match(/ has ended on \d{4}-\d\d-\d\d: clients refuse it$/);
      expect(warningOf(own, Date.parse(own.leaf.validFrom) - 1)).to.match(/ is not valid before \d{4}/);
    });
  });
});
