/**
 * A peer with Nagle's algorithm on holds back what it has to say until what it said is acknowledged, and our system
 * delays that while we say nothing: 40 ms for nothing. [RFC896] [RFC1122 4.2.3.2] [jabberd 1.1.2, 1.4.3] [jabberd2 2.7.0]
 */
import { expect } from 'chai';
import { once } from 'node:events';
import { SocketManager } from '../../lib/server.js';
import { config } from '../support/config.js';
import { RecordedLog } from '../support/log.js';
import { toldRouter } from '../support/router-story.js';
import { toldRoute } from '../support/route-story.js';
import { ScriptedSessionManager } from '../support/scripted-session-manager.js';
import { told } from '../support/story.js';
import type { Wire } from '../support/wire.js';

/** What comes over a wire from now on, as text. */
class Tail {
  private readonly from: number;

  constructor(private readonly wire: Wire) {
    this.from = wire.received.length;
  }

  get text(): string {
    return this.wire.received.slice(this.from);
  }

  /** What comes first. */
  async first(): Promise<string> {
    while (this.text === '') await once(this.wire.socket, 'data');
    return this.text;
  }
}

/** A stanza with the id 1 comes over the link, and causes nothing but that its client gets it. */
async function expectSpace(link: Wire, client: Wire, packet: string): Promise<void> {
  const tail = new Tail(link);
  link.send(packet);
  await client.expect(`<message id='1'/>`);
  expect(await tail.first()).to.equal(' ');
}

describe('a session manager that holds back what it has to say until we acknowledge', () => {
  it(
    'sees a space after a read that caused nothing, in sto-sfrom',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await story.expectQuiet(juliet);
      await expectSpace(
        story.link,
        juliet,
        `<message id='1' sto='${juliet.address}' sfrom='${juliet.bare}'/>`,
      );
    }),
  );

  it(
    'sees one in route',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      await story.expectQuiet(juliet);
      await expectSpace(story.link, juliet, story.to(juliet, `<message id='1'/>`));
    }),
  );

  it(
    'sees one in jabberd2',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      await story.expectQuiet(juliet);
      await expectSpace(story.link, juliet, story.to(juliet, `<message id='1'/>`));
    }),
  );

  it(
    'sees one after each part of a packet',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await story.expectQuiet(juliet);
      const packet = `<message id='1' sto='${juliet.address}' sfrom='${juliet.bare}'/>`;
      for (const part of [packet.slice(0, 20), packet.slice(20, 40), packet.slice(40)]) {
        const tail = new Tail(story.link);
        story.link.send(part);
        expect(await tail.first()).to.equal(' ');
      }
      await juliet.expect(`<message id='1'/>`);
    }),
  );

  it(
    'sees none after a read that caused something: that acknowledges as well',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await story.expectQuiet(juliet);
      story.link.send(`<message sto='${juliet.address}' sfrom='${juliet.bare}'/>`);
      await new Tail(story.link).first();
      await juliet.expect('<message/>');
      const tail = new Tail(story.link);
      for (let count = 0; count < 20; count += 1) {
        story.link.send(`<iq type='get' id='${count}' from='romeo@localhost' to='foo-sockets'/>`);
        await story.link.stanza();
      }
      juliet.send(`<message id='after'/>`);
      await story.link.stanza();
      expect(tail.text).to.contain(`id='19'`).and.to.contain(`id='after'`);
      expect(tail.text.match(/>\s+</g)).to.equal(null);
    }),
  );

  it('sees none before its handshake is complete', async () => {
    const sm = await ScriptedSessionManager.listen();
    sm.automatic = false;
    const server = new SocketManager(config(sm.port), new RecordedLog());
    try {
      const started = server.start();
      const link = await sm.link();
      await link.header();
      await link.drip(
        `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='1'`,
      );
      link.send(` xmlns='jabberd:sockets'>`);
      await link.stanza();
      await link.drip('<handshake');
      link.send('/>');
      await started;
      expect(link.received).to.match(/^<\?xml[^>]*><stream:stream[^>]*><handshake>[0-9a-f]*<\/handshake> ?$/);
    } finally {
      await server.stop();
      await sm.close();
    }
  });
});

describe('a client that holds back what it has to say until we acknowledge', () => {
  it(
    'shows that by the delay, and sees a space after what causes no answer from then on',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await story.expectQuiet(juliet);
      juliet.socket.setNoDelay(false);
      const tail = new Tail(juliet);
      let id = 0;
      while (tail.text === '') {
        // The second one is held back, but for the first few of a connection.
        for (const part of [`<message id='${id}'>`, '</message>']) {
          await juliet.sent(part);
          await new Promise((resolve) => setImmediate(resolve));
        }
        await story.link.expect(`<message id='${id}' sfrom='${juliet.address}' sto='${juliet.session}'/>`);
        id += 1;
      }
      expect(tail.text).to.match(/^ +$/);
      await story.expectQuiet(juliet);
    }),
  );
});
