/** How sessions end in front of jabberd 1.4, from either side, and what becomes of packets for a client that has gone. [jabberd 1.4.3] */
import { expect } from 'chai';
import type { Client } from '../support/client.js';
import type { RouteStory } from '../support/route-story.js';
import { route, routeError, sessionRoute, toldRoute } from '../support/route-story.js';

const OLD = `to='localhost'`;
const MODERN = `to='localhost' version='1.0'`;

/** What a session manager says in `error`, and how a client with a session is told. */
const REASONS: [why: string | undefined, condition: string, text: string][] = [
  ['Disconnected', 'undefined-condition', 'Disconnected'],
  ['Invalid Session', 'reset', 'Disconnected'],
  ['Invalid User', 'reset', 'Disconnected'],
  ['Internal Timeout', 'remote-connection-failed', 'The session manager is not reachable'],
  [
    "Component 'sessions' is not connected to server",
    'remote-connection-failed',
    'The session manager is not reachable',
  ],
  ['External Server Error', 'remote-connection-failed', 'The session manager is not reachable'],
  [
    'Unable to deliver, destination unknown',
    'remote-connection-failed',
    'The session manager is not reachable',
  ],
  ['Session Failed', 'internal-server-error', 'Session Failed'],
  ['Something new', 'undefined-condition', 'Disconnected'],
  ['', 'undefined-condition', 'Disconnected'],
  [undefined, 'undefined-condition', 'Disconnected'],
];

/** The same before there is a session. */
const EARLY: [why: string | undefined, condition: string, text: string][] = [
  ['Unable to deliver, destination unknown', 'host-unknown', 'Unknown host'],
  ['Internal Timeout', 'remote-connection-failed', 'The session manager is not reachable'],
  [
    "Component 'sessions' is not connected to server",
    'remote-connection-failed',
    'The session manager is not reachable',
  ],
];

function escaped(why: string | undefined): string | undefined {
  return why?.replaceAll("'", '&apos;');
}

async function expectTold(client: Client, header: string, condition: string, text: string): Promise<void> {
  if (header === OLD) await client.expectLegacyError(text);
  else await client.expectError(condition);
}

for (const [header, kind] of [
  [MODERN, 'of XMPP 1.0'],
  [OLD, 'without a version'],
]) {
  describe(`the end of a session, told to a stream ${kind}`, () => {
    for (const [why, condition, text] of REASONS) {
      it(
        `error='${why ?? '(none)'}' is ${header === OLD ? `"${text}"` : condition}; nothing is answered`,
        toldRoute(async (story) => {
          const romeo = await story.user('romeo', 'Orchard');
          const juliet = await story.user('juliet', 'Balcony', header);
          story.link.send(routeError(juliet.address, juliet.session, escaped(why)));
          await expectTold(juliet, header, condition, text);
          expect(await story.gone(juliet)).to.match(why ? new RegExp(`: ${why}$`) : /ended by the session/);
          await story.expectQuiet(romeo);
        }),
      );
    }

    it(
      'with a packet of its own inside, as from a session that is not there any more (16-dead-session)',
      toldRoute(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet', 'Balcony', header);
        const packet = `<message to='juliet@localhost' id='of-a-dead-one'><body>x</body></message>`;
        juliet.send(packet);
        await story.link.expect(story.from(juliet, packet));
        story.link.send(story.ending(juliet, 'Invalid Session', packet));
        await expectTold(juliet, header, 'reset', 'Disconnected');
        expect(juliet.received).to.not.contain('of-a-dead-one');
        await story.gone(juliet);
        await story.expectQuiet(romeo);
      }),
    );

    it(
      'while its login is asked for, and while its session is opened',
      toldRoute(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        for (const [why, condition, text] of EARLY) {
          const asking = await story.asking('juliet', 'Balcony', header);
          story.link.send(routeError(asking.address, asking.login, escaped(why), `<iq id='auth1'/>`));
          await expectTold(asking, header, condition, text);
          await story.gone(asking);
        }
        for (const [why, condition, text] of REASONS) {
          const starting = await story.starting('juliet', 'Balcony', header);
          story.link.send(routeError(starting.address, starting.login, escaped(why)));
          await expectTold(starting, header, condition, text);
          await story.gone(starting);
        }
        await story.expectQuiet(romeo);
      }),
    );

    it(
      'replaced by a new login: the reply to the new session comes first (14-replaced)',
      toldRoute(async (story) => {
        const old = await story.user('juliet', 'Balcony', header);
        const young = await story.starting('juliet');
        const romeo = await story.user('romeo', 'Orchard');
        story.link.send(story.opened(young) + story.ending(old));
        await expectTold(old, header, 'conflict', 'Replaced by new connection');
        await story.gone(old);
        await young.expect(`<iq type='result' id='auth1'/>`);
        await story.expectQuiet(young);
        await story.expectQuiet(romeo);
      }),
    );
  });
}

