import { expect } from 'chai';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { TcpTransport } from '../../lib/net/tcp.js';
import { PauseReason, type CloseCause } from '../../lib/net/transport.js';
import { Clock } from '../support/clock.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('TcpTransport', () => {
  let server: Server;
  let ours: Socket;
  let peer: Socket;
  let connection: TcpTransport<string>;
  let read: string;
  let drained: number;
  let causes: CloseCause[];
  let closed: Promise<CloseCause>;
  let reads: string[];
  let failures: string[];
  let length: number;

  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
    [ours] = (await once(server, 'connection')) as [Socket];
    await once(peer, 'connect').catch(() => undefined);
  });

  /** Begins here and not in beforeEach, so that a spec can add listeners of its own before ours. */
  function open(): void {
    read = '';
    drained = 0;
    causes = [];
    failures = [];
    reads = [];
    length = 0;
    closed = new Promise((resolve) => {
      connection = new TcpTransport<string>(ours);
      connection.start({
        onData: (chunk) => {
          read += chunk.toString();
          if (read.endsWith('!')) throw new Error(read);
        },
        onFailed: ({ message }) => void failures.push(message),
        onDrained: () => void (drained += 1),
        onEnded: () => connection.close('bye'),
        onClosed: (cause) => {
          causes.push(cause);
          resolve(cause);
        },
      });
    });
    peer.on('error', () => undefined);
    peer.on('data', (chunk: Buffer) => {
      reads.push(chunk.toString());
      length += chunk.length;
    });
  }

  afterEach(() => {
    ours.destroy();
    peer.destroy();
    server.close();
  });

  async function received(bytes: number): Promise<string> {
    while (length < bytes) await once(peer, 'data');
    return reads.join('');
  }

  /** Sends so much that the system can not take it while the peer does not read. */
  function clog(): void {
    peer.pause();
    connection.send('x'.repeat(20_000_000), true, 'clog');
    connection.flush();
  }

  it('writes what is sent in one turn at once, at the end of the turn', async () => {
    open();
    connection.send('a', true);
    connection.send('ü');
    connection.send('\u{1f600}');
    expect(connection.waiting).to.equal(4);
    expect(await received(7)).to.equal('aü\u{1f600}');
    expect(reads).to.have.length(1);
    expect(connection.waiting).to.equal(0);
  });

  it('keeps order over turns, and the two ways of writing apart', async () => {
    open();
    connection.send('1', true);
    await turn();
    connection.send('2é');
    await turn();
    connection.send('3', true);
    expect(await received(5)).to.equal('12é3');
  });

  it('forgets the receipts of what the system has taken', async () => {
    open();
    connection.send('a', true, 'one');
    await received(1);
    expect(connection.takeUnsent()).to.deep.equal([]);
  });

  it('gives the receipts back, in order and once, of what did not leave', async () => {
    // a stream that takes nothing
    const full = new Duplex({ read: () => undefined, write: () => undefined });
    closed = new Promise((resolve) => {
      const events = {
        onData: () => undefined,
        onFailed: () => undefined,
        onDrained: () => undefined,
        onEnded: () => undefined,
        onClosed: resolve,
      };
      connection = new TcpTransport<string>(full);
      connection.start(events);
    });
    connection.send('a', true, 'one');
    connection.flush();
    connection.send('b', true, 'two');
    connection.send('c', true);
    connection.send('d', true, 'three');
    // four bytes of text, and what three receipts keep in memory
    expect(connection.waiting).to.equal(4 + 3 * 512);
    full.destroy();
    await closed;
    expect(connection.takeUnsent()).to.deep.equal(['one', 'two', 'three']);
    expect(connection.takeUnsent()).to.deep.equal([]);
    expect(connection.unwritten).to.equal('bcd');
  });

  it('sends what was sent in the turn in which the peer closed its side: that side may still read', async () => {
    ours.prependListener('end', () => connection.send('late', true, 'late'));
    open();
    peer.end();
    await Promise.all([closed, once(peer, 'close')]);
    expect(reads.join('')).to.equal('latebye');
    expect(connection.takeUnsent()).to.deep.equal([]);
  });

  it('gives back what was sent in the turn in which the connection broke', async () => {
    ours.on('error', () => connection.send('late', true, 'late'));
    open();
    peer.resetAndDestroy();
    await closed;
    expect(connection.takeUnsent()).to.deep.equal(['late']);
    expect(connection.unwritten).to.equal('late');
  });

  it('gives back what was sent in the turn in which it was cut', async () => {
    open();
    connection.send('late', true, 'late');
    connection.destroy();
    expect(await closed).to.deep.equal({ kind: 'local' });
    expect(connection.takeUnsent()).to.deep.equal(['late']);
  });

  it('calls drained once, after all has left, when asked to', async () => {
    open();
    clog();
    connection.callWhenDrained();
    await turn();
    expect(drained).to.equal(0);
    expect(connection.waiting).to.be.above(0);
    peer.resume();
    await received(20_000_000);
    connection.send('a', true);
    await received(20_000_001);
    expect(drained).to.equal(1);
    expect(connection.waiting).to.equal(0);
  });

  /** What is on its way has come. */
  async function turns(): Promise<void> {
    for (let count = 0; count < 20; count += 1) await turn();
  }

  it('passes on what it reads only when no reason to hold is left', async () => {
    open();
    connection.pause(PauseReason.Answer);
    connection.pause(PauseReason.Room);
    peer.write('hello');
    connection.resume(PauseReason.Room);
    await turns();
    expect(read).to.equal('');
    connection.resume(PauseReason.Answer);
    while (read === '') await once(ours, 'data');
    expect(read).to.equal('hello');
  });

  it('release of what was never held does nothing', async () => {
    open();
    connection.pause(PauseReason.Answer);
    connection.resume(PauseReason.Room);
    peer.write('hello');
    await turns();
    expect(read).to.equal('');
  });

  it('passes on in order what was read while it was held, and what comes then', async () => {
    open();
    connection.pause(PauseReason.Room);
    let expected = '';
    for (let part = 0; part < 50; part += 1) {
      const text = `${part}`.repeat(part % 10 === 0 ? 5_000 : 1);
      expected += text;
      peer.write(text);
      await turn();
    }
    while (ours.bytesRead < 40_000) await once(ours, 'data');
    connection.resume(PauseReason.Room);
    peer.end('last');
    await closed;
    expect(read).to.equal(`${expected}last`);
  });

  it('reads no more than a little while it is held, and the rest when it is not', async () => {
    open();
    connection.pause(PauseReason.Room);
    const text = 'x'.repeat(10_000_000);
    peer.write(text);
    while (!ours.isPaused()) await once(ours, 'data');
    await turns();
    expect(ours.bytesRead).to.be.below(1_000_000);
    connection.resume(PauseReason.Room);
    peer.end();
    await closed;
    expect(read.length).to.equal(text.length);
  });

  it('hears the peer close, and break off, while it is held', async () => {
    open();
    connection.pause(PauseReason.Room);
    peer.write('last');
    while (!connection.keeps) await once(ours, 'data');
    peer.resetAndDestroy();
    expect(await closed).to.deep.equal({ kind: 'broken', code: 'ECONNRESET' });
    expect(read).to.equal('');
    connection.resume(PauseReason.Room);
    expect(read).to.equal('last');
  });

  /** Holds what is read, until no more is read. */
  async function stopReading(): Promise<void> {
    connection.send('a', true);
    await received(1);
    connection.pause(PauseReason.Room);
    peer.write('x'.repeat(5_000_000));
    while (!ours.isPaused()) await once(ours, 'data');
  }

  it('gives back what is sent to a peer that broke off while it was not read', async () => {
    open();
    await stopReading();
    peer.resetAndDestroy();
    await turns();
    connection.send('late', true, 'late');
    expect(await closed).to.deep.include({ kind: 'broken' });
    expect(connection.takeUnsent()).to.deep.equal(['late']);
  });

  it('gives back what is sent to a peer that was gone while it was not read: it is tested first', async () => {
    open();
    await stopReading();
    peer.destroy();
    await once(peer, 'close');
    connection.send('late', true, 'late');
    expect(await closed).to.deep.include({ kind: 'broken' });
    expect(connection.takeUnsent()).to.deep.equal(['late']);
  });

  it('sends to a peer that is there though it is not read, in order', async () => {
    open();
    await stopReading();
    connection.send('b', true, 'b');
    await turns();
    connection.send('c', true, 'c');
    expect(await received(4)).to.equal('a bc');
    expect(connection.takeUnsent()).to.deep.equal([]);
  });

  it('closes with a last text, and is closed once', async () => {
    open();
    peer.on('end', () => peer.end());
    connection.send('a', true);
    connection.close('bye');
    connection.close('again');
    connection.send('more', true);
    expect(await received(4)).to.equal('abye');
    expect(await closed).to.deep.equal({ kind: 'local' });
    expect(connection.open).to.equal(false);
    connection.destroy();
    connection.close();
    await turn();
    expect(causes).to.have.length(1);
  });

  it('throws away what the peer still sends after the close', async () => {
    open();
    connection.pause(PauseReason.Answer);
    connection.close('bye');
    peer.write('late');
    peer.end();
    await closed;
    expect(read).to.equal('');
  });

  it('cuts a peer that does not close its side in two seconds', async () => {
    const clock = new Clock();
    clock.install();
    try {
      open();
      peer.allowHalfOpen = true;
      connection.close('bye');
      await received(3);
      clock.advance(1_999);
      await turn();
      expect(causes).to.have.length(0);
      clock.advance(1);
      expect(await closed).to.deep.equal({ kind: 'local' });
    } finally {
      clock.uninstall();
    }
  });

  it('says that the peer closed in good order, and answers before it closes as well', async () => {
    open();
    peer.end('last');
    await once(peer, 'close');
    expect(await closed).to.deep.equal({ kind: 'remote' });
    expect(read).to.equal('last');
    expect(reads.join('')).to.equal('bye');
  });

  it('passes on what its owner throws, and goes on', async () => {
    open();
    peer.write('oh!');
    while (failures.length === 0) await once(ours, 'data');
    expect(failures).to.deep.equal(['oh!']);
    peer.end(' well');
    await closed;
    expect(read).to.equal('oh! well');
  });

  it('says how it broke', async () => {
    open();
    peer.resetAndDestroy();
    expect(await closed).to.deep.equal({ kind: 'broken', code: 'ECONNRESET' });
    await turn();
    expect(causes).to.have.length(1);
  });

  it('names the peer without the prefix of IPv4 in IPv6', () => {
    open();
    expect(connection.peerAddress).to.equal('127.0.0.1');
  });
});
