/** The link to the router of jabberd2: how it comes up, what keeps it from it, and how it comes back. [jabberd2 2.7.0 router] */
import { expect } from 'chai';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { LinkRefused, SocketManager } from '../../lib/server.js';
import { Authreg } from '../support/authreg.js';
import { header } from '../support/client.js';
import { Clock } from '../support/clock.js';
import type { Overrides } from '../support/config.js';
import { directives, proofs } from '../support/digest-md5.js';
import { RecordedLog } from '../support/log.js';
import { COMP } from '../support/namespaced.js';
import { routerConfig, toldRouter, turns } from '../support/router-story.js';
import {
  advert,
  disco,
  features,
  MECHANISMS,
  NAME,
  route,
  ScriptedRouter,
  STARTTLS,
  streamHeader,
  TLS_FILES,
  type RouterLink,
} from '../support/scripted-router.js';
import { SECRET } from '../support/scripted-session-manager.js';
import { stanzas, transcript } from '../support/transcript.js';
import { print } from '../support/wire.js';

const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
const pem = (name: string): string => readFileSync(new URL(name, TLS_FILES), 'utf8');

function mechanisms(...names: string[]): string {
  const list = names.map((name) => `<mechanism>${name}</mechanism>`).join('');
  return `<mechanisms xmlns='${SASL}'>${list}</mechanisms>`;
}

describe('the scripted router', () => {
  it('computes the proofs that a real one took and gave (01-handshake)', () => {
    const lines = transcript('jabberd2/01-handshake.txt').map(({ text }) => text);
    const decoded = (tag: string): string => {
      const line = lines.find((text) => text.startsWith(`<${tag}`))!;
      return Buffer.from(/>([^<]+)</.exec(line)![1], 'base64').toString('utf8');
    };
    const said = directives(decoded('response'));
    const right = proofs(said, SECRET);
    expect(said.get('response')).to.equal(right.response);
    expect(decoded('success')).to.equal(`rspauth=${right.rspauth}`);
  });
});

