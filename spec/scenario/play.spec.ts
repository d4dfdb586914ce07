import { expect } from 'chai';
import { Casting } from '../../lib/scenario/casting.js';
import type { Element } from '../../lib/xml/index.js';
import { ScriptedServer, type Habits, type Session } from './support/server.js';
import { cast, failureOf, perform } from './support/story.js';

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
      what: 'Ann receives <message>: it did not come within 0.2 s',
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
    const [{ outcome, remarks }] = (await perform(server, [script])).results;
    expect(outcome).to.equal('passed');
    expect(remarks).to.deep.equal([{ line: line + 2, text: 'Ann passed over <presence/>' }]);
  });

  it('fails at once in exact order, however long it could wait', async () => {
    await serve(obedient);
    const script = `${begin}${please('<presence/>', "<message id='2'/>")}Ann receives:\n\t<message id="2"/>\n`;
    const failure = await failureOf(server, script, { exact: true, timeout: 3_600_000 });
    expect(failure).to.include({
      line: line + 2,
      what: 'Ann receives <message>: another stanza came',
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
      'Ann receives <presence>: it did not come, and the server ended the stream: conflict',
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

  it('says that nobody listens there', async () => {
    await serve();
    const nowhere = { host: '127.0.0.1', port: 1, auth: 'auto', tls: 'auto' } as const;
    const failure = await failureOf(server, begin, { serverOf: () => nowhere, serverFor: () => nowhere });
    expect(failure).to.include({ fatal: true });
    expect(failure!.what).to.match(
      /^Ann connects: ann@localhost: no connection to 127\.0\.0\.1:1: connect ECONNREFUSED/,
    );
  });

  it('plays on another domain, and by other accounts, than the script has', async () => {
    await serve(obedient);
    server.accounts.set('annabel', 'other:password');
    const casting = new Casting(new Map([['localhost', 'foo.com']]), [
      { as: 'ann', user: 'annabel', password: 'other:password' },
    ]);
    const script = `${begin}Ann sends:\n\t<iq to="conference.localhost" from="ann@localhost/x"><body>ann@localhost.org, joann@localhost</body></iq>\n`;
    expect(await failureOf(server, script, { casting })).to.equal(undefined);
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
