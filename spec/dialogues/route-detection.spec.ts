/** Which dialect the peer speaks: found out with `auto`, and said where it is not the one that is configured. */
import { expect } from 'chai';
import { SocketManager } from '../../lib/server.js';
import { authSet, Client } from '../support/client.js';
import { Clock } from '../support/clock.js';
import { config, type Overrides } from '../support/config.js';
import { RecordedLog } from '../support/log.js';
import { authRoute, RESULT, route, routeError, sessionRoute } from '../support/route-story.js';
import {
  ScriptedSessionManager,
  type Generation,
  type ScriptedLink,
} from '../support/scripted-session-manager.js';

const ASKER = '0@foo-sockets/detect';
const QUESTION = `<iq type='get' id='detect'><query xmlns='jabber:iq:auth'/></iq>`;
const ROUTED = authRoute('localhost', ASKER, QUESTION);
const PLAIN = `<iq type='get' id='detect' sfrom='${ASKER}' sto='localhost'><query xmlns='jabber:iq:auth'/></iq>`;
/** What a session manager of each kind says to it: it wants a user. */
const ROUTE_ANSWER = authRoute(
  ASKER,
  'localhost',
  `<iq type='error' id='detect'><query xmlns='jabber:iq:auth'/><error code='406'>Not Acceptable</error></iq>`,
);
const STO_SFROM_ANSWER = `<iq type='error' id='detect' sto='${ASKER}' sfrom='localhost'><query xmlns='jabber:iq:auth'/><error code='401'>Unauthorized</error></iq>`;

