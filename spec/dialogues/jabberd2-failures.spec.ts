/** Session managers that go and come back behind a router that stays, and routers that go and come back. [jabberd2 2.7.0 router, sm] */
import { expect } from 'chai';
import { once } from 'node:events';
import { authSet, header } from '../support/client.js';
import { action, RESULT, toldRouter, turns, type Guest, type RouterStory } from '../support/router-story.js';
import { advert, disco, NAME, NAMES, route, undelivered, withdrawal } from '../support/scripted-router.js';

const GONE = 'The session manager is not reachable';
/** How long names have to come back after the link has, in milliseconds. */
const GRACE = 10_000;
/** How long it is waited for all of them before anybody goes on. */
const NAMES_COME = 1_000;

/** A session at another host, whose session manager is another one. */
async function elsewhere(story: RouterStory, at = 'sm2'): Promise<Guest> {
  const guest = await story.client('elsewhere', `to='vhost.test' version='1.0'`);
  guest.send(authSet('juliet').replace('pass<', 'other<'));
  await story.expectStart(guest, 'juliet@vhost.test/Balcony');
  guest.at = at;
  await story.open(guest);
  return guest;
}

/** The ends that come next, one for each of these sessions, in any order. */
async function expectEnds(story: RouterStory, guests: Guest[]): Promise<void> {
  const ends = [];
  for (const guest of guests) {
    const { to, c2s, sm } = await story.link.action('end');
    expect(to).to.be.oneOf([guest.at, ...guests.map(({ at }) => at)]);
    ends.push(`${c2s} ${sm}`);
  }
  expect(ends).to.have.members(guests.map(({ c2s, sm }) => `${c2s} ${sm}`));
}

describe('a session manager that is gone', () => {
  it(
    'has its clients told at once, on streams of either kind, and nobody else (13-sm-killed)',
    toldRouter(async (story) => {
      story.link.send(advert('sm2'));
      const other = await elsewhere(story);
      const juliet = await story.user('juliet');
      const old = await story.user('romeo', 'Orchard', `to='localhost'`);
      const idle = await story.client('idle', `to='vhost.test' version='1.0'`);
      story.link.send(withdrawal('sm') + withdrawal('localhost'));
      await juliet.expectError('remote-connection-failed');
      await old.expectLegacyError(GONE);
      expect(await story.gone(juliet)).to.match(/session manager/);
      await story.expectQuiet(other);
      idle.expectNothing();
    }),
  );

  for (const [what, names] of [
    ['the domain', ['localhost']],
    ['the session manager', ['sm']],
  ] as const) {
    it(
      `has its clients told where only ${what} is gone`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        story.link.send(names.map(withdrawal).join(''));
        await juliet.expectError('remote-connection-failed');
      }),
    );
  }

  it(
    'that served several hosts has all its clients told, once each',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const other = await elsewhere(story, 'sm');
      story.link.send(['sm', 'vhost.test', 'localhost'].map(withdrawal).join(''));
      for (const guest of [juliet, other]) await guest.expectError('remote-connection-failed');
    }),
  );

  it(
    'has nothing sent where it is gone, and its old sessions ended when it is back: it may have them still',
    toldRouter(async (story) => {
      story.link.send(advert('sm2'));
      const other = await elsewhere(story);
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      story.link.send(withdrawal('sm') + withdrawal('localhost'));
      await juliet.expectError('remote-connection-failed');
      await romeo.expectError('remote-connection-failed');
      await story.expectQuiet(other);
      story.link.send(advert('sm') + advert('localhost') + disco());
      await expectEnds(story, [juliet, romeo]);
      for (const guest of [juliet, romeo]) {
        story.link.send(route(NAME, 'sm', action('end', guest, ` sc:failed='1'`)));
      }
      await story.expectQuiet(other);
      story.link.send(withdrawal('sm') + advert('sm'));
      await story.expectQuiet(other);
    }),
  );

  it(
    'that has kept its sessions may say what it likes of them: nobody is disturbed',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.link.send(NAMES.map(withdrawal).join(''));
      await juliet.expectError('remote-connection-failed');
      await story.gone(juliet);
      story.link.send(NAMES.map(advert).join('') + disco());
      await expectEnds(story, [juliet]);
      const again = await story.starting('juliet');
      story.link.send(
        story.replaced(juliet) + story.ended(juliet) + story.to(juliet, '<message/>') + story.started(again),
      );
      await again.expect(RESULT);
      await story.expectQuietButEnds(again);
    }),
  );

  it(
    'that ended its sessions before it went is said nothing more of them (14-sm-terminated)',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      story.link.send(story.ended(juliet) + story.ended(romeo) + NAMES.map(withdrawal).join(''));
      for (const guest of [juliet, romeo]) {
        const arrival = await guest.next();
        if (arrival.kind === 'stanza') await guest.expectClosingTag();
        await guest.expectEnd();
      }
      story.link.send(NAMES.map(advert).join(''));
      const again = await story.client('juliet');
      again.send(authSet('juliet'));
      // ends of the old sessions are allowed, and for nobody else
      for (;;) {
        const routed = await story.link.routed();
        const what = routed.payload.attribute('action');
        if (what === 'start') break;
        expect(what).to.equal('end');
      }
    }),
  );

  it(
    'that is gone and back in one read has its sessions ended all the same',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.link.send(NAMES.map(withdrawal).join('') + NAMES.map(advert).join(''));
      await juliet.expectError('remote-connection-failed');
      await expectEnds(story, [juliet]);
      await story.expectQuiet(await story.user('romeo', 'Orchard'));
    }),
  );

  it(
    'has what a client says at that moment lost with the session, and the client told once',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send('<presence/>');
      const routed = await story.expectFrom(juliet, '<presence/>');
      story.link.send(undelivered(routed) + NAMES.map(withdrawal).join('') + undelivered(routed));
      await juliet.expectOver('remote-connection-failed');
      story.link.send(NAMES.map(advert).join(''));
      await story.expectQuietButEnds(await afterEnds(story));
    }),
  );

  it(
    'has clients that leave at that moment ended later as well',
    toldRouter(async (story) => {
      story.link.send(advert('sm2'));
      const other = await elsewhere(story);
      const juliet = await story.user('juliet');
      story.link.send(withdrawal('sm') + withdrawal('localhost'));
      juliet.send('</stream:stream>');
      await story.gone(juliet);
      story.link.send(advert('sm') + advert('localhost'));
      const end = await story.link.action('end');
      expect([end.c2s, end.sm]).to.deep.equal([juliet.c2s, juliet.sm]);
      await story.expectQuietButEnds(other);
    }),
  );

  it(
    'is remembered for so many sessions only as there are',
    toldRouter(async (story) => {
      for (let round = 0; round < 3; round += 1) {
        const guests = [await story.user('juliet'), await story.user('romeo', `Orchard ${round}`)];
        story.link.send(NAMES.map(withdrawal).join(''));
        for (const guest of guests) await guest.expectError('remote-connection-failed');
        story.link.send(NAMES.map(advert).join(''));
        await expectEnds(story, guests);
        for (const guest of guests) story.link.send(story.ended(guest));
      }
      await story.expectQuiet(await story.user('nurse', 'kitchen'));
    }),
  );

  it(
    'is no concern of a name that is none of a session manager',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.link.send(
        advert('conference.localhost') +
          withdrawal('conference.localhost') +
          withdrawal('never.was') +
          withdrawal('LOCALHOST.') +
          withdrawal('c2s'),
      );
      await story.expectQuiet(juliet);
    }),
  );
});

