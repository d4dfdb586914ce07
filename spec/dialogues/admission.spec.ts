/**
 * What a client may say to a session manager: stanzas, and nothing that the parts of a server say to each other. In front
 * of jabberd 1.6.1.1 whoever could log in owned every account. [route/1.6.1.1/31-session-control-in-a-client-route]
 */
import { expect } from 'chai';
import type { AsyncFunc } from 'mocha';
import { routeTranscript } from '../embedded/support/transcript.js';
import { authSet, OLD, type Client } from '../support/client.js';
import { authRoute, route, toldRoute } from '../support/route-story.js';
import { toldRouter, type Guest } from '../support/router-story.js';
import { ended, told } from '../support/story.js';

const SESSION = 'http://jabberd.jabberstudio.org/ns/session/1.0';
const START = `action='start' target='romeo@localhost/evil'`;

/** What each element is called in the answer to it, its namespace included; and what the header of the stream declares. */
const ELEMENTS: Record<string, [element: string, answered: string, declared?: string]> = {
  'a start of a session': [
    `<session xmlns='${SESSION}' xmlns:sc='${SESSION}' ${START} sc:c2s='9'/>`,
    `session xmlns='${SESSION}'`,
  ],
  'a start, with a prefix': [
    `<sc:session xmlns:sc='${SESSION}' ${START} sc:c2s='9'/>`,
    `session xmlns='${SESSION}'`,
  ],
  'a start, with a prefix of the stream header': [
    `<z:session ${START} z:c2s='9'/>`,
    `session xmlns='${SESSION}'`,
    ` xmlns:z='${SESSION}'`,
  ],
  'a start, the namespace spelt with a reference': [
    `<session xmlns='&#104;ttp://jabberd.jabberstudio.org/ns/session&#x2f;1.0' ${START}/>`,
    `session xmlns='${SESSION}'`,
  ],
  'the removal of an account': [
    `<session xmlns = "${SESSION}"\n action='delete' target='romeo@localhost'/>`,
    `session xmlns='${SESSION}'`,
  ],
  'a start that is called iq': [`<iq xmlns='${SESSION}' ${START}/>`, `iq xmlns='${SESSION}'`],
  'a route with a start in it': [
    `<route to='romeo@localhost' from='localhost'><session xmlns='${SESSION}' ${START}/></route>`,
    `route from='romeo@localhost' to='localhost'`,
  ],
  'a request to the database': [
    `<xdb type='get' to='romeo@localhost' ns='jabber:iq:auth'/>`,
    `xdb from='romeo@localhost'`,
  ],
  'a line for the log': [`<log type='notice' from='x'>forged</log>`, `log to='x'`],
  'a handshake': [`<handshake>0123</handshake>`, `handshake`],
  'an element of nobody': [`<foo id='m7'><bar/></foo>`, `foo id='m7'`],
  'an element of another namespace': [`<foo xmlns='urn:foo'/>`, `foo xmlns='urn:foo'`],
  'a message of another namespace': [`<message xmlns='urn:foo'/>`, `message xmlns='urn:foo'`],
  'a message of servers': [`<message xmlns='jabber:server'/>`, `message xmlns='jabber:server'`],
  'a message of components': [
    `<message xmlns='jabber:component:accept'/>`,
    `message xmlns='jabber:component:accept'`,
  ],
  'a message of no namespace': [`<message xmlns=''/>`, `message xmlns=''`],
  'a message with a prefix': [`<j:message xmlns:j='jabber:client'/>`, `message`],
};

/** The cast, whichever session manager is played, and what must be said of a client that has left. */
interface Cast {
  user(username: string, resource?: string, more?: string): Promise<Client>;
  gone(client: Client): Promise<unknown>;
  expectQuiet(client: Client): Promise<void>;
}
type Play = (story: Cast, expectLeft: (client: Client) => Promise<void>) => Promise<void>;

/** In front of each kind of session manager. */
const PLACES: Record<string, (play: Play) => AsyncFunc> = {
  'jabberd 1.4 and 1.6': (play) =>
    toldRoute((story) => play(story, (client) => story.link.expect(story.left(client)))),
  'jabberd 1.1': (play) =>
    told((story) => play(story, ({ address, session }) => story.link.expect(ended(address, session)))),
  jabberd2: (play) => toldRouter((story) => play(story, (client) => story.expectLeft(client as Guest))),
};

