/** Stopping: clients are told, their sessions ended, the link flushed and closed. [RFC6120 4.9.3.20] */
import { expect } from 'chai';
import { once } from 'node:events';
import { connect } from 'node:net';
import { OLD, authSet } from '../support/client.js';
import { ended, told } from '../support/story.js';

describe('stop()', () => {
  it(
    'tells every client, ends every session once, then closes the link',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      const unknown = await story.client('unknown');
      const asking = await story.asking('nurse');
      const old = await story.client('old', `to='localhost'`);
      const stopped = story.server.stop();
      const ends = [await story.link.source(), await story.link.source()];
      expect(ends.sort()).to.deep.equal(
        [ended(juliet.address, juliet.session), ended(romeo.address, romeo.session)].sort(),
      );
      await story.link.expectClosingTag();
      await story.link.expectEnd();
      for (const client of [juliet, romeo, unknown, asking]) await client.expectError('system-shutdown');
      await old.expectLegacyError('Server shutting down');
      await stopped;
    }),
  );

  it(
    'sends what clients have said before',
    told(async (story) => {
      const juliet = await story.user('juliet', 'Balcony', OLD);
      juliet.send(`<message id='last'/><log/>`);
      await juliet.stanza();
      const stopped = story.server.stop();
      await story.link.expect(`<message id='last' sfrom='${juliet.address}' sto='${juliet.session}'/>`);
      await story.link.expect(ended(juliet.address, juliet.session));
      await story.link.expectClosingTag();
      await stopped;
    }),
  );

  it(
    'takes no more connections',
    told(async (story) => {
      const { port } = story;
      await story.server.stop();
      const socket = connect({ host: '127.0.0.1', port });
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).to.equal('ECONNREFUSED');
    }),
  );

  it(
    'waits no longer than a moment for a client that does not close its side',
    told(async (story) => {
      const idle = await story.user('juliet');
      idle.socket.pause();
      story.clock.install();
      const stopped = story.server.stop();
      await story.link.expect(ended(idle.address, idle.session));
      story.clock.advance(2_000);
      await story.link.expectClosingTag();
      await stopped;
    }),
  );

  it(
    'waits no longer than four seconds for a session manager that does not read',
    told(
      async (story) => {
        const juliet = await story.user('juliet', 'Balcony', OLD);
        story.link.socket.pause();
        juliet.send(`<message><body>${'x'.repeat(1000)}</body></message>`.repeat(16_000) + '<log/>');
        await juliet.stanza();
        story.clock.install();
        const stopped = story.server.stop();
        await juliet.expectLegacyError('Server shutting down');
        await story.gone(juliet);
        story.clock.advance(4_000);
        await stopped;
      },
      { limits: { linkQueueBytes: 64_000_000 } },
    ),
  ).timeout(20_000);

  it(
    'ends the session of a client that was leaving while a login for the same address is under way',
    told(async (story) => {
      const old = await story.user('juliet');
      await story.asking('juliet');
      await old.drop();
      await story.gone(old);
      const stopped = story.server.stop();
      await story.link.expect(ended(old.address, old.session));
      await story.link.expectClosingTag();
      await stopped;
    }),
  );

  it(
    'is quick while the link is away',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await story.loseLink();
      const stopped = story.server.stop();
      await juliet.expectError('system-shutdown');
      await stopped;
    }),
  );

  it(
    'may be called twice',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await Promise.all([story.server.stop(), story.server.stop()]);
      await juliet.expectError('system-shutdown');
    }),
  );

  it(
    'has the events "login" and "gone" told before',
    told(async (story) => {
      const told: string[] = [];
      story.server.on('login', ({ sessionAddress }) => told.push(`login ${sessionAddress}`));
      story.server.on('gone', ({ sessionAddress, ip }, { kind }) =>
        told.push(`gone ${sessionAddress} ${ip} ${kind}`),
      );
      const client = await story.client();
      client.send(authSet('juliet'));
      client.address = (await story.link.packet()).attribute('sfrom')!;
      client.session = 'juliet@localhost/Balcony';
      await story.accept(client);
      await story.server.stop();
      expect(told).to.deep.equal([
        'login juliet@localhost/Balcony',
        'gone juliet@localhost/Balcony 127.0.0.1 shutdown',
      ]);
    }),
  );
});
