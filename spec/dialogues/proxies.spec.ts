/** Clients that come by a proxy which says for whom it connects. [PROXY 2] */
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { Client, FEATURES, header } from '../support/client.js';
import type { Overrides } from '../support/config.js';
import { SSL, v1, v2 } from '../support/proxy-headers.js';
import { told, type Story } from '../support/story.js';
import { tlsFile } from '../support/tls-files.js';

const IP = '192.0.2.1';
const HEADERS: Record<string, Buffer> = {
  'version 1': v1(`TCP4 ${IP} 198.51.100.7 56324 5222`),
  'version 2': v2(0x21, 0x11, Buffer.from('c0000201c6336407dc041466', 'hex')),
  'version 2, with additions': v2(0x21, 0x11, Buffer.from('c0000201c6336407dc041466', 'hex'), SSL),
};

/** 127.0.0.1 is a proxy, and nobody is exempt from limits. */
const PROXY: Overrides = {
  proxyFrom: [{ address: '127.0.0.1', prefix: 32 }],
  perAddress: { exempt: [] },
};

async function expectOpen(client: Client): Promise<void> {
  await client.header();
  await client.expect(FEATURES);
}

async function ipInLog(story: Story): Promise<unknown> {
  return (await story.log.line(/^client connected$/)).details['ip'];
}

async function expectRefused(story: Story, ip: string, reason: RegExp): Promise<void> {
  const { level, details } = await story.log.line(/^connection refused$/);
  expect(level).to.equal('warn');
  expect(details['ip']).to.equal(ip);
  expect(details['reason']).to.match(reason);
}

