/** The link to jabberd 1.4: how it comes up, how it is lost, and what is the same when it is back. [jabberd 1.4.3] */
import { expect } from 'chai';
import { SocketManager } from '../../lib/server.js';
import { header } from '../support/client.js';
import { Clock } from '../support/clock.js';
import { config } from '../support/config.js';
import { RecordedLog } from '../support/log.js';
import { RESULT, route, routeError, sessionRoute, toldRoute } from '../support/route-story.js';
import { ScriptedSessionManager, type ScriptedLink } from '../support/scripted-session-manager.js';

const OPENING = `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='6B0123A2' xmlns='jabber:component:accept' from='foo-sockets'>`;
const CONDITIONS = 'urn:ietf:params:xml:ns:xmpp-streams';
const OVERRIDE = '<stream:error>Socket override by another connection.</stream:error>';

describe('the link to jabberd 1.4', () => {
  let sm: ScriptedSessionManager;
  let server: SocketManager;
  let log: RecordedLog;
  let clock: Clock;
  let started: Promise<void>;

  beforeEach(async () => {
    sm = await ScriptedSessionManager.listen(0, '1.4');
    sm.automatic = false;
    log = new RecordedLog();
    clock = new Clock();
    server = new SocketManager(config(sm.port, { dialect: 'route' }), log);
    clock.install();
    started = server.start();
    started.catch(() => undefined);
  });

  afterEach(async () => {
    clock.uninstall();
    await sm.close();
    await server.stop();
  });

  it('opens as recorded (01-handshake)', async () => {
    const link = await sm.link();
    const opening = await link.header();
    expect(opening.attribute('xmlns')).to.equal('jabber:component:accept');
    expect(opening.attribute('xmlns:stream')).to.equal('http://etherx.jabber.org/streams');
    expect(opening.attribute('to')).to.equal('foo-sockets');
    link.send(OPENING);
    await link.expectSource('<handshake>9db0d5a0b2e80e9327ddcd31d169f003b8ec0561</handshake>');
    link.send('<handshake/>');
    await started;
  });

  it('may be cut at every byte', async () => {
    const link = await sm.link();
    await link.header();
    await link.drip(OPENING);
    await link.source();
    await link.drip('<handshake/>');
    await started;
  });

  const refusals: Record<string, [said: string, sentence: RegExp]> = {
    'a wrong secret, as 1.4.3 says it, with a <handshake/> behind': [
      '<stream:error>Invalid handshake</stream:error><handshake/>',
      /: the secret is wrong \(the session manager says: Invalid handshake\)$/,
    ],
    'a wrong secret, as 1.4.4 says it': [
      `<stream:error><not-authorized xmlns='${CONDITIONS}'/><text xmlns='${CONDITIONS}'>Invalid handshake</text></stream:error></stream:stream>`,
      /: the secret is wrong \(the session manager says: Invalid handshake\)$/,
    ],
    'a packet before the handshake': [
      '<stream:error>Must send handshake first.</stream:error>',
      /: .*Must send handshake first\./,
    ],
    'somebody else who has connected meanwhile': [OVERRIDE, /: .*Socket override by another connection\./],
    'somebody else who has connected meanwhile, as 1.4.4 says it': [
      `<stream:error><conflict xmlns='${CONDITIONS}'/><text xmlns='${CONDITIONS}'>Socket override by another connection.</text></stream:error>`,
      /: .*Socket override by another connection\./,
    ],
  };
  for (const [what, [said, sentence]] of Object.entries(refusals)) {
    it(`is refused, final for this connection, and tried again: ${what}`, async () => {
      const link = await sm.link();
      await link.answerHeader();
      await link.source();
      link.send(said);
      const { message, level } = await log.line(/link to the session manager/);
      expect(message).to.match(sentence);
      expect(level).to.equal('warn');
      expect(server.addresses()).to.deep.equal([]);
      await link.over;
      clock.advance(700);
      await (await sm.link()).handshake();
      await started;
    });
  }

  it('is refused before a header, with an error for a root: what that says is told (03-bad-namespace)', async () => {
    const link = await sm.link();
    await link.header();
    link.send('<stream:error>Invalid namespace specified.</stream:error>');
    link.socket.end();
    const { message } = await log.line(/^no link/);
    expect(message).to.match(/refuses our stream header|Invalid namespace specified/);
  });

  it('is closed without a byte by the rate limit: the log says what that may be', async () => {
    const link = await sm.link();
    link.socket.end();
    const { message } = await log.line(/^no link/);
    expect(message).to.match(/closed by peer before its stream header \(rate limit/);
  });

  it('is never up twice, and never connected to more than 5 times in 25 s, while another program of our name takes it over again and again', async () => {
    let waited = 0;
    const times: number[] = [];
    for (let connects = 1; connects <= 8; connects += 1) {
      const link = await sm.link();
      times.push(waited);
      await link.handshake();
      await log.line(/^linked/);
      link.send(OVERRIDE);
      const { message, details } = await log.line(/^lost link/);
      expect(message).to.contain('Socket override by another connection');
      const delay = details['nextTrySeconds'] as number;
      waited += delay;
      await link.over;
      clock.advance(delay * 1000 + 60);
    }
    expect(sm.mostOpen).to.equal(1);
    for (let last = 5; last < times.length; last += 1) {
      expect(times[last] - times[last - 5]).to.be.above(24);
    }
  });
});

describe('a link to jabberd 1.4 that is lost', () => {
  const ways: Record<string, (link: ScriptedLink) => unknown> = {
    'another connection takes over (23-override)': (link) => link.send(OVERRIDE),
    'the peer closes its stream': (link) => link.socket.end('</stream:stream>'),
    'the peer closes the connection': (link) => link.socket.end(),
    'the connection is reset': (link) => link.reset(),
    'the peer does not like our XML (24-bad-xml)': (link) =>
      link.send('<stream:error>Invalid XML</stream:error>'),
    'the peer sends what is no XML': (link) => link.send('<route to=x>'),
  };
  for (const [how, lose] of Object.entries(ways)) {
    it(
      `is there again by itself, and sessions go on under the same addresses: ${how}`,
      toldRoute(async (story) => {
        const juliet = await story.user('juliet');
        const romeo = await story.user('romeo', 'Orchard');
        story.clock.install();
        lose(story.link);
        await story.log.line(/^lost link to the session manager: /);
        await story.link.over;
        story.clock.advance(700);
        story.link = await story.sm.link();
        await story.expectQuiet(juliet);
        await story.expectQuiet(romeo);
        expect(story.sm.mostOpen).to.equal(1);
      }),
    );
  }

  it(
    'brings what waited in the read of the handshake: stanzas, ends, and packets for nobody',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      const nurse = await story.user('nurse', 'kitchen');
      await story.relink(
        story.to(juliet, `<message id='2'/>`) +
          story.ending(romeo, 'Internal Timeout') +
          route('12@foo-sockets/A1', 'ann@localhost/AF78B60', `<message id='lost'/>`) +
          `<message to='foo-sockets' from='ann@localhost/home'/>` +
          story.to(juliet, `<message id='1'/>`),
      );
      await juliet.expect(`<message id='2'/>`);
      await juliet.expect(`<message id='1'/>`);
      await romeo.expectError('remote-connection-failed');
      await story.link.expect(
        routeError('ann@localhost/AF78B60', '12@foo-sockets/A1', undefined, `<message id='lost'/>`),
      );
      await story.expectQuiet(nurse);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'has what clients said meanwhile, and who left meanwhile, told in order',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      story.clock.install();
      await story.loseLink();
      juliet.send(`<message id='1'/><message id='2'/></stream:stream>`);
      await juliet.expectClosed();
      await story.gone(juliet);
      story.clock.advance(700);
      story.link = await story.sm.link();
      await story.link.expect(story.from(juliet, `<message id='1'/>`));
      await story.link.expect(story.from(juliet, `<message id='2'/>`));
      await story.link.expect(story.left(juliet));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'may come back with the answer to a login, and with the session of one',
    toldRoute(async (story) => {
      const asking = await story.asking('juliet');
      const starting = await story.starting('romeo', 'Orchard');
      await story.relink(story.opened(starting) + story.result(asking));
      await starting.expect(RESULT);
      await story.link.expect(sessionRoute(asking.login, asking.address));
      await story.openSession(asking);
      await story.expectQuiet(starting);
      await story.expectQuiet(asking);
    }),
  );

  it(
    'takes no new clients meanwhile: they are told that there is no session manager',
    toldRoute(async (story) => {
      story.clock.install();
      await story.loseLink();
      const modern = await story.connected();
      modern.send(header());
      await modern.header();
      await modern.expectError('remote-connection-failed');
      const old = await story.connected();
      old.send(header(`to='localhost'`));
      await old.header();
      await old.expectLegacyError('The session manager is not reachable');
      story.clock.advance(700);
      story.link = await story.sm.link();
      await story.expectQuiet(await story.user('juliet'));
    }),
  );

  it(
    'was away too long: sessions that are gone are found by the first stanza (22-away-long)',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      await story.relink();
      const packet = `<iq type='get' id='after'><query xmlns='jabber:iq:roster'/></iq>`;
      juliet.send(packet);
      await story.link.expect(story.from(juliet, packet));
      story.link.send(story.ending(juliet, 'Invalid Session', packet));
      await juliet.expectError('reset');
      await story.expectQuiet(romeo);
    }),
  );
});