describe('an element that is not a stanza', () => {
  for (const [what, [element, answered, declared = '']] of Object.entries(ELEMENTS)) {
    for (const [place, played] of Object.entries(PLACES)) {
      it(
        `ends a stream, and never reaches ${place}: ${what}`,
        played(async (story, expectLeft) => {
          const romeo = await story.user('romeo', 'Orchard');
          const juliet = await story.user('juliet', 'Balcony', `${OLD} version='1.0'${declared}`);
          juliet.send(`${element}<presence/>`);
          await juliet.expectError('unsupported-stanza-type');
          await story.gone(juliet);
          await expectLeft(juliet);
          await story.expectQuiet(romeo);
        }),
      );

      it(
        `is answered on a stream of old as jabberd did, and never reaches ${place}: ${what}`,
        played(async (story) => {
          const juliet = await story.user('juliet', 'Balcony', `${OLD}${declared}`);
          juliet.send(element);
          const [name, ...attributes] = answered.split(' ');
          await juliet.expect(
            `<${[name, ...attributes, `type='error'`].join(' ')}><error code='400'>Bad Request</error></${name}>`,
          );
          await story.expectQuiet(juliet);
        }),
      );
    }
  }

  it(
    'is named to whoever wrote the client, and in the log',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(`<foo xmlns='urn:foo'/>`);
      const error = await juliet.stanza();
      expect(error.childText('text')).to.equal('Unknown element: <foo/> in urn:foo');
      expect(await story.gone(juliet)).to.equal('an element that is not a stanza: <foo/> in urn:foo');
    }),
  );

  it(
    'is refused as one also where its namespace is no URI, and named by that',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet', 'Balcony', OLD);
      juliet.send(`<foo xmlns='a b'/>`);
      await juliet.expect(`<foo xmlns='a b' type='error'><error code='400'>Bad Request</error></foo>`);
      const romeo = await story.user('romeo', 'Orchard');
      romeo.send(`<foo xmlns='a b'/>`);
      await romeo.expectError('unsupported-stanza-type');
    }),
  );

  it(
    'is not answered where it is an error: two that answer each other would never end',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet', 'Balcony', OLD);
      juliet.send(`<foo type='error'><error code='400'>Bad Request</error></foo>`);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'waits its turn behind a login, and is refused then',
    toldRoute(async (story) => {
      const juliet = await story.asking('juliet', 'Balcony', OLD);
      juliet.send(`<session xmlns='${SESSION}' ${START}/><presence/>`);
      await story.accept(juliet);
      await juliet.expect(
        `<session xmlns='${SESSION}' type='error'><error code='400'>Bad Request</error></session>`,
      );
      await story.link.expect(story.from(juliet, '<presence/>'));
    }),
  );
});

/** What a client says, what of it is carried, and what the header of the stream declares. */
const STANZAS: Record<string, [said: string, carried: string, declared?: string]> = {
  'ids of session control': [
    `<iq type='get' xmlns:sc='${SESSION}' sc:sm='1' sc:c2s='9' id='1'><query xmlns='jabber:iq:roster'/></iq>`,
    `<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>`,
  ],
  'with any prefix, used before it is declared': [`<presence z:sm='1' xmlns:z='${SESSION}'/>`, `<presence/>`],
  'on lines of their own': [`<presence\n\txmlns:z\n=\n"${SESSION}"\n\tz:sm = '1'\n/>`, `<presence/>`],
  'the namespace spelt with references': [
    `<presence xmlns:z='&#104;ttp://jabberd.jabberstudio.org/ns/session&#x2f;1.0' z:sm='1'/>`,
    `<presence/>`,
  ],
  'with two prefixes': [
    `<presence xmlns:y='${SESSION}' xmlns:z='${SESSION}' y:sm='1' z:c2s='2'/>`,
    `<presence/>`,
  ],
  'with a prefix of the stream header': [`<presence z:sm='1'/>`, `<presence/>`, ` xmlns:z='${SESSION}'`],
  'with a prefix of the stream header, among others': [
    `<presence y:a='1' z:sm='1'/>`,
    `<presence xmlns:y='urn:y' y:a='1'/>`,
    ` xmlns:y='urn:y' xmlns:z='${SESSION}'`,
  ],
  'with a prefix that stands for something else in the stream header': [
    `<presence xmlns:z='${SESSION}' z:sm='1'/>`,
    `<presence/>`,
    ` xmlns:z='urn:y'`,
  ],
  'in the namespace of components of jabberd2': [
    `<presence xmlns:z='http://jabberd.jabberstudio.org/ns/component/1.0' z:to='1'/>`,
    `<presence/>`,
  ],
  'in the namespace of component streams': [
    `<presence xmlns:z='jabber:component:accept' z:to='1'/>`,
    `<presence/>`,
  ],
  'only declared': [`<presence xmlns:z='${SESSION}'/>`, `<presence/>`],
  'a stanza that says its namespace': [
    `<presence xmlns='jabber:client' xmlns:z='${SESSION}' z:sm='1'/>`,
    `<presence xmlns='jabber:client'/>`,
  ],
  'beyond ASCII': [
    `<message id='\u{1f600}' xmlns:ü='${SESSION}' ü:sm='ä' to='ö'><body>é</body></message>`,
    `<message id='\u{1f600}' to='ö'><body>é</body></message>`,
  ],
};

