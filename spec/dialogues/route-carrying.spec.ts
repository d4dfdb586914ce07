/** What clients and the session manager of jabberd 1.4 say to each other, in routes. [jabberd 1.4.3] */
import { expect } from 'chai';
import { Reader } from '../../lib/xml/index.js';
import { header } from '../support/client.js';
import { RESULT, route, toldRoute } from '../support/route-story.js';
import { transcript } from '../support/transcript.js';

/** What is inside of the route of a recording. */
function inside(text: string): string {
  return text.slice(text.indexOf('>') + 1, text.lastIndexOf('<'));
}

/** What a client may send as it is: a comment is refused before it comes here, see hostile-clients.spec. */
const BYTES = transcript('route/26-bytes.txt')
  .filter(({ text }) => text.includes('<message'))
  .map(({ who, text }) => ({ who, stanza: inside(text) }));

describe('a stanza of a client', () => {
  for (const { stanza } of BYTES.filter(({ who, stanza }) => who === '>' && !/<!--|u:x/.test(stanza))) {
    it(
      `is carried byte for byte (26-bytes): ${stanza.replaceAll('\n', ' ').slice(0, 100)}`,
      toldRoute(async (story) => {
        const ann = await story.user('ann', 'home');
        ann.send(stanza);
        await story.link.expectSource(`<route to='${ann.session}' from='${ann.address}'>${stanza}</route>`);
        await story.expectQuiet(ann);
      }),
    );
  }

  it(
    'has prefixes of the stream header declared where it uses them',
    toldRoute(async (story) => {
      const ann = await story.user(
        'ann',
        'home',
        `to='localhost' version='1.0' xmlns:u='urn:u' xmlns:v='urn:v'`,
      );
      ann.send(`<message to='bob@localhost/work'><u:x>1</u:x></message>`);
      await story.link.expectSource(
        `<route to='${ann.session}' from='${ann.address}'><message to='bob@localhost/work' xmlns:u='urn:u'><u:x>1</u:x></message></route>`,
      );
    }),
  );

  it(
    'keeps addressing of any kind that the client wrote: it is inside',
    toldRoute(async (story) => {
      const ann = await story.user('ann', 'home');
      const stanza = `<message to='bob@localhost' from='evil@localhost/x' sto='a' sfrom='b' type='error' error='Disconnected'/>`;
      ann.send(stanza);
      await story.link.expectSource(`<route to='${ann.session}' from='${ann.address}'>${stanza}</route>`);
    }),
  );

  it(
    'cannot close the route that it is in',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const ann = await story.user('ann', 'home');
      ann.send(`<message></route><route to='romeo@localhost/x' from='y'></message>`);
      await story.link.expect(story.left(ann));
      await ann.expectError('not-well-formed');
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is not written before its end is there',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const ann = await story.user('ann', 'home');
      ann.send(`<message><body>half`);
      await story.expectQuiet(romeo);
      ann.send(`</body></message>`);
      await story.link.expect(story.from(ann, '<message><body>half</body></message>'));
    }),
  );

  it(
    'shares its write with the others of the same read',
    toldRoute(async (story) => {
      const ann = await story.user('ann', 'home');
      const { reads } = story.link;
      ann.send(Array.from({ length: 50 }, (_, id) => `<message id='${id}'/>`).join(''));
      for (let id = 0; id < 50; id += 1) await story.link.expect(story.from(ann, `<message id='${id}'/>`));
      expect(story.link.reads - reads).to.be.below(5);
    }),
  );
});

