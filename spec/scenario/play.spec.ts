import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { AccountMapping } from '../../lib/scenario/account-mapping.js';
import { parseScript } from '../../lib/scenario/parse.js';
import { play } from '../../lib/scenario/play.js';
import type { Element } from '../../lib/xml/index.js';
import { ScriptedServer, type Habits, type Session } from './support/server.js';
import { cast, failureOf, perform, type Told } from './support/story.js';

describe('scenario/play', () => {
  let server: ScriptedServer;
  afterEach(() => server.stop());

  async function serve(habits: Habits = {}): Promise<ScriptedServer> {
    server = await new ScriptedServer(habits).start();
    for (const user of ['ann', 'bob']) server.accounts.set(user, 'secret');
    return server;
  }

  /** Answers each stanza with what stands in its `<please/>`. */
  const obedient: Habits = {
    answer: (stanza: Element) =>
      stanza
        .child('please')
        ?.elements.map((one) => one.toString())
        .join(''),
  };
  const please = (...xml: string[]): string =>
    `Ann sends:\n\t<message><please>${xml.join('')}</please></message>\n`;
  const begin = `${cast('Ann')}Ann connects\n`;
  const line = begin.split('\n').length;

  it('logs in, fills in addresses, and takes the answer for what it is', async () => {
    await serve(obedient);
    const script = `${begin}Ann sends:\n\t<message to="\${Ann's JID}" from="\${Ann's full JID}" scansion:strict="true"/>\n`;
    expect(await failureOf(server, script)).to.equal(undefined);
    const [, resource] = /ann@localhost\/(\S+):/.exec(server.heard[0])!;
    expect(server.heard).to.deep.equal([
      `ann@localhost/${resource}: <message to='ann@localhost' from='ann@localhost/${resource}'/>`,
    ]);
  });

  it('says what was expected, and what was nearest to it', async () => {
    await serve(obedient);
    const script = `${begin}${please('<presence/>', "<message id='1'/>", "<iq id='1'/>")}Ann receives:\n\t<message id="2"/>\n`;
    const failure = await failureOf(server, script);
    expect(failure).to.include({
      line: line + 2,
      what: 'Ann receives <message>: it did not arrive within 0.2 s',
      came: 3,
    });
    expect(failure!.nearest!.stanza.toString()).to.equal("<message id='1'/>");
    expect(failure!.nearest!.differences.map(({ text }) => text)).to.deep.equal([
      'attribute id is "1", not "2"',
    ]);
  });

  it('passes over what comes before, and tells it', async () => {
    await serve(obedient);
    const script = `${begin}${please('<presence/>', "<message id='2'/>")}Ann receives:\n\t<message id="2"/>\n`;
    const [{ outcome, notes }] = (await perform(server, [script])).results;
    expect(outcome).to.equal('passed');
    expect(notes).to.deep.equal([{ line: line + 2, text: 'Ann skipped <presence/>' }]);
  });

  it('tells no more than a few of many that it passes over', async () => {
    await serve(obedient);
    const script = `${begin}${please(...Array<string>(25).fill('<presence/>'), '<iq/>')}Ann receives:\n\t<iq/>\n`;
    const [{ outcome, notes }] = (await perform(server, [script])).results;
    expect(outcome).to.equal('passed');
    expect(notes).to.have.length(11);
    expect(notes.at(-1)).to.deep.equal({ line: line + 2, text: '15 more were skipped' });
  });

  it('fails at once in exact order, however long it could wait', async () => {
    await serve(obedient);
    const script = `${begin}${please('<presence/>', "<message id='2'/>")}Ann receives:\n\t<message id="2"/>\n`;
    const failure = await failureOf(server, script, { exact: true, timeout: 3_600_000 });
    expect(failure).to.include({
      line: line + 2,
      what: 'Ann receives <message>: another stanza arrived',
      came: 1,
    });
  });

  it('fails at once when the server has ended the stream, and says why', async () => {
    await serve({
      answer: (_stanza, session) => {
        session.send(
          "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
        );
        session.end();
        return undefined;
      },
    });
    const script = `${begin}Ann sends:\n\t<presence/>\nAnn receives:\n\t<presence/>\n`;
    const failure = await failureOf(server, script, { timeout: 3_600_000 });
    expect(failure!.what).to.equal(
      'Ann receives <presence>: it did not arrive, and the server ended the stream: conflict',
    );
    const later = await failureOf(server, `${begin}Ann sends:\n\t<presence/>\nAnn sends:\n\t<iq/>\n`);
    expect(later!.what).to.equal('Ann sends <iq>: the server ended the stream: conflict');
  });

  it('an ended stream is no matter to a script that does not use it again', async () => {
    await serve({ answer: (_stanza, session) => void session.end() });
    expect(
      await failureOf(server, `${begin}Ann sends:\n\t<presence/>\nAnn disconnects\nAnn disconnects\n`),
    ).to.equal(undefined);
  });

  describe('receives: nothing', () => {
    it('passes when nothing is there', async () => {
      await serve(obedient);
      expect(
        await failureOf(
          server,
          `${begin}${please('<presence/>')}Ann receives <presence/>\nAnn receives: nothing\n`,
        ),
      ).to.equal(undefined);
    });

    it('fails by what has come and was not read, however long ago', async () => {
      await serve(obedient);
      const script = `${begin}${please("<message id='old'/>")}Ann sends:\n\t<presence/>\nAnn receives: nothing\n`;
      const failure = await failureOf(server, script);
      expect(failure).to.include({ line: line + 4, came: 1 });
      expect(failure!.nearest!.stanza.toString()).to.equal("<message id='old'/>");
    });

    it('is not what a stream has whose server has ended it', async () => {
      await serve({ answer: (_stanza, session) => void session.end() });
      const script = `${begin}Ann sends:\n\t<presence/>\nAnn receives: nothing\n`;
      const failure = await failureOf(server, script);
      expect(failure).to.include({
        line: line + 2,
        what: 'Ann receives nothing: the server has closed the connection',
      });
      expect(await failureOf(server, `${begin}Ann disconnects\nAnn receives: nothing\n`)).to.equal(undefined);
    });

    it('fails by what comes a moment later', async () => {
      await serve({
        answer: (stanza, session) =>
          void (stanza.name === 'message' && setTimeout(() => session.send('<late/>'), 100)),
      });
      const failure = await failureOf(server, `${begin}Ann sends:\n\t<message/>\nAnn receives: nothing\n`);
      expect(failure!.nearest!.stanza.name).to.equal('late');
    });
  });

  it('what one does is known to the server before another one acts', async () => {
    // A server that lets what Ann says lie around for a while, and answers pings in order, as all do.
    const waiting: (() => void)[] = [];
    const slowly = (work: () => void): void => {
      waiting.push(work);
      if (waiting.length === 1) setTimeout(() => waiting.splice(0).forEach((one) => one()), 50);
    };
    const order: string[] = [];
    await serve({
      answer: (stanza, session) => {
        const ann = session.jid.startsWith('ann');
        const pong = `<iq type='error' id='${stanza.attribute('id')}'/>`;
        const work = (): void => {
          if (stanza.name === 'iq') session.send(pong);
          else order.push(session.jid[0]);
        };
        if (ann) slowly(work);
        else work();
        return '';
      },
    });
    const turn = 'Ann sends:\n\t<message/>\nBob sends:\n\t<message/>\n';
    expect(
      await failureOf(server, `${cast('Ann', 'Bob')}Ann connects\nBob connects\n${turn.repeat(3)}`),
    ).to.equal(undefined);
    expect(order.join('')).to.equal('ababab');
  });

  it('a server that does not answer what we ask is played on as well', async function () {
    this.timeout(10_000);
    await serve({ ...obedient, silent: true });
    const script = `${begin}${please("<message id='1'/>")}Ann receives <message id="1"/>\n${please("<message id='2'/>")}Ann receives <message id="2"/>`;
    expect(await failureOf(server, script)).to.equal(undefined);
  });

  it('none of our own questions is asked of a server that counts stanzas', async () => {
    const ids: (string | undefined)[] = [];
    await serve({ answer: (stanza) => void ids.push(stanza.attribute('id')) });
    await failureOf(
      server,
      `${begin}Ann sends:\n\t<enable xmlns="urn:xmpp:sm:3"/>\nAnn sends:\n\t<message id="1"/>\n`,
    );
    expect(ids).to.deep.equal([undefined, '1']);
  });

  it('plays several sessions of one account, one after the other and at once', async () => {
    await serve(obedient);
    const phone =
      "[Client] Ann's phone\n\tjid: ann@localhost\n\tresource: phone\n\tpassword: secret\n-----\n";
    const script = `${cast('Ann').replace('-----\n', phone)}Ann connects\nAnn's phone connects\nAnn disconnects\nAnn connects\nAnn's phone sends:\n\t<message to="\${Ann's full JID}" from="\${Ann's phone's full JID}"/>\n`;
    expect(await failureOf(server, script)).to.equal(undefined);
    expect(server.sessions).to.have.lengthOf(3);
    expect(server.heard[0]).to.contain(`to='${server.sessions[2].jid}' from='ann@localhost/phone'`);
  });

  const impossible: [string, string][] = [
    ['Ann sends <presence/>', 'Ann sends <presence>: it is not connected'],
    ['Ann receives <presence/>', 'Ann receives <presence>: it was never connected'],
    ['Ann connects\nAnn connects', 'Ann connects: it is connected already'],
    ['Eve connects', 'Eve connects: eve@localhost: login by jabber:iq:auth: 401, No'],
  ];
  for (const [action, sentence] of impossible) {
    it(`says "${sentence}"`, async () => {
      await serve();
      expect((await failureOf(server, `${cast('Ann', 'Eve')}${action}\n`))!.what).to.equal(sentence);
    });
  }

  describe('where there is no server', () => {
    /** How two scripts go, and what is told at last. */
    async function tryAt(host: string, port: number): Promise<{ told: Told; cut: string | undefined }> {
      await serve();
      const nowhere = { host, port, auth: 'auto', tls: 'auto' } as const;
      const told = await perform(server, [begin, begin], {
        serverOf: () => nowhere,
        serverFor: () => nowhere,
      });
      return { told, cut: told.cut };
    }

    /** A port at which everybody is told the same. */
    async function sayingTo(
      answer: string | Buffer,
      act: (port: number, calls: () => number) => Promise<void>,
    ): Promise<void> {
      let calls = 0;
      const odd = createServer((socket) => {
        calls += 1;
        socket.on('error', () => undefined).end(answer);
      });
      await once(odd.listen(0, '127.0.0.1'), 'listening');
      try {
        await act((odd.address() as AddressInfo).port, () => calls);
      } finally {
        odd.close();
      }
    }

    const places: [string, string][] = [
      ['127.0.0.1', 'no connection to 127.0.0.1:1: connection refused'],
      ['localhost', 'no connection to localhost:1: connection refused'],
      ['nowhere.invalid', 'no connection to nowhere.invalid:1: '],
    ];
    for (const [host, sentence] of places) {
      it(`it is said once: ${sentence}`, async () => {
        const { told, cut } = await tryAt(host, 1);
        expect(told.results.map(({ failure }) => failure!.what)).to.have.length(1);
        expect(told.results[0].failure!.what).to.contain(`Ann connects: ann@localhost: ${sentence}`);
        expect(told.notes).to.deep.equal([]);
        expect(cut).to.equal('there is no server to play on: one more script was not played');
      });
    }

    it('says what answers instead', async () => {
      await sayingTo('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', async (port) => {
        const { told } = await tryAt('127.0.0.1', port);
        expect(told.results[0].failure!.what).to.contain(
          'this is not an XMPP server; it sent "HTTP/1.1 400 Bad Request"',
        );
      });
    });

    it('says that TLS is expected at once', async () => {
      await sayingTo(Buffer.from('15030100020246', 'hex'), async (port) => {
        const { told } = await tryAt('127.0.0.1', port);
        expect(told.results[0].failure!.what).to.contain('it expects TLS from the first byte');
      });
    });

    it('one that closes is there, and is tried again by the next script', async () => {
      await sayingTo('', async (port, calls) => {
        const { told, cut } = await tryAt('127.0.0.1', port);
        // Two tries to make the account, and one to log in.
        expect(calls()).to.equal(6);
        expect(told.results).to.have.length(2);
        const sentence =
          'the server has closed the connection without an answer (does this port expect TLS from the first byte?)';
        expect(told.results[1].failure!.what).to.equal(`Ann connects: ann@localhost: ${sentence}`);
        expect(told.notes).to.deep.equal([`accounts at localhost could not be registered: ${sentence}`]);
        expect(cut).to.equal(undefined);
      });
    });
  });

  it('who is interrupted is told how much is left', async () => {
    await serve(obedient);
    const { results, cut } = await perform(server, [begin, begin, begin], { signal: AbortSignal.abort() });
    expect(results.map(({ outcome }) => outcome)).to.deep.equal(['passed']);
    expect(cut).to.equal('interrupted: 2 more scripts were not played');
  });

  it('says that a question about features may have been asked before', async () => {
    await serve(obedient);
    const question = (node: string): string =>
      `${begin}Ann receives:\n\t<iq type="get"><query xmlns="http://jabber.org/protocol/disco#info"${node}/></iq>\n`;
    expect((await failureOf(server, question(' node="http://a#hash="')))!.what).to.equal(
      'Ann receives <iq>: it did not arrive within 0.2 s (servers remember the features of a client, and ask once)',
    );
    expect((await failureOf(server, question('')))!.what).to.equal(
      'Ann receives <iq>: it did not arrive within 0.2 s',
    );
  });

  it('what a script leaves to others is played where one does not get in, if all of it is to be seen', async () => {
    await serve(obedient);
    const script = `${cast('Ann', 'Eve')}Ann connects\nEve connects\nEve sends: <presence/>\nEve receives: <presence/>\nAnn receives: <x/>\n`;
    const first = script.split('\n').length - 4;
    const { failures } = await play(parseScript('x.scs', script), {
      mapping: new AccountMapping(),
      exact: false,
      timeout: 50,
      continueAfterFailure: true,
      serverOf: () => ({ host: '127.0.0.1', port: server.port, auth: 'auto', tls: 'auto' }),
    });
    expect(failures.map((failure) => failure.line)).to.deep.equal([first, first + 3]);
  });

  it('plays on another domain, and by other accounts, than the script has', async () => {
    await serve(obedient);
    server.accounts.set('annabel', 'other:password');
    const mapping = new AccountMapping(new Map([['localhost', 'foo.com']]), [
      { as: 'ann', user: 'annabel', password: 'other:password' },
    ]);
    const script = `${begin}Ann sends:\n\t<iq to="conference.localhost" from="ann@localhost/x"><body>ann@localhost.org, joann@localhost</body></iq>\n`;
    expect(await failureOf(server, script, { mapping })).to.equal(undefined);
    expect(server.heard[0]).to.match(
      /: <iq to='conference\.foo\.com' from='annabel@foo\.com\/x'><body>ann@localhost\.org, joann@foo\.com<\/body><\/iq>$/,
    );
  });

  it('an unfinished stanza of a server hangs nobody', async () => {
    await serve({ answer: (_stanza, session: Session) => void session.send('<message><bo') });
    const failure = await failureOf(
      server,
      `${begin}Ann sends:\n\t<presence/>\nAnn receives:\n\t<message/>\n`,
      { timeout: 50 },
    );
    expect(failure!.what).to.contain('Ann receives <message>');
  }).timeout(10_000);
});
