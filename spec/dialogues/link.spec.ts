/** The link to the session manager: how it comes up, why it does not, and what happens while it is away. [README.SM] [jabberd 1.1.2] */
import { expect } from 'chai';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { SocketManager } from '../../lib/server.js';
import { OLD, header } from '../support/client.js';
import { Clock } from '../support/clock.js';
import { config } from '../support/config.js';
import { RecordedLog } from '../support/log.js';
import { ScriptedSessionManager, SECRET, type ScriptedLink } from '../support/scripted-session-manager.js';
import { ended, told } from '../support/story.js';

describe('the link', () => {
  let sm: ScriptedSessionManager;
  let server: SocketManager | undefined;
  let log: RecordedLog;
  let clock: Clock;

  beforeEach(async () => {
    sm = await ScriptedSessionManager.listen();
    sm.automatic = false;
    log = new RecordedLog();
    clock = new Clock();
  });

  afterEach(async () => {
    clock.uninstall();
    await sm.close();
    await server?.stop();
    server = undefined;
  });

  function begin(secret = SECRET): Promise<void> {
    server = new SocketManager(config(sm.port, { secret }), log);
    const started = server.start();
    started.catch(() => undefined);
    return started;
  }

  it('opens with a header in jabber:component:accept and our name, and the SHA1 of id and secret (handshake-ok)', async () => {
    const started = begin();
    const link = await sm.link();
    const opening = await link.header();
    expect(opening.name).to.equal('stream:stream');
    expect(opening.attribute('xmlns')).to.equal('jabber:component:accept');
    expect(opening.attribute('to')).to.equal('foo-sockets');
    link.send(
      `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='6B01226D' xmlns='jabberd:sockets'>`,
    );
    // as recorded with the real jabberd, whose secret was the same
    await link.expectSource(`<handshake>6e4e98ce45b0c275768a7c0fc83372c208e93883</handshake>`);
    link.send('<handshake/>');
    await started;
    expect((await log.line(/^linked/)).level).to.equal('info');
  });

  for (const namespace of ['jabberd:sockets', 'jabber:component:accept', 'anything']) {
    it(`takes an answer in the namespace ${namespace}`, async () => {
      const started = begin();
      const link = await sm.link();
      await link.header();
      link.send(
        `<stream:stream xmlns:stream='http://etherx.jabber.org/streams' id="x&apos;&lt;" xmlns='${namespace}' from='foo-sockets'>`,
      );
      await link.source();
      link.send('<handshake></handshake>');
      await started;
    });
  }

  it('may be cut at every byte', async () => {
    const started = begin();
    const link = await sm.link();
    await link.header();
    await link.drip(
      `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='6B01226D'>`,
    );
    await link.expectSource(`<handshake>6e4e98ce45b0c275768a7c0fc83372c208e93883</handshake>`);
    await link.drip('<handshake/>');
    await started;
  });

  it('accepts no clients before it is up', async () => {
    const started = begin();
    const link = await sm.link();
    expect(server!.addresses()).to.deep.equal([]);
    await link.handshake();
    await started;
    expect(server!.addresses()).to.have.length(1);
  });

  const failures: Record<string, [(link: ScriptedLink) => Promise<unknown>, RegExp]> = {
    'the secret is wrong (handshake-bad)': [
      async (link) => {
        await link.answerHeader();
        await link.source();
        link.send('<stream:error>Invalid Handshake</stream:error>\n</stream:stream>');
        link.socket.end();
      },
      /^no link to the session manager: the secret is wrong \(the session manager says: Invalid Handshake\)$/,
    ],
    'an error is followed by a handshake': [
      async (link) => {
        await link.answerHeader();
        await link.source();
        link.send('<stream:error>Must send handshake first</stream:error><handshake/>');
      },
      /^no link to the session manager: .*Must send handshake first/,
    ],
    'an error comes before the handshake is sent': [
      async (link) => {
        await link.header();
        link.send(
          `<stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='1'><stream:error>Timed Out</stream:error></stream:stream>`,
        );
      },
      /^no link to the session manager: .*Timed Out/,
    ],
    'an error of RFC 6120 kind says conflict': [
      async (link) => {
        await link.answerHeader();
        await link.source();
        link.send(
          `<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`,
        );
      },
      /^no link to the session manager: the session manager says: conflict$/,
    ],
    'it is a port for clients': [
      async (link) => {
        await link.answerHeader();
        link.send(`<stream:error>Invalid Namespace</stream:error></stream:stream>`);
      },
      /: is this the port for components\? \(the session manager says: Invalid Namespace\)$/,
    ],
    'it is a port for clients, of a server of the time of RFC 6120': [
      async (link) => {
        await link.answerHeader();
        link.send(
          `<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`,
        );
      },
      /: is this the port for components\? \(the session manager says: host-unknown\)$/,
    ],
    'the peer closes before its header': [
      async (link) => link.socket.end(),
      /^no link to the session manager: closed by peer before its stream header/,
    ],
    'the peer closes during the handshake': [
      async (link) => {
        await link.answerHeader();
        await link.source();
        link.socket.end();
      },
      /^no link to the session manager: closed by peer during the handshake/,
    ],
    'the peer is no component port': [
      async (link) => {
        await link.header();
        link.send(`<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`);
      },
      /^no link to the session manager: no stream id in its header \(namespace jabber:client\)/,
    ],
    'the peer speaks something else': [
      async (link) => link.send('SSH-2.0-OpenSSH_9.2\r\n'),
      /^no link to the session manager: cannot read the stream of the session manager/,
    ],
    'the peer answers with a packet': [
      async (link) => {
        await link.answerHeader();
        await link.source();
        link.send('<message/>');
      },
      /^no link to the session manager: <message> in answer to our handshake$/,
    ],
    'the connection is reset': [
      (link) => link.reset(),
      /^no link to the session manager: the connection was reset$/,
    ],
  };
  for (const [what, [play, sentence]] of Object.entries(failures)) {
    it(`says why it failed and when the next try is, and tries again: ${what}`, async () => {
      clock.install();
      const started = begin();
      const link = await sm.link();
      await play(link);
      const line = await log.line(/link to the session manager/);
      expect(line.message).to.match(sentence);
      expect(line.level).to.equal('warn');
      expect(line.details['nextTrySeconds']).to.be.within(0.3, 0.7);
      await link.over;
      clock.advance(700);
      const again = await sm.link();
      expect(sm.mostOpen, 'connections at the same time').to.equal(1);
      await again.handshake();
      await started;
    });
  }

  for (const [what, sentence, play] of [
    [
      'no header',
      /no stream header within 10 s/,
      async (link: ScriptedLink): Promise<void> => {
        await link.header();
      },
    ],
    [
      'no answer to the handshake',
      /no answer to our handshake within 10 s/,
      async (link: ScriptedLink): Promise<void> => {
        await link.answerHeader();
        await link.source();
      },
    ],
  ] as const) {
    it(`gives up a peer that is silent, and tries again: ${what}`, async () => {
      clock.install();
      const started = begin();
      const link = await sm.link();
      await play(link);
      clock.advance(10_000);
      expect((await log.line(/^no link/)).message).to.match(sentence);
      await link.over;
      clock.advance(700);
      await (await sm.link()).handshake();
      await started;
    });
  }

  it('says that nothing listens, and comes up when something does', async () => {
    clock.install();
    const port = sm.port;
    await sm.close();
    server = new SocketManager(config(port), log);
    const started = server.start();
    expect((await log.line(/^no link/)).message).to.match(/nothing listens there/);
    sm = await ScriptedSessionManager.listen(port);
    clock.advance(700);
    await sm.link();
    await started;
  });

  it('says that a host can not be found', async () => {
    const lost = new SocketManager({ ...config(1), sm: { host: 'nowhere.invalid', port: 1 } }, log);
    void lost.start();
    expect((await log.line(/^no link/)).message).to.match(/host/);
    await lost.stop();
  });

  it('tries again with a delay that grows, never more than five times in 25 s', async () => {
    clock.install();
    // nobody listens: each try fails at once, so the time between them is the delay alone
    const port = sm.port;
    await sm.close();
    server = new SocketManager(config(port), log);
    server.start().catch(() => undefined);
    let waited = 0;
    const delays: number[] = [];
    for (let tries = 0; tries < 5; tries += 1) {
      const { details } = await log.line(/^no link/);
      const delay = details['nextTrySeconds'] as number;
      delays.push(delay);
      waited += delay;
      clock.advance(delay * 1000 + 60);
    }
    for (const [at, base] of [0.5, 1, 2, 4].entries()) {
      expect(delays[at]).to.be.within(base * 0.75 - 0.06, base * 1.25 + 0.06);
    }
    expect(delays[4], 'the sixth connect').to.be.above(24);
    expect(waited).to.be.above(24);
  });

  it('is not tried again once the program stops', async () => {
    clock.install();
    begin().catch(() => undefined);
    await (await sm.link()).drop();
    await log.line(/^no link/);
    await server!.stop();
    clock.advance(100_000);
    expect(sm.connects).to.equal(1);
  });

  it('is up with packets in the same read as the handshake', async () => {
    const started = begin();
    const link = await sm.link();
    const zombie = `<presence from='a@b' type='unavailable' sto='12@foo-sockets/8A0001' sfrom='juliet@localhost'/>`;
    await link.handshake(zombie);
    await started;
    await link.expect(
      `<presence from='a@b' type='error' sto='juliet@localhost' sfrom='12@foo-sockets/8A0001'>` +
        `<error code='510' type='unavailable'>Disconnected</error></presence>`,
    );
  });
});