/** A new session; ends that come before its start are passed over. */
async function afterEnds(story: RouterStory): Promise<Guest> {
  const guest = await story.client('nurse');
  guest.send(authSet('nurse', 'kitchen'));
  for (;;) {
    const routed = await story.link.routed();
    if (routed.payload.attribute('action') !== 'start') continue;
    const { payload } = routed;
    guest.c2s = payload.attribute('c2s', payload.namespace)!;
    guest.request = payload.attribute('id')!;
    guest.jid = payload.attribute('target')!;
    guest.sm = 'f'.repeat(40);
    await story.open(guest);
    return guest;
  }
}

/** The link is lost, and comes back with these names only: it is not up before all that is needed is there, or given up. */
async function relinkWith(story: RouterStory, ...names: string[]): Promise<void> {
  story.clock.install();
  await story.link.drop();
  const { details } = await story.log.line(/^(?:lost|no) link/);
  story.router.names = names;
  story.router.behindBind = '';
  story.clock.advance((details['nextTrySeconds'] as number) * 1000 + 60);
  story.link = await story.router.link();
  await turns();
}

describe('a router that is stopped', () => {
  const closings: Record<string, (story: RouterStory) => () => Promise<void> | void> = {
    'which takes no new connections': ({ router }) => router.shut(),
    'behind a port that does': ({ router }) => {
      router.door = 'closes at once';
      return () => void (router.door = 'open');
    },
  };
  for (const [how, shut] of Object.entries(closings)) {
    it(
      `says of its session managers that they are gone before it goes itself, and their sessions live on: ${how}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        const open = shut(story);
        story.link.send(NAMES.map(withdrawal).join(''));
        await turns();
        juliet.send(`<message id='1'/>`);
        await turns();
        juliet.expectNothing();
        story.clock.install();
        await story.loseLink();
        await open();
        const up = once(story.server, 'up');
        story.clock.advance(700);
        story.link = await story.router.link();
        await up;
        await story.expectFrom(juliet, `<message id='1'/>`);
        await story.expectProbes(juliet);
        await story.expectQuiet(juliet);
      }),
    );

    it(
      `and stays all the same: their clients are told, after that time: ${how}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        const open = shut(story);
        story.clock.install();
        story.link.send(NAMES.map(withdrawal).join(''));
        await turns();
        story.clock.advance(GRACE - 100);
        await turns();
        juliet.expectNothing();
        story.clock.advance(200);
        await juliet.expectError('remote-connection-failed');
        await open();
      }),
    );
  }

  it(
    'or hangs: their clients are told, after a moment',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.router.automatic = false;
      story.link.send(NAMES.map(withdrawal).join(''));
      await story.router.link();
      await juliet.expectError('remote-connection-failed');
    }),
  );
});

