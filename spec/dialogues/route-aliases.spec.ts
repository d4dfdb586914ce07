/** Old names of a host: clients come by them, and the session manager never hears of them. [jabberd 1.4.3] */
import { expect } from 'chai';
import { authSet, header, type Client } from '../support/client.js';
import type { RouteStory } from '../support/route-story.js';
import { RESULT, routeError, toldRoute } from '../support/route-story.js';

const ONE = { aliases: new Map([['old.example', 'localhost']]) };
const ALL = { aliases: new Map([['', 'localhost']]) };
const OFF = { ...ONE, aliasReplies: false };

/** A client that comes by this name and logs in as juliet. */
async function comesBy(story: RouteStory, to: string | undefined, called: string): Promise<Client> {
  const client = await story.connected('juliet');
  client.send(header(to === undefined ? '' : `to='${to}'`));
  expect((await client.header()).attribute('from')).to.equal(called);
  client.send(authSet('juliet'));
  const request = await story.link.packet();
  expect(request.attribute('to')).to.equal('juliet@localhost/Balcony');
  client.address = request.attribute('from')!;
  client.login = 'juliet@localhost/Balcony';
  client.session = story.newSession('juliet');
  await story.accept(client);
  return client;
}

describe('a client that comes by an old name of its host', () => {
  it(
    'is served by the real one, and its header is answered by the name that it knows',
    toldRoute(async (story) => {
      const juliet = await comesBy(story, 'old.example', 'old.example');
      await story.expectQuiet(juliet);
      await juliet.drop();
      await story.link.expect(story.left(juliet));
    }, ONE),
  );

  it(
    'may write it in any case',
    toldRoute(async (story) => {
      const juliet = await comesBy(story, 'OLD.Example', 'old.example');
      juliet.send(`<message to='Romeo@OLD.EXAMPLE/Orchard'/>`);
      await story.link.expectSource(
        `<route to='${juliet.session}' from='${juliet.address}'><message to='Romeo@localhost/Orchard'/></route>`,
      );
    }, ONE),
  );

  const ways: [what: string, said: string, meant: string][] = [
    [
      'to and from',
      `<message to='romeo@old.example/Orchard' from='juliet@old.example/Balcony'><body>x</body></message>`,
      `<message to='romeo@localhost/Orchard' from='juliet@localhost/Balcony'><body>x</body></message>`,
    ],
    [
      'an address with white space that only references can write',
      `<message to='romeo@old.example/a&#10;b&#9;c&#13;d'/>`,
      `<message to='romeo@localhost/a&#10;b&#9;c&#13;d'/>`,
    ],
    [
      'the host alone',
      `<iq type='get' to='old.example' id='v'><query xmlns='jabber:iq:version'/></iq>`,
      `<iq type='get' to='localhost' id='v'><query xmlns='jabber:iq:version'/></iq>`,
    ],
    [
      'a host with a resource, and one that looks like another',
      `<iq to='old.example/echo@old.example' from='x.old.example'/>`,
      `<iq to='localhost/echo@old.example' from='x.old.example'/>`,
    ],
    [
      'what needs references, in other quotes',
      `<message id="a" to="a&apos;b@old.example/&lt;&amp;&gt;" from='c@d'/>`,
      `<message id="a" to="a&apos;b@localhost/&lt;&amp;&gt;" from='c@d'/>`,
    ],
    [
      'characters beyond ASCII',
      `<message to='jül\u{1f600}@old.example/é' x='€'><body>ü\u{1f600}</body></message>`,
      `<message to='jül\u{1f600}@localhost/é' x='€'><body>ü\u{1f600}</body></message>`,
    ],
  ];
  for (const [what, client, manager] of ways) {
    it(
      `has ${what} rewritten, on the way there and back`,
      toldRoute(async (story) => {
        const juliet = await comesBy(story, 'old.example', 'old.example');
        juliet.send(client);
        await story.link.expect(story.from(juliet, manager));
        story.link.send(story.to(juliet, manager));
        await juliet.expect(client);
        await story.expectQuiet(juliet);
      }, ONE),
    );
  }

  it(
    'has nothing else touched: other hosts, users of that name, what is inside',
    toldRoute(async (story) => {
      const juliet = await comesBy(story, 'old.example', 'old.example');
      for (const stanza of [
        `<message to='old.example@elsewhere' from='a@old.example.com' jid='a@old.example'/>`,
        `<presence/>`,
        `<iq type='set'><query xmlns='jabber:iq:roster'><item jid='romeo@old.example' to='a@old.example'/></query></iq>`,
        `<message to='romeo@elsewhere/old.example'><body to='a@old.example'>a@old.example</body></message>`,
        `<message to='' from=''/>`,
      ]) {
        juliet.send(stanza);
        await story.link.expectSource(
          `<route to='${juliet.session}' from='${juliet.address}'>${stanza}</route>`,
        );
        const back = stanza.replaceAll('old.example', 'localhost');
        story.link.send(story.to(juliet, back));
        await juliet.expectSource(back);
      }
    }, ONE),
  );

  it(
    'sees the real one with alias-replies off, as pthsock_client has it',
    toldRoute(async (story) => {
      const juliet = await comesBy(story, 'old.example', 'localhost');
      juliet.send(`<message to='romeo@old.example'/>`);
      await story.link.expect(story.from(juliet, `<message to='romeo@localhost'/>`));
      const answer = `<message from='romeo@localhost/Orchard' to='juliet@localhost/Balcony'/>`;
      story.link.send(story.to(juliet, answer));
      await juliet.expectSource(answer);
    }, OFF),
  );

  it(
    'has what we answer ourselves answered by the name that it knows',
    toldRoute(async (story) => {
      const client = await story.client('client', `to='old.example'`);
      client.send(`<iq type='set' id='a' to='old.example'><query xmlns='jabber:iq:auth'/></iq>`);
      await client.expect(
        `<iq type='error' id='a' from='old.example'><error code='406'>Not Acceptable</error></iq>`,
      );
      client.send(
        `<iq type='get' id='g' to='old.example'><query xmlns='jabber:iq:auth'><username>x</username></query></iq>`,
      );
      const request = await story.link.packet();
      client.address = request.attribute('from')!;
      expect(request.child('iq')!.attribute('to')).to.equal('localhost');
      story.link.send(
        routeError('12@foo-sockets/none', 'x@localhost') +
          `<route type='auth' to='${client.address}' from='x@localhost'><iq type='error' id='g' from='localhost'><error code='401'/></iq></route>`,
      );
      const form = await client.stanza();
      expect(form.attribute('type')).to.equal('result');
      expect(form.attribute('from')).to.equal('old.example');
    }, ONE),
  );

  it(
    'has the host it asked for told unknown by its real name: the session manager does not serve it',
    toldRoute(async (story) => {
      const client = await story.client('client', `to='old.example' version='1.0'`);
      client.send(authSet('juliet'));
      const request = await story.link.packet();
      client.address = request.attribute('from')!;
      story.link.send(
        routeError(client.address, 'juliet@localhost/Balcony', 'Unable to deliver, destination unknown'),
      );
      await client.expectError('host-unknown');
    }, ONE),
  );

  it(
    'has what cannot be delivered given back as it came',
    toldRoute(async (story) => {
      const juliet = await comesBy(story, 'old.example', 'old.example');
      await juliet.drop();
      await story.link.expect(story.left(juliet));
      const message = `<message to='juliet@localhost/Balcony' from='romeo@localhost'><body>x</body></message>`;
      story.link.send(story.to(juliet, message));
      await story.link.expect(routeError(juliet.session, juliet.address, undefined, message));
    }, ONE),
  );

  it(
    'and one that comes by the real name: each sees its own',
    toldRoute(async (story) => {
      const old = await comesBy(story, 'old.example', 'old.example');
      const plain = await story.user('romeo', 'Orchard');
      const message = `<message from='a@localhost' to='b@old.example'/>`;
      story.link.send(story.to(old, message) + story.to(plain, message));
      await old.expect(`<message from='a@old.example' to='b@old.example'/>`);
      await plain.expectSource(message);
      plain.send(message);
      await story.link.expect(story.from(plain, message));
    }, ONE),
  );
});