describe('sessions that nothing is heard of after the link came back', () => {
  /** When they are asked about, and when given up. */
  const ASK = 5_000;
  const GIVE_UP = 10_000;

  for (const answer of [
    `<iq type='error' id='ID' from='juliet@localhost' to='juliet@localhost/Balcony'><query xmlns='jabber:iq:time'/><error code='503'>Service Unavailable</error></iq>`,
    `\n<iq from="localhost" id="ID" type="result"><query xmlns='jabber:iq:time'/></iq>`,
  ]) {
    it(
      `are asked a question, whose answer is no business of the client's: ${answer.slice(1, 17)}`,
      toldRoute(async (story) => {
        const juliet = await story.user('juliet');
        await story.relink();
        story.clock.advance(ASK);
        const packet = await story.link.packet();
        expect(packet.attribute('to')).to.equal(juliet.session);
        expect(packet.attribute('type')).to.equal(undefined);
        const question = packet.child('iq')!;
        expect(question.attribute('to')).to.equal(undefined);
        story.link.send(story.to(juliet, answer.replace('ID', question.attribute('id')!)));
        await story.expectQuiet(juliet);
        story.clock.advance(GIVE_UP);
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'are over where the question comes back: no such session',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      await story.relink();
      await story.expectQuiet(romeo);
      story.clock.advance(ASK);
      const packet = await story.link.packet();
      expect(packet.attribute('to')).to.equal(juliet.session);
      story.link.send(story.ending(juliet, 'Invalid Session', packet.elements[0].toString()));
      await juliet.expectError('reset');
      expect(await story.gone(juliet)).to.match(/no longer knows the session/);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'are over where not even that is answered, and the session manager is told',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      await story.relink();
      await story.expectQuiet(romeo);
      story.clock.advance(ASK);
      expect((await story.link.packet()).attribute('to')).to.equal(juliet.session);
      story.clock.advance(GIVE_UP);
      await juliet.expectError('reset');
      await story.link.expect(story.left(juliet));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'are not asked where a stanza came for them meanwhile',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      await story.relink(story.to(juliet, '<message/>'));
      await juliet.expect('<message/>');
      story.clock.advance(ASK);
      story.clock.advance(GIVE_UP);
      await story.expectQuiet(juliet);
    }),
  );
});