describe('the link to a router of jabberd2', () => {
  let router: ScriptedRouter;
  let users: Authreg;
  let server: SocketManager;
  let log: RecordedLog;
  let clock: Clock;
  let started: Promise<void>;

  beforeEach(async () => {
    router = await ScriptedRouter.listen();
    router.automatic = false;
    users = new Authreg();
    log = new RecordedLog();
    clock = new Clock();
    clock.install();
  });

  afterEach(async () => {
    clock.uninstall();
    await router.close();
    await server.stop();
    users.discard();
  });

  function begin(overrides: Overrides = {}): Promise<RouterLink> {
    server = new SocketManager(routerConfig(router, users, overrides), log);
    started = server.start();
    started.catch(() => undefined);
    return router.link();
  }

  /** There is no link, and the log says why. */
  async function expectNone(sentence: RegExp): Promise<void> {
    const { message, level } = await log.line(/^(?:lost|no) link to the router: /);
    expect(message).to.match(sentence);
    expect(level).to.be.oneOf(['warn', 'error']);
    expect(server.addresses()).to.deep.equal([]);
  }

  /** The next try is a right one, and the link is up. */
  async function expectNextTry(): Promise<void> {
    clock.advance(700);
    await router.admit(await router.link());
    await started;
  }

  it('opens as recorded (01-handshake): header, login, header, bind, and not a word between', async () => {
    const link = await begin();
    const opening = await link.header();
    expect(opening.attribute('xmlns:stream')).to.equal('http://etherx.jabber.org/streams');
    expect(opening.attribute('version')).to.equal('1.0');
    link.send(streamHeader('87gchb86x6bqba2w0wm2b3fh7a8k7lnft3saf0gd') + features(MECHANISMS));
    const { said, right } = await link.authenticate();
    expect(right).to.equal(true);
    expect(Object.fromEntries(said)).to.include({
      username: 'jabberd',
      realm: 'jabberd-router',
      nc: '00000001',
      qop: 'auth',
      charset: 'utf-8',
    });
    expect(said.get('cnonce')).to.match(/^.{8,}$/);
    expect(said.get('digest-uri')).to.match(/^[^/]+\/.+$/);
    expect(said.has('authzid')).to.equal(false);
    await link.answerHeader('');
    await link.bind(router.adverts + disco());
    await started;
    expect((await log.line(/^linked/)).message).to.equal('linked to the router');
    link.expectNothing();
  });

  it('asks whether the port is right where one for clients wants to know for which domain', async () => {
    const link = await begin();
    await link.header();
    link.send(
      streamHeader('1') +
        `<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`,
    );
    await expectNone(/: is this the port of the jabberd2 router\? \(the router says: host-unknown\)$/);
  });

  it('takes another user, where it is told one', async () => {
    const link = await begin({ router: { user: 'c2s', tls: 'auto', ca: undefined } });
    await link.answerHeader(MECHANISMS);
    expect((await link.authenticate()).said.get('username')).to.equal('c2s');
  });

  it('makes a new cnonce for each login', async () => {
    const nonces = new Set<string | undefined>();
    let link = await begin();
    for (let round = 0; round < 3; round += 1) {
      await link.answerHeader(MECHANISMS);
      nonces.add((await link.authenticate()).said.get('cnonce'));
      link.socket.end();
      await link.over;
      const { details } = await log.line(/^no link/);
      clock.advance((details['nextTrySeconds'] as number) * 1000 + 60);
      link = await router.link();
    }
    expect(nonces.size).to.equal(3);
  });

  for (const [what, sent] of Object.entries({
    'behind the features': (link: RouterLink) => link.answerHeader(''),
    'where features come behind the header': (link: RouterLink) => link.answerHeader(undefined),
  })) {
    it(`may be bound ${what}, and is up with the answer to that`, async () => {
      const link = await begin();
      await link.answerHeader(MECHANISMS);
      await link.authenticate();
      await sent(link);
      if (what.startsWith('where')) link.send(features(''));
      await link.bind(router.adverts);
      await started;
    });
  }

  it('waits for names of session managers behind its bind, and not for ever: nobody may have one yet', async () => {
    const link = await begin();
    router.names = [];
    router.behindBind = '';
    await router.admit(link);
    await turns();
    expect(server.addresses()).to.deep.equal([]);
    clock.advance(1_000);
    await started;
  });

  it('may be cut at every byte', async () => {
    const link = await begin();
    link.slow = true;
    await router.admit(link);
    await started;
  });

  it('may have all that comes in one read, as far as it goes', async () => {
    const link = await begin();
    await link.header();
    link.send(
      `<?xml version='1.0' encoding='utf-8'?>\n<stream:stream xmlns:stream="http://etherx.jabber.org/streams" version="1.0" id='1'>\n` +
        features(MECHANISMS),
    );
    await link.authenticate();
    await link.answerHeader('');
    await link.bind(`${router.adverts}  ${disco()}\n<x xmlns='${COMP}'/><y/>`);
    await started;
  });

  describe('at each step', () => {
    /** What the router does, and what we must have said then, as often as that. */
    const steps: [step: (link: RouterLink) => Promise<unknown>, said: string, times: number][] = [
      [() => Promise.resolve(), '<stream:stream', 1],
      [(link) => link.header().then(() => link.send(streamHeader('1'))), '<stream:stream', 1],
      [(link) => Promise.resolve(link.send(features(MECHANISMS))), '<auth', 1],
      [(link) => link.authenticate(), '<stream:stream', 2],
      [(link) => link.header().then(() => link.send(streamHeader('2') + features(''))), '<bind', 1],
    ];
    const heard = async (link: RouterLink, text: string, times: number): Promise<void> => {
      while (link.received.split(text).length <= times) await new Promise((resolve) => setImmediate(resolve));
    };
    const ends: Record<string, (link: RouterLink) => unknown> = {
      'is closed': (link) => link.socket.end(),
      'is reset': (link) => link.reset(),
      'is closed with its stream': (link) => link.socket.end('</stream:stream>'),
      'brings a stream error': (link) =>
        link.send(
          `<stream:error xmlns:stream='http://etherx.jabber.org/streams'>` +
            `<policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`,
        ),
      'brings what is no XML': (link) => link.send('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'is silent': () => clock.advance(10_000),
    };
    for (const [how, end] of Object.entries(ends)) {
      it(`a link that ${how} is tried again`, async () => {
        for (let count = 1; count <= steps.length; count += 1) {
          const link = count === 1 ? await begin() : await router.link();
          for (const [step, said, times] of steps.slice(0, count)) {
            await step(link);
            await heard(link, said, times);
          }
          end(link);
          const { details } = await log.line(/^no link/);
          await link.over;
          clock.advance((details['nextTrySeconds'] as number) * 1000 + 60);
        }
        await router.admit(await router.link());
        await started;
        expect(router.mostOpen).to.equal(1);
      });
    }
  });

  const lies: Record<string, [lie: (link: RouterLink) => Promise<unknown>, sentence: RegExp]> = {
    'no features, since it takes no version': [
      async (link) => {
        await link.header();
        link.send(streamHeader('1', '') + route(NAME, 'sm', '<presence xmlns="jabber:client"/>'));
      },
      /./,
    ],
    'no mechanisms': [(link) => link.answerHeader(''), /DIGEST-MD5|mechanism|login|SASL/i],
    'other mechanisms only': [
      (link) => link.answerHeader(mechanisms('PLAIN', 'SCRAM-SHA-1', 'X-OTHER')),
      /DIGEST-MD5/,
    ],
    'a challenge that is no base64': [
      async (link) => {
        await link.answerHeader(MECHANISMS);
        await link.source();
        link.send(`<challenge xmlns='${SASL}'>***</challenge>`);
      },
      /./,
    ],
    'an empty challenge': [
      async (link) => {
        await link.answerHeader(MECHANISMS);
        await link.source();
        link.send(`<challenge xmlns='${SASL}'/>`);
      },
      /./,
    ],
    'a challenge without a nonce': [
      async (link) => {
        await link.answerHeader(MECHANISMS);
        await link.source();
        const challenge = Buffer.from(`realm="jabberd-router",qop="auth",algorithm=md5-sess`).toString(
          'base64',
        );
        link.send(`<challenge xmlns='${SASL}'>${challenge}</challenge>`);
      },
      /./,
    ],
    'a challenge with an empty realm, which the router does not survive in an answer': [
      async (link) => {
        await link.answerHeader(MECHANISMS);
        await link.source();
        const challenge = Buffer.from(`realm="",nonce="n",qop="auth",algorithm=md5-sess`).toString('base64');
        link.send(`<challenge xmlns='${SASL}'>${challenge}</challenge>`);
      },
      /its challenge names no realm$/,
    ],
    'a success that nothing was proved for': [
      async (link) => {
        await link.answerHeader(MECHANISMS);
        await link.source();
        link.restart();
        link.send(`<success xmlns='${SASL}'/>`);
      },
      /./,
    ],
    'a success without a proof': [
      async (link) => {
        await link.answerHeader(MECHANISMS);
        await link.authenticate({ success: '' });
      },
      /./,
    ],
    'a wrong proof': [
      async (link) => {
        await link.answerHeader(MECHANISMS);
        await link.authenticate({
          rspauth: (right) => right.replace(/^./, (at) => (at === '0' ? '1' : '0')),
        });
      },
      /./,
    ],
    'our own proof for its own': [
      async (link) => {
        await link.answerHeader(MECHANISMS);
        await link.expect(`<auth xmlns='${SASL}' mechanism='DIGEST-MD5'/>`);
        const challenge = `realm="r", nonce="n", qop="auth", charset=utf-8, algorithm=md5-sess`;
        link.send(`<challenge xmlns='${SASL}'>${Buffer.from(challenge).toString('base64')}</challenge>`);
        const said = directives(Buffer.from((await link.element()).text, 'base64').toString());
        const proof = Buffer.from(`rspauth=${said.get('response')}`).toString('base64');
        link.restart();
        link.send(`<success xmlns='${SASL}'>${proof}</success>`);
      },
      /./,
    ],
    'a refusal of the mechanism (02b-mechanisms)': [
      async (link) => {
        await link.answerHeader(MECHANISMS);
        await link.source();
        link.send(`<failure xmlns='${SASL}'><invalid-mechanism></invalid-mechanism></failure>`);
      },
      /invalid-mechanism/,
    ],
    'a version that does not exist, it says (02b-mechanisms)': [
      async (link) => {
        await link.header();
        link.send(
          `<stream:stream xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:error xmlns:stream='http://etherx.jabber.org/streams'>` +
            `<unsupported-version xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`,
        );
        link.socket.end();
      },
      /unsupported-version/,
    ],
    'a header of jabberd 1.4, which it is': [
      async (link) => {
        await link.header();
        link.send(
          `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='1' xmlns='jabber:component:accept' from='x'>`,
        );
        clock.advance(10_000);
      },
      /./,
    ],
    'HTTP, which it is': [
      async (link) => {
        await link.header();
        link.send('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
        link.socket.end();
      },
      /./,
    ],
  };
  for (const [what, [lie, sentence]] of Object.entries(lies)) {
    it(`is none, said why, and tried again, when there is ${what}`, async () => {
      const link = await begin();
      await lie(link);
      if (what.startsWith('no features')) clock.advance(10_000);
      await expectNone(sentence);
      await link.over;
      const received = link.received + Buffer.from(link.received, 'base64').toString('latin1');
      expect(received, 'the secret itself is never said').to.not.contain(SECRET);
      await expectNextTry();
    });
  }

  it('is none with a wrong secret, and says so (02-handshake-wrong-secret)', async () => {
    router.secret = 'another';
    const link = await begin();
    await link.answerHeader(MECHANISMS);
    expect((await link.authenticate()).right).to.equal(false);
    await expectNone(/secret/);
  });

  const challenges: Record<string, [challenge: string, realm: string | undefined]> = {
    'spaces, as real ones have (01-handshake)': [
      `realm="jabberd-router", nonce="NONCE", qop="auth", charset=utf-8, algorithm=md5-sess`,
      'jabberd-router',
    ],
    'no spaces, other order': [
      `nonce="NONCE",algorithm=md5-sess,realm="jabberd-router",qop="auth"`,
      'jabberd-router',
    ],
    'more ways to protect what follows': [
      `realm="jabberd-router",nonce="NONCE",qop="auth,auth-int,auth-conf",cipher="rc4,3des",maxbuf=1024,charset=utf-8,algorithm=md5-sess`,
      'jabberd-router',
    ],
    'no ways: then it is "auth"': [
      `realm="jabberd-router",nonce="NONCE",algorithm=md5-sess`,
      'jabberd-router',
    ],
    'a realm that must be quoted': [
      `realm="a \\"b\\" \\\\ c, d=e",nonce="NONCE",qop="auth",charset=utf-8,algorithm=md5-sess`,
      'a "b" \\ c, d=e',
    ],
    'a realm beyond ASCII': [
      `realm="Zürich",nonce="NONCE",qop="auth",charset=utf-8,algorithm=md5-sess`,
      'Zürich',
    ],
  };
  for (const [what, [challenge, realm]] of Object.entries(challenges)) {
    it(`understands a challenge with ${what}`, async () => {
      const link = await begin();
      await link.answerHeader(MECHANISMS);
      const { said, right } = await link.authenticate({ challenge });
      expect(said.get('realm')).to.equal(realm);
      expect(said.get('qop') ?? 'auth').to.equal('auth');
      expect(right).to.equal(true);
    });
  }

  for (const challenge of [
    `realm="",nonce="NONCE",qop="auth",charset=utf-8,algorithm=md5-sess`,
    `nonce="NONCE",qop="auth",charset=utf-8,algorithm=md5-sess`,
  ]) {
    it(`never says an empty realm, which a router of 2.7.0 dies of (02c): ${challenge}`, async () => {
      const link = await begin();
      await link.answerHeader(MECHANISMS);
      await link.source();
      link.send(`<challenge xmlns='${SASL}'>${Buffer.from(challenge).toString('base64')}</challenge>`);
      const arrival = await link.next();
      if (arrival.kind !== 'stanza') return;
      const said = directives(Buffer.from(/>([^<]*)</.exec(arrival.source)?.[1] ?? '', 'base64').toString());
      expect(said.get('realm')).to.not.equal('');
    });
  }

  for (const [error, sentence] of [
    ['400', /this name cannot be bound/],
    ['403', /jabberd.*only its own name/],
    ['409', /another component has it/],
    ['500', /500/],
  ] as const) {
    it(`can never be when its first bind is answered by ${error} (16-bind-unbind): that is said, and ends the start`, async () => {
      const link = await begin();
      await link.answerHeader(MECHANISMS);
      await link.authenticate();
      await link.answerHeader('');
      await link.bind(router.adverts, error);
      const refused = await started.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(refused).to.be.instanceOf(LinkRefused);
      expect((refused as LinkRefused).message).to.match(sentence);
      await link.over;
      clock.advance(60_000);
      expect(router.connects).to.equal(1);
    });
  }

  describe('with TLS', () => {
    const ca = pem('ca.pem');
    const encryption = (tls: 'auto' | 'off' | 'required', authority?: string): Overrides => ({
      router: { user: 'jabberd', tls, ca: authority },
    });

    for (const [tls, authority] of [
      ['auto', undefined],
      ['auto', ca],
      ['required', undefined],
      ['required', ca],
    ] as const) {
      it(`encrypts where that is offered: ${tls}${authority ? ', and knows who signs for it' : ''} (25-router-starttls)`, async () => {
        router.offers = STARTTLS;
        const link = await begin(encryption(tls, authority));
        const encrypted = await router.admit(link);
        await started;
        expect(encrypted).to.not.equal(link);
        expect(link.received).to.not.contain('auth');
        expect(encrypted.headers).to.equal(2);
      });
    }

    it('does without where that is not offered', async () => {
      await router.admit(await begin(encryption('auto', ca)));
      await started;
    });

    it('does without where it shall', async () => {
      const link = await begin(encryption('off'));
      await link.answerHeader(STARTTLS + MECHANISMS);
      expect((await link.authenticate()).right).to.equal(true);
      await link.answerHeader('');
      await link.bind(router.adverts);
      await started;
    });

    it('is none where it must be and is not offered: nothing is said of a secret', async () => {
      const link = await begin(encryption('required'));
      await link.answerHeader(MECHANISMS);
      await expectNone(/TLS|encrypt/i);
      await link.over;
      expect(link.received).to.not.contain('DIGEST-MD5');
    });

    it('may be cut at every byte', async () => {
      router.offers = STARTTLS;
      const link = await begin(encryption('required', ca));
      link.slow = true;
      await router.admit(link);
      await started;
    }).timeout(10_000);

    it('is none where another signs for it: nothing is said of a secret', async () => {
      const link = await begin(encryption('auto', pem('other-ca.pem')));
      await link.answerHeader(STARTTLS + MECHANISMS);
      const encrypted = await link.secure();
      await expectNone(/certificate/i);
      expect(link.received + encrypted.received).to.not.contain('DIGEST-MD5');
    });

    it('believes nothing that came before it was encrypted', async () => {
      const link = await begin(encryption('required', ca));
      await link.answerHeader(STARTTLS + MECHANISMS);
      // a man in the middle has put it behind <proceed/>, to be read as if it came encrypted
      const encrypted = await link.secure(features(MECHANISMS) + advert('evil.test'));
      expect(print(await encrypted.next())).to.equal('header');
      encrypted.send(streamHeader('good') + features(MECHANISMS));
      expect((await encrypted.authenticate()).right).to.equal(true);
    });

    for (const [what, answer] of Object.entries({
      'is refused': `<failure xmlns='${TLS}'/></stream:stream>`,
      'brings what is no TLS': `<proceed xmlns='${TLS}'/>`,
    })) {
      it(`is none where it ${what}`, async () => {
        const link = await begin(encryption('required'));
        await link.answerHeader(STARTTLS + MECHANISMS);
        await link.expect(STARTTLS);
        const hello = once(link.socket, 'data');
        await link.sent(answer);
        if (what.startsWith('brings')) {
          // what came with <proceed/> is not looked at
          await hello;
          link.send('hello hello hello hello');
        }
        await expectNone(/./);
        await link.over;
        clock.advance(700);
        router.offers = STARTTLS;
        await router.admit(await router.link());
        await started;
      });
    }

    it('is none where the peer says nothing more', async () => {
      const link = await begin(encryption('required'));
      await link.answerHeader(STARTTLS + MECHANISMS);
      await link.expect(STARTTLS);
      await link.sent(`<proceed xmlns='${TLS}'/>`);
      clock.advance(10_000);
      await expectNone(/./);
    });
  });
});

describe('a link to the router that is lost', () => {
  const error = (condition: string): string =>
    `<stream:error xmlns:stream='http://etherx.jabber.org/streams'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`;
  const ways: Record<string, (link: RouterLink) => unknown> = {
    'the peer closes its stream (17-throttle-keepalive)': (link) => link.socket.end('</stream:stream>'),
    'the peer closes the connection': (link) => link.socket.end(),
    'the connection is reset': (link) => link.reset(),
    'the peer does not like our XML (15-router-routing-errors)': (link) =>
      link.send(error('xml-not-well-formed')),
    'the peer sends what is no XML': (link) => link.send('<route to=x>'),
    'the peer opens its stream again': (link) => link.send(streamHeader('again')),
  };
  for (const [how, lose] of Object.entries(ways)) {
    it(
      `is there again by itself, and sessions go on with the same ids (40-stock-c2s-router-restart): ${how}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        const romeo = await story.user('romeo', 'Orchard');
        story.clock.install();
        lose(story.link);
        await story.log.line(/^lost link/);
        await story.link.over;
        await story.regainLink(juliet, romeo);
        await story.expectQuiet(juliet);
        await story.expectQuiet(romeo);
        expect(story.router.mostOpen).to.equal(1);
      }),
    );
  }

  it(
    'has what clients said meanwhile, and who left meanwhile, told in order once it is bound, and not before',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      story.clock.install();
      story.router.automatic = false;
      await story.loseLink();
      juliet.send(`<message id='1'/><message id='2'/></stream:stream>`);
      await juliet.expectClosed();
      await story.gone(juliet);
      const up = once(story.server, 'up');
      story.clock.advance(700);
      story.link = await story.router.link();
      // a router drops what comes before the login, in silence
      await story.router.admit(story.link);
      await up;
      await story.expectFrom(juliet, `<message id='1'/>`);
      await story.expectFrom(juliet, `<message id='2'/>`);
      await story.expectLeft(juliet);
      await story.expectProbes(romeo);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'may find its name taken when it comes back, by itself most of the time: that is tried again',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.router.automatic = false;
      story.clock.install();
      await story.loseLink();
      story.clock.advance(700);
      const link = await story.router.link();
      await link.answerHeader(MECHANISMS);
      await link.authenticate();
      await link.answerHeader('');
      await link.bind('', '409');
      const { message, details } = await story.log.line(/^no link/);
      expect(message).to.contain('another component has it');
      story.router.automatic = true;
      const up = once(story.server, 'up');
      story.clock.advance((details['nextTrySeconds'] as number) * 1000 + 60);
      story.link = await story.router.link();
      await up;
      await story.expectProbes(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'takes no new clients meanwhile: they are told that there is no session manager',
    toldRouter(async (story) => {
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
      await story.regainLink();
      await story.expectQuiet(await story.user('juliet'));
    }),
  );

  it(
    'brings what waited in the read of the bind',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      const nurse = await story.user('nurse', 'kitchen');
      story.router.behindBind =
        story.to(juliet, `<message id='2'/>`) +
        story.replaced(romeo) +
        disco() +
        story.to(juliet, `<message id='1'/>`);
      await story.relink(juliet, romeo, nurse);
      await juliet.expect(`<message id='2'/>`);
      await juliet.expect(`<message id='1'/>`);
      await romeo.expectError('conflict');
      await story.expectQuiet(nurse);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'has its clients stopped from saying more than is kept for it, and nothing of what they said lost',
    toldRouter(
      async (story) => {
        const juliet = await story.user('juliet');
        story.clock.install();
        await story.loseLink();
        const message = (id: number): string =>
          `<message id='${id}'><body>${'x'.repeat(10_000)}</body></message>`;
        const ids = Array.from({ length: 2000 }, (_, id) => id);
        for (const id of ids) juliet.send(message(id));
        await new Promise((resolve) => setImmediate(resolve));
        await story.regainLink();
        await story.expectSaid(juliet, ids);
      },
      { limits: { linkQueueBytes: 100_000 } },
    ),
  ).timeout(20_000);
});

describe('on a link that is up', () => {
  const noise: Record<string, string> = {
    'a space, as from a router that keeps it alive (24-router-keepalive)': ' ',
    'text between packets': ' \n\t ',
    'a disco query of the session manager (01-handshake)': disco(),
    'adverts again (16-bind-unbind)': advert('localhost') + advert('sm') + advert('localhost'),
    'adverts of others': advert('c2s') + advert('conference.localhost'),
    'our own advert': advert(NAME),
    'an advert of nobody': `<presence xmlns='${COMP}'/><presence xmlns='${COMP}' from=''/>`,
    'presence that is no advert': `<presence xmlns='jabber:client' from='localhost' type='unavailable'/>`,
    'an advert of a type that there is not': `<presence xmlns='${COMP}' from='localhost' type='probe'/>`,
    'throttling (17-throttle-keepalive)': `<throttle xmlns='${COMP}'></throttle>`.repeat(2),
    'the answer to a bind that nobody asked for': `<bind xmlns='${COMP}' error='409'></bind><bind xmlns='${COMP}'></bind>`,
    'the answer to an unbind that nobody asked for': `<unbind xmlns='${COMP}' error='404'></unbind>`,
    'an unknown element of the router': `<frobnicate xmlns='${COMP}'><route/></frobnicate>`,
    'an element of another namespace': `<route xmlns='urn:other' to='${NAME}' from='sm'><presence/></route>`,
    'an element of no namespace': `<route to='${NAME}' from='sm'><presence/></route><presence from='localhost' type='unavailable'/>`,
    'an empty route': route(NAME, 'sm', ''),
    'a route to nobody': `<route xmlns='${COMP}'/><route xmlns='${COMP}' from='sm'><presence xmlns='jabber:client'/></route>`,
    'a bounced empty route (15-router-routing-errors)': route(
      NAME,
      'sm',
      `<error code='400' type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'></bad-request></error>`,
    ),
    'text in a route': route(NAME, 'sm', 'text'),
    'features, again': features(MECHANISMS + STARTTLS),
    'a challenge, again': `<challenge xmlns='${SASL}'>cmVhbG09InIi</challenge><success xmlns='${SASL}'/>`,
    'a stanza of a legacy component (22-legacy-component-accept)': `<message xmlns='jabber:client' to='${NAME}' from='juliet@localhost'><body>x</body></message>`,
  };
  for (const [what, text] of Object.entries(noise)) {
    it(
      `nobody is disturbed, and nothing answered: ${what}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        story.link.send(text + text);
        await story.expectQuiet(romeo);
        await story.expectQuiet(await story.user('juliet'));
        expect(story.router.connects).to.equal(1);
        expect(story.log.lines.filter(({ level }) => level === 'error')).to.deep.equal([]);
      }),
    );
  }

  it(
    'a login and a message each way may be cut at every byte',
    toldRouter(async (story) => {
      story.link.slow = true;
      const juliet = await story.user('juliet');
      const message = `<message from='romeo@localhost' to='juliet@localhost/Balcony'><body>é€\u{1f600} &lt;</body></message>`;
      juliet.send(message);
      await story.expectFrom(juliet, message);
      story.link.send(story.to(juliet, message, 'sc'));
      await juliet.expect(message);
      await story.expectQuiet(juliet);
    }),
  );

  /** Says this in two parts, each a read of its own. */
  async function sayCut(link: RouterLink, text: string, cut: number): Promise<void> {
    const bytes = Buffer.from(text);
    await link.sent(bytes.subarray(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    link.send(bytes.subarray(cut));
  }

  it(
    'the answer to a login may be cut in two at any byte',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const { length } = story.started(romeo);
      for (let cut = 1; cut < length; cut += 1) {
        const juliet = await story.starting('juliet');
        await sayCut(story.link, story.started(juliet), cut);
        await juliet.expect(`<iq type='result' id='auth1'/>`);
        await juliet.drop();
        await story.expectLeft(juliet);
        story.link.send(story.ended(juliet));
      }
      await story.expectQuiet(romeo);
    }),
  ).timeout(20_000);

  it(
    'a message, an advert, an end and what else there is may be cut in two at any byte',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const message = `<message from='romeo@localhost'><body>é€\u{1f600}</body></message>`;
      const text =
        story.to(juliet, message) + advert('vhost.test') + disco() + story.to(juliet, '<presence/>');
      for (let cut = 1; cut < Buffer.byteLength(text); cut += 1) {
        await sayCut(story.link, text, cut);
        await juliet.expect(message);
        await juliet.expect('<presence/>');
      }
      await story.expectQuiet(juliet);
    }),
  ).timeout(20_000);

  it('is played as it was recorded: no line of the recording is one that the specs made up', () => {
    const recorded = transcript('jabberd2/01-handshake.txt').filter(({ who }) => who === '<');
    const lines = recorded.flatMap(({ text }) => (text.startsWith('<route') ? stanzas(text) : [text]));
    expect(lines).to.include(advert('sm')).and.to.include(features(MECHANISMS));
  });
});