describe('an alias for every name', () => {
  for (const [asked, called] of [
    ['anything.example', 'anything.example'],
    ['LOCALHOST', 'localhost'],
    [undefined, 'localhost'],
  ]) {
    it(
      `serves a client that asks for ${asked ?? 'no host at all'}`,
      toldRoute(async (story) => {
        const juliet = await comesBy(story, asked, called!);
        juliet.send(`<message to='romeo@${called}'/>`);
        await story.link.expect(story.from(juliet, `<message to='romeo@localhost'/>`));
        story.link.send(story.to(juliet, `<message from='romeo@localhost'/>`));
        await juliet.expect(`<message from='romeo@${called}'/>`);
      }, ALL),
    );
  }

  it(
    'makes nobody of what is no host: the name is only what the client calls localhost',
    toldRoute(async (story) => {
      for (const to of ['juliet@localhost', 'localhost/x', 'juliet@localhost/Balcony']) {
        const client = await story.connected();
        client.send(header(`to='${to}'`) + authSet('mallory'));
        await client.header();
        const request = await story.link.packet();
        client.address = request.attribute('from')!;
        expect(request.attribute('to')).to.equal('mallory@localhost/Balcony');
      }
    }, ALL),
  );

  it(
    'leaves a host that is served, and a name that has an alias of its own, alone',
    toldRoute(
      async (story) => {
        for (const [asked, real] of [
          ['other.example', 'other.example'],
          ['named.example', 'other.example'],
          ['x.example', 'localhost'],
        ]) {
          const client = await story.client('client', `to='${asked}'`);
          client.send(authSet('juliet'));
          const request = await story.link.packet();
          client.address = request.attribute('from')!;
          expect(request.attribute('to')).to.equal(`juliet@${real}/Balcony`);
        }
      },
      {
        domains: ['localhost', 'other.example'],
        aliases: new Map([
          ['', 'localhost'],
          ['named.example', 'other.example'],
        ]),
      },
    ),
  );

  it(
    'is no way around what is served: an alias for a host that is not is refused',
    toldRoute(
      async (story) => {
        const client = await story.connected();
        client.send(header(`to='old.example' version='1.0'`));
        await client.header();
        await client.expectError('host-unknown');
      },
      { aliases: new Map([['old.example', 'elsewhere']]) },
    ),
  );
});

