import { expect } from 'chai';
import { duplexPair, type Duplex } from 'node:stream';
import { TcpTransport } from '../../lib/net/tcp.js';
import { silent } from '../../lib/observe/log.js';
import { ComponentHandshake } from '../../lib/upstream/component/handshake.js';
import { ReconnectingLink } from '../../lib/upstream/reconnecting-link.js';

const HEADER = `<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' id='1'>`;

describe('a link that comes back', () => {
  let peer: Duplex;
  let rooms: number;
  let link: ReconnectingLink;
  beforeEach(() => {
    rooms = 0;
    const options = { name: 'us', where: 'there', queueBytes: 100, limited: false };
    link = new ReconnectingLink(
      {
        ...options,
        connect: (onConnect) => {
          const [ours, theirs] = duplexPair();
          peer = theirs;
          process.nextTick(onConnect);
          return new TcpTransport(ours);
        },
        handshake: () => new ComponentHandshake({ name: 'us', secret: 'secret' }),
      },
      {
        onLinked: () => {
          link.open();
          link.flush();
        },
        onPacket: () => undefined,
        onFailed: () => undefined,
        onDown: () => undefined,
        onRoom: () => (rooms += 1),
      },
      silent,
    );
  });
  afterEach(async () => {
    const stopped = link.stop();
    peer.end();
    await stopped;
  });

  async function accept(): Promise<void> {
    link.start();
    await new Promise((resolve) => peer.once('data', resolve));
    peer.resume();
    peer.write(`${HEADER}<handshake/>`);
    while (!link.up) await turn();
  }

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const many = (): void => {
    for (let count = 0; count < 20; count += 1) link.send('<presence/>');
  };

  it('is full while more waits than may wait, however often that is asked, and tells once when it has room', async () => {
    await accept();
    expect(link.isFull).to.equal(false);
    many();
    expect([link.isFull, link.isFull]).to.deep.equal([true, true]);
    expect(rooms).to.equal(0);
    while (rooms === 0) await turn();
    expect(link.isFull).to.equal(false);
    link.send('<presence/>');
    for (let count = 0; count < 10; count += 1) await turn();
    expect(rooms, 'nothing to tell').to.equal(1);
  });

  it('tells of room as well where nobody has asked', async () => {
    await accept();
    many();
    while (rooms === 0) await turn();
    expect(rooms).to.equal(1);
  });

  it('is full of packets that wait for the link, and has room once that is there', async () => {
    many();
    expect(link.isFull).to.equal(true);
    await accept();
    while (rooms === 0) await turn();
    expect(link.isFull).to.equal(false);
  });
});
