import { expect } from 'chai';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { TcpTransport } from '../../lib/net/tcp.js';
import type { CloseCause, Role } from '../../lib/net/transport.js';
import { tcp } from '../../lib/xmpp/framing/tcp.js';
import { XmlStream, type XmlStreamEvents } from '../../lib/xmpp/stream.js';
import { writeStreamError } from '../../lib/xmpp/stream-error.js';
import { TLS_FILES } from '../support/scripted-router.js';

const LIMITS = { bytes: 10_000, depth: 10, attributes: 10 };
const STREAMS = 'http://etherx.jabber.org/streams';
const HEADER = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='${STREAMS}' to='localhost'>`;

/** An owner of a stream that notes what it is told. */
class Owner implements XmlStreamEvents {
  readonly told: string[] = [];
  readonly stream: XmlStream;
  private wake: () => void = () => undefined;

  constructor(
    source: Duplex,
    role: Role,
    private readonly act: (said: string, stream: XmlStream) => void = () => undefined,
  ) {
    this.stream = new XmlStream(new TcpTransport(source), this, {
      role,
      framing: tcp,
      limits: LIMITS,
      namespaces: true,
    });
  }

  onData(chunk: Buffer): void {
    this.stream.read(chunk);
  }
  onHeader(): void {
    this.note('header');
  }
  onStanza({ source }: { readonly source: string }): void {
    this.note(source);
  }
  onClosingTag(): void {
    this.note('closing tag');
  }
  onParseError({ condition }: { readonly condition: string }): void {
    this.note(condition);
  }
  onFailed({ message }: Error): void {
    this.note(`failed: ${message}`);
  }
  onEnded(): void {
    this.note('ended');
    this.stream.hangUp();
  }
  onClosed({ kind }: CloseCause): void {
    this.note(`closed: ${kind}`);
  }

  note(said: string): void {
    this.told.push(said);
    this.act(said, this.stream);
    this.wake();
  }

  async until(said: string): Promise<void> {
    while (!this.told.includes(said)) await new Promise<void>((resolve) => (this.wake = resolve));
  }
}

/** A stream whose peer is the spec itself: nothing but text each way. */
class Wire extends Duplex {
  written = '';

  override _read(): void {
    // What comes is pushed by the spec.
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString();
    done();
  }
  override _final(done: () => void): void {
    done();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('XmlStream', () => {
  let wire: Wire;

  beforeEach(() => {
    wire = new Wire();
  });
  afterEach(() => {
    wire.destroy();
  });

  async function hear(...texts: string[]): Promise<void> {
    for (const text of texts) {
      wire.push(text);
      await turn();
    }
  }

  for (const role of ['initiating', 'receiving'] as const) {
    it(`${role}: sends its header once, and stanzas after it, in one write`, async () => {
      const { stream } = new Owner(wire, role);
      expect(stream.state).to.equal('unopened');
      stream.open({ xmlns: 'jabber:client', version: '1.0' });
      stream.open({ xmlns: 'jabber:client', version: '1.0' });
      stream.send('<iq/>', true);
      await turn();
      const names = [`xmlns='jabber:client'`, `xmlns:stream='${STREAMS}'`];
      if (role === 'receiving') names.reverse();
      expect(wire.written).to.equal(
        `<?xml version='1.0'?><stream:stream ${names.join(' ')} version='1.0'><iq/>`,
      );
      expect(stream.state).to.equal('opened');
    });

    it(`${role}: tells of header, stanzas and the end, cut at every byte`, async () => {
      const text = `${HEADER}<message to='a'><body>\u{1f600}</body></message> <iq/></stream:stream>`;
      const whole = ['header', `<message to='a'><body>\u{1f600}</body></message>`, '<iq/>', 'closing tag'];
      const bytes = Buffer.from(text);
      for (let cut = 0; cut <= bytes.length; cut += 1) {
        const { stream, told } = new Owner(new Wire(), role);
        stream.read(Buffer.from(bytes.subarray(0, cut)));
        stream.read(Buffer.from(bytes.subarray(cut)));
        expect(told, `cut at ${cut}`).to.deep.equal(whole);
      }
      const { stream, told } = new Owner(wire, role);
      for (const byte of bytes) stream.read(Buffer.of(byte));
      expect(told).to.deep.equal(whole);
    });

    it(`${role}: begins anew after a restart, with what it was told about limits`, async () => {
      const { stream, told } = new Owner(wire, role, (said, here) => {
        if (said === '<success/>') here.restart();
      });
      stream.open({});
      stream.limits = { ...LIMITS, bytes: 200 };
      await hear(`${HEADER}<success/><late/>`);
      expect(stream.state).to.equal('unopened');
      stream.open({ id: 'second' });
      await hear(`${HEADER}<iq/>`, `<iq>${'x'.repeat(300)}</iq>`);
      expect(told).to.deep.equal(['header', '<success/>', 'header', '<iq/>', 'policy-violation']);
      expect(wire.written.match(/<stream:stream /g)).to.have.length(2);
    });
  }

  it('drops a stanza that was not complete at a restart', async () => {
    const { stream, told } = new Owner(wire, 'initiating');
    await hear(`${HEADER}<iq><half`);
    expect(stream.unfinished).to.be.above(0);
    stream.restart();
    expect(stream.unfinished).to.equal(0);
    await hear(`${HEADER}<iq/>`);
    expect(told).to.deep.equal(['header', 'header', '<iq/>']);
  });

  for (const [what, act] of [
    ['closed', (stream: XmlStream): void => stream.close()],
    ['restarted', (stream: XmlStream): void => stream.restart()],
  ] as const) {
    it(`says that bytes after a read that it was ${what} in are not for it`, () => {
      const { stream } = new Owner(wire, 'receiving', (said, here) => {
        if (said === '<last/>') act(here);
      });
      expect(stream.read(Buffer.from(`${HEADER}<iq/>`))).to.equal(true);
      expect(stream.read(Buffer.from('<last/><iq/>'))).to.equal(false);
    });
  }

  it('is closed once: with an error, the closing tag, and nothing after that', async () => {
    const { stream, told } = new Owner(wire, 'receiving');
    stream.open({ id: 'x' });
    await hear(HEADER);
    const before = wire.written;
    stream.close(writeStreamError('legacy', { condition: 'conflict', text: 'Replaced' }));
    stream.close('<again/>');
    stream.hangUp('<again/>');
    stream.send('<again/>');
    stream.finish();
    stream.restart();
    stream.open({ id: 'y' });
    await hear('<iq/></stream:stream>');
    expect(wire.written).to.equal(`${before}<stream:error>Replaced</stream:error></stream:stream>`);
    expect(told).to.deep.equal(['header']);
    stream.destroy();
    stream.destroy();
    await once(wire, 'close');
    await turn();
    expect(told).to.deep.equal(['header', 'closed: local']);
    expect(stream.state).to.equal('closed');
  });

  it('that was not opened ends without a closing tag', async () => {
    const { stream } = new Owner(wire, 'receiving');
    stream.close();
    await turn();
    expect(wire.written).to.equal('');
  });

  it('that is hung up ends without a closing tag', async () => {
    const { stream } = new Owner(wire, 'receiving');
    stream.open({});
    await turn();
    const before = wire.written;
    stream.hangUp('<bye/>');
    await turn();
    expect(wire.written).to.equal(`${before}<bye/>`);
  });

  it('that is finished still hears the peer, and closes with no second closing tag [RFC6120 4.4]', async () => {
    const { stream, told } = new Owner(wire, 'initiating');
    stream.open({});
    stream.finish();
    stream.finish();
    await hear(`${HEADER}<iq/></stream:stream>`);
    stream.close();
    await turn();
    expect(told).to.deep.equal(['header', '<iq/>', 'closing tag']);
    expect(wire.written.match(/<\/stream:stream>/g)).to.have.length(1);
  });

  it('passes on the header of another stream as it came', async () => {
    const { stream } = new Owner(wire, 'initiating');
    const reader = tcp.newReader(
      {
        onHeader: (header) => stream.forward(header),
        onStanza: () => undefined,
        onClosingTag: () => undefined,
        onParseError: () => undefined,
      },
      { limits: LIMITS, namespaces: false },
    );
    reader.write(Buffer.from(`<stream:stream xmlns:db='x' to="a">`));
    await turn();
    expect(wire.written).to.equal(`<?xml version='1.0'?><stream:stream xmlns:db='x' to="a">`);
  });

  it('tells its owner what the owner has thrown, so that it can end the stream', async () => {
    const { told } = new Owner(wire, 'receiving', (said, stream) => {
      if (said === '<throw/>') throw new Error('thrown');
      if (said === 'failed: thrown') stream.close();
    });
    await hear(HEADER, '<throw/>', '<iq/>');
    expect(told).to.deep.equal(['header', '<throw/>', 'failed: thrown']);
  });

  describe('with TLS', () => {
    const pem = readFileSync(new URL('router.pem', TLS_FILES));
    const ca = readFileSync(new URL('ca.pem', TLS_FILES));
    let server: Server;
    let accepted: Promise<Socket>;
    let near: Socket;

    beforeEach(async () => {
      server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      accepted = once(server, 'connection').then(([socket]) => socket as Socket);
      near = connect({
        port: (server.address() as AddressInfo).port,
        host: '127.0.0.1',
        allowHalfOpen: true,
      });
      await once(near, 'connect');
    });
    afterEach(async () => {
      near.destroy();
      (await accepted).destroy();
      server.close();
    });

    /** A client that asks for TLS, and a server that goes ahead; `injected` is what somebody adds on the way. */
    async function pair(injected: { toServer?: string; toClient?: string } = {}): Promise<{
      client: Owner;
      server: Owner;
    }> {
      const context = { key: pem, cert: pem };
      const answer = (said: string, stream: XmlStream): void => {
        if (said === 'header') stream.open({ id: 'x', xmlns: 'jabber:client' });
        if (said !== '<starttls/>') return;
        stream.send(`<proceed/>${injected.toClient ?? ''}`);
        stream.encrypt(context, (error) => far.note(error ? `refused: ${error.message}` : 'encrypted'));
      };
      const far: Owner = new Owner(await accepted, 'receiving', answer);
      const client = new Owner(near, 'initiating', (said, stream) => {
        if (said === 'header' && !client.told.includes('encrypted'))
          stream.send(`<starttls/>${injected.toServer ?? ''}`);
        if (said !== '<proceed/>') return;
        stream.encrypt({ ca, host: '127.0.0.1' }, (error) => {
          client.note(error ? `refused: ${error.message}` : 'encrypted');
          if (!error) stream.open({ xmlns: 'jabber:client', to: 'localhost' });
        });
      });
      client.stream.open({ xmlns: 'jabber:client', to: 'localhost' });
      return { client, server: far };
    }

    it('encrypts on both sides, and begins anew', async () => {
      const { client, server: far } = await pair();
      await client.until('encrypted');
      await far.until('encrypted');
      const protocols = [client, far].map(({ stream }) => stream.transport.security?.protocol);
      expect(protocols).to.deep.equal(['TLSv1.3', 'TLSv1.3']);
      client.stream.send('<iq/>');
      await far.until('<iq/>');
      far.stream.send('<message/>');
      await client.until('<message/>');
      expect(far.told).to.deep.equal(['header', '<starttls/>', 'encrypted', 'header', '<iq/>']);
      expect(client.told).to.deep.equal(['header', '<proceed/>', 'encrypted', 'header', '<message/>']);
      client.stream.close();
      await far.until('closing tag');
      await client.until('closed: local');
    });

    it('takes nothing that somebody has put in before the encryption [RFC6120 5.4.3.3]', async () => {
      const { client, server: far } = await pair({ toServer: '<evil/>', toClient: '<evil/>' });
      await client.until('encrypted');
      await far.until('encrypted');
      client.stream.send('<iq/>');
      await far.until('<iq/>');
      expect(far.told).to.not.include('<evil/>');
      expect(client.told).to.not.include('<evil/>');
    });

    it('says on both sides what went wrong, once, and is over', async () => {
      const { client, server: far } = await pair();
      const other = readFileSync(new URL('other-ca.pem', TLS_FILES));
      const { encrypt } = client.stream;
      client.stream.encrypt = (options, onEncrypted) =>
        encrypt.call(client.stream, { ...options, ca: other }, onEncrypted);
      await client.until('closed: broken');
      expect(client.told.filter((said) => said.startsWith('refused: '))).to.have.length(1);
      await Promise.race([far.until('closed: broken'), far.until('closed: remote'), far.until('ended')]);
    });

    it('is over where the peer speaks no TLS', async () => {
      const far = new Owner(await accepted, 'receiving', (said, stream) => {
        if (said !== '<starttls/>') return;
        stream.encrypt({ key: pem, cert: pem }, (error) => far.note(error ? 'not encrypted' : 'encrypted'));
        near.write('<iq/>'.repeat(100));
      });
      near.on('error', () => undefined);
      near.resume();
      near.write(`${HEADER}<starttls/>`);
      await far.until('not encrypted');
      near.end();
      while (!far.told.some((said) => said.startsWith('closed'))) await turn();
      expect(far.told).to.not.include('<iq/>');
      expect(far.told.filter((said) => said === 'not encrypted')).to.have.length(1);
    });
  });
});