describe('no alias', () => {
  it(
    'means that a name is refused that is not served',
    toldRoute(async (story) => {
      const client = await story.connected();
      client.send(header(`to='old.example' version='1.0'`));
      await client.header();
      await client.expectError('host-unknown');
      await story.expectQuiet(await story.user('juliet'));
    }),
  );

  it(
    'and no list of served hosts means that names are passed on',
    toldRoute(
      async (story) => {
        const client = await story.client('client', `to='any.example'`);
        client.send(authSet('juliet'));
        const request = await story.link.packet();
        client.address = request.attribute('from')!;
        expect(request.attribute('to')).to.equal('juliet@any.example/Balcony');
        story.link.send(`<route type='auth' to='${client.address}' from='x'>${RESULT}</route>`);
        expect((await story.link.packet()).attribute('to')).to.equal('juliet@any.example/Balcony');
      },
      { domains: [] },
    ),
  );

  it(
    'is needed to come by our own component name: that is no host of the session manager',
    toldRoute(
      async (story) => {
        const client = await story.connected();
        client.send(header(`to='foo-sockets' version='1.0'`) + authSet('12', 'tag'));
        await client.header();
        await client.expectError('host-unknown');
        await story.expectQuiet(await story.user('juliet'));
      },
      { domains: [] },
    ),
  );
});
