import { expect } from 'chai';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { parseProxyHeader, readProxyHeader, startsProxyHeader } from '../../lib/net/proxy-protocol.js';
import { v1, v2, SSL } from '../support/proxy-headers.js';

/** Headers, and what they say of the client. */
const HEADERS: Record<string, [header: Buffer, ip: string | undefined, isSecure?: boolean]> = {
  'version 1, IPv4': [v1('TCP4 192.0.2.1 198.51.100.7 56324 5222'), '192.0.2.1'],
  'version 1, IPv6': [v1('TCP6 2001:DB8:0::1 2001:db8::7 1 65535'), '2001:db8::1'],
  'version 1, IPv4 in IPv6': [v1('TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.7 0 0'), '192.0.2.1'],
  'version 1, unknown': [v1('UNKNOWN'), undefined],
  'version 1, unknown, the longest there is': [
    v1(`UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535`),
    undefined,
  ],
  'version 2, IPv4': [v2(0x21, 0x11, Buffer.from('c0000201c6336407dc041466', 'hex')), '192.0.2.1'],
  'version 2, IPv6': [
    v2(0x21, 0x21, Buffer.from(`20010db8${'0'.repeat(23)}1${'0'.repeat(31)}100010002`, 'hex')),
    '2001:db8::1',
  ],
  'version 2, IPv4 in IPv6': [
    v2(0x21, 0x21, Buffer.from(`${'0'.repeat(20)}ffffc0000201${'0'.repeat(40)}`, 'hex')),
    '192.0.2.1',
  ],
  'version 2, a Unix socket': [v2(0x21, 0x31, Buffer.alloc(216, 65)), undefined],
  'version 2, unknown': [v2(0x21, 0x00, Buffer.alloc(0)), undefined],
  'version 2, datagrams': [v2(0x21, 0x12, Buffer.alloc(12, 1)), undefined],
  'version 2, local': [v2(0x20, 0x00, Buffer.alloc(0)), undefined],
  'version 2, local, with an address that is ignored': [v2(0x20, 0x11, Buffer.alloc(12, 1)), undefined],
  'version 2, local, with half an address': [v2(0x20, 0x11, Buffer.alloc(5, 1)), undefined],
  'version 2, with additions that are skipped': [
    v2(0x21, 0x11, Buffer.from('c0000201c6336407dc04146604000300000001000468747470', 'hex')),
    '192.0.2.1',
  ],
  'version 2, with an addition that is cut off': [
    v2(0x21, 0x11, Buffer.from('c0000201c6336407dc041466200100', 'hex')),
    '192.0.2.1',
  ],
  'version 2, with TLS': [v2(0x21, 0x11, Buffer.alloc(12, 1), SSL), '1.1.1.1', true],
  'version 2, where TLS is spoken of and was not used': [
    v2(0x21, 0x11, Buffer.alloc(12, 1), Buffer.from('2000050000000001', 'hex')),
    '1.1.1.1',
  ],
};

