import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { connect } from 'node:net';
import { expect } from 'chai';
import type { Config, TlsConfig } from '../../lib/config/config.js';
import type { SocketManager } from '../../lib/server.js';
import { authSet, Client, FEATURES, header, OLD } from '../support/client.js';
import { soon } from '../support/queue.js';
import { told, type Story } from '../support/story.js';
import { tlsFile } from '../support/tls-files.js';

const TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
const STARTTLS = `<starttls xmlns='${TLS}'/>`;
const IQ_AUTH = `<auth xmlns='http://jabber.org/features/iq-auth'/>`;
const REGISTER = `<register xmlns='http://jabber.org/features/iq-register'/>`;
const REQUIRED = `<stream:features><starttls xmlns='${TLS}'><required/></starttls></stream:features>`;
const OPTIONAL = `<stream:features>${STARTTLS}${IQ_AUTH}${REGISTER}</stream:features>`;

const CERTIFICATE: Partial<TlsConfig> = { certificates: [tlsFile('server-rsa')] };
const DIRECT: Partial<TlsConfig> = { ...CERTIFICATE, listen: [{ host: '127.0.0.1', port: 0 }] };
const ENCRYPTION_REQUIRED =
  `<error code='406' type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>` +
  `<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>Encryption is required: use STARTTLS</text></error>`;

/** A client that has a socket of TLS. */
async function encrypted(options: ConnectionOptions): Promise<Client> {
  const socket: TLSSocket = connectTls({ rejectUnauthorized: false, ...options });
  await soon(once(socket, 'secureConnect'), 'the handshake');
  return new Client(socket, 'client');
}

const directPort = (server: SocketManager): number =>
  server.addresses().find(({ tls }) => tls === 'direct')!.port;

const direct = (server: SocketManager, options: ConnectionOptions = {}): Promise<Client> =>
  encrypted({ host: '127.0.0.1', port: directPort(server), ...options });

/** A client that has opened a stream and is offered this. */
async function offered(story: Story, features: string, to = 'localhost'): Promise<Client> {
  const client = await story.connected();
  client.send(header(`to='${to}' version='1.0'`));
  await client.header();
  await client.expect(features);
  return client;
}

/** The same client with TLS. What its side reads from now on is ciphertext, so nobody else listens. */
async function startTls(client: Client, options: ConnectionOptions = {}): Promise<Client> {
  client.send(STARTTLS);
  await client.expect(`<proceed xmlns='${TLS}'/>`);
  client.socket.removeAllListeners('data');
  return encrypted({ socket: client.socket, ...options });
}

async function logsIn(client: Client, { link }: Story): Promise<void> {
  client.send(authSet('juliet'));
  const request = await link.packet();
  expect(request.child('query')?.childText('username')).to.equal('juliet');
  link.send(
    `<iq type='result' id='auth1' sfrom='juliet@localhost/Balcony' sto='${request.attribute('sfrom')}'/>`,
  );
  await client.expect(`<iq type='result' id='auth1'/>`);
}

/** What the log says of the end of the next client. */
async function reason({ log }: Story): Promise<unknown> {
  return (await log.line(/^client gone/)).details['reason'];
}

const withTls = (tls: Partial<TlsConfig>, more: Partial<Config> = {}): object => ({ ...more, tls });