/** What must be left as it is. */
const LEFT: string[] = [
  `<presence xmlns:sc='urn:x' sc:sm='1'/>`,
  `<presence sm='1' c2s='2'/>`,
  `<message><session xmlns='${SESSION}' ${START}/></message>`,
  `<message><x xmlns:sc='${SESSION}' sc:sm='1'/></message>`,
  `<iq type='set' id='1'><query xmlns='jabber:iq:private'><sc:session xmlns:sc='${SESSION}' ${START}/></query></iq>`,
];

describe('a stanza', () => {
  for (const [what, [said, carried, declared = '']] of Object.entries(STANZAS)) {
    it(
      `goes without what is of control on its opening tag: ${what}`,
      toldRoute(async (story) => {
        const juliet = await story.user('juliet', 'Balcony', `${OLD} version='1.0'${declared}`);
        juliet.send(said);
        const source = await story.link.source();
        expect(source).to.not.match(/jabberstudio|xmlns:z|sm=|c2s=/);
        juliet.send(said);
        await story.link.expect(story.from(juliet, carried));
        await story.expectQuiet(juliet);
      }),
    );

    it(
      `goes so to jabberd 1.1 as well: ${what}`,
      told(async (story) => {
        const juliet = await story.user('juliet', 'Balcony', `${OLD} version='1.0'${declared}`);
        juliet.send(said);
        const addressing = ` sfrom='${juliet.address}' sto='${juliet.session}'`;
        await story.link.expect(carried.replace(/^<\w+/, (opening) => opening + addressing));
        await story.expectQuiet(juliet);
      }),
    );
  }

  for (const stanza of LEFT) {
    it(
      `is carried byte for byte where nobody looks for orders: ${stanza}`,
      toldRoute(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(stanza);
        await story.link.expectSource(story.from(juliet, stanza));
      }),
    );
  }

  for (const declared of ['', ` xmlns:z='${SESSION}'`]) {
    it(
      `is well-formed where a prefix of control is used inside as well, declared on ${declared ? 'the stream' : 'it'}`,
      toldRoute(async (story) => {
        const juliet = await story.user('juliet', 'Balcony', `${OLD} version='1.0'${declared}`);
        const own = declared ? '' : ` xmlns:z='${SESSION}'`;
        juliet.send(`<message${own} z:sm='1'><z:x z:a='1' b='2'/></message>`);
        const source = await story.link.source();
        const [, inside] =
          /^<route [^>]*><message xmlns:z='([^']*)'><z:x z:a='1' b='2'\/><\/message><\/route>$/.exec(
            source,
          ) ?? [source];
        expect(inside).to.match(/^urn:uuid:/);
        // whoever has seen what it stands for can not make an attribute the same as another one by that
        juliet.send(`<message${own} z:sm='1'><z:x xmlns:y='${inside}' y:a='1' z:a='2'/></message>`);
        expect(await story.link.source()).to.not.contain(`xmlns:z='${inside}'`);
        await story.expectQuiet(juliet);
      }),
    );
  }
});

/** What is inside of a route. */
function inside(text: string): string {
  return text.slice(text.indexOf('>') + 1, text.lastIndexOf('<'));
}

const RECORDED = routeTranscript('1.6.1.1/31-session-control-in-a-client-route.txt').filter(
  ({ way, text }) => way === '>' && inside(text).includes(SESSION),
);