const MALFORMED: Record<string, Buffer> = {
  'another protocol': Buffer.from(`<?xml version='1.0'?>`),
  'a header of TLS': Buffer.from('1603010200', 'hex'),
  'lower case': Buffer.from('proxy TCP4'),
  'an unknown family': v1('TCP5 192.0.2.1 198.51.100.7 1 2'),
  'two blanks': v1('TCP4  192.0.2.1 198.51.100.7 1 2'),
  'a blank at the end': v1('TCP4 192.0.2.1 198.51.100.7 1 2 '),
  'no ports': v1('TCP4 192.0.2.1 198.51.100.7'),
  'a port that is none': v1('TCP4 192.0.2.1 198.51.100.7 1 65536'),
  'a zero before a port': v1('TCP4 192.0.2.1 198.51.100.7 01 2'),
  'a zero before a number': v1('TCP4 192.0.02.1 198.51.100.7 1 2'),
  'an address of the other family': v1('TCP4 2001:db8::1 2001:db8::2 1 2'),
  'an address with a zone': v1('TCP6 fe80::1%eth0 2001:db8::2 1 2'),
  'a destination that is none': v1('TCP4 192.0.2.1 here 1 2'),
  'a line that ends with LF': Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.7 1 2\n'),
  'a line that ends with CR': Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.7 1 2\r<'),
  'a line of 108 bytes': v1(`UNKNOWN ${'x'.repeat(92)}`),
  '107 bytes without an end': Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`),
  '107 bytes that end with CR': Buffer.from(`PROXY UNKNOWN ${'x'.repeat(92)}\r`),
  'version 3': v2(0x31, 0x11, Buffer.alloc(12)),
  'an unknown command': v2(0x22, 0x11, Buffer.alloc(12)),
  'an unknown family of version 2': v2(0x21, 0x41, Buffer.alloc(12)),
  'an unknown protocol of version 2': v2(0x21, 0x13, Buffer.alloc(12)),
  'too few bytes for an address': v2(0x21, 0x11, Buffer.alloc(11)),
  'more than any proxy sends': v2(0x21, 0x11, Buffer.alloc(5000)),
};

describe('a PROXY header', () => {
  for (const [what, [header, ip, isSecure = false]] of Object.entries(HEADERS)) {
    it(`says who the client is: ${what}`, () => {
      const peer = ip === undefined ? { isSecure } : { isSecure, ip };
      expect(parseProxyHeader(header)).to.deep.equal({ kind: 'complete', bytes: header.length, peer });
      const more = Buffer.concat([header, Buffer.from('<?xml')]);
      expect(parseProxyHeader(more)).to.deep.equal({ kind: 'complete', bytes: header.length, peer });
    });

    it(`is waited for wherever it is cut: ${what}`, () => {
      for (let length = 0; length < header.length; length++) {
        expect(parseProxyHeader(header.subarray(0, length)).kind, `${length} bytes`).to.equal('incomplete');
      }
    });
  }

  for (const [what, bytes] of Object.entries(MALFORMED)) {
    it(`is none: ${what}`, () => expect(parseProxyHeader(bytes).kind).to.equal('malformed'));
  }

  it('is told from other protocols by its first bytes', () => {
    expect(startsProxyHeader(v1('UNKNOWN'))).to.be.true;
    expect(startsProxyHeader(v2(0x20, 0, Buffer.alloc(0)))).to.be.true;
    for (const text of ['', 'PRO', 'PROXIMITY', '\r\n\r\n', '<?xml']) {
      expect(startsProxyHeader(Buffer.from(text)), text).to.be.false;
    }
  });
});

describe('reading a PROXY header', () => {
  let server: Server;
  let proxy: Socket;
  let socket: Socket;

  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
    [socket] = (await once(server, 'connection')) as [Socket];
  });
  afterEach(() => {
    proxy.destroy();
    socket.destroy();
    server.close();
  });

  it('leaves on the socket what comes after it, also in the same packet', async () => {
    const outcome = readProxyHeader(socket);
    proxy.write(Buffer.concat([v1('TCP4 192.0.2.1 198.51.100.7 1 2'), Buffer.from('<?xml')]));
    expect(await outcome).to.deep.include({ kind: 'complete', peer: { ip: '192.0.2.1', isSecure: false } });
    const [more] = (await once(socket, 'data')) as [Buffer];
    expect(more.toString()).to.equal('<?xml');
    proxy.write(' version');
    const [rest] = (await once(socket, 'data')) as [Buffer];
    expect(rest.toString()).to.equal(' version');
  });

  it('takes it byte by byte', async () => {
    const outcome = readProxyHeader(socket);
    for (const byte of HEADERS['version 2, with TLS'][0]) {
      proxy.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    expect(await outcome).to.deep.include({ kind: 'complete', peer: { ip: '1.1.1.1', isSecure: true } });
  });

  it('ends with something else', async () => {
    const outcome = readProxyHeader(socket);
    proxy.write('<?xml');
    expect(await outcome).to.deep.equal({ kind: 'malformed' });
  });

  it('ends when nothing comes in time', async () => {
    proxy.write('PROXY');
    expect(await readProxyHeader(socket, 20)).to.deep.equal({ kind: 'timeout' });
  });

  for (const [how, leave] of Object.entries<() => void>({
    'closes its side': () => proxy.end('PROXY'),
    'resets the connection': () => proxy.resetAndDestroy(),
  })) {
    it(`ends when the proxy ${how}`, async () => {
      const outcome = readProxyHeader(socket);
      leave();
      expect(await outcome).to.deep.equal({ kind: 'closed' });
    });
  }
});
