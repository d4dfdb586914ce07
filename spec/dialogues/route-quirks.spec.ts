/** What a socket manager for jabberd 1.4 must honour: a dialogue for each of its quirks. [jabberd 1.4.3] */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { SocketManager } from '../../lib/server.js';
import { authSet, header } from '../support/client.js';
import { Clock } from '../support/clock.js';
import { config } from '../support/config.js';
import { RecordedLog } from '../support/log.js';
import {
  authRoute,
  REFUSED,
  RESULT,
  route,
  routeError,
  sessionRoute,
  toldRoute,
} from '../support/route-story.js';
import { ScriptedSessionManager } from '../support/scripted-session-manager.js';

const AUTH = 'jabber:iq:auth';
const REGISTER = 'jabber:iq:register';

describe('the quirks of jabberd 1.4', () => {
  for (const [typed, session] of [
    ['JULIET', 'JULIET@localhost/E4FBDD90'],
    ['Juliet', 'juliet@LOCALHOST/e4fbdd90'],
    ['juliet', 'somebody@else.where/Ho me/@ &amp; &lt;x&gt;'],
  ]) {
    it(
      `1 the session address is what the session reply comes from, verbatim: ${session}`,
      toldRoute(async (story) => {
        const juliet = await story.asking(typed);
        juliet.session = session;
        await story.accept(juliet);
        await story.expectQuiet(juliet);
        await juliet.drop();
        await story.link.expect(story.left(juliet));
      }),
    );
  }

  for (const [form, content, why] of [
    ['with a reason and nothing inside', '', 'Disconnected'],
    ['without a reason', '', undefined],
    [
      'with a packet inside',
      `<iq type='get' id='x'><query xmlns='jabber:iq:roster'/></iq>`,
      'Invalid Session',
    ],
    ['with a reason that nobody knows', '<message/>', 'Any Reason'],
  ]) {
    it(
      `2 a type='error' closes the client, in any state: ${form}`,
      toldRoute(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const asking = await story.asking('benvolio');
        const starting = await story.starting('mercutio');
        const juliet = await story.user('juliet');
        const end = (address: string, from: string): string => routeError(address, from, why, content);
        story.link.send(
          end(asking.address, asking.login) +
            end(starting.address, starting.login) +
            end(juliet.address, juliet.session),
        );
        for (const client of [asking, starting, juliet]) {
          const error = await client.stanza();
          expect(error.name).to.equal('stream:error');
          await client.expectClosed();
        }
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    "2 a type='error' of an older session of the same connection, or of another user, is ignored",
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      story.link.send(
        routeError(juliet.address, 'juliet@localhost/E4FB86A0', 'Disconnected') +
          routeError(juliet.address, 'romeo@localhost/E4FB86A0', 'Disconnected') +
          routeError(
            juliet.address,
            'juliet@localhost/E4FB86A0',
            'Invalid Session',
            `<iq type='get' id='old'/>`,
          ) +
          routeError(juliet.address, juliet.login, 'Session Failed') +
          routeError(juliet.address, 'juliet@localhost', 'Disconnected') +
          routeError(juliet.address, 'localhost', 'Disconnected'),
      );
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'a socket address is never used again',
    toldRoute(async (story) => {
      const addresses = new Set<string>();
      for (let count = 0; count < 5; count += 1) {
        const client = await story.asking('juliet');
        expect(client.address).to.match(/^[1-9]\d*@foo-sockets\/[0-9a-f]+$/);
        addresses.add(client.address);
        await client.drop();
        await story.gone(client);
      }
      expect(addresses.size).to.equal(5);
    }),
  );

  it(
    "3 a type='error' is never answered with another",
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      const gone = await story.user('benvolio');
      await gone.drop();
      await story.link.expect(story.left(gone));
      const message = `<message to='juliet@localhost' type='chat'><body>x</body></message>`;
      for (const address of [gone.address, '99@foo-sockets/none', 'foo-sockets', juliet.address]) {
        story.link.send(routeError(address, 'juliet@localhost/AF00', 'Invalid Session', message));
        story.link.send(routeError(address, 'juliet@localhost/AF00', 'Disconnected'));
      }
      story.link.send(story.ending(juliet, 'Disconnected', message));
      await juliet.expectError('undefined-condition');
      await story.gone(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    "4 what cannot be delivered goes back whole, turned round, as type='error'",
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      await juliet.drop();
      await story.link.expect(story.left(juliet));
      const late = `<message to='juliet@localhost/Balcony' id='late' from='romeo@localhost/Orchard'><body>you there?</body></message>`;
      story.link.send(story.to(juliet, late));
      await story.link.expect(routeError(juliet.session, juliet.address, undefined, late));
    }),
  );

  it(
    'a session reply for a client that has gone meanwhile ends that session',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.starting('juliet');
      await juliet.drop();
      await story.gone(juliet);
      story.link.send(story.opened(juliet));
      await story.link.expect(story.left(juliet));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'the session is asked for before the client sees the result, and what it sends meanwhile goes on in order',
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet');
      juliet.send(`<presence/><message id='1'/>`);
      story.link.send(story.result(juliet));
      await story.link.expect(sessionRoute(juliet.login, juliet.address));
      juliet.send(`<message id='2'/>`);
      juliet.expectNothing();
      story.link.send(story.opened(juliet));
      await story.link.expect(story.from(juliet, '<presence/>'));
      await story.link.expect(story.from(juliet, `<message id='1'/>`));
      await story.link.expect(story.from(juliet, `<message id='2'/>`));
      await juliet.expect(RESULT);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    "6 a login has succeeded when a packet in an answer says so: type='result', with the id of the set",
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet');
      for (const lie of [
        `<iq type='result' id='auth2'/>`,
        `<iq type='result'/>`,
        `<message type='result' id='auth1'/>`,
        `<x><iq type='result' id='auth1'/></x>`,
      ]) {
        story.link.send(authRoute(juliet.address, juliet.login, lie));
      }
      story.link.send(story.refusal(juliet));
      await juliet.expect(REFUSED);
      juliet.send(authSet('juliet'));
      const again = await story.link.packet();
      expect(again.attribute('type'), 'no session was asked for').to.equal('auth');
    }),
  );

  it(
    'a set without an id is given one, which is taken out again',
    toldRoute(async (story) => {
      const juliet = await story.client('juliet');
      juliet.send(authSet('juliet').replace(` id='auth1'`, ''));
      const request = await story.link.packet();
      juliet.address = request.attribute('from')!;
      const id = request.child('iq')!.attribute('id')!;
      expect(id).to.match(/./);
      juliet.login = 'juliet@localhost/Balcony';
      juliet.session = story.newSession('juliet');
      story.link.send(authRoute(juliet.address, juliet.login, `<iq type='result' id='${id}'/>`));
      await story.link.expect(sessionRoute(juliet.login, juliet.address));
      story.link.send(story.opened(juliet));
      await juliet.expectSource(`<iq type='result'/>`);
      await story.expectQuiet(juliet);
    }),
  );

  for (const sid of ['', ` sid='evil'`, ` sid="evil" x='y'`]) {
    it(
      `7 a digest goes with the id of the client's stream, as the client saw it (client: ${sid || 'nothing'})`,
      toldRoute(async (story) => {
        const juliet = await story.connected();
        const id = (await juliet.open(`to='localhost'`)).attribute('id')!;
        const digest = createHash('sha1').update(`${id}pw`).digest('hex');
        juliet.send(
          `<iq type='set' id='d'><query xmlns='${AUTH}'><username>ann</username><digest${sid}>${digest}</digest>` +
            `<resource>d</resource></query></iq>`,
        );
        const request = await story.link.packet();
        juliet.address = request.attribute('from')!;
        const sent = request.child('iq')!.child('query')!.child('digest')!;
        expect(sent.text).to.equal(digest);
        expect(
          createHash('sha1')
            .update(`${sent.attribute('sid')}pw`)
            .digest('hex'),
        ).to.equal(digest);
      }),
    );
  }

  it(
    'register and auth get have no resource in their address, and without a username they go to the host',
    toldRoute(async (story) => {
      const client = await story.client();
      const get = (namespace: string, inside: string): string =>
        `<iq type='get' id='g'><query xmlns='${namespace}'>${inside}</query></iq>`;
      const user = '<username>ann</username>';
      for (const [request, to] of [
        [get(AUTH, user), 'ann@localhost'],
        [get(AUTH, `${user}<resource>home</resource>`), 'ann@localhost'],
        [get(AUTH, ''), 'localhost'],
        [get(REGISTER, user), 'ann@localhost'],
        [get(REGISTER, ''), 'localhost'],
        [get(REGISTER, `${user}<resource>home</resource>`).replace('get', 'set'), 'ann@localhost'],
        [get(REGISTER, '<password>pw</password>').replace('get', 'set'), 'localhost'],
      ]) {
        client.send(request);
        const packet = await story.link.packet();
        expect(packet.attribute('to'), request).to.equal(to);
        expect(packet.attribute('type'), request).to.equal('auth');
        story.link.send(
          authRoute(packet.attribute('from')!, to, `<iq type='error' id='g'><error code='406'/></iq>`),
        );
        await client.stanza();
      }
    }),
  );

  it('9 a wrong secret is an error with a <handshake/> behind it: the error counts', async () => {
    const sm = await ScriptedSessionManager.listen(0, '1.4');
    sm.automatic = false;
    const log = new RecordedLog();
    const server = new SocketManager(config(sm.port, { dialect: 'route' }), log);
    void server.start();
    const link = await sm.link();
    await link.answerHeader();
    await link.source();
    link.send('<stream:error>Invalid handshake</stream:error><handshake/>');
    const { message, level } = await log.line(/link to the session manager/);
    expect(level).to.equal('warn');
    expect(message).to.equal(
      'no link to the session manager: the secret is wrong (the session manager says: Invalid handshake)',
    );
    expect(server.addresses(), 'clients are accepted').to.deep.equal([]);
    await link.over;
    await server.stop();
    await sm.close();
  });

  it(
    'what waited for us comes newest first after a reconnect, and sessions and addresses are the same',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      const message = (id: number): string =>
        `<message id='q${id}' from='x@jadc2s'><body>while away</body></message>`;
      await story.relink([3, 2, 1].map((id) => story.to(juliet, message(id))).join(''));
      for (const id of [3, 2, 1]) await juliet.expect(message(id));
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'an address that means nobody any more is told of after a reconnect, too',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const zombie = '12@foo-sockets/A1';
      const message = `<message id='q1'><body>while away</body></message>`;
      await story.relink(route(zombie, 'ann@localhost/AF78B60', message));
      await story.link.expect(routeError('ann@localhost/AF78B60', zombie, undefined, message));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'plain packets to our name break nothing, and no client sees them',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      for (const to of ['foo-sockets', juliet.address]) {
        for (const type of ['get', 'set']) {
          story.link.send(
            `<iq type='${type}' id='u2' to='${to}' from='ann@localhost/home'><query xmlns='jabber:iq:version'/></iq>`,
          );
          await story.link.expect(
            `<iq type='error' id='u2' to='ann@localhost/home' from='${to}'><error code='503'>Service Unavailable</error></iq>`,
          );
        }
        story.link.send(
          `<message to='${to}' from='ann@localhost/home'><body>to the c2s</body></message>` +
            `<presence to='${to}' from='ann@localhost/home'/><iq type='result' to='${to}' from='ann@localhost/home'/>` +
            `<iq type='error' to='${to}' from='ann@localhost/home'/><bogus to='${to}'/><xdb/><log>x</log>`,
        );
      }
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'unbound prefixes and missing namespaces pass as they are, and nothing is added',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      for (const stanza of [
        `<message to='juliet@localhost' from='bob@localhost/work'><u:x>1</u:x><bar:b a:c='d'/></message>`,
        `<message><a:b:c d:e:f='1'/><:a/><xmlns:a xmlns:='y'/></message>`,
        `<foo:message xmlns='jabber:client'/>`,
        `<iq type='result'/>`,
      ]) {
        story.link.send(story.to(juliet, stanza));
        await juliet.expectSource(stanza);
      }
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'a session is asked for with what the accepted set named, whatever is asked for behind it (see route-user-swap)',
    toldRoute(async (story) => {
      const mallory = await story.client('mallory');
      mallory.send(
        authSet('mallory', 'den') +
          `<iq type='get' id='auth1'><query xmlns='${AUTH}'><username>juliet</username></query></iq>`,
      );
      const request = await story.link.packet();
      mallory.address = request.attribute('from')!;
      mallory.session = story.newSession('mallory');
      mallory.login = 'mallory@localhost/den';
      await story.accept(mallory);
    }),
  );

  const STREAMS = `xmlns:stream='http://etherx.jabber.org/streams'`;
  for (const [text, opening] of [
    ['Invalid Namespace', `<stream:stream xmlns='jabber:server' ${STREAMS} to='localhost'>`],
    ['Did not specify a valid to argument', `<stream:stream xmlns='jabber:client' ${STREAMS}>`],
    ['Invalid Stream Namespace', `<stream:stream xmlns='jabber:client' xmlns:stream='urn:x' to='localhost'>`],
  ]) {
    it(
      `15 an old stream is told "${text}" in its first header's answer`,
      toldRoute(
        async (story) => {
          const client = await story.connected();
          client.send(opening);
          await client.header();
          await client.expectLegacyError(text);
        },
        { domains: [] },
      ),
    );
  }

  it(
    'an old stream is told "Invalid XML", before and after login',
    toldRoute(async (story) => {
      const early = await story.client('early', `to='localhost'`);
      early.send('<a><b></a>');
      await early.expectLegacyError('Invalid XML');
      const juliet = await story.user('juliet', 'Balcony', `to='localhost'`);
      juliet.send('<a><b></a>');
      await juliet.expectLegacyError('Invalid XML');
      await story.link.expect(story.left(juliet));
    }),
  );

  it(
    'an old stream is told "Disconnected", and "Timeout waiting for authentication"',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet', 'Balcony', `to='localhost'`);
      story.link.send(story.ending(juliet));
      await juliet.expectLegacyError('Disconnected');
      story.clock.install();
      const slow = await story.client('slow', `to='localhost'`);
      story.clock.advance(60_000);
      await slow.expectLegacyError('Timeout waiting for authentication');
    }),
  );

  it('16 a peer that closes every connection is not connected to more than 5 times in 25 s', async () => {
    const clock = new Clock();
    const sm = await ScriptedSessionManager.listen(0, '1.4');
    sm.automatic = false;
    const log = new RecordedLog();
    const server = new SocketManager(config(sm.port, { dialect: 'route' }), log);
    try {
      clock.install();
      void server.start();
      let waited = 0;
      const times: number[] = [];
      for (let connects = 1; connects <= 7; connects += 1) {
        const link = await sm.link();
        times.push(waited);
        link.socket.end();
        const { message, details } = await log.line(/^no link/);
        expect(message).to.contain('rate limit');
        const delay = details['nextTrySeconds'] as number;
        waited += delay;
        clock.advance(delay * 1000 + 60);
      }
      for (let last = 5; last < times.length; last += 1) {
        expect(times[last] - times[last - 5], `connect ${last + 1}, five connects later`).to.be.above(24);
      }
    } finally {
      clock.uninstall();
      await server.stop();
      await sm.close();
    }
  });

  it('17 two streams with the same id, as of the same second, are two links', async () => {
    const clock = new Clock();
    const sm = await ScriptedSessionManager.listen(0, '1.4');
    sm.automatic = false;
    const log = new RecordedLog();
    const server = new SocketManager(config(sm.port, { dialect: 'route' }), log);
    try {
      clock.install();
      const started = server.start();
      for (const first of [true, false]) {
        const link = await sm.link();
        await link.header();
        link.send(
          `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='6B011FCB' xmlns='jabber:component:accept' from='foo-sockets'>`,
        );
        // as recorded (23-override)
        await link.expectSource('<handshake>500df380d502f46770f61b6fdad4209dd133c32d</handshake>');
        link.send('<handshake/>');
        if (!first) continue;
        await started;
        await link.drop();
        await log.line(/^lost link/);
        clock.advance(700);
      }
      await log.line(/^linked/);
      await log.line(/^linked/);
    } finally {
      clock.uninstall();
      await server.stop();
      await sm.close();
    }
  });

  it(
    'the old protocol works with a 1.6 that declares its own: attributes of it are not ours to look at',
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet');
      const sc = ` xmlns:sc='http://jabberd.jabberstudio.org/ns/session/1.0'`;
      story.link.send(story.result(juliet).replace('<route', `<route${sc}`));
      await story.link.expect(sessionRoute(juliet.login, juliet.address));
      story.link.send(story.opened(juliet).replace('<route', `<route${sc}`));
      await juliet.expect(RESULT);
      const message = `<message xmlns='jabber:client'${sc} sc:c2s='x' sc:sm='y'><body>z</body></message>`;
      story.link.send(story.to(juliet, message));
      await juliet.expectSource(message);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'an answer to a login may come from another address, with the old one in `oto`: the session is still asked for where the set went',
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet');
      story.link.send(
        `<route type='auth' to='${juliet.address}' from='auth.localhost' oto='${juliet.login}'>${RESULT}</route>`,
      );
      await story.link.expect(sessionRoute(juliet.login, juliet.address));
      await story.openSession(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'all hold for a client with an old name for its host, and one on an old stream',
    toldRoute(
      async (story) => {
        const juliet = await story.connected('juliet');
        juliet.send(header(`to='old.example'`));
        await juliet.header();
        juliet.send(authSet('juliet'));
        const request = await story.link.packet();
        expect(request.attribute('to')).to.equal('juliet@localhost/Balcony');
        juliet.address = request.attribute('from')!;
        juliet.login = 'juliet@localhost/Balcony';
        juliet.session = story.newSession('juliet');
        await story.accept(juliet);
        await story.expectQuiet(juliet);
      },
      { aliases: new Map([['old.example', 'localhost']]) },
    ),
  );
});