describe('a link that is lost', () => {
  it(
    'c.11 leaves sessions as they are: they are used again with the same addresses when it is back (component-away)',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      story.clock.install();
      await story.loseLink();
      story.sm.behindHandshake = `<message id='queued' sto='${juliet.address}' sfrom='juliet@localhost'/>`;
      story.clock.advance(700);
      story.link = await story.sm.link();
      await juliet.expect(`<message id='queued'/>`);
      await story.expectQuiet(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  for (const [how, break_] of Object.entries<(link: ScriptedLink) => unknown>({
    'the peer closes its stream': (link) => link.socket.end('</stream:stream>'),
    'the peer closes the connection': (link) => link.socket.end(),
    'the connection is reset': (link) => link.reset(),
    'the peer sends what is no XML': (link) => link.send('<message to=x>\u0000'),
    'the peer sends an error': (link) => link.send('<stream:error>Bye</stream:error>'),
  })) {
    it(
      `comes back by itself, and the clients stay: ${how}`,
      told(async (story) => {
        const juliet = await story.user('juliet');
        story.clock.install();
        break_(story.link);
        const line = await story.log.line(/^lost link to the session manager: /);
        expect(line.level).to.equal('warn');
        expect(line.details['nextTrySeconds']).to.be.a('number');
        await story.link.over;
        story.clock.advance(700);
        story.link = await story.sm.link();
        await story.expectQuiet(juliet);
        expect(story.sm.mostOpen).to.equal(1);
      }),
    );
  }

  it(
    'has what clients send meanwhile sent in order when it is back, the ends of sessions too',
    told(async (story) => {
      const juliet = await story.user('juliet', 'Balcony', OLD);
      const romeo = await story.user('romeo', 'Orchard');
      story.clock.install();
      await story.loseLink();
      juliet.send(`<message id='1'/><log/>`);
      expect((await juliet.stanza()).name, 'what comes once both are read').to.equal('log');
      juliet.send(`<message id='2'/></stream:stream>`);
      await juliet.expectClosed();
      await story.gone(juliet);
      story.clock.advance(700);
      story.link = await story.sm.link();
      const addressing = `sfrom='${juliet.address}' sto='${juliet.session}'`;
      await story.link.expect(`<message id='1' ${addressing}/>`);
      await story.link.expect(`<message id='2' ${addressing}/>`);
      await story.link.expect(ended(juliet.address, juliet.session));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has new streams told meanwhile that there is no session manager',
    told(async (story) => {
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
    'has the answer to a login taken when it comes over the next one',
    told(async (story) => {
      const juliet = await story.asking('juliet');
      story.clock.install();
      await story.loseLink();
      story.sm.behindHandshake = story.result(juliet);
      story.clock.advance(700);
      story.link = await story.sm.link();
      await juliet.expect(`<iq type='result' id='auth1'/>`);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'has the events "down" and "up"',
    told(async (story) => {
      const events: string[] = [];
      story.server.on('down', () => events.push('down'));
      story.server.on('up', () => events.push('up'));
      story.clock.install();
      await story.loseLink();
      const up = once(story.server, 'up');
      story.clock.advance(700);
      story.link = await story.sm.link();
      await up;
      expect(events).to.deep.equal(['down', 'up']);
    }),
  );

  it(
    'has sessions that nothing is heard of asked about, and ended where even that has no answer (server-stop)',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      const benvolio = await story.user('benvolio', 'Street');
      story.clock.install();
      await story.loseLink();
      story.clock.advance(700);
      story.link = await story.sm.link();
      await story.expectQuiet(benvolio);
      story.clock.advance(5_000);
      const first = await story.link.packet();
      const second = await story.link.packet();
      const asked = [first, second].map((packet) => packet.attribute('sfrom'));
      expect(asked).to.have.members([juliet.address, romeo.address]);
      const question = first.attribute('sfrom') === romeo.address ? first : second;
      expect(question.attribute('sto')).to.equal(romeo.session);
      story.link.send(
        `<iq type='error' id='${question.attribute('id')}' sto='${romeo.address}' sfrom='romeo@localhost'><error code='404'/></iq>`,
      );
      await story.expectQuiet(romeo);
      story.clock.advance(10_000);
      await juliet.expectError('reset');
      const reason = await story.gone(juliet);
      expect(reason).to.match(/no longer knows the session/);
      // a 510 more is harmless where there is no session
      await story.link.expect(ended(juliet.address, juliet.session));
      await story.expectQuiet(romeo);
      await story.expectQuiet(benvolio);
    }),
  );
});

describe('a port that is taken', () => {
  it('stops the start with the error of the system', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const sm = await ScriptedSessionManager.listen();
    const listen = [{ host: '127.0.0.1', port: (taken.address() as AddressInfo).port }];
    const server = new SocketManager(config(sm.port, { listen }), new RecordedLog());
    const error = await server.start().then(
      () => undefined,
      (reason: NodeJS.ErrnoException) => reason,
    );
    expect(error?.code).to.equal('EADDRINUSE');
    await sm.close();
    await server.stop();
    taken.close();
  });
});
