/** How sessions of jabberd2 end, from either side, and what becomes of what comes for them then. [jabberd2 2.7.0 sm] */
import { expect } from 'chai';
import type { Client } from '../support/client.js';
import { CLIENT_STREAM, readXml, SESS } from '../support/namespaced.js';
import {
  action,
  newId,
  RESULT,
  stamped,
  toldRouter,
  type Guest,
  type RouterStory,
} from '../support/router-story.js';
import { NAME, route, undelivered } from '../support/scripted-router.js';

const OLD = `to='localhost'`;
const MODERN = `to='localhost' version='1.0'`;

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
      `has its session ended, once, when it ${way}; the answer to that is no news (09-end-session)`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        await go(juliet);
        await story.expectLeft(juliet);
        await story.gone(juliet);
        story.link.send(story.ended(juliet) + story.ended(juliet));
        story.link.send(route(NAME, 'sm', action('end', juliet, ` sc:failed='1'`)));
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'is not reported before it has asked for a session',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const idle = await story.client('idle');
      await idle.drop();
      await story.gone(idle);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has what it said before sent first',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(`<presence type='unavailable'/></stream:stream>`);
      await story.expectFrom(juliet, `<presence type='unavailable'/>`);
      await story.expectLeft(juliet);
      await juliet.expectClosed();
    }),
  );

  it(
    'may log in again at once: the end of the one is not the end of the other',
    toldRouter(async (story) => {
      const old = await story.user('juliet');
      await old.drop();
      await story.expectLeft(old);
      const young = await story.starting('juliet');
      story.link.send(story.ended(old));
      await story.open(young);
      story.link.send(story.ended(old) + story.replaced(old));
      await story.expectQuiet(young);
    }),
  );

  it(
    'may log in again while its old connection is still there: the old session is told (08-resource-conflict)',
    toldRouter(async (story) => {
      const old = await story.user('juliet');
      const young = await story.starting('juliet');
      story.link.send(story.replaced(old) + story.started(young));
      await young.expect(RESULT);
      await old.expectError('conflict');
      await story.gone(old);
      await story.expectQuiet(young);
    }),
  );
});

for (const [headerAttributes, kind] of [
  [MODERN, 'of XMPP 1.0'],
  [OLD, 'without a version'],
] as const) {
  const expectTold = (guest: Guest, condition: string, text: string): Promise<void> =>
    headerAttributes === OLD ? guest.expectLegacyError(text) : guest.expectError(condition);

  describe(`a session on a stream ${kind}`, () => {
    it(
      'is over when it is replaced, and the client is told why; nothing is answered (34-stock-c2s-conflict)',
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet', 'Balcony', headerAttributes);
        story.link.send(story.replaced(juliet));
        await expectTold(juliet, 'conflict', 'Replaced by new connection');
        expect(await story.gone(juliet)).to.match(/replaced/);
        await story.expectQuiet(romeo);
      }),
    );

    it(
      'is over when that is said, after what came before it (14-sm-terminated)',
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet', 'Balcony', headerAttributes);
        story.link.send(story.to(juliet, `<message id='1'/>`) + story.ended(juliet));
        await juliet.expect(`<message id='1'/>`);
        await expectOver(juliet);
        expect(await story.gone(juliet)).to.match(/ended by the session manager/);
        await expectQuietAfterEnd(story, romeo, juliet);
      }),
    );
  });
}

/** A session that was ended by the session manager may be ended back, once: some of them are not really over. [jabberd2 2.7.0 sm: its limit of storage queries] */
async function expectQuietAfterEnd(story: RouterStory, user: Guest, over: Guest): Promise<void> {
  await story.expectQuietButEnds(user);
  story.link.send(route(NAME, over.at, action('end', over, ` sc:failed='1'`)));
  await story.expectQuiet(user);
}

/** The client is told that its session is over, whatever the words. */
async function expectOver(guest: Guest): Promise<void> {
  const arrival = await guest.next();
  if (arrival.kind === 'stanza') {
    expect(arrival.source).to.match(/^<stream:error/);
    await guest.expectClosingTag();
  } else expect(arrival.kind).to.equal('closing tag');
  await guest.expectEnd();
}