describe('TLS', () => {
  describe('STARTTLS', () => {
    it(
      'is offered where there is a certificate, and needed before login where it is required',
      told(
        async (story) => {
          const plain = await offered(story, REQUIRED);
          const client = await startTls(plain);
          const id = (await client.open()).attribute('id');
          expect(id).to.be.a('string');
          await logsIn(client, story);
          client.send('</stream:stream>');
          await client.expectClosed();
          expect(await reason(story)).to.equal('closed by the client');
        },
        withTls({ ...CERTIFICATE, policy: 'required' }),
      ),
    );

    it(
      'is one way among others where it is optional, as on loopback addresses',
      told(async (story) => {
        const plain = await offered(story, OPTIONAL);
        await logsIn(plain, story);
        const client = await startTls(await offered(story, OPTIONAL));
        await client.open();
      }, withTls(CERTIFICATE)),
    );

    it(
      'is not offered without a certificate, or where it is off; a client that asks for it all the same is refused',
      told(
        async (story) => {
          const client = await offered(story, FEATURES);
          client.send(STARTTLS);
          await client.expect(`<failure xmlns='${TLS}'/>`);
          await client.expectClosed();
          expect(await reason(story)).to.equal('STARTTLS where it is not offered');
        },
        withTls({ ...CERTIFICATE, policy: 'off' }),
      ),
    );

    it(
      'is not offered a second time',
      told(async (story) => {
        const client = await startTls(await offered(story, OPTIONAL));
        await client.open();
        client.send(STARTTLS);
        await client.expect(`<failure xmlns='${TLS}'/>`);
        await client.expectClosed();
      }, withTls(CERTIFICATE)),
    );

    it(
      'begins a new stream, with another id, for which nothing counts that was said before',
      told(
        async (story) => {
          const plain = await offered(story, OPTIONAL, 'localhost');
          const client = await startTls(plain);
          client.send(header(`to='other.example' version='1.0'`));
          const answer = await client.header();
          expect(answer.attribute('from')).to.equal('other.example');
          expect(plain.received).not.to.contain(answer.attribute('id'));
          await client.expect(FEATURES);
        },
        withTls(CERTIFICATE, { domains: ['localhost', 'other.example'] }),
      ),
    );

    it(
      'shows the certificate of the host in the stream header to a client without SNI, and else that of the SNI',
      told(
        async (story) => {
          for (const [to, servername, expected] of [
            ['other.example', undefined, 'other.example'],
            ['localhost', undefined, 'localhost'],
            ['localhost', 'other.example', 'other.example'],
          ] as const) {
            const client = await startTls(await offered(story, OPTIONAL, to), { servername });
            expect((client.socket as TLSSocket).getPeerCertificate().subject.CN).to.equal(expected);
          }
        },
        withTls(
          { certificates: [tlsFile('server-rsa'), tlsFile('server-other')] },
          { domains: ['localhost', 'other.example'] },
        ),
      ),
    );

    it(
      'refuses logins and registrations in clear where it is required, and asks the session manager nothing',
      told(
        async (story) => {
          const modern = await offered(story, REQUIRED);
          modern.send(authSet('juliet'));
          await modern.expect(`<iq type='error' id='auth1'>${ENCRYPTION_REQUIRED}</iq>`);
          modern.send(`<iq type='get' id='r1'><query xmlns='jabber:iq:register'/></iq>`);
          await modern.expect(`<iq type='error' id='r1'>${ENCRYPTION_REQUIRED}</iq>`);
          const old = await story.client('old', OLD);
          old.send(authSet('juliet'));
          await old.expect(
            `<iq type='error' id='auth1'><error code='406'>Encryption is required: use STARTTLS</error></iq>`,
          );
          const client = await startTls(modern);
          await client.open();
          await logsIn(client, story);
        },
        withTls({ ...CERTIFICATE, policy: 'required' }),
      ),
    );

    describe('injection: what stands after <starttls/> on the clear connection', () => {
      const INJECTED = `<iq type='set' id='evil'><query xmlns='jabber:iq:auth'><username>eve</username><password>x</password><resource>r</resource></query></iq>`;

      for (const [what, more] of [
        ['a login', INJECTED],
        ['a whole stream with a login', header() + INJECTED],
        ['half a stanza', INJECTED.slice(0, 40)],
        ['so much that it is read in several parts', INJECTED.padEnd(100_000)],
      ]) {
        it(
          `is dropped: ${what}, in the same write`,
          told(async (story) => {
            const plain = await offered(story, OPTIONAL);
            plain.send(STARTTLS + more);
            await plain.expect(`<proceed xmlns='${TLS}'/>`);
            plain.socket.removeAllListeners('data');
            const socket = connectTls({ socket: plain.socket, rejectUnauthorized: false });
            // What came in a read of its own is no TLS: then there is no handshake at all.
            const isSecure = await Promise.race([
              once(socket, 'secureConnect').then(() => true),
              once(socket, 'error').then(() => false),
            ]).catch(() => false);
            if (isSecure) {
              const client = new Client(socket, 'client');
              await client.open();
              await logsIn(client, story);
            } else expect(what).to.match(/several parts/);
            story.link.expectNothing();
          }, withTls(CERTIFICATE)),
        );
      }

      it(
        'is dropped also where it waited for an answer to a login',
        told(async (story) => {
          const plain = await offered(story, OPTIONAL);
          plain.send(authSet('romeo') + STARTTLS + INJECTED);
          const request = await story.link.packet();
          story.link.send(
            `<iq type='error' id='auth1' sfrom='localhost' sto='${request.attribute('sfrom')}'><error code='401'>Unauthorized</error></iq>`,
          );
          expect((await plain.stanza()).attribute('type')).to.equal('error');
          await plain.expect(`<proceed xmlns='${TLS}'/>`);
          plain.socket.removeAllListeners('data');
          const client = await encrypted({ socket: plain.socket });
          await client.open();
          await logsIn(client, story);
          story.link.expectNothing();
        }, withTls(CERTIFICATE)),
      );
    });

    it(
      'by a client that then sends no TLS ends with one line',
      told(async (story) => {
        const client = await offered(story, OPTIONAL);
        client.send(STARTTLS);
        await client.expect(`<proceed xmlns='${TLS}'/>`);
        client.send(header());
        await soon(client.over, 'the end');
        expect(await reason(story)).to.equal('TLS handshake failed: something that is not TLS');
      }, withTls(CERTIFICATE)),
    );
  });

  describe('from the first byte on', () => {
    it(
      'serves a client as STARTTLS does, and offers no STARTTLS',
      told(async (story) => {
        const client = await direct(story.server, {
          ALPNProtocols: ['xmpp-client'],
          servername: 'localhost',
        });
        expect((client.socket as TLSSocket).alpnProtocol).to.equal('xmpp-client');
        await client.open();
        await logsIn(client, story);
        const { details } = await story.log.line(/^logged in/);
        expect(details['tls']).to.equal('TLSv1.3');
      }, withTls(DIRECT)),
    );

    it(
      'carries stanzas both ways, also long ones, and what the client says right before it closes',
      told(async (story) => {
        const client = await direct(story.server);
        await client.open();
        await logsIn(client, story);
        const body = 'ä'.repeat(100_000);
        client.send(`<message to='romeo@localhost'><body>${body}</body></message>`);
        const packet = await story.link.packet();
        expect(packet.child('body')?.text).to.equal(body);
        const address = packet.attribute('sfrom')!;
        story.link.send(
          `<message sfrom='juliet@localhost/Balcony' sto='${address}' from='romeo@localhost'><body>${body}</body></message>`,
        );
        expect((await client.stanza()).child('body')?.text).to.equal(body);
        client.send(`<presence type='unavailable'/></stream:stream>`);
        client.socket.end();
        expect((await story.link.packet()).attribute('type')).to.equal('unavailable');
        await client.expectClosed();
      }, withTls(DIRECT)),
    );

    it(
      'ends the connections of clients at a stop, and tells them',
      told(async (story) => {
        const client = await direct(story.server);
        await client.open();
        await logsIn(client, story);
        const inHandshake = connect(directPort(story.server), '127.0.0.1');
        inHandshake.on('error', () => undefined);
        await once(inHandshake, 'connect');
        await story.log.line(/^client connected/);
        await story.log.line(/^client connected/);
        const stopped = story.server.stop();
        await client.expectError('system-shutdown');
        await stopped;
        inHandshake.destroy();
      }, withTls(DIRECT)),
    );

    for (const [what, said, expected] of [
      ['a stream header', header(), 'TLS handshake failed: something that is not TLS'],
      ['an HTTP request', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'TLS handshake failed: an HTTP request'],
    ]) {
      it(
        `ends ${what} with one line`,
        told(async (story) => {
          const client = await Client.connect(directPort(story.server));
          client.send(said);
          await soon(client.over, 'the end');
          expect(await reason(story)).to.equal(expected);
          expect(story.log.lines.filter(({ level }) => level === 'warn' || level === 'error')).to.deep.equal(
            [],
          );
        }, withTls(DIRECT)),
      );
    }

    it(
      'ends an HTTP request inside TLS with one line',
      told(async (story) => {
        const client = await direct(story.server);
        client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await soon(client.over, 'the end');
        expect(await reason(story)).to.equal('an HTTP request on a port for XMPP');
      }, withTls(DIRECT)),
    );
  });

  it(
    'a TLS hello on a port for clients that begin without it ends with one line, with and without a certificate',
    told(async (story) => {
      const socket = connectTls({ port: story.port, host: '127.0.0.1', rejectUnauthorized: false });
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).to.match(/ECONNRESET|ERR_SSL/);
      expect(await reason(story)).to.equal(
        'TLS on a port for clients that begin without it: see --listen-tls',
      );
    }),
  );

  describe('hostile clients', () => {
    it(
      '1,000 handshakes that are begun and not finished cost bounded memory, and other clients get in',
      told(async (story) => {
        // A hello that says it is as long as one can be, of which one byte is missing.
        const begun = Buffer.concat([Buffer.from('1603014000010003fffc0303', 'hex'), Buffer.alloc(16_380)]);
        const port = directPort(story.server);
        global.gc?.();
        const before = process.memoryUsage().rss;
        const sockets = Array.from({ length: 1_000 }, () => connect(port, '127.0.0.1'));
        await Promise.all(sockets.map((socket) => once(socket, 'connect')));
        await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.write(begun, resolve))));
        const client = await direct(story.server);
        await client.open();
        await logsIn(client, story);
        const each = (process.memoryUsage().rss - before) / sockets.length;
        for (const socket of sockets) socket.destroy();
        expect(each, 'bytes a handshake, both its ends').to.be.below(200_000);
        expect(story.log.lines.filter(({ level }) => level === 'error')).to.deep.equal([]);
      }, withTls(DIRECT)),
    ).timeout(20_000);

    it(
      'a client that leaves in the handshake is gone, however it leaves',
      told(async (story) => {
        for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
          const socket = connect(directPort(story.server), '127.0.0.1');
          socket.on('error', () => undefined);
          await once(socket, 'connect');
          socket.write(Buffer.from('1603010200', 'hex'));
          await story.log.line(/^client connected/);
          socket[leave]();
          expect(await reason(story), leave).to.match(
            /^TLS handshake failed: (?:the connection was closed|read ECONNRESET)/,
          );
        }
      }, withTls(DIRECT)),
    );
  });

  describe('as openssl s_client sees it', () => {
    before(function () {
      if (spawnSync('openssl', ['version']).status === 0) return;
      console.log('      skipped: there is no openssl');
      this.skip();
    });

    /** What it prints of a connection that it closes after it has said this. */
    const seen = async (port: number, args: readonly string[], said = ''): Promise<string> => {
      const program = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args]);
      let printed = '';
      for (const output of [program.stdout, program.stderr])
        output.on('data', (chunk: Buffer) => (printed += chunk.toString()));
      if (said !== '') setTimeout(() => program.stdin.write(said), 300);
      setTimeout(() => program.stdin.end(), said === '' ? 0 : 1_000);
      await soon(once(program, 'close'), 'the end of openssl');
      return printed;
    };
    const ALL = { ...DIRECT, minVersion: 'TLSv1' } as const;
    const OLD_CIPHERS = ['-cipher', 'DEFAULT@SECLEVEL=0'];

    for (const [option, version] of [
      ['-tls1', 'TLSv1'],
      ['-tls1_1', 'TLSv1.1'],
      ['-tls1_2', 'TLSv1.2'],
      ['-tls1_3', 'TLSv1.3'],
    ]) {
      it(
        `${version} works from its first byte on and with STARTTLS, without compression`,
        told(async ({ server, port }) => {
          const cipher = option === '-tls1_3' ? [] : OLD_CIPHERS;
          for (const args of [[], ['-starttls', 'xmpp', '-xmpphost', 'localhost']]) {
            const at = args.length === 0 ? directPort(server) : port;
            const text = await seen(at, [option, ...cipher, ...args]);
            expect(text).to.match(new RegExp(`New, TLSv1[^]*Cipher is [A-Z]`));
            expect(text).to.contain('Compression: NONE');
            if (option !== '-tls1_3') expect(text).to.match(new RegExp(`Protocol *: ${version}\\b`));
          }
        }, withTls(ALL)),
      );
    }

    it(
      'versions before 1.2 are refused unless they are allowed',
      told(async ({ server }) => {
        for (const option of ['-tls1', '-tls1_1']) {
          const text = await seen(directPort(server), [option, ...OLD_CIPHERS]);
          expect(text).to.contain('Cipher is (NONE)');
        }
      }, withTls(DIRECT)),
    );

    it(
      'renegotiation is refused',
      told(async ({ server }) => {
        const text = await seen(directPort(server), ['-tls1_2'], 'R\n');
        expect(text).to.contain('RENEGOTIATING');
        expect(text).to.contain('no renegotiation');
      }, withTls(DIRECT)),
    );

    it(
      'no early data is taken',
      told(async ({ server }) => {
        const text = await seen(directPort(server), ['-tls1_3'], ' \n');
        expect(text).to.contain('Early data was not sent');
        expect(text.match(/Max Early Data: (\d+)/)?.[1] ?? '0').to.equal('0');
      }, withTls(DIRECT)),
    );
  });
});