describe('the dialect of the peer', () => {
  let sm: ScriptedSessionManager;
  let server: SocketManager;
  let log: RecordedLog;
  let clock: Clock;
  let started: Promise<void>;
  let clients: Client[];

  beforeEach(() => {
    log = new RecordedLog();
    clock = new Clock();
    clients = [];
  });

  afterEach(async () => {
    clock.uninstall();
    for (const client of clients) client.socket.destroy();
    await sm.close();
    await server.stop();
  });

  async function begin(generation: Generation, overrides: Overrides): Promise<void> {
    sm = await ScriptedSessionManager.listen(0, generation);
    server = new SocketManager(config(sm.port, overrides), log);
    started = server.start();
    started.catch(() => undefined);
  }

  async function client(): Promise<Client> {
    const connected = await Client.connect(server.addresses()[0].port);
    clients.push(connected);
    await connected.open();
    return connected;
  }

  /** Two packets that ask for the same, in each dialect. */
  async function expectQuestions(link: ScriptedLink): Promise<void> {
    await link.expect(ROUTED);
    await link.expect(PLAIN);
  }

  /** A client logs in, in the dialect that was found. */
  async function logIn(link: ScriptedLink, dialect: 'route' | 'sto-sfrom'): Promise<void> {
    const juliet = await client();
    juliet.send(authSet('juliet'));
    const request = await link.packet();
    if (dialect === 'route') {
      expect(request.attribute('to')).to.equal('juliet@localhost/Balcony');
      const address = request.attribute('from')!;
      link.send(authRoute(address, 'juliet@localhost/Balcony', RESULT));
      await link.expect(sessionRoute('juliet@localhost/Balcony', address));
      link.send(sessionRoute(address, 'juliet@localhost/AF78B60'));
    } else {
      expect(request.attribute('sto')).to.equal('localhost');
      link.send(
        `<iq type='result' id='auth1' sfrom='juliet@localhost/Balcony' sto='${request.attribute('sfrom')}'/>`,
      );
    }
    await juliet.expect(RESULT);
  }

  describe('with --dialect auto', () => {
    it('is known by the header of jabberd 1.1: nothing is asked', async () => {
      await begin('1.1', { dialect: 'auto' });
      const link = await sm.link();
      await started;
      expect(server.finding?.dialect).to.equal('sto-sfrom');
      const { message, level } = await log.line(/speaks/);
      expect(level).to.equal('info');
      expect(message).to.equal(
        'the session manager speaks sto-sfrom: its stream header has the namespace jabberd:sockets',
      );
      await logIn(link, 'sto-sfrom');
    });

    it('is known by a route in answer to a question', async () => {
      await begin('1.4', { dialect: 'auto' });
      const link = await sm.link();
      await expectQuestions(link);
      expect(server.addresses(), 'clients are accepted').to.deep.equal([]);
      link.send(ROUTE_ANSWER);
      await started;
      expect(server.finding?.dialect).to.equal('route');
      expect((await log.line(/speaks/)).message).to.equal(
        'the session manager speaks route: it answers in <route/>',
      );
      await logIn(link, 'route');
    });

    it('is known by sto and sfrom in answer to a question', async () => {
      await begin('1.4', { dialect: 'auto' });
      const link = await sm.link();
      await expectQuestions(link);
      link.send(STO_SFROM_ANSWER);
      await started;
      expect(server.finding?.dialect).to.equal('sto-sfrom');
      expect((await log.line(/speaks/)).message).to.contain('attributes sto and sfrom');
      await logIn(link, 'sto-sfrom');
    });

    it('is asked for at the first domain that is served', async () => {
      await begin('1.4', { dialect: 'auto', domains: ['foo.com', 'localhost'] });
      const link = await sm.link();
      expect((await link.packet()).attribute('to')).to.equal('foo.com');
      expect((await link.packet()).attribute('sto')).to.equal('foo.com');
      link.send(routeError(ASKER, 'foo.com', 'Unable to deliver, destination unknown', QUESTION));
      await started;
      expect(server.finding?.dialect, 'an error says it as well').to.equal('route');
    });

    it('is not shown by what says nothing of it: plain packets to our name', async () => {
      await begin('1.4', { dialect: 'auto' });
      const link = await sm.link();
      await expectQuestions(link);
      link.send(
        `<message to='foo-sockets' from='ann@localhost/home'/><presence to='foo-sockets' from='a@b'/>` +
          `<iq type='result' to='foo-sockets' from='a@b'/>`,
      );
      link.send(ROUTE_ANSWER);
      await started;
      expect(server.finding?.dialect).to.equal('route');
      await logIn(link, 'route');
    });

    for (const [generation, waiting, answer, back] of [
      [
        '1.4',
        route('12@foo-sockets/A1', 'ann@localhost/AF78B60', `<message id='1'/>`),
        ROUTE_ANSWER,
        routeError('ann@localhost/AF78B60', '12@foo-sockets/A1', undefined, `<message id='1'/>`),
      ],
      [
        '1.4',
        `<message id='1' sto='12@foo-sockets/A1' sfrom='ann@localhost'/>`,
        STO_SFROM_ANSWER,
        `<message id='1' type='error' sto='ann@localhost' sfrom='12@foo-sockets/A1'><error code='510' type='normal'>Disconnected</error></message>`,
      ],
    ] as const) {
      it(`is shown by a packet that had waited, which is not lost by it: ${waiting.slice(0, 8)}`, async () => {
        sm = await ScriptedSessionManager.listen(0, generation);
        sm.behindHandshake = waiting;
        server = new SocketManager(config(sm.port, { dialect: 'auto' }), log);
        started = server.start();
        const link = await sm.link();
        await started;
        await expectQuestions(link);
        await link.expect(back);
        link.send(answer);
        await logIn(link, server.finding!.dialect);
      });
    }

    for (const [dialect, answer] of [
      ['route', ROUTE_ANSWER],
      ['sto-sfrom', STO_SFROM_ANSWER],
    ] as const) {
      it(`has answers that come when it is known thrown away: ${dialect}`, async () => {
        await begin('1.4', { dialect: 'auto' });
        const link = await sm.link();
        await expectQuestions(link);
        link.send(answer.repeat(3));
        await started;
        link.send(answer);
        await logIn(link, dialect);
      });
    }

    it('can not be found out of a silent peer: that is said, with what to do, and it is tried again', async () => {
      clock.install();
      await begin('1.4', { dialect: 'auto' });
      const link = await sm.link();
      await expectQuestions(link);
      clock.advance(10_000);
      const { message, level, details } = await log.line(/link to the session manager/);
      expect(level).to.equal('warn');
      expect(message).to.equal(
        'no link to the session manager: its dialect could not be detected: it answers with neither <route/> nor sto and sfrom; use --dialect',
      );
      expect(details['nextTrySeconds']).to.be.a('number');
      await link.over;
      expect(server.addresses()).to.deep.equal([]);
      clock.advance(700);
      const again = await sm.link();
      await expectQuestions(again);
      again.send(ROUTE_ANSWER);
      await started;
      await logIn(again, 'route');
    });

    it('is asked for again after a link that was lost before it was known', async () => {
      clock.install();
      await begin('1.4', { dialect: 'auto' });
      const link = await sm.link();
      await expectQuestions(link);
      link.send('<stream:error>Invalid XML</stream:error>');
      await log.line(/^no link to the session manager: .*Invalid XML/);
      await link.over;
      clock.advance(700);
      const again = await sm.link();
      await expectQuestions(again);
      again.send(ROUTE_ANSWER);
      await started;
    });

    it('is not asked for again when the link comes back', async () => {
      clock.install();
      await begin('1.4', { dialect: 'auto' });
      const link = await sm.link();
      await expectQuestions(link);
      link.send(ROUTE_ANSWER);
      await started;
      await link.drop();
      await log.line(/^lost link/);
      clock.advance(700);
      const again = await sm.link();
      await log.line(/^linked/);
      await logIn(again, 'route');
    });
  });

  describe('is not what is wrong where the name is', () => {
    const MARK = `<route to='0@other/mark' from='0@other/mark'><iq type='result' id='name'/></route>`;
    const sentence =
      'no link to the session manager: this port belongs to the service foo-sockets, and packets for other do not arrive here: use --name foo-sockets';

    it('is said, and no client is let in: what we say to ourselves does not come back', async () => {
      clock.install();
      await begin('1.4', { dialect: 'route', name: 'other' });
      const link = await sm.link();
      await link.expect(MARK);
      // what is for the service itself shows nothing
      link.send(`<iq type='get' id='v' to='foo-sockets' from='a@b'/>`);
      clock.advance(10_000);
      expect((await log.line(/link to the session manager/)).message).to.equal(sentence);
      await link.over;
      expect(server.addresses()).to.deep.equal([]);
      clock.advance(700);
      await (await sm.link()).expect(MARK);
    });

    it('is said as well when the dialect has to be found out', async () => {
      clock.install();
      await begin('1.4', { dialect: 'auto', name: 'other' });
      const link = await sm.link();
      await link.packet();
      await link.packet();
      clock.advance(10_000);
      expect((await log.line(/link to the session manager/)).message).to.equal(sentence);
    });

    it('is another name of the service, by <host/>, where what we say to ourselves comes back', async () => {
      await begin('1.4', { dialect: 'route', name: 'other' });
      const link = await sm.link();
      await link.expect(MARK);
      link.send(MARK);
      await started;
      await logIn(link, 'route');
    });

    it('is one where something for a client comes first: none of what waited there is lost', async () => {
      await begin('1.4', { dialect: 'route', name: 'other' });
      const link = await sm.link();
      await link.expect(MARK);
      const message = '<message><body>waited</body></message>';
      link.send(route('9@other/gone', 'ann@localhost/AF78B60', message) + MARK);
      await link.expect(routeError('ann@localhost/AF78B60', '9@other/gone', undefined, message));
      await started;
    });

    it('is not asked for where it is right in other letters', async () => {
      await begin('1.4', { dialect: 'route', name: 'Foo-Sockets' });
      const link = await sm.link();
      await started;
      await logIn(link, 'route');
    });
  });

  describe('that is not the one configured', () => {
    const sentence = /^the session manager speaks another dialect than (\S+) \((.*)\): use --dialect (\S+)$/;

    for (const [dialect, generation, packet, why, use] of [
      [
        'sto-sfrom',
        '1.4',
        route('12@foo-sockets/A1', 'ann@localhost/AF78B60', '<message/>'),
        'it answers in <route/>',
        'route',
      ],
      [
        'route',
        '1.1',
        `<message sto='12@foo-sockets/A1' sfrom='ann@localhost'/>`,
        'it answers with the attributes sto and sfrom',
        'sto-sfrom',
      ],
    ] as const) {
      it(`is said in one sentence, once, when a packet shows it: ${dialect} to ${generation}`, async () => {
        await begin(generation, { dialect });
        const link = await sm.link();
        await started;
        link.send(packet.repeat(3));
        const { message, level } = await log.line(/another dialect/);
        expect(level).to.equal('warn');
        expect(sentence.exec(message)?.slice(1)).to.deep.equal([dialect, why, use]);
        // a round trip: there is no second sentence
        link.send(`<iq type='get' id='v' to='foo-sockets' from='a@b'/>`);
        await link.source();
        expect(log.lines.filter((line) => /another dialect/.test(line.message))).to.deep.equal([]);
      });

      it(`is suspected when a login has no answer: ${dialect} to ${generation}`, async () => {
        await begin(generation, { dialect });
        const link = await sm.link();
        await started;
        clock.install();
        const juliet = await client();
        juliet.send(authSet('juliet'));
        await link.source();
        clock.advance(10_000);
        const { message, level } = await log.line(/no answer to a login/);
        expect(level).to.equal('warn');
        expect(message).to.match(new RegExp(`another dialect, use --dialect ${use} `));
      });

      it(`is not suspected when it is the right one: ${use} to ${generation}`, async () => {
        await begin(generation, { dialect: use });
        const link = await sm.link();
        await started;
        clock.install();
        await logIn(link, use);
        clock.advance(20_000);
        link.send(packet);
        await link.source();
        expect(log.lines.filter(({ level }) => level === 'warn')).to.deep.equal([]);
      });
    }
  });
});
