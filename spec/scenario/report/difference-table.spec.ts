import { expect } from 'chai';
import { AccountMapping } from '../../../lib/scenario/account-mapping.js';
import { ServerComparison, type ScriptComparison } from '../../../lib/scenario/compare.js';
import { parseIgnoredPath } from '../../../lib/scenario/ignored-paths.js';
import { parseScript } from '../../../lib/scenario/parse.js';
import { comparisonLines } from '../../../lib/scenario/report/comparison.js';
import { differenceTable } from '../../../lib/scenario/report/difference-table.js';
import type { RunOptions } from '../../../lib/scenario/run.js';
import { USUAL_RULES, type UsualRule } from '../../../lib/scenario/usual-differences.js';
import type { Element } from '../../../lib/xml/index.js';
import { ScriptedServer, type Habits } from '../support/server.js';
import { cast } from '../support/story.js';

type Answer = Habits['answer'];

const isPing = (stanza: Element): boolean => stanza.child('ping') !== undefined;

/** What the servers make of what Juliet sends; both let her in. */
async function compare(
  left: Answer,
  right: Answer,
  { sends = '<message/>', ignored = [] as string[], usual = [] as readonly UsualRule[] } = {},
): Promise<ScriptComparison> {
  const script = parseScript('a.scs', `${cast('Juliet')}Juliet connects\n\nJuliet sends:\n\t${sends}\n`);
  const servers: ScriptedServer[] = [];
  const side = async (answer: Answer): Promise<RunOptions> => {
    const toScript: Answer = (stanza, session) => (isPing(stanza) ? undefined : answer!(stanza, session));
    const server = await new ScriptedServer({ answer: toScript }).start();
    servers.push(server);
    server.accounts.set('juliet', 'secret');
    const peer = { host: '127.0.0.1', port: server.port, auth: 'auto', tls: 'auto' } as const;
    const way = {
      mapping: new AccountMapping(),
      exact: false,
      timeout: 100,
      continueAfterFailure: true,
      tags: [],
      fresh: false,
    };
    return { ...way, serverOf: () => peer, serverFor: () => peer };
  };
  try {
    const sides = { left: await side(left), right: await side(right) };
    const paths = ignored.map((one) => parseIgnoredPath(one)!);
    return await new ServerComparison(sides, { usual, paths }, () => undefined).compare(script);
  } finally {
    for (const server of servers) await server.stop();
  }
}

/** The rows of the table, without its heading. */
const told = (...all: ScriptComparison[]): string[] =>
  differenceTable(all)
    .slice(1)
    .map((line) => line.trim().replace(/ {2,}/g, ' | '));