describe('the end of a session', () => {
  it(
    'is one for a client that has asked for nothing yet only when it asks: nobody can mean it before',
    toldRoute(async (story) => {
      const known = await story.asking('nobody');
      story.link.send(story.refusal(known));
      await known.expect(`<iq type='error' id='auth1'><error code='401'>Unauthorized</error></iq>`);
      story.link.send(routeError(known.address, known.login, 'Disconnected'));
      await story.expectQuiet(await story.user('romeo', 'Orchard'));
      known.expectNothing();
    }),
  );

  it(
    'is not believed from another host than the one asked for',
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet');
      story.link.send(
        routeError(juliet.address, 'elsewhere', 'Disconnected') +
          routeError(juliet.address, 'juliet@elsewhere/Balcony', 'Disconnected'),
      );
      await story.accept(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'is believed with user and host in other case',
    toldRoute(async (story) => {
      const juliet = await story.asking('JULIET');
      juliet.session = 'JULIET@LocalHost/E4FBDD90';
      await story.accept(juliet);
      story.link.send(routeError(juliet.address, 'juliet@localhost/e4fbdd90', 'Disconnected'));
      await story.expectQuiet(juliet);
      story.link.send(routeError(juliet.address, 'juliet@localhost/E4FBDD90', 'Disconnected'));
      await juliet.expectError('undefined-condition');
    }),
  );

  it(
    'is the end of one: others of the same user stay, until it is said to them (17-boot-user)',
    toldRoute(async (story) => {
      const home = await story.user('boo', 'home');
      const work = await story.user('boo', 'work');
      story.link.send(story.ending(home));
      await home.expectError('undefined-condition');
      await story.expectQuiet(work);
      story.link.send(story.ending(work));
      await work.expectError('undefined-condition');
    }),
  );

  it(
    'may be said twice',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      story.link.send(story.ending(juliet) + story.ending(juliet));
      await juliet.expectError('undefined-condition');
      story.link.send(story.ending(juliet) + story.ending(juliet, 'Invalid Session', '<presence/>'));
      await story.gone(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'takes what came for the client before it to the client, and nothing that the client says behind it on',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      story.link.send(story.to(juliet, '<message/>') + story.ending(juliet) + story.to(juliet, '<iq/>'));
      await juliet.expect('<message/>');
      await juliet.expectError('undefined-condition');
      // what comes behind the end is for nobody
      await story.link.expect(routeError(juliet.session, juliet.address, undefined, '<iq/>'));
      juliet.send('<presence/></stream:stream>');
      await story.gone(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is the reason to log in again: the new session is another',
    toldRoute(async (story) => {
      const first = await story.user('juliet');
      story.link.send(story.ending(first, 'Internal Timeout'));
      await first.expectError('remote-connection-failed');
      const second = await story.user('juliet');
      story.link.send(story.ending(first));
      await story.expectQuiet(second);
      expect(second.address).to.not.equal(first.address);
    }),
  );
});

describe('a session that is replaced', () => {
  it(
    'is told so when it hears of it by its own next stanza',
    toldRoute(async (story) => {
      const old = await story.user('juliet');
      const young = await story.user('juliet');
      old.send('<presence/>');
      await story.link.expect(story.from(old, '<presence/>'));
      story.link.send(story.ending(old, 'Invalid Session', '<presence/>'));
      await old.expectError('conflict');
      await story.expectQuiet(young);
    }),
  );

  it(
    'is ended by its own address only, when it leaves before it hears of it: the new one stays',
    toldRoute(async (story) => {
      const old = await story.user('juliet');
      const young = await story.user('juliet');
      await old.drop();
      await story.link.expect(story.left(old));
      story.link.send(story.ending(old));
      await story.expectQuiet(young);
    }),
  );

  it(
    'may be replaced while it is opened itself',
    toldRoute(async (story) => {
      const first = await story.starting('juliet');
      const second = await story.starting('juliet');
      story.link.send(story.opened(first) + story.opened(second) + story.ending(first));
      await first.expect(`<iq type='result' id='auth1'/>`);
      await first.expectError('conflict');
      await second.expect(`<iq type='result' id='auth1'/>`);
      await story.expectQuiet(second);
    }),
  );

  it(
    'is not thrown out by a session of another user at the same place in memory',
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet');
      juliet.session = 'juliet@localhost/AF78B60';
      await story.accept(juliet);
      const romeo = await story.asking('romeo');
      romeo.session = 'romeo@localhost/AF78B60';
      await story.accept(romeo);
      await story.expectQuiet(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has left its place in memory when another session has it: the old client is told',
    toldRoute(async (story) => {
      const old = await story.user('juliet');
      const young = await story.asking('juliet', 'Garden');
      young.session = old.session;
      await story.accept(young);
      await old.expectError('conflict');
      await story.gone(old);
      await story.expectQuiet(young);
    }),
  );
});

describe('a client that leaves', () => {
  const ways: Record<string, (client: Client) => Promise<unknown> | void> = {
    'closes its stream': (client) => client.send('</stream:stream>'),
    'closes the connection without a word': (client) => client.drop(),
    'half-closes the connection': (client) => void client.socket.end(),
    'breaks the connection': (client) => client.reset(),
    'closes its stream and the connection at once': (client) => void client.socket.end('</stream:stream>'),
    'sends what is no XML': (client) => client.send('<a><b></a>'),
    'sends a stream error': (client) => client.send('<stream:error>bye</stream:error>'),
  };
  for (const [way, go] of Object.entries(ways)) {
    it(
      `is reported by exactly one route of type 'error' when it ${way}`,
      toldRoute(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        await go(juliet);
        await story.link.expectSource(
          `<route type='error' to='${juliet.session}' from='${juliet.address}'/>`,
        );
        await story.gone(juliet);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'is not reported before it has a session',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const idle = await story.client('idle');
      await idle.drop();
      await story.gone(idle);
      const asking = await story.asking('juliet');
      await asking.drop();
      await story.gone(asking);
      const starting = await story.starting('juliet');
      await starting.drop();
      await story.gone(starting);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has what it said before sent first',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(`<presence type='unavailable'/></stream:stream>`);
      await story.link.expect(story.from(juliet, `<presence type='unavailable'/>`));
      await story.link.expect(story.left(juliet));
      await juliet.expectClosed();
    }),
  );

  it(
    'is reported while a login of the same user and resource is under way, too: its session is another',
    toldRoute(async (story) => {
      const old = await story.user('juliet');
      const young = await story.asking('juliet');
      await old.drop();
      await story.link.expect(story.left(old));
      await story.accept(young);
      await story.expectQuiet(young);
    }),
  );

  it(
    'is reported for each when the program stops, and nothing behind',
    toldRoute(async (story) => {
      const clients = [await story.user('juliet'), await story.user('romeo'), await story.user('nurse')];
      const stopped = story.server.stop();
      const left = [await story.link.source(), await story.link.source(), await story.link.source()];
      expect(left).to.have.members(
        clients.map(({ session, address }) => `<route type='error' to='${session}' from='${address}'/>`),
      );
      await story.link.expectClosingTag();
      for (const client of clients) await client.expectError('system-shutdown');
      await stopped;
    }),
  );
});

describe('a packet for a client that has gone', () => {
  const packets: Record<string, string> = {
    'a message': `<message to='ann@localhost/home' id='late' from='bob@localhost/work'><body>you there?</body></message>`,
    'a message of type error': `<message type='error' from='bob@localhost/work'><error code='404'>Not Found</error></message>`,
    'an iq': `<iq type='get' id='q1' to='ann@localhost/home' from='bob@localhost/work'><query xmlns='jabber:iq:version'/></iq>`,
    'a presence': `<presence from='bob@localhost/work' to='ann@localhost'/>`,
    'one with all that XML can hold': `<message a="it's" b='&#10;&lt;"'> <body>é\u{1f600}<![CDATA[<raw/>]]>\n</body><u:x v:y='z'/></message>`,
  };
  for (const [what, packet] of Object.entries(packets)) {
    it(
      `goes back with its route turned round, whole: ${what}`,
      toldRoute(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const ann = await story.user('ann', 'home');
        await ann.drop();
        await story.link.expect(story.left(ann));
        story.link.send(story.to(ann, packet));
        await story.link.expectSource(
          `<route type='error' to='${ann.session}' from='${ann.address}'>${packet}</route>`,
        );
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'goes back behind the end of its session, in order, when it came with the close',
    toldRoute(async (story) => {
      const ann = await story.user('ann', 'home');
      await ann.reset();
      const message = (id: number): string => `<message id='${id}'/>`;
      story.link.send([1, 2, 3, 4, 5].map((id) => story.to(ann, message(id))).join(''));
      await story.link.expect(story.left(ann));
      for (const id of [1, 2, 3, 4, 5]) {
        await story.link.expect(routeError(ann.session, ann.address, undefined, message(id)));
      }
    }),
  );

  it(
    'does not go back without an address to go to, nor without anything in it',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      for (const address of ['99@foo-sockets/none', 'foo-sockets']) {
        story.link.send(`<route to='${address}'><message/></route>`);
        story.link.send(`<route to='${address}' from=''><message/></route>`);
        story.link.send(`<route to='${address}' from='' type='session'/>`);
      }
      story.link.send(`<route from='juliet@localhost/AF78B60'><message/></route>`);
      story.link.send(route('99@foo-sockets/none', 'juliet@localhost/AF78B60'));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'goes back once: as an error that comes back it is nothing any more (25-routing)',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const [one, other] = ['13@foo-sockets/B1', '12@foo-sockets/A1'];
      story.link.send(route(one, other, '<presence/>'));
      const back = await story.link.source();
      expect(back).to.equal(`<route type='error' to='${other}' from='${one}'><presence/></route>`);
      // jabberd delivers what is addressed to us to us
      story.link.send(back);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'goes back with all that waited while the socket manager was away, however much that is (21-away-short)',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const [ghost, session] = ['12@foo-sockets/A1', 'ann@localhost/E4FBA550'];
      const body = (id: number): string => `<message id='m${id}' to='ann@localhost'><body>x</body></message>`;
      const ids = Array.from({ length: 200 }, (_, id) => id);
      story.link.send(ids.map((id) => route(ghost, session, body(id))).join(''));
      for (const id of ids)
        await story.link.expectSource(
          `<route type='error' to='${session}' from='${ghost}'>${body(id)}</route>`,
        );
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is refused in the end when it keeps coming back, and its sender is told',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const [ghost, session] = ['12@foo-sockets/A1', 'ann@localhost/E4FBA550'];
      const message = `<message id='m' from='bob@localhost/work' to='ann@localhost'><body>x</body></message>`;
      story.link.send(route(ghost, session, message).repeat(101));
      for (let round = 0; round < 100; round += 1)
        await story.link.expectSource(
          `<route type='error' to='${session}' from='${ghost}'>${message}</route>`,
        );
      await story.link.expect(
        `<message id='m' from='ann@localhost' to='bob@localhost/work' type='error'><body>x</body>` +
          `<error code='503'>Service Unavailable</error></message>`,
      );
      await story.expectQuiet(romeo);
    }),
  );

  for (const [what, address] of [
    ['an address of an earlier life', '12@foo-sockets/A1'],
    ['an address of this life', undefined],
  ] as const) {
    it(
      `does not go back for ever when the session manager does not listen: ${what}`,
      toldRoute(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const ann = await story.user('ann', 'home');
        await ann.drop();
        await story.link.expect(story.left(ann));
        const to = address ?? ann.address;
        const packet = route(to, ann.session, '<message/>');
        let back = 0;
        for (let round = 0; round < 20; round += 1) {
          story.link.send(packet.repeat(100));
          romeo.send(`<presence id='${round}'/>`);
          const ours = story.from(romeo, `<presence id='${round}'/>`);
          let source = await story.link.source();
          for (; source !== ours; source = await story.link.source()) {
            back += 1;
            expect(source).to.equal(
              `<route type='error' to='${ann.session}' from='${to}'><message/></route>`,
            );
          }
        }
        expect(back).to.equal(100);
        await story.log.line(/keep coming back/);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'is given back when the client does not read: what waited for it, in order, behind the end',
    toldRoute(
      async (story) => {
        const ann = await story.user('ann', 'home');
        ann.socket.pause();
        const body = 'x'.repeat(100_000);
        const message = (id: number): string => `<message id='${id}'><body>${body}</body></message>`;
        let sent = 0;
        const gone = story.gone(ann);
        let over = false;
        void gone.then(() => (over = true));
        while (!over && sent < 500) {
          await story.link.sent(story.to(ann, message(sent)));
          sent += 1;
        }
        expect(await gone).to.match(/does not read/);
        await story.link.expect(story.left(ann));
        const ids: number[] = [];
        const last = sent - 1;
        while (ids.at(-1) !== last) {
          const packet = await story.link.packet();
          expect(packet.attribute('type')).to.equal('error');
          expect(packet.attribute('to')).to.equal(ann.session);
          ids.push(Number(packet.child('message')!.attribute('id')));
        }
        expect(ids).to.deep.equal(Array.from({ length: ids.length }, (_, at) => last - ids.length + 1 + at));
      },
      { limits: { clientQueueBytes: 300_000 } },
    ),
  );
});

describe('an end that is not for a session of ours', () => {
  it(
    'is answered by nothing, whoever it is for',
    toldRoute(async (story: RouteStory) => {
      const romeo = await story.user('romeo', 'Orchard');
      for (const to of ['99@foo-sockets/none', 'foo-sockets', '12@foo-sockets', '']) {
        story.link.send(routeError(to, romeo.session, 'Disconnected'));
        story.link.send(routeError(to, 'juliet@localhost/AF78B60', 'Invalid User', '<message/>'));
        story.link.send(`<route type='error' to='${to}'/>`);
        story.link.send(sessionRoute(to, '').replace(`type='session'`, `type='error'`));
      }
      await story.expectQuiet(romeo);
    }),
  );
});