describe('what jabberd 1.6.1.1 obeyed when a client said it (31)', () => {
  it('is seven things that one client says', () => expect(RECORDED).to.have.length(7));

  for (const { number, text } of RECORDED) {
    const said = inside(text);
    it(
      `is refused, or carried without it, on a stream of old (line ${number}): ${said.slice(0, 60)}`,
      toldRoute(async (story) => {
        const juliet = await story.user('juliet', 'Balcony', OLD);
        juliet.send(said);
        if (said.startsWith('<session')) {
          await juliet.expect(
            `<session xmlns='${SESSION}' type='error'><error code='400'>Bad Request</error></session>`,
          );
        } else {
          const [tag] = /^<\w+[^>]*>/.exec(inside(await story.link.source()))!;
          expect(tag).to.not.match(/jabberstudio|sc:/);
        }
        await story.expectQuiet(juliet);
      }),
    );

    it(
      `is refused before login (line ${number}): ${said.slice(0, 60)}`,
      toldRoute(async (story) => {
        const stranger = await story.client();
        stranger.send(said);
        await stranger.expectError('not-authorized');
        await story.expectQuiet(await story.user('romeo', 'Orchard'));
      }),
    );
  }
});

describe('what jabberd 1.6.1.1 says in its session control (30)', () => {
  it(
    'is for nobody, and not answered: we have not spoken it',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      const lines = routeTranscript('1.6.1.1/30-session-control.txt');
      const heard = lines.filter(({ way, text }) => way === '<' && text.includes(SESSION));
      expect(heard).to.have.length.above(20);
      for (const { text } of heard) story.link.send(text.replaceAll('two-sockets', 'foo-sockets'));
      await story.expectQuiet(juliet);
    }),
  );
});

describe('a login', () => {
  it(
    'goes without what is of control',
    toldRoute(async (story) => {
      const juliet = await story.client('juliet', `${OLD} version='1.0' xmlns:z='${SESSION}'`);
      juliet.send(
        authSet('juliet').replace('<iq ', `<iq z:sm='1' xmlns:sc='${SESSION}' sc:c2s='9' sc:action='start' `),
      );
      const request = await story.link.packet();
      juliet.address = request.attribute('from')!;
      const asked = authRoute('juliet@localhost/Balcony', juliet.address, authSet('juliet'));
      expect(request.toString()).to.equal(asked);
    }),
  );

  for (const namespace of [SESSION, 'urn:x', 'jabber:server']) {
    it(
      `is none in the namespace ${namespace}`,
      toldRoute(async (story) => {
        const juliet = await story.client('juliet');
        juliet.send(authSet('juliet').replace('<iq ', `<iq xmlns='${namespace}' `));
        await juliet.expectError('not-authorized');
        await story.expectQuiet(await story.user('romeo', 'Orchard'));
      }),
    );
  }
});

describe('what goes back', () => {
  it(
    'goes to a session: as an error to a user it would end all of his sessions',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      for (const from of ['romeo@localhost', 'localhost']) {
        story.link.send(route('9@foo-sockets/gone', from, '<message><body>x</body></message>'));
      }
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'does not act in another session: whoever wrote it, what is of control is taken off',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      await juliet.drop();
      await story.gone(juliet);
      await story.link.expect(story.left(juliet));
      const ids = `xmlns:sc='${SESSION}' sc:c2s='9' sc:sm='1'`;
      story.link.send(
        story.to(juliet, `<message to='juliet@localhost' ${ids} from='a@b'><body>x</body></message>`),
      );
      await story.link.expectSource(
        `<route type='error' to='${juliet.session}' from='${juliet.address}'><message to='juliet@localhost' from='a@b'><body>x</body></message></route>`,
      );
    }),
  );

  for (const element of [
    `<session xmlns='${SESSION}' ${START}/>`,
    `<sc:session xmlns:sc='${SESSION}' ${START}/>`,
    `<foo/>`,
  ]) {
    it(
      `is empty where it is no stanza: ${element}`,
      toldRoute(async (story) => {
        const juliet = await story.user('juliet');
        await juliet.drop();
        await story.gone(juliet);
        await story.link.expect(story.left(juliet));
        story.link.send(story.to(juliet, element));
        await story.link.expect(story.left(juliet));
      }),
    );
  }
});