describe('a router that comes back', () => {
  it(
    'has what clients said meanwhile sent, when it has the names they belong to (40-stock-c2s-router-restart)',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.clock.install();
      await story.loseLink();
      juliet.send(`<message id='during'/>`);
      await turns();
      await story.regainLink();
      await story.expectFrom(juliet, `<message id='during'/>`);
      await story.expectProbes(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'without one of its names: clients of others go on at once or nearly so, and its own when it is there',
    toldRouter(async (story) => {
      story.link.send(advert('sm2'));
      const juliet = await story.user('juliet');
      const other = await elsewhere(story);
      await relinkWith(story, 'sm', 'localhost');
      other.send(`<message id='1'/>`);
      await turns();
      story.clock.advance(NAMES_COME);
      await story.expectProbes(juliet);
      await story.expectQuiet(juliet);
      story.link.send(advert('vhost.test') + advert('sm2'));
      await story.expectFrom(other, `<message id='1'/>`);
      await story.expectProbes(other);
      await story.expectQuiet(other);
    }),
  );

  it(
    'without one of its names for ever: its clients are told, and nobody else',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const other = await elsewhere(story, 'sm');
      await relinkWith(story, 'sm', 'localhost');
      story.clock.advance(NAMES_COME);
      await story.expectProbes(juliet, other);
      story.clock.advance(GRACE - 2_000);
      await story.expectQuiet(juliet);
      other.expectNothing();
      story.clock.advance(2_100);
      await other.expectError('remote-connection-failed');
      await story.expectQuietButEndsOf(juliet, other);
    }),
  );

  it(
    'without its session managers: they have time to come back, and what is said meanwhile is kept',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      await relinkWith(story);
      juliet.send(`<message id='1'/>`);
      await turns();
      story.clock.advance(GRACE - 2_000);
      await turns();
      juliet.expectNothing();
      story.link.expectNothing();
      story.link.send(NAMES.map(advert).join('') + disco());
      await story.expectFrom(juliet, `<message id='1'/>`);
      await story.expectProbes(juliet);
      await story.expectQuiet(juliet);
      story.clock.advance(GRACE);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'without its session managers: clients may say only so much meanwhile, and nothing of it is lost',
    toldRouter(
      async (story) => {
        const juliet = await story.user('juliet');
        await relinkWith(story);
        const message = (id: number): string =>
          `<message id='${id}'><body>${'x'.repeat(10_000)}</body></message>`;
        const ids = Array.from({ length: 1500 }, (_, id) => id);
        for (const id of ids) juliet.send(message(id));
        story.clock.advance(2_000);
        for (let count = 0; count < 10; count += 1) await turns();
        expect(juliet.socket.writableLength, 'what the client could not say yet').to.be.above(1_000_000);
        story.link.send(NAMES.map(advert).join(''));
        await story.expectSaid(juliet, ids);
      },
      { limits: { linkQueueBytes: 100_000 } },
    ),
  ).timeout(10_000);

  it(
    'without its session managers: after that time their sessions are given up, and ended when they come all the same',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const old = await story.user('romeo', 'Orchard', `to='localhost'`);
      await relinkWith(story, 'vhost.test', 'sm2');
      story.clock.advance(GRACE + 100);
      await juliet.expectError('remote-connection-failed');
      await old.expectLegacyError(GONE);
      story.link.send(advert('localhost') + advert('sm'));
      await expectEnds(story, [juliet, old]);
    }),
  );

  it(
    'without its session managers: what their clients said meanwhile comes back to them before they are given up',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      await relinkWith(story);
      juliet.send(
        `<presence/><message to='romeo@localhost' id='1'/><iq type='get' id='2'><query xmlns='urn:x'/></iq>`,
      );
      await turns();
      story.clock.advance(GRACE + 100);
      for (const id of ['1', '2']) {
        const answer = await juliet.node();
        expect([answer.attribute('type'), answer.attribute('id')]).to.deep.equal(['error', id]);
      }
      await juliet.expectError('remote-connection-failed');
      story.link.send(advert('sm') + advert('localhost'));
      await expectEnds(story, [juliet]);
      await story.expectQuiet(await story.user('romeo', 'Orchard'));
    }),
  );

  it(
    'and goes again before that time is over: it begins anew',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      await relinkWith(story);
      story.clock.advance(GRACE - 3_000);
      await turns();
      await relinkWith(story);
      story.clock.advance(GRACE - 3_000);
      await turns();
      juliet.expectNothing();
      story.link.send(NAMES.map(advert).join(''));
      await story.expectProbes(juliet);
      story.clock.advance(GRACE);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'has clients that left meanwhile ended',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      story.clock.install();
      await story.loseLink();
      await juliet.drop();
      await story.gone(juliet);
      await story.regainLink();
      await story.expectLeft(juliet);
      await story.expectProbes(romeo);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is told again of ends that it took, and that nobody answered: it may not have passed them on',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      const nurse = await story.user('nurse');
      story.clock.install();
      for (const guest of [juliet, nurse]) {
        await guest.drop();
        await story.expectLeft(guest);
      }
      story.link.send(story.ended(nurse));
      await story.expectQuiet(romeo);
      await story.loseLink();
      await story.regainLink();
      await story.expectLeft(juliet);
      await story.expectProbes(romeo);
      story.link.send(story.control(juliet, action('end', juliet, ` sc:failed='1'`)));
      await story.expectQuiet(romeo);
      await story.loseLink();
      await story.regainLink(romeo);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has a session that was made when the answer was lost: what comes for it ends it, and does not go round',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.starting('juliet');
      story.clock.install();
      await story.loseLink();
      await juliet.expectRefusal('auth1', '500', 'internal-server-error');
      await story.regainLink(romeo);
      const message = `<message from='romeo@localhost/Orchard' to='juliet@localhost/Balcony'><body>?</body></message>`;
      story.link.send(story.to(juliet, message));
      const end = await story.link.action('end');
      expect([end.to, end.c2s, end.sm]).to.deep.equal(['localhost', juliet.c2s, juliet.sm]);
      expect((await story.link.routed()).source).to.contain('<body>?</body>');
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has sessions that ended with the link found out at once (19-component-drops)',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const old = await story.user('nurse', 'kitchen', `to='localhost'`);
      const romeo = await story.user('romeo', 'Orchard');
      story.clock.install();
      await story.loseLink();
      await story.regainLink();
      const probes = await story.expectProbes(juliet, old, romeo);
      story.link.send(story.bounced(probes.get(juliet)!) + story.bounced(probes.get(old)!));
      await juliet.expectError('reset');
      await old.expectLegacyError('Disconnected');
      expect(await story.gone(juliet)).to.match(/no longer knows the session/);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has sessions found out when their session manager comes, after all that they said has come back',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      await relinkWith(story);
      juliet.send(`<message id='1'/><presence/><message id='2'/>`);
      await turns();
      story.link.send(NAMES.map(advert).join(''));
      const said = [await story.link.routed(), await story.link.routed(), await story.link.routed()];
      const probes = await story.expectProbes(juliet);
      story.link.send([...said, probes.get(juliet)!].map((routed) => story.bounced(routed)).join(''));
      for (const id of ['1', '2']) {
        const answer = await juliet.node();
        expect([answer.attribute('type'), answer.attribute('id')]).to.deep.equal(['error', id]);
      }
      await juliet.expectError('reset');
      // each that came back was the reason to ask once more
      await story.expectProbes(juliet);
      await story.expectProbes(juliet);
      await story.expectProbes(juliet);
      await story.expectQuiet(await story.user('romeo', 'Orchard'));
    }),
  );

  it(
    'has nobody asked about who was silent: a session that was asked about once is one',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      await story.relink(juliet);
      story.clock.advance(60_000);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'takes new clients as soon as their host is there, and not before',
    toldRouter(async (story) => {
      await relinkWith(story, 'sm');
      const early = await story.connected();
      early.send(header());
      await early.header();
      await early.expectOver('remote-connection-failed', 'host-gone');
      story.link.send(advert('localhost'));
      await turns();
      await story.expectQuiet(await story.user('juliet'));
    }),
  );

  it(
    'is lost again and again, and sessions live on',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.clock.install();
      for (let round = 0; round < 4; round += 1) {
        await story.link.drop();
        const { details } = await story.log.line(/^lost link/);
        const up = once(story.server, 'up');
        story.clock.advance((details['nextTrySeconds'] as number) * 1000 + 60);
        story.link = await story.router.link();
        await up;
        await story.expectProbes(juliet);
        await story.expectQuiet(juliet);
      }
    }),
  );
});