describe('a client behind a proxy', () => {
  for (const [what, proxied] of Object.entries(HEADERS)) {
    it(
      `has the address that the proxy says: ${what}`,
      told(async (story) => {
        const client = await story.connected();
        client.socket.write(proxied);
        client.send(header());
        await expectOpen(client);
        expect(await ipInLog(story)).to.equal(IP);
      }, PROXY),
    );

    it(
      `may say its stream header in the same packet, cut anywhere: ${what}`,
      told(
        async (story) => {
          const bytes = Buffer.concat([proxied, Buffer.from(header())]);
          for (let at = 1; at <= proxied.length + 1; at++) {
            const client = await story.connected();
            client.socket.write(bytes.subarray(0, at));
            await new Promise(setImmediate);
            client.socket.write(bytes.subarray(at));
            await expectOpen(client);
            expect(await ipInLog(story), `cut at ${at}`).to.equal(IP);
            client.socket.destroy();
            await story.gone(client);
          }
        },
        { ...PROXY, perAddress: {} },
      ),
    );
  }

  const OWN: Record<string, Buffer> = {
    'LOCAL, as a health check': v2(0x20, 0x00, Buffer.alloc(0)),
    'UNKNOWN of version 1': v1('UNKNOWN'),
    'an unknown family of version 2': v2(0x21, 0x00, Buffer.alloc(0)),
  };
  for (const [what, proxied] of Object.entries(OWN)) {
    it(
      `has the address of the proxy where that is all that is known: ${what}`,
      told(async (story) => {
        const client = await story.connected();
        client.socket.write(proxied);
        client.send(header());
        await expectOpen(client);
        expect(await ipInLog(story)).to.equal('127.0.0.1');
      }, PROXY),
    );
  }

  it(
    'counts by its own address, and not by that of the proxy',
    told(
      async (story) => {
        const come = async (ip: string): Promise<Client> => {
          const client = await story.connected();
          client.socket.write(v1(`TCP4 ${ip} 198.51.100.7 1 2`));
          client.send(header());
          await client.header();
          return client;
        };
        await (await come('192.0.2.1')).expect(FEATURES);
        await (await come('192.0.2.2')).expect(FEATURES);
        await (await come('192.0.2.1')).expectError('resource-constraint');
        await expectRefused(story, '192.0.2.1', /^more than 1 clients/);
      },
      { ...PROXY, perAddress: { exempt: [], maxClients: 1 } },
    ),
  );

  it(
    'is refused without a header, with one line of the log',
    told(async (story) => {
      const client = await story.connected();
      client.send(header());
      await client.expectEnd();
      await expectRefused(story, '127.0.0.1', /^no PROXY header, which every connection from --proxy-from/);
      expect(story.log.lines.filter(({ message }) => message.startsWith('client'))).to.deep.equal([]);
    }, PROXY),
  );

  it(
    'has 5 seconds for its header',
    told(async (story) => {
      story.clock.install();
      const clients = await Promise.all(Array.from({ length: 3 }, () => story.connected()));
      for (const client of clients) client.send('PROXY TCP4 192.0.2.1');
      // the header of another one has been read after theirs
      const other = await story.connected();
      other.socket.write(HEADERS['version 1']);
      other.send(header());
      await expectOpen(other);
      story.clock.advance(5_000);
      for (const client of clients) {
        await client.expectEnd();
        await expectRefused(story, '127.0.0.1', /^no PROXY header in time/);
      }
    }, PROXY),
  );

  it(
    'that sends half a header costs little, also a thousand times, and others get in meanwhile',
    told(
      async (story) => {
        const half = v2(0x21, 0x11, Buffer.alloc(12, 1), Buffer.alloc(4_000)).subarray(0, 3_000);
        global.gc?.();
        const before = process.memoryUsage();
        const clients = await Promise.all(Array.from({ length: 1_000 }, () => story.connected()));
        for (const client of clients) client.socket.write(half);
        const other = await story.connected();
        other.socket.write(HEADERS['version 2']);
        other.send(header());
        await expectOpen(other);
        const { rss } = process.memoryUsage();
        // both ends of all connections are in this process
        expect(rss - before.rss).to.be.below(150_000_000);
        for (const client of clients) client.socket.destroy();
      },
      { ...PROXY, perAddress: {} },
    ),
  );

  it(
    'is not needed to say one where the address is not that of a proxy',
    told(async (story) => {
      const client = await story.connected('client', '127.0.0.2');
      client.send(header());
      await expectOpen(client);
      expect(await ipInLog(story)).to.equal('127.0.0.2');
    }, PROXY),
  );

  it(
    'is not believed where the address is not that of a proxy: the connection ends',
    told(async (story) => {
      const client = await story.connected('client', '127.0.0.2');
      client.socket.write(HEADERS['version 2']);
      client.send(header());
      await client.expectEnd();
      expect(await story.gone(client)).to.match(/^a PROXY header from an address/);
    }, PROXY),
  );

  describe('that has come to it by TLS', () => {
    const REQUIRED = `<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>`;
    const required = (proxyTls: boolean): Overrides => ({
      ...PROXY,
      proxyTls,
      tls: { certificates: [tlsFile('server-rsa')], policy: 'required' },
    });
    const come = async (story: Story, proxied: Buffer): Promise<Client> => {
      const client = await story.connected();
      client.socket.write(proxied);
      client.send(header());
      await client.header();
      return client;
    };

    it(
      'is not asked for STARTTLS where the operator trusts the proxy with that',
      told(async (story) => {
        await (await come(story, HEADERS['version 2, with additions'])).expect(FEATURES);
        await (await come(story, HEADERS['version 2'])).expect(REQUIRED);
        await (await come(story, HEADERS['version 1'])).expect(REQUIRED);
      }, required(true)),
    );

    it(
      'is asked for it else',
      told(async (story) => {
        await (await come(story, HEADERS['version 2, with additions'])).expect(REQUIRED);
      }, required(false)),
    );
  });

  it(
    'may use TLS from its first byte, right after the header',
    told(
      async (story) => {
        const { port } = story.server.addresses().find(({ tls }) => tls === 'direct')!;
        const plain = connect({ port, host: '127.0.0.1' });
        await once(plain, 'connect');
        plain.write(HEADERS['version 1']);
        const socket = connectTls({ socket: plain, rejectUnauthorized: false });
        await once(socket, 'secureConnect');
        const client = new Client(socket, 'client');
        client.send(header());
        await expectOpen(client);
        expect(await ipInLog(story)).to.equal(IP);
        client.socket.destroy();
      },
      {
        ...PROXY,
        tls: { certificates: [tlsFile('server-rsa')], listen: [{ host: '127.0.0.1', port: 0 }] },
      },
    ),
  );
});