describe('a packet for a client', () => {
  for (const { stanza } of BYTES.filter(({ who }) => who === '<')) {
    it(
      `reaches it byte for byte (26-bytes): ${stanza.replaceAll('\n', ' ').slice(0, 100)}`,
      toldRoute(async (story) => {
        const bob = await story.user('bob', 'work');
        story.link.send(story.to(bob, stanza));
        await bob.expectSource(stanza);
        await story.expectQuiet(bob);
      }),
    );
  }

  for (const around of ['\n', ' \t\r\n ', '']) {
    it(
      `may have white space around it in its route: ${JSON.stringify(around)} (12-messages)`,
      toldRoute(async (story) => {
        const bob = await story.user('bob', 'work');
        const before = bob.received.length;
        const message = `<message from='ann@localhost/home'><body> ws </body></message>`;
        story.link.send(story.to(bob, `${around}${message}${around}`));
        await bob.expectSource(message);
        expect(bob.received.slice(before)).to.equal(message);
        await story.expectQuiet(bob);
      }),
    );
  }

  it(
    'is the first in its route: nobody has looked at the sender of another behind it (12-messages)',
    toldRoute(async (story) => {
      const bob = await story.user('bob', 'work');
      const first = `<message to='bob@localhost' from='ann@localhost/home'><body>1</body></message>`;
      story.link.send(
        story.to(
          bob,
          `${first}<message to='bob@localhost' from='forged@localhost'><body>2</body></message>`,
        ) +
          story.to(bob, `\n<presence/>\n<presence/>\n`) +
          story.to(bob, `<message><body><a/></body></message><message/>`),
      );
      await bob.expectSource(first);
      await bob.expectSource('<presence/>');
      await bob.expectSource('<message><body><a/></body></message>');
      await story.expectQuiet(bob);
    }),
  );

  it(
    'is nothing where its route is empty, or has only text',
    toldRoute(async (story) => {
      const bob = await story.user('bob', 'work');
      const before = bob.received.length;
      story.link.send(
        `<route to='${bob.address}' from='${bob.session}'/>` +
          route(bob.address, bob.session, '') +
          route(bob.address, bob.session, ' \n ') +
          route(bob.address, bob.session, 'text') +
          route(bob.address, bob.session, '&lt;/stream:stream>'),
      );
      await story.expectQuiet(bob);
      expect(bob.received.slice(before)).to.match(/^<iq[^>]*\/>$/);
    }),
  );

  for (const type of ['auth', 'session', 'whatever', 'result', '']) {
    it(
      `is not one in a route of type "${type}", once it is logged in`,
      toldRoute(async (story) => {
        const bob = await story.user('bob', 'work');
        for (const from of [bob.session, bob.login, 'localhost']) {
          story.link.send(
            `<route type='${type}' to='${bob.address}' from='${from}'><message><body>x</body></message></route>`,
          );
        }
        await story.expectQuiet(bob);
      }),
    );
  }

  it(
    'is only for the client whose socket address it has, in every letter',
    toldRoute(async (story) => {
      const bob = await story.user('bob', 'work');
      const ann = await story.user('ann', 'home');
      const bare = bob.address.slice(0, bob.address.indexOf('/'));
      for (const to of [bare, `${bob.address}0`, bob.address.toUpperCase(), 'foo-sockets', '']) {
        const message = '<message><body>x</body></message>';
        story.link.send(route(to, bob.session, message));
        await story.link.expect(route(bob.session, to, message, ` type='error'`));
      }
      await story.expectQuiet(bob);
      await story.expectQuiet(ann);
    }),
  );

  it(
    'reaches it in the order of the link, with what came for others between',
    toldRoute(async (story) => {
      const bob = await story.user('bob', 'work');
      const ann = await story.user('ann', 'home');
      const message = (id: number): string => `<message id='${id}'/>`;
      const ids = Array.from({ length: 100 }, (_, id) => id);
      story.link.send(ids.map((id) => story.to(id % 3 ? bob : ann, message(id))).join(''));
      for (const id of ids) await (id % 3 ? bob : ann).expectSource(message(id));
    }),
  );

  it(
    'reaches a client that reads, however big it is: a message must not lock its receiver out, again at each login',
    toldRoute(
      async (story) => {
        const bob = await story.user('bob', 'work');
        const message = (id: number): string =>
          `<message id='${id}'><body>${'&apos;'.repeat(50_000)}</body></message>`;
        for (const id of [1, 2, 3]) {
          story.link.send(story.to(bob, message(id)));
          await bob.expectSource(message(id));
        }
        await story.expectQuiet(bob);
      },
      { limits: { clientQueueBytes: 65_536 } },
    ),
  );

  it(
    'may be cut at every byte on its way to us',
    toldRoute(async (story) => {
      const bob = await story.user('bob', 'work');
      const message = `<message from='a'><body>é€\u{1f600} &lt;</body></message>`;
      await story.link.drip(story.to(bob, message));
      await bob.expectSource(message);
    }),
  );
});