describe('the end of a session, said by the session manager', () => {
  it(
    'is the end of one: others of the same user stay (12-delete-user)',
    toldRouter(async (story) => {
      const home = await story.user('juliet', 'home');
      const work = await story.user('juliet', 'work');
      story.link.send(story.ended(home));
      await expectOver(home);
      await story.expectQuietButEnds(work);
      story.link.send(story.ended(work));
      await expectOver(work);
    }),
  );

  for (const what of ['ended', 'replaced']) {
    it(
      `is believed with both ids only: ${what}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        const { c2s, sm } = juliet;
        const say = (payload: string): void => story.link.send(route(NAME, 'sm', payload));
        say(action(what, { c2s, sm: newId() }));
        say(action(what, { c2s, sm: romeo.sm }));
        say(action(what, { c2s: romeo.c2s, sm }));
        say(action(what, { c2s: '0', sm }));
        say(action(what, { c2s }));
        say(action(what, { sm }));
        say(action(what, {}));
        say(action(what, juliet).replaceAll('session>', 'sessions>').replace('session ', 'sessions '));
        say(action(what, juliet).replaceAll('session/1.0', 'session/2.0'));
        say(`<message xmlns='jabber:client'>${action(what, juliet)}</message>`);
        await story.expectQuietButEnds(romeo, juliet);
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'may be said twice, and of a session that is not there',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      story.link.send(story.replaced(juliet).repeat(2) + story.ended(juliet).repeat(2));
      await juliet.expectError('conflict');
      await story.gone(juliet);
      story.link.send(story.replaced(juliet) + story.ended(juliet));
      await story.expectQuiet(romeo);
    }),
  );

  const noise = ['', 'frobnicate', 'start', 'create', 'created', 'delete', 'deleted', 'end', 'started'];
  for (const what of noise) {
    it(
      `is not what another action says: ${what || 'none'}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        const target = ` target='juliet@localhost/Balcony' id='${juliet.request}'`;
        story.link.send(story.control(juliet, action(what, juliet, target)));
        // an action that was not understood comes back so [09-end-session]
        story.link.send(
          story.control(
            juliet,
            action(what, juliet, ` type='error'`).replace(
              '></',
              `><error code='400' type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'></bad-request></error></`,
            ),
          ),
        );
        await story.expectQuiet(juliet);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'of the old one does not end the new one where both have the same id of the session manager (08-resource-conflict)',
    toldRouter(async (story) => {
      const old = await story.user('juliet');
      const young = await story.starting('juliet');
      young.sm = old.sm;
      story.link.send(story.replaced(old) + story.started(young));
      await young.expect(RESULT);
      await old.expectError('conflict');
      await story.expectQuiet(young);
    }),
  );

  it(
    'may come before the new session, behind it, or never (another component has it)',
    toldRouter(async (story) => {
      const first = await story.user('juliet');
      const second = await story.starting('juliet');
      story.link.send(story.started(second) + story.replaced(first));
      await second.expect(RESULT);
      await first.expectError('conflict');
      await story.expectQuiet(second);
      story.link.send(story.replaced(second));
      await second.expectError('conflict');
      await story.expectQuiet(await story.user('romeo', 'Orchard'));
    }),
  );
});

describe('a stanza that comes back', () => {
  const stanza = `<message to='romeo@localhost' id='late'><body>x</body></message>`;
  /** What its client is told of it, besides what becomes of its session. */
  const UNDELIVERED =
    `<message type='error' from='romeo@localhost' to='juliet@localhost/Balcony' id='late'><body>x</body>` +
    `<error code='404' type='wait'><recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`;
  for (const prefixed of [false, true]) {
    it(
      `since nobody has its session any more tells its client: ${prefixed ? 'sc:' : ''}failed (11-unknown-session)`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        juliet.send(stanza);
        story.link.send(story.bounced(await story.expectFrom(juliet, stanza), prefixed));
        await juliet.expect(UNDELIVERED);
        // behind all that comes back comes this
        const probes = await story.expectProbes(juliet);
        story.link.send(story.bounced(probes.get(juliet)!, prefixed));
        await juliet.expectError('reset');
        expect(await story.gone(juliet)).to.match(/no longer knows the session/);
        await story.expectQuiet(romeo);
      }),
    );
  }

  const packets: Record<string, boolean> = {
    [`<message><body>x</body></message>`]: true,
    [`<iq type='get' id='r1'><query xmlns='jabber:iq:roster'/></iq>`]: true,
    [`<iq type='set' id='r2' to='a@b'><query xmlns='urn:x'><y xmlns='urn:y'/></query></iq>`]: true,
    [`<iq type='result' id='r3' to='a@b'/>`]: false,
    [`<message type='groupchat' to='a@b'><body>x</body></message>`]: false,
    '<presence/>': false,
    [`<presence to='a@b' type='subscribe'/>`]: false,
  };
  for (const [packet, isMissed] of Object.entries(packets)) {
    it(
      `is shown to its client ${isMissed ? 'as an error, with all that was in it' : 'by the end of its stream only'}: ${packet}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(packet);
        const routed = await story.expectFrom(juliet, packet);
        story.link.send(story.bounced(routed));
        if (isMissed) {
          const sent = readXml(packet, CLIENT_STREAM);
          const answer = await juliet.node();
          expect([answer.local, answer.attribute('type')]).to.deep.equal([sent.local, 'error']);
          for (const [came, went] of [
            ['id', 'id'],
            ['from', 'to'],
          ]) {
            expect(answer.attribute(came)).to.equal(sent.attribute(went));
          }
          expect(answer.attribute('to')).to.equal(juliet.jid);
          const content = answer.elements.map((child) => child.canonical());
          expect(content.slice(0, -1)).to.deep.equal(sent.elements.map((child) => child.canonical()));
          expect(answer.elements.at(-1)!.local).to.equal('error');
        }
        const probes = await story.expectProbes(juliet);
        story.link.send(story.bounced(probes.get(juliet)!).repeat(2));
        await juliet.expectError('reset');
      }),
    );
  }

  it(
    'is nothing to a session of other ids, and nothing where nobody has it',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      juliet.send(stanza);
      const bounced = story.bounced(await story.expectFrom(juliet, stanza));
      story.link.send(
        bounced.replace(juliet.sm, newId()) +
          bounced.replace(juliet.sm, romeo.sm) +
          bounced.replace(juliet.c2s, '0') +
          bounced.replace(juliet.c2s, romeo.c2s) +
          bounced.replace(juliet.c2s, '').replace(juliet.sm, ''),
      );
      await story.expectQuiet(romeo);
      await story.expectQuiet(juliet);
    }),
  );

  for (const failed of [`failed='1'`, `xmlns:x='urn:x' x:failed='1'`, `xmlns:sc='${SESS}' sc:failed='1'`]) {
    it(
      `is not one that others wrote that word on, which the stock c2s lets pass: ${failed}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        const message = `<message from='mallory@localhost/x'><body>x</body></message>`;
        story.link.send(story.to(juliet, message).replace('<message', `<message ${failed}`));
        const seen = await juliet.node();
        expect(seen.child('body')!.text).to.equal('x');
        expect(seen.attribute('failed'), 'it would mean something to others').to.equal(undefined);
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'with a body that says so is a message like any other',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const message = `<message from='romeo@localhost' type='error'><body>failed='1'</body><x failed='1'/><error code='404'/></message>`;
      story.link.send(story.to(juliet, message));
      await juliet.expect(message);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'from the router, since the session manager is gone, tells its client (13-sm-killed)',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      juliet.send(stanza);
      story.link.send(undelivered(await story.expectFrom(juliet, stanza)));
      await juliet.expect(UNDELIVERED);
      await juliet.expectError('remote-connection-failed');
      await story.gone(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  for (const error of ['400', '403', '500', '666', '']) {
    it(
      `from the router for another reason is told to its client, whose session goes on: error='${error}'`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        juliet.send(stanza);
        story.link.send(undelivered(await story.expectFrom(juliet, stanza), error));
        await juliet.expect(UNDELIVERED);
        await story.expectQuiet(juliet);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'from the router, since it does not know our name any more, is the reason to bind it again (15-router-routing-errors)',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(stanza);
      const routed = await story.expectFrom(juliet, stanza);
      story.clock.install();
      story.link.send(undelivered(routed, '401'));
      await story.log.line(/^lost link/);
      await story.regainLink(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'from the router is no stanza for us, though it has the ids of a session of ours',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      for (const stray of [
        route('sm', NAME, action('end', { c2s: '0', sm: newId() }), ` error='404'`),
        route('localhost', NAME, action('delete', {}, ` target='juliet@localhost'`), ` error='404'`),
        route('nowhere', NAME, '<presence xmlns="jabber:client"/>', ` error='404'`),
        route('nowhere', NAME, '', ` error='404'`),
        `<route xmlns='http://jabberd.jabberstudio.org/ns/component/1.0' error='400' from='${NAME}'/>`,
      ]) {
        story.link.send(stray);
      }
      await story.expectQuiet(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'may be the end of a session that is over already: that is not answered, or we and the router would go on for ever',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      await juliet.drop();
      const end = await story.link.action('end');
      story.link.send(undelivered(end));
      await story.expectQuiet(romeo);
    }),
  );
});

describe('a stanza for a client that has gone', () => {
  const kept: Record<string, boolean> = {
    [`<message from='romeo@localhost/Orchard' to='juliet@localhost/Balcony' id='1'><body>you there?</body></message>`]: true,
    [`<iq type='get' id='q' from='romeo@localhost/Orchard' to='juliet@localhost/Balcony'><query xmlns='jabber:iq:version'/></iq>`]: true,
    [`<message type='error' from='romeo@localhost' to='juliet@localhost/Balcony'><error code='404'/></message>`]: false,
    [`<presence from='romeo@localhost/Orchard' to='juliet@localhost'/>`]: false,
    [`<iq type='result' id='q' from='romeo@localhost' to='juliet@localhost/Balcony'/>`]: false,
    [`<message id='to nobody'><body>x</body></message>`]: false,
  };
  for (const [stanza, isKept] of Object.entries(kept)) {
    it(
      `is ${isKept ? 'given back to its domain, to be stored or answered: with no ids, since no session is meant' : 'for nobody'}: ${stanza}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        await juliet.drop();
        await story.expectLeft(juliet);
        const again = await story.user('juliet');
        story.link.send(story.to(juliet, stanza));
        if (isKept) {
          const routed = await story.link.routed();
          expect(routed.to).to.equal('localhost');
          expect(routed.payload.canonical()).to.equal(readXml(stanza, CLIENT_STREAM).canonical());
          expect(routed.source).to.not.contain(SESS);
        }
        await story.expectQuiet(romeo);
        await story.expectQuiet(again);
      }),
    );
  }

  it(
    'does not end a session that the client has by now, and never another one',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      await juliet.drop();
      await story.expectLeft(juliet);
      const again = await story.user('juliet');
      story.link.send(story.to(juliet, '<presence/>').repeat(20));
      await story.expectQuiet(again);
    }),
  );

  it(
    'of an earlier life of the program ends that session, once',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const ids = { c2s: '12@earlier/1', sm: newId() };
      story.link.send(route(NAME, 'localhost', stamped('<presence/>', ids)).repeat(20));
      const ends = await story.endsUntilQuiet(romeo);
      expect(ends.map(({ c2s, sm }) => ({ c2s, sm }))).to.deep.equal([ids]);
    }),
  );
});

describe('a client that does not read', () => {
  it(
    'has its session ended, and holds up nobody',
    toldRouter(
      async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        juliet.socket.pause();
        const message = `<message><body>${'x'.repeat(60_000)}</body></message>`;
        for (let count = 0; count < 300; count += 1) story.link.send(story.to(juliet, message));
        await story.expectLeft(juliet);
        expect(await story.gone(juliet)).to.match(/does not read/);
        await story.expectQuietButEnds(romeo);
      },
      { limits: { clientQueueBytes: 65_536 } },
    ),
  ).timeout(10_000);
});
