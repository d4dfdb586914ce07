import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { ConfigError } from '../../lib/config/error.js';
import { signatureHash } from '../../lib/net/der.js';
import { TlsContexts, type TlsSettings } from '../../lib/net/tls-contexts.js';
import { encrypted } from '../../lib/net/tls.js';
import { Clock } from '../support/clock.js';
import { soon } from '../support/queue.js';
import { tlsFile, tlsText } from '../support/tls-files.js';
import { handshake, socketPair } from '../support/tls-pair.js';

const contexts = (overrides: Partial<TlsSettings> = {}): TlsContexts =>
  TlsContexts.read({
    certificates: [tlsFile('server-rsa')],
    keys: [],
    minVersion: 'TLSv1.2',
    ciphers: undefined,
    clientCa: undefined,
    ...overrides,
  });

/** What a client of old has: no version above this one, and whatever its OpenSSL still knows. */
const old = (version: 'TLSv1' | 'TLSv1.1'): ConnectionOptions => ({
  minVersion: 'TLSv1',
  maxVersion: version,
  ciphers: 'DEFAULT@SECLEVEL=0',
});

const subject = (client: TLSSocket): unknown => client.getPeerCertificate().subject.CN;

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
  throw new Error('nothing failed');
}

describe('net/tls', () => {
  describe('versions', () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      it(`${version} is spoken`, async () => {
        const options = { minVersion: version, maxVersion: version };
        const { client, security } = await handshake(contexts().forHost('localhost'), options);
        expect(client.getProtocol()).to.equal(version);
        expect(security.protocol).to.equal(version);
        expect(security.cipher).to.match(/^TLS_.*AES/);
      });
    }

    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      it(`${version} is refused, and spoken where it is allowed`, async () => {
        expect(await failure(handshake(contexts().forHost('localhost'), old(version)))).to.match(/ERR_SSL_/);
        const allowing = contexts({ minVersion: version });
        const { client } = await handshake(allowing.forHost('localhost'), old(version));
        expect(client.getProtocol()).to.equal(version);
        const { client: modern } = await handshake(allowing.forHost('localhost'));
        expect(modern.getProtocol()).to.equal('TLSv1.3');
      });
    }

    it('TLSv1.2 is refused where 1.3 is the oldest', async () => {
      const { client } = await handshake(contexts({ minVersion: 'TLSv1.3' }).forHost('localhost'));
      expect(client.getProtocol()).to.equal('TLSv1.3');
      const refused = handshake(contexts({ minVersion: 'TLSv1.3' }).forHost('localhost'), {
        maxVersion: 'TLSv1.2',
      });
      expect(await failure(refused)).to.match(/ERR_SSL_/);
    });
  });

  it('ciphers are those of the list, also where old versions are allowed', async () => {
    const { ciphers, client } = {
      ciphers: 'ECDHE-RSA-AES128-SHA:AES256-SHA',
      client: { maxVersion: 'TLSv1.2', ciphers: 'DEFAULT@SECLEVEL=0' } as const,
    };
    for (const minVersion of ['TLSv1.2', 'TLSv1'] as const) {
      const { security } = await handshake(contexts({ ciphers, minVersion }).forHost('localhost'), client);
      expect(security.cipher).to.equal('TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA');
    }
    expect(() => contexts({ ciphers: 'NONE-SUCH' })).to.throw(
      ConfigError,
      /^--tls-ciphers NONE-SUCH: OpenSSL knows no such list: /,
    );
  });

  describe('certificates', () => {
    const all = contexts({
      certificates: ['server-rsa', 'server-other', 'server-room'].map(tlsFile),
    });

    it('are chosen by the host that the client names in its handshake', async () => {
      for (const [servername, expected] of [
        ['localhost', 'localhost'],
        ['OTHER.example', 'other.example'],
        ['a.rooms.localhost', 'a.rooms.localhost'],
        ['unknown.example', 'localhost'],
      ]) {
        const { client, security } = await handshake(all.direct(), { servername });
        expect(subject(client), servername).to.equal(expected);
        expect(security.serverName).to.equal(servername);
      }
    });

    it('are chosen by the stream header where the client names no host, or one that none is for', async () => {
      const { client, security } = await handshake(all.forHost('other.example'));
      expect(subject(client)).to.equal('other.example');
      expect(security.serverName).to.equal(undefined);
      const options = { servername: 'unknown.example' };
      expect(subject((await handshake(all.forHost('other.example'), options)).client)).to.equal(
        'other.example',
      );
      expect(subject((await handshake(all.forHost('unknown.example'))).client)).to.equal('localhost');
    });

    it('of both kinds of key serve one host: ECDSA, and RSA for clients that know nothing else', async () => {
      const both = contexts({
        certificates: [tlsFile('server-rsa'), tlsFile('server-ec')],
        keys: [tlsFile('server-ec-key')],
      });
      for (const [ciphers, hash] of [
        ['ECDHE-ECDSA-AES128-GCM-SHA256', createHash('sha256')],
        ['ECDHE-RSA-AES128-GCM-SHA256', createHash('sha256')],
      ] as const) {
        const options = { maxVersion: 'TLSv1.2', ciphers, servername: 'localhost' } as const;
        const { client, security } = await handshake(both.direct(), options);
        const shown = client.getPeerCertificate().raw;
        expect(client.getCipher().name).to.equal(ciphers);
        expect(security.channelBinding('tls-server-end-point')).to.deep.equal(hash.update(shown).digest());
      }
    });

    it('come with those of their authorities', async () => {
      const { client } = await handshake(all.direct(), { servername: 'other.example' });
      const issuer = client.getPeerCertificate(true).issuerCertificate;
      expect(issuer.subject.CN).to.equal('a CA of servers in the specs');
    });
  });

  describe('ALPN', () => {
    it('is xmpp-client where TLS comes first, and not needed', async () => {
      const { client } = await handshake(contexts().direct(), { ALPNProtocols: ['xmpp-client'] });
      expect(client.alpnProtocol).to.equal('xmpp-client');
      expect((await handshake(contexts().direct())).client.alpnProtocol).to.equal(false);
    });

    it('of other protocols ends the handshake: nobody is to speak HTTP with us', async () => {
      const refused = handshake(contexts().direct(), { ALPNProtocols: ['h2', 'http/1.1'] });
      expect(await failure(refused)).to.match(/NO_APPLICATION_PROTOCOL/);
    });
  });

  describe('channel binding', () => {
    it('tls-exporter is the same on both sides, with TLS 1.3 only', async () => {
      const { client, security } = await handshake(contexts().forHost('localhost'));
      const theirs = client.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
      expect(security.channelBinding('tls-exporter')).to.deep.equal(theirs);
      const before = await handshake(contexts().forHost('localhost'), { maxVersion: 'TLSv1.2' });
      expect(before.security.channelBinding('tls-exporter')).to.equal(undefined);
      expect(before.security.channelBinding('tls-server-end-point')).to.have.lengthOf(32);
    });

    it('tls-server-end-point takes the hash that the certificate is signed with', () => {
      const der = (name: string): Buffer =>
        Buffer.from(/CERTIFICATE-----([^-]*)/.exec(tlsText(name))![1], 'base64');
      expect(signatureHash(der('server-rsa'))).to.equal('sha256');
      expect(signatureHash(der('server-sha512'))).to.equal('sha512');
      expect(signatureHash(der('server-ed25519'))).to.equal(undefined);
      expect(() => signatureHash(der('server-rsa').subarray(0, 400))).to.throw(RangeError);
    });
  });

  describe('certificates of clients', () => {
    const asking = contexts({ clientCa: tlsFile('client-ca') });
    const own = (name: string): ConnectionOptions => ({ cert: tlsText(name), key: tlsText(name) });

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      it(`are verified, and tell XMPP addresses (${version})`, async () => {
        const of = { ...own('client-alice'), maxVersion: version };
        const { security } = await handshake(asking.forHost('localhost'), of);
        expect(security.clientCertificate?.xmppAddresses).to.deep.equal(['alice@localhost']);
        expect(security.clientCertificate?.certificate.subject).to.equal('CN=alice');
      });

      it(`that are out of date, or of another authority, count for nothing, and let the client in (${version})`, async () => {
        for (const name of ['client-expired', 'client-forged']) {
          const of = { ...own(name), maxVersion: version };
          const { client, security } = await handshake(asking.forHost('localhost'), of);
          expect(security.clientCertificate, name).to.equal(undefined);
          expect(client.destroyed).to.equal(false);
        }
      });
    }

    it('are verified also in a session that is resumed, and one that was not verified stays so', async () => {
      for (const [name, addresses] of [
        ['client-alice', ['alice@localhost']],
        ['client-forged', undefined],
      ] as const) {
        const { client, server } = await handshake(asking.forHost('localhost'), own(name));
        const ticket = once(client, 'session') as Promise<[Buffer]>;
        server.write('x');
        client.resume();
        const [session] = await ticket;
        const again = await handshake(asking.forHost('localhost'), { session });
        expect(again.client.isSessionReused()).to.equal(true);
        expect(again.security.clientCertificate?.xmppAddresses).to.deep.equal(addresses);
      }
    });

    it('are not asked for without --tls-client-ca', async () => {
      const { security } = await handshake(contexts().forHost('localhost'), own('client-alice'));
      expect(security.clientCertificate).to.equal(undefined);
    });
  });

  describe('a handshake', () => {
    const begun = async (): Promise<{
      client: Socket;
      server: TLSSocket;
      over: Promise<Error | undefined>;
    }> => {
      const [client, plain] = await socketPair();
      let server!: TLSSocket;
      const over = new Promise<Error | undefined>((resolve) => {
        server = encrypted(plain, 'receiving', contexts().direct(), resolve);
      });
      server.resume();
      server.on('error', () => undefined);
      return { client, over, server };
    };

    it('is whole whichever way its bytes are cut', async () => {
      const [plain, toServer] = await socketPair();
      const [fromClient, atProxy] = await socketPair();
      atProxy.on('data', (bytes: Buffer) => {
        void (async () => {
          for (const byte of bytes) {
            await new Promise((resolve) => toServer.write(Buffer.from([byte]), resolve));
            await new Promise((resolve) => setImmediate(resolve));
          }
        })();
      });
      toServer.pipe(atProxy);
      const client = connectTls({ socket: fromClient, rejectUnauthorized: false });
      const done = new Promise<Error | undefined>((resolve) => {
        encrypted(plain, 'receiving', contexts().direct(), resolve).on('error', () => undefined);
      });
      expect(await done).to.equal(undefined);
      client.destroy();
      for (const socket of [plain, toServer, atProxy]) socket.destroy();
    });

    it('that the client leaves is over: by closing, and by a reset', async () => {
      for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
        const { client, over, server } = await begun();
        client.write(Buffer.from('1603010200', 'hex'));
        client[leave]();
        expect((await soon(over, leave))?.message, leave).to.match(/connection was closed|ECONNRESET|socket/);
        server.destroy();
        client.destroy();
      }
    });

    it('that is none ends at once, and says what came instead', async () => {
      for (const [said, code] of [
        ["<?xml version='1.0'?><stream:stream to='localhost'>", 'ERR_SSL_WRONG_VERSION_NUMBER'],
        ['GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 'ERR_SSL_HTTP_REQUEST'],
      ]) {
        const { client, over } = await begun();
        client.write(said);
        expect(((await soon(over, code)) as NodeJS.ErrnoException).code).to.equal(code);
        client.destroy();
      }
    });

    it('has 30 seconds, however busy its client is', async () => {
      const clock = new Clock();
      clock.install();
      try {
        const { client, over, server } = await begun();
        client.write(Buffer.from('1603010200', 'hex'));
        clock.advance(29_999);
        expect(server.destroyed).to.equal(false);
        clock.advance(1);
        expect((await over)?.message).to.equal('no TLS handshake in 30 seconds');
        client.destroy();
      } finally {
        clock.uninstall();
      }
    });
  });

  it('bytes that are no TLS, after the handshake, end the connection', async () => {
    const [plainClient, plainServer] = await socketPair();
    const server = await new Promise<TLSSocket>((resolve, reject) => {
      const ours = encrypted(plainServer, 'receiving', contexts().direct(), (error) =>
        error ? reject(error) : resolve(ours),
      );
      connectTls({ socket: plainClient, rejectUnauthorized: false }).on('error', () => undefined);
    });
    const over = once(server, 'error') as Promise<[NodeJS.ErrnoException]>;
    plainClient.write('<presence/>');
    const [{ code }] = await soon(over, 'the end');
    expect(code).to.match(/^ERR_SSL_/);
  });
});