describe('scenario/report/kinds', () => {
  it('says nothing where nothing differs', async () => {
    const same = await compare(
      () => '<message><body/></message>',
      () => '<message><body/></message>',
    );
    expect(differenceTable([same])).to.deep.equal([]);
  });

  const ways: [string, string, string, string][] = [
    ['an attribute', "<message to='a'/>", '<message/>', '1 | left | --ignore message/@to'],
    ['one that is another', "<message to='a'/>", "<message to='b'/>", '1 | both | --ignore message/@to'],
    [
      'a child of a namespace',
      '<message><body/></message>',
      "<message><body/><x xmlns='u:x'/></message>",
      "1 | right | --ignore 'message/{u:x}x'",
    ],
    [
      'what was asked, in an error',
      "<message type='error'><error/></message>",
      "<message type='error'><body/><error/></message>",
      "1 | right | --ignore 'message[@type=error]/body'",
    ],
    [
      'own presence that comes back',
      "<presence from='juliet@localhost/RES'/>",
      '',
      "1 | left | --ignore '/presence[@from=self]'",
    ],
  ];
  for (const [what, left, right, row] of ways) {
    it(`${what}: what passes it over is told, and does`, async () => {
      const answer =
        (xml: string): Answer =>
        (_stanza, { jid }) =>
          xml === '' ? undefined : xml.replace('juliet@localhost/RES', jid);
      expect(told(await compare(answer(left), answer(right)))).to.deep.equal([`${row} | a.scs:11`]);
      const ignored = [/--ignore '?(.*?)'?$/.exec(row)![1]];
      expect(told(await compare(answer(left), answer(right), { ignored }))).to.deep.equal([]);
    });
  }

  it('what no migration should pass over is told in words', async () => {
    const words: [string, string][] = [
      ["<message type='chat'><body/></message>", "1 | left | <message type='chat'> | a.scs:11"],
      ["<presence type='subscribe'/>", "1 | left | <presence type='subscribe'> | a.scs:11"],
    ];
    for (const [xml, row] of words) {
      expect(
        told(
          await compare(
            () => xml,
            () => undefined,
          ),
        ),
      ).to.deep.equal([row]);
    }
  });

  it('an error for a result is one difference, whatever else is in it', async () => {
    const found = await compare(
      () => "<iq type='result' id='q'><query xmlns='u:q'/></iq>",
      () => "<iq type='error' id='q'><error code='503'/></iq>",
      { sends: "<iq type='get' id='q'><query xmlns='u:q'/></iq>" },
    );
    expect(told(found)).to.deep.equal([
      '1 | both | <iq> of type result on the left, error on the right | a.scs:11',
    ]);
  });

  it('a feature of service discovery is named by its var, and passed over by that', async () => {
    const answer = (...names: string[]): string =>
      `<iq type='result' id='q'><query xmlns='http://jabber.org/protocol/disco#info'>${names.map((name) => `<feature var='${name}'/>`).join('')}</query></iq>`;
    const features = (ignored: string[] = []): Promise<ScriptComparison> =>
      compare(
        () => answer('urn:a', 'urn:c', 'http://b/#x'),
        () => answer('urn:a', 'urn:d'),
        { sends: "<iq type='get' id='q'><query xmlns='u:q'/></iq>", ignored },
      );
    const found = await features();
    const path = 'iq/query/{http://jabber.org/protocol/disco#info}feature';
    expect(told(found)).to.deep.equal([
      `1 | left | --ignore '${path}[@var=urn:c]' | a.scs:11`,
      `1 | left | --ignore '${path}[@var=http://b/#x]' | a.scs:11`,
      `1 | right | --ignore '${path}[@var=urn:d]' | a.scs:11`,
    ]);
    expect(comparisonLines(found)).to.contain(
      '      iq/query: <feature var="urn:c"> of http://jabber.org/protocol/disco#info is only on the left',
    );
    const ignored = ['urn:c', 'http://b/#x', 'urn:d'].map((name) => `${path}[@var=${name}]`);
    expect(told(await features(ignored))).to.deep.equal([]);
  });

  it('another condition of an error is one difference, whatever else is in it', async () => {
    const answer = (type: string, condition: string): string =>
      `<iq type='error' id='q'><error type='${type}'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`;
    const found = await compare(
      () => answer('cancel', 'item-not-found'),
      () => answer('wait', 'forbidden'),
      { sends: "<iq type='get' id='q'><query xmlns='u:q'/></iq>" },
    );
    expect(told(found)).to.deep.equal([
      "1 | both | <iq type='error'> saying item-not-found on the left, forbidden on the right | a.scs:11",
    ]);
  });

  it('what a script expects and only one server sends does not differ where it is passed over', async () => {
    const expects = '<presence/>\n\nJuliet receives:\n\t<presence/>';
    const echo: Answer = (_stanza, { jid }) => `<presence from='${jid}'/>`;
    const silent: Answer = () => undefined;
    const open = await compare(echo, silent, { sends: expects });
    expect([open.rows.length, open.failures.left.length, open.failures.right.length]).to.deep.equal([
      1, 0, 1,
    ]);
    const closed = await compare(echo, silent, { sends: expects, usual: USUAL_RULES });
    expect([closed.rows, closed.failures]).to.deep.equal([[], { left: [], right: [] }]);
    const other = await compare(echo, () => '<message/>', { sends: expects, usual: USUAL_RULES });
    expect([other.rows.length, other.failures.right.length]).to.deep.equal([1, 1]);
  });

  it('the most frequent stands first, counted over all scripts', async () => {
    const one = await compare(
      () => "<message to='a'/>",
      () => '<message/>',
    );
    const other = await compare(
      () => undefined,
      () => '<message><body/></message>',
    );
    expect(told(other, one, one)).to.deep.equal([
      '2 | left | --ignore message/@to | a.scs:11',
      '1 | right | <message> | a.scs:11',
    ]);
  });
});

describe('scenario/report/comparison', () => {
  it('says in short on which side what is', async () => {
    const near = await compare(
      () => "<message to='a' xml:lang='en'><body>x</body><x xmlns='u:x'/></message>",
      () => "<message to='b' xmlns='jabber:client'><body>y</body><z/></message>",
    );
    expect(comparisonLines(near).slice(-5)).to.deep.equal([
      '      message: xml:lang is "en" on the left, and not there on the right',
      '      message: to is "a" on the left, and "b" on the right',
      '      message/body: the text is "x" on the left, and "y" on the right',
      '      message: <x> of u:x is only on the left',
      '      message: <z> is only on the right',
    ]);
  });

  it('compares with the nearest of several, and does not take one feature for another that was changed', async () => {
    const answer = (...vars: string[]): string =>
      `<iq type='result' id='q'><query xmlns='u:q'>${vars.map((name) => `<feature var='${name}'/>`).join('')}</query></iq>`;
    const { rows } = await compare(
      () => answer('a', 'b', 'c'),
      () => answer('b', 'd', 'e', 'f'),
      { sends: "<iq type='get' id='q'><query xmlns='u:q'/></iq>" },
    );
    expect(rows[0].differences.map(({ about }) => about.kind)).to.deep.equal([
      'missing',
      'missing',
      'unexpected',
      'unexpected',
      'unexpected',
    ]);
  });

  it('finds the same message again, whatever a server puts before its body', async () => {
    const { rows } = await compare(
      () => "<message type='chat'><body>x</body></message>",
      () => "<message type='chat'><delay xmlns='urn:xmpp:delay'/><body>x</body></message>",
    );
    expect(rows.map(({ left, right }) => [left, right].includes(undefined))).to.deep.equal([false]);
  });

  it('hears what comes when the script is over', async () => {
    const { rows } = await compare(
      (_stanza, session) => void setTimeout(() => session.send('<message/>'), 100),
      () => undefined,
    );
    expect(rows).to.have.lengthOf(1);
  });
});
