import { expect } from 'chai';
import { Duplex } from 'node:stream';
import { TcpTransport } from '../../lib/net/tcp.js';
import { ComponentHandshake } from '../../lib/upstream/component/handshake.js';
import { Link } from '../../lib/upstream/link.js';
import { Queue } from '../support/queue.js';

const HEADER = `<stream:stream xmlns='jabberd:sockets' xmlns:stream='http://etherx.jabber.org/streams' id='6B01226D'>`;

describe('Link', () => {
  let link: Link;
  let ours: Duplex;
  let peer: { write(text: string): void };
  /** Does the system take nothing more? */
  let full: boolean;
  let events: Queue<string>;
  let heard: Queue<string>;

  beforeEach(() => {
    full = false;
    events = new Queue('an event of the link');
    heard = new Queue('something from the link');
    ours = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        heard.push(chunk.toString());
        if (!full) done();
      },
      final: (done) => {
        ours.push(null);
        done();
      },
    });
    peer = { write: (text) => void ours.push(text) };
    link = new Link(
      new TcpTransport(ours),
      new ComponentHandshake({ name: 'foo-sockets', secret: 's3cret' }),
      {
        onUp: () => events.push('up'),
        onPacket: ({ source }) => {
          events.push(source);
          if (source === '<throw/>') throw new Error('thrown');
        },
        onSkipped: () => undefined,
        onError: ({ message }) => events.push(`failed: ${message}`),
        onDrained: () => events.push('drained'),
        onDown: ({ reason }) => events.push(`down: ${reason}`),
      },
    );
  });

  afterEach(() => {
    ours.destroy();
  });

  async function up(): Promise<void> {
    link.connected();
    await heard.next();
    peer.write(HEADER);
    await heard.next();
    peer.write('<handshake/>');
    expect(await events.next()).to.equal('up');
  }

  it('says nothing before it is connected, and its header once', async () => {
    link.connected();
    link.connected();
    expect(await heard.next()).to.equal(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept'` +
        ` xmlns:stream='http://etherx.jabber.org/streams' to='foo-sockets'>`,
    );
    peer.write(HEADER);
    expect(await heard.next()).to.equal('<handshake>6e4e98ce45b0c275768a7c0fc83372c208e93883</handshake>');
  });

  it('tells of packets as they come, those in the read of the handshake too', async () => {
    link.connected();
    await heard.next();
    peer.write(HEADER);
    await heard.next();
    peer.write(`<handshake/><message a='1'/> \n<iq/>`);
    expect([await events.next(), await events.next(), await events.next()]).to.deep.equal([
      'up',
      `<message a='1'/>`,
      '<iq/>',
    ]);
  });

  it('goes on with the next packet when one is answered by an error of ours', async () => {
    await up();
    peer.write('<throw/><message/>');
    expect([await events.next(), await events.next(), await events.next()]).to.deep.equal([
      '<throw/>',
      'failed: thrown',
      '<message/>',
    ]);
  });

  it('takes a second handshake for the packet that it is', async () => {
    await up();
    peer.write('<handshake/>');
    expect(await events.next()).to.equal('<handshake/>');
  });

  it('sends what it is given, closes in order behind it, and says so once', async () => {
    await up();
    link.send('<message/>', true);
    link.close();
    link.close();
    expect(await heard.next()).to.equal('<message/></stream:stream>');
    expect(await events.next()).to.equal('down: closed by us');
    expect(events.length).to.equal(0);
  });

  it('has what was not begun to be written left over when it is down, and only then', async () => {
    await up();
    full = true;
    link.send('<message/>', true);
    await heard.next();
    link.send('<iq/>', true);
    link.send('<presence/>', true);
    expect(link.waiting).to.be.above(0);
    expect(link.unsent).to.equal('');
    ours.destroy();
    await events.next();
    expect(link.unsent).to.equal('<iq/><presence/>');
  });

  it('has what was sent in the turn of its end left over', async () => {
    await up();
    link.send('<message/>', true);
    ours.destroy();
    link.send('<iq/>', true);
    await events.next();
    expect(link.unsent).to.equal('<message/><iq/>');
  });

  for (const [what, text, reason] of [
    ['an error', '<stream:error>Bye</stream:error>', 'the session manager says: Bye'],
    ['a closing tag', '</stream:stream>', 'the session manager closed the stream'],
    ['no XML', '<a', undefined],
  ] as const) {
    it(`is down after ${what}, and tells of nothing more`, async () => {
      await up();
      if (reason === undefined) peer.write('<a b=c>');
      else peer.write(`${text}<message/>`);
      expect(await events.next()).to.match(
        reason === undefined
          ? /^down: cannot read the stream of the session manager/
          : new RegExp(`^down: ${reason}`),
      );
      expect(events.length).to.equal(0);
    });
  }

  it('does not log an error text without bound', async () => {
    await up();
    peer.write(`<stream:error>${'x'.repeat(10_000)}</stream:error>`);
    expect((await events.next()).length).to.be.below(300);
  });
});