describe('what jabberd 1.4 may put on the link, and a link must live with', () => {
  const user = 'a'.repeat(63);

  it(
    'a user cut at 64 bytes, in the middle of a character: only the client it is for is concerned [jid.c]',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      const push = story.to(
        juliet,
        `<iq type='set'><query xmlns='jabber:iq:roster'><item jid='${user}?@localhost'/></query></iq>`,
      );
      const [before, behind] = push.split('?');
      story.link.send(Buffer.concat([Buffer.from(before), Buffer.from([0xc3]), Buffer.from(behind)]));
      const item = (await juliet.stanza()).child('query')!.elements[0];
      expect(item.attribute('jid')).to.equal(`${user}\ufffd@localhost`);
      await story.expectQuiet(juliet);
      await story.expectQuiet(romeo);
      expect(story.sm.connects).to.equal(1);
    }),
  );

  it(
    'a session address with such a user: the session can be ended at least',
    toldRoute(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.starting('juliet');
      const [before, behind] = story.opened(juliet).split('juliet@');
      story.link.send(
        Buffer.concat([Buffer.from(`${before}${user}`), Buffer.from([0xc3]), Buffer.from(`@${behind}`)]),
      );
      await juliet.expect(RESULT);
      await story.expectQuiet(romeo);
      expect(story.sm.connects).to.equal(1);
    }),
  );

  const heavy: Record<string, string> = {
    'more attributes than anybody uses': `<message><x ${Array.from({ length: 1100 }, (_, at) => `a${at}='1'`).join(' ')}/></message>`,
    'more elements inside each other than anybody uses': `<message>${'<x>'.repeat(1100)}${'</x>'.repeat(1100)}</message>`,
    'more bytes than anybody sends': `<message><body>${'x'.repeat(4_100_000)}</body></message>`,
  };
  for (const [what, stanza] of Object.entries(heavy)) {
    it(
      `${what}, from a user of another socket manager: the link stays`,
      toldRoute(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        story.link.send(story.to(juliet, stanza));
        await story.expectQuiet(romeo);
        expect(story.sm.connects).to.equal(1);
      }),
    );
  }
});

describe('the streams of clients in front of jabberd 1.4', () => {
  it(
    'are such as a strict reader takes, from header to end',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet', 'Balcony', `to='localhost'`);
      story.link.send(story.to(juliet, `<message><body>x</body></message>`));
      story.link.send(story.ending(juliet));
      await juliet.expect(`<message><body>x</body></message>`);
      await juliet.expectLegacyError('Disconnected');
      const faults: string[] = [];
      const strict = new Reader(
        {
          onHeader: () => undefined,
          onStanza: () => undefined,
          onClosingTag: () => undefined,
          onParseError: ({ text }) => faults.push(text),
        },
        { limits: { bytes: 1e6, depth: 64, attributes: 64 }, namespaces: true },
      );
      strict.write(Buffer.from(juliet.received));
      expect(faults).to.deep.equal([]);
    }),
  );

  it(
    'have the kind that the client asked for: the session manager of 1.4 knows none of it',
    toldRoute(async (story) => {
      const old = await story.connected();
      old.send(header(`to='localhost'`));
      expect((await old.header()).attribute('version')).to.equal(undefined);
      const modern = await story.client();
      expect(modern.received).to.contain('<stream:features>');
    }),
  );
});
