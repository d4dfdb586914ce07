/** Stopping in front of jabberd2: clients are told, their sessions ended, the name given back. [jabberd2 2.7.0 router] [RFC6120 4.9.3.20] */
import { expect } from 'chai';
import { once } from 'node:events';
import { connect } from 'node:net';
import { authSet } from '../support/client.js';
import { toldRouter } from '../support/router-story.js';
import { withdrawal } from '../support/scripted-router.js';

describe('stop() in front of jabberd2', () => {
  it(
    'tells every client, ends every session once, gives the name back, then closes the link',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      const unknown = await story.client('unknown');
      const old = await story.client('old', `to='localhost'`);
      const stopped = story.server.stop();
      const ends = [await story.link.action('end'), await story.link.action('end')];
      expect(ends.map(({ to, c2s, sm }) => [to, c2s, sm])).to.have.deep.members([
        ['sm', juliet.c2s, juliet.sm],
        ['sm', romeo.c2s, romeo.sm],
      ]);
      await story.link.expectUnbind();
      await story.link.expectClosingTag();
      story.link.socket.end('</stream:stream>');
      for (const client of [juliet, romeo, unknown]) await client.expectError('system-shutdown');
      await old.expectLegacyError('Server shutting down');
      await stopped;
      story.link.expectNothing.bind(story.link);
    }),
  );

  it(
    'sends what clients have said before',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(`<message id='last'/><iq id='no type'/>`);
      await juliet.expectRefusal('no type', '400');
      const stopped = story.server.stop();
      await story.expectFrom(juliet, `<message id='last'/>`);
      await story.expectLeft(juliet);
      await story.link.expectUnbind();
      await story.link.expectClosingTag();
      await stopped;
    }),
  );

  it(
    'waits a little for the session of a login under way, and ends it',
    toldRouter(async (story) => {
      const juliet = await story.starting('juliet');
      const stopped = story.server.stop();
      await juliet.expectError('system-shutdown');
      story.link.send(story.started(juliet));
      await story.expectLeft(juliet);
      await story.link.expectUnbind();
      await story.link.expectClosingTag();
      await stopped;
    }),
  );

  it(
    'does not wait for long for a session that nobody starts',
    toldRouter(async (story) => {
      const juliet = await story.starting('juliet');
      story.clock.install();
      const stopped = story.server.stop();
      await juliet.expectError('system-shutdown');
      await story.gone(juliet);
      await new Promise((resolve) => setImmediate(resolve));
      story.clock.advance(1_000);
      await story.link.expectUnbind();
      await story.link.expectClosingTag();
      await stopped;
    }),
  );

  it(
    'waits for no answer to what it says last',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const stopped = story.server.stop();
      await story.expectLeft(juliet);
      await story.link.source();
      await story.link.expectClosingTag();
      await stopped;
    }),
  );

  it(
    'waits no longer than four seconds for a router that does not read',
    toldRouter(
      async (story) => {
        const juliet = await story.user('juliet');
        story.link.socket.pause();
        juliet.send(`<message><body>${'x'.repeat(1000)}</body></message>`.repeat(16_000) + `<iq id='last'/>`);
        await juliet.expectRefusal('last', '400');
        story.clock.install();
        const stopped = story.server.stop();
        await juliet.expectError('system-shutdown');
        await story.gone(juliet);
        story.clock.advance(4_000);
        await stopped;
      },
      { limits: { linkQueueBytes: 64_000_000 } },
    ),
  ).timeout(20_000);

  it(
    'takes no more connections',
    toldRouter(async (story) => {
      const { port } = story;
      await story.server.stop();
      const socket = connect({ host: '127.0.0.1', port });
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).to.equal('ECONNREFUSED');
    }),
  );

  it(
    'is quick while the link is away, and while it is being made',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      await story.loseLink();
      const stopped = story.server.stop();
      await juliet.expectError('system-shutdown');
      await stopped;
    }),
  );

  it(
    'is quick while a session manager is away',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.link.send(['sm', 'localhost'].map(withdrawal).join(''));
      await juliet.expectError('remote-connection-failed');
      const stopped = story.server.stop();
      await story.link.expectUnbind();
      await story.link.expectClosingTag();
      await stopped;
    }),
  );

  it(
    'may be called twice, and while a login is being checked',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.client('romeo');
      romeo.send(authSet('romeo'));
      await Promise.all([story.server.stop(), story.server.stop()]);
      await juliet.expectError('system-shutdown');
    }),
  );

  it(
    'has the events "login" and "gone" told before',
    toldRouter(async (story) => {
      const told: string[] = [];
      story.server.on('login', ({ sessionAddress }) => told.push(`login ${sessionAddress}`));
      story.server.on('gone', ({ sessionAddress, ip }, { kind }) =>
        told.push(`gone ${sessionAddress} ${ip} ${kind}`),
      );
      await story.user('juliet');
      await story.server.stop();
      expect(told).to.deep.equal([
        'login juliet@localhost/Balcony',
        'gone juliet@localhost/Balcony 127.0.0.1 shutdown',
      ]);
    }),
  );
});
