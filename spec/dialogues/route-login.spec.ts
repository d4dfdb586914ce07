/** The login in front of jabberd 1.4: what is asked of the session manager, and when the client hears of it. [jabberd 1.4.3] */
import { expect } from 'chai';
import { authSet, header, type Client } from '../support/client.js';
import type { RouteStory } from '../support/route-story.js';
import { authRoute, REFUSED, RESULT, routeError, sessionRoute, toldRoute } from '../support/route-story.js';

const AUTH = 'jabber:iq:auth';
const REGISTER = 'jabber:iq:register';

/** Sends a request of the client; it must arrive inside of a route to this address. */
async function ask(story: RouteStory, client: Client, request: string, to: string): Promise<void> {
  client.send(request);
  const source = await story.link.source();
  client.address = /from='([^']*)'/.exec(source)![1];
  expect(source).to.equal(`<route to='${to}' from='${client.address}' type='auth'>${request}</route>`);
}

/** Answers it; the client must get what is in the answer, byte for byte. */
async function answer(story: RouteStory, client: Client, from: string, text: string): Promise<void> {
  story.link.send(authRoute(client.address, from, text));
  await client.expectSource(text);
}

describe('a request before login', () => {
  const FORM = '<username>ann</username><password/><digest/>';
  const requests: Record<string, [to: string, request: string, answer: string]> = {
    'an auth get, with the zero-knowledge fields of the form': [
      'ann@localhost',
      `<iq type='get' id='g'><query xmlns='${AUTH}'><username>ann</username></query></iq>`,
      `<iq type='result' id='g'><query xmlns='${AUTH}'>${FORM}<sequence>499</sequence><token>6B011F44</token><resource/></query></iq>`,
    ],
    'an auth get of a user in other case': [
      'ANN@localhost',
      `<iq type='get' id='g'><query xmlns='${AUTH}'><username>ANN</username></query></iq>`,
      `<iq type='result' id='g'><query xmlns='${AUTH}'>${FORM}<resource/></query></iq>`,
    ],
    'an auth get without an id': [
      'ann@localhost',
      `<iq type='get'><query xmlns='${AUTH}'><username>ann</username></query></iq>`,
      `<iq type='result'><query xmlns='${AUTH}'>${FORM}<resource/></query></iq>`,
    ],
    'a register get without a user': [
      'localhost',
      `<iq type='get' id='r1'><query xmlns='${REGISTER}'/></iq>`,
      `<iq type='result' id='r1'><query xmlns='${REGISTER}'><password/><password/>\n        <instructions>Choose.</instructions>\n      <username/></query></iq>`,
    ],
    'a register get with a user': [
      'new@localhost',
      `<iq type='get' id='r2'><query xmlns='${REGISTER}'><username>new</username></query></iq>`,
      `<iq type='result' id='r2'><query xmlns='${REGISTER}'><username>new</username><password/></query></iq>`,
    ],
    'a register set': [
      'new@localhost',
      `<iq type='set' id='r3'><query xmlns='${REGISTER}'><username>new</username><password>pw</password></query></iq>`,
      `<iq type='result' id='r3'/>`,
    ],
    'a register set that is refused': [
      'new@localhost',
      `<iq type='set' id='r4'><query xmlns='${REGISTER}'><username>new</username><password>pw</password></query></iq>`,
      `<iq type='error' id='r4'><query xmlns='${REGISTER}'><username>new</username><password>pw</password></query><error code='409'>Username Not Available</error></iq>`,
    ],
    'a register set without a user': [
      'localhost',
      `<iq type='set' id='r6'><query xmlns='${REGISTER}'><password>pw</password></query></iq>`,
      `<iq type='error' id='r6'><query xmlns='${REGISTER}'><password>pw</password></query><error code='406'>Not Acceptable</error></iq>`,
    ],
    'an auth set with a zero-knowledge hash': [
      'zed@localhost/k',
      `<iq type='set' id='s1'><query xmlns='${AUTH}'><username>zed</username><hash>eaa2b70f646c65d449f75578f5f2640fe2ec5388</hash><resource>k</resource></query></iq>`,
      `<iq type='error' id='s1'><query xmlns='${AUTH}'><username>zed</username><hash>eaa2b70f646c65d449f75578f5f2640fe2ec5388</hash><resource>k</resource></query><error code='401'>Unauthorized</error></iq>`,
    ],
    'an auth set with a wrong password, which comes back to its sender as it was': [
      'ann@localhost/home',
      `<iq type='set' id='auth1'><query xmlns='${AUTH}'><username>ann</username><password>nope</password><resource>home</resource></query></iq>`,
      `<iq type='error' id='auth1'><query xmlns='${AUTH}'><username>ann</username><password>nope</password><resource>home</resource></query><error code='401'>Unauthorized</error></iq>`,
    ],
  };
  for (const [what, [to, request, text]] of Object.entries(requests)) {
    it(
      `goes to ${to}, and its answer to the client: ${what}`,
      toldRoute(async (story) => {
        const client = await story.client('client', `to='localhost'`);
        await ask(story, client, request, to);
        await answer(story, client, to, text);
      }),
    );
  }

  it(
    'goes to the host in lower case, whatever the client wrote',
    toldRoute(async (story) => {
      const client = await story.client('client', `to='LocalHost' version='1.0'`);
      await ask(story, client, authSet('Ann', 'Home'), 'Ann@localhost/Home');
    }),
  );

  it(
    'an auth get that is answered by an error is answered by a form: it does not tell who exists',
    toldRoute(async (story) => {
      const client = await story.client();
      const get = `<iq type='get' id='g'><query xmlns='${AUTH}'><username>nobody</username></query></iq>`;
      await ask(story, client, get, 'nobody@localhost');
      story.link.send(
        authRoute(
          client.address,
          'nobody@localhost',
          `<iq type='error' id='g'><query xmlns='${AUTH}'/><error code='401'>Unauthorized</error></iq>`,
        ),
      );
      const form = await client.stanza();
      expect(form.attribute('type')).to.equal('result');
      expect(form.child('query')!.elements.map(({ name }) => name)).to.have.members([
        'username',
        'password',
        'digest',
        'resource',
      ]);
    }),
  );

  it(
    'is one at a time: the next goes on when it is answered',
    toldRoute(async (story) => {
      const client = await story.client();
      const get = (id: number): string => `<iq type='get' id='g${id}'><query xmlns='${REGISTER}'/></iq>`;
      client.send(get(1) + get(2) + get(3));
      for (const id of [1, 2, 3]) {
        const packet = await story.link.packet();
        expect(packet.child('iq')!.attribute('id')).to.equal(`g${id}`);
        story.link.expectNothing();
        client.address = packet.attribute('from')!;
        await answer(story, client, 'localhost', `<iq type='result' id='g${id}'/>`);
      }
    }),
  );
});

describe('a login', () => {
  it(
    'has its session asked for, and its result shown when that is open',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.asking('juliet');
      story.link.send(story.result(juliet));
      await story.link.expectSource(
        `<route type='session' to='juliet@localhost/Balcony' from='${juliet.address}'/>`,
      );
      await story.expectQuiet(romeo);
      juliet.expectNothing();
      story.link.send(story.opened(juliet));
      await juliet.expectSource(RESULT);
      const { details } = await story.log.line(/^logged in/);
      expect(details['user']).to.equal('romeo@localhost/Orchard');
      expect((await story.log.line(/^logged in/)).details).to.deep.include({
        socket: juliet.address,
        user: 'juliet@localhost/Balcony',
      });
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'that is refused may be tried again on the same connection',
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet');
      story.link.send(story.refusal(juliet));
      await juliet.expect(REFUSED);
      const { address } = juliet;
      await ask(story, juliet, authSet('juliet'), 'juliet@localhost/Balcony');
      expect(juliet.address).to.equal(address);
      await story.accept(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'may be one of a user who has failed with another name before: the last set counts',
    toldRoute(async (story) => {
      const juliet = await story.asking('nurse', 'kitchen');
      story.link.send(story.refusal(juliet));
      await juliet.expect(REFUSED);
      await ask(story, juliet, authSet('juliet'), 'juliet@localhost/Balcony');
      juliet.login = 'juliet@localhost/Balcony';
      await story.accept(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'asks for a session once, however often its result comes',
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet');
      story.link.send(story.result(juliet).repeat(3));
      await story.link.expect(sessionRoute(juliet.login, juliet.address));
      story.link.send(story.opened(juliet) + story.result(juliet) + story.opened(juliet));
      await juliet.expect(RESULT);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'has no session by a session reply alone, nor by one that does not say from where',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.asking('juliet');
      story.link.send(story.opened(juliet));
      story.link.send(story.result(juliet));
      await story.link.expect(sessionRoute(juliet.login, juliet.address));
      story.link.send(`<route type='session' to='${juliet.address}'/>`);
      story.link.send(`<route type='session' to='${juliet.address}' from=''/>`);
      await story.expectQuiet(romeo);
      juliet.expectNothing();
      await story.openSession(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'is not answered by an empty route, nor by one with text',
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet');
      story.link.send(authRoute(juliet.address, juliet.login, ''));
      story.link.send(`<route type='auth' to='${juliet.address}' from='${juliet.login}'/>`);
      story.link.send(authRoute(juliet.address, juliet.login, 'text'));
      await story.accept(juliet);
      await story.expectQuiet(juliet);
      expect(story.log.lines.filter(({ level }) => level === 'error')).to.deep.equal([]);
    }),
  );

  it(
    'has white space around its answers taken for nothing',
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet');
      story.link.send(`\n ${authRoute(juliet.address, juliet.login, `\n  ${RESULT}\n`)}\n`);
      await story.link.expect(sessionRoute(juliet.login, juliet.address));
      story.link.send(` <route type='session' to='${juliet.address}' from='${juliet.session}'>\n</route> `);
      await juliet.expect(RESULT);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'is not over for others while one waits',
    toldRoute(async (story) => {
      const waiting = await story.asking('juliet');
      const starting = await story.starting('mercutio');
      const romeo = await story.user('romeo', 'Orchard');
      await story.expectQuiet(romeo);
      await story.accept(waiting);
      await story.openSession(starting);
      for (const user of [romeo, waiting, starting]) await story.expectQuiet(user);
    }),
  );

  it(
    'works in one write from the header on (client-pthsock-pipelined)',
    toldRoute(async (story) => {
      const juliet = await story.connected('juliet');
      juliet.send(
        header(`to='localhost'`) +
          authSet('juliet') +
          `<iq type='get' id='ro'><query xmlns='jabber:iq:roster'/></iq><presence/><message to='juliet@localhost'><body>me</body></message>`,
      );
      await juliet.header();
      juliet.address = (await story.link.packet()).attribute('from')!;
      juliet.login = 'juliet@localhost/Balcony';
      juliet.session = story.newSession('juliet');
      await story.accept(juliet);
      await story.link.expect(
        story.from(juliet, `<iq type='get' id='ro'><query xmlns='jabber:iq:roster'/></iq>`),
      );
      await story.link.expect(story.from(juliet, '<presence/>'));
      await story.link.expect(story.from(juliet, `<message to='juliet@localhost'><body>me</body></message>`));
    }),
  );

  it(
    'holds no more than it may, and goes on reading when it is decided',
    toldRoute(
      async (story) => {
        const juliet = await story.asking('juliet');
        const message = (id: number): string =>
          `<message id='${id}'><body>${'x'.repeat(400)}</body></message>`;
        const ids = Array.from({ length: 100 }, (_, id) => id);
        juliet.send(ids.map(message).join(''));
        await story.accept(juliet);
        for (const id of ids) await story.link.expect(story.from(juliet, message(id)));
        await story.expectQuiet(juliet);
      },
      { limits: { heldBytes: 2000 } },
    ),
  );

  it(
    'is over when the client closes its stream behind it, with the result and what it said behind it',
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet');
      juliet.send(`<presence/></stream:stream>`);
      story.link.send(story.result(juliet));
      await story.link.expect(sessionRoute(juliet.login, juliet.address));
      story.link.send(story.opened(juliet));
      await story.link.expect(story.from(juliet, '<presence/>'));
      await story.link.expect(story.left(juliet));
      await juliet.expect(RESULT);
      await juliet.expectClosed();
    }),
  );
});

describe('a client that leaves while its login is under way', () => {
  it(
    'has the answer to it thrown away: as an error to its user it would end all sessions of that user (17-boot-user)',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      for (const text of [RESULT, REFUSED]) {
        const juliet = await story.asking('juliet');
        await juliet.drop();
        await story.gone(juliet);
        story.link.send(authRoute(juliet.address, juliet.login, text));
        story.link.send(authRoute(juliet.address, 'juliet@localhost', text));
        story.link.send(authRoute('99@foo-sockets/none', 'juliet@localhost', text));
        await story.expectQuiet(romeo);
      }
    }),
  );

  it(
    'has no session asked for',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.asking('juliet');
      await juliet.drop();
      await story.gone(juliet);
      story.link.send(story.result(juliet));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has its session ended when that comes, and a session that was not given answered by nothing',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      for (const opened of [true, false]) {
        const juliet = await story.starting('juliet');
        await juliet.drop();
        await story.gone(juliet);
        if (opened) {
          story.link.send(story.opened(juliet));
          await story.link.expect(story.left(juliet));
        } else story.link.send(routeError(juliet.address, juliet.login, 'Session Failed'));
        await story.expectQuiet(romeo);
      }
    }),
  );

  it(
    'has its session ended even when it logs in again before that comes: each session is another',
    toldRoute(async (story) => {
      const lost = await story.starting('juliet');
      await lost.drop();
      await story.gone(lost);
      const again = await story.asking('juliet');
      story.link.send(story.opened(lost));
      story.link.send(story.result(again));
      const [one, other] = [await story.link.source(), await story.link.source()];
      expect([one, other].some((source) => source.includes(`type='error'`) && source.includes(lost.session)));
      await story.openSession(again);
      story.link.send(routeError(lost.address, lost.session, 'Disconnected'));
      await story.expectQuiet(again);
    }),
  );
});

describe('a session that is not given', () => {
  it(
    'is told to the client, and nothing is answered',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const modern = await story.starting('juliet');
      story.link.send(routeError(modern.address, modern.login, 'Session Failed'));
      await modern.expectError('internal-server-error');
      expect(await story.gone(modern)).to.equal(
        'the session manager accepted the login but refused the session: Session Failed',
      );
      const old = await story.starting('juliet', 'Balcony', `to='localhost'`);
      story.link.send(routeError(old.address, old.login, 'Session Failed'));
      await old.expectLegacyError('Session Failed');
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is told without the result of the login',
    toldRoute(async (story) => {
      const juliet = await story.starting('juliet');
      story.link.send(routeError(juliet.address, juliet.login, 'Session Failed'));
      await juliet.expectError('internal-server-error');
      expect(juliet.received).to.not.contain(`type='result'`);
    }),
  );
});
