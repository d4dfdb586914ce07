/** The unknown state: what goes to the session manager before login, and what comes of it. [README.SM] [XEP-0078] [XEP-0077] [jabberd 1.1.2] */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { authSet, header, type Client } from '../support/client.js';
import { told, type Story } from '../support/story.js';

const AUTH = 'jabber:iq:auth';
const REFUSED = `<iq type='error' id='auth1'><error code='401'>Unauthorized</error></iq>`;

/** Sends a request of the client, and says what arrives at the session manager. */
async function ask(story: Story, client: Client, request: string) {
  client.send(request);
  const packet = await story.link.packet();
  client.address = packet.attribute('sfrom')!;
  return packet;
}

describe('the socket address', () => {
  it(
    'b.1 c.2 is FD@NAME/TAG, within what jabberd takes, and another for each connection',
    told(async (story) => {
      const addresses = new Set<string>();
      for (let count = 0; count < 4; count += 1) {
        const client = await story.asking(`user${count}`);
        const match = /^([1-9]\d*)@foo-sockets\/([A-Za-z0-9]+)$/.exec(client.address);
        expect(match, client.address).to.not.equal(null);
        addresses.add(client.address);
        if (count % 2 === 0) await client.drop();
      }
      expect(addresses.size).to.equal(4);
    }),
  );

  it(
    'stays the same for the life of the connection',
    told(async (story) => {
      const client = await story.client();
      const first = await ask(story, client, authSet('juliet'));
      story.link.send(story.refusal(client));
      await client.expect(REFUSED);
      const second = await ask(story, client, authSet('juliet'));
      expect(second.attribute('sfrom')).to.equal(first.attribute('sfrom'));
    }),
  );
});

describe('an auth set', () => {
  it(
    'b.3 is stamped with the socket address and the host, and goes on as it is (auth-plain)',
    told(async (story) => {
      const client = await story.client();
      client.send(authSet('juliet'));
      const source = await story.link.source();
      expect(source).to.match(
        /^<iq type='set' id='auth1' sfrom='\d+@foo-sockets\/\w+' sto='localhost'><query xmlns='jabber:iq:auth'><username>juliet<\/username><password>pass<\/password><resource>Balcony<\/resource><\/query><\/iq>$/,
      );
    }),
  );

  it(
    'b.5 opens the session: the result reaches the client without sto and sfrom',
    told(async (story) => {
      const juliet = await story.asking('juliet');
      story.link.send(story.result(juliet));
      await juliet.expectSource(`<iq type='result' id='auth1'/>`);
      const { details } = await story.log.line(/^logged in/);
      expect(details).to.deep.include({ socket: juliet.address, user: 'juliet@localhost/Balcony' });
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'b.5 takes whatever session address the result comes from',
    told(async (story) => {
      const juliet = await story.asking('JULIET', 'Ho me');
      juliet.session = 'juliet@localhost/E4FBA540';
      await story.accept(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'b.5 b.7 learns the session address once: packets of the session come from the bare one',
    told(async (story) => {
      const juliet = await story.user('juliet');
      story.link.send(
        `<iq type='result' id='auth1' sto='${juliet.address}' sfrom='juliet@localhost/Other'/>` +
          `<message sto='${juliet.address}' sfrom='juliet@localhost'/>`,
      );
      await juliet.expect(`<iq type='result' id='auth1'/>`);
      await juliet.expect('<message/>');
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'b.5 that is refused leaves the client in the unknown state, to try again',
    told(async (story) => {
      const juliet = await story.client();
      await ask(story, juliet, authSet('juliet'));
      story.link.send(story.refusal(juliet));
      await juliet.expect(REFUSED);
      const again = await ask(story, juliet, authSet('juliet'));
      expect(again.attribute('sto')).to.equal('localhost');
      juliet.session = 'juliet@localhost/Balcony';
      await story.accept(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'b.3 c.10 has the id of the stream put on its digest, whatever the client put there',
    told(async (story) => {
      for (const sid of ['', ` sid='evil'`, ` x='y' sid="evil"`]) {
        const client = await story.connected();
        const id = (await client.open()).attribute('id')!;
        const digest = createHash('sha1').update(`${id}pass`).digest('hex');
        const packet = await ask(
          story,
          client,
          `<iq type='set' id='a'><query xmlns='${AUTH}'><username>juliet</username>` +
            `<digest${sid}>${digest}</digest><resource>Balcony</resource></query></iq>`,
        );
        const sent = packet.child('query')!.child('digest')!;
        expect(sent.attribute('sid')).to.equal(id);
        expect(sent.text).to.equal(digest);
      }
    }),
  );

  it(
    'b.3 c.10 without an id is given one, which the client does not see',
    told(async (story) => {
      const client = await story.client();
      const packet = await ask(story, client, authSet('juliet').replace(` id='auth1'`, ''));
      const id = packet.attribute('id')!;
      expect(id).to.match(/./);
      story.link.send(
        `<iq type='error' id='${id}' sfrom='localhost' sto='${client.address}'><error code='401'/></iq>`,
      );
      await client.expect(`<iq type='error'><error code='401'/></iq>`);
      const second = (await ask(story, client, authSet('juliet').replace(` id='auth1'`, ''))).attribute(
        'id',
      )!;
      expect(second).to.not.equal(id);
      story.link.send(
        `<iq type='result' id='${second}' sfrom='juliet@localhost/Balcony' sto='${client.address}'/>`,
      );
      await client.expect(`<iq type='result'/>`);
      client.session = 'juliet@localhost/Balcony';
      await story.expectQuiet(client);
    }),
  );

  it(
    'c.10 has sto and sfrom of the client replaced by ours, in any place and quotes',
    told(async (story) => {
      const client = await story.client();
      const packet = await ask(
        story,
        client,
        authSet('juliet').replace('<iq', `<iq sto='a@b/c' sfrom="d@e/f"`),
      );
      expect(packet.attribute('sto')).to.equal('localhost');
      expect(packet.attribute('sfrom')).to.match(/^\d+@foo-sockets\//);
    }),
  );

  it(
    'has prefixes that the stream header declares declared where it uses them: the link knows nothing of that header',
    told(async (story) => {
      const client = await story.client(
        'client',
        `to='localhost' version='1.0' xmlns:a='urn:a' xmlns:b='urn:b'`,
      );
      client.send(authSet('juliet').replace('</query>', `<a:x b:y='1'/></query>`));
      const source = await story.link.source();
      expect(source).to.match(/xmlns:a=['"]urn:a['"]/);
      expect(source).to.match(/xmlns:b=['"]urn:b['"]/);
    }),
  );

  it(
    'keeps what XML can hold: references, characters beyond the first plane, blanks',
    told(async (story) => {
      const client = await story.client();
      const packet = await ask(
        story,
        client,
        `<iq type='set' id='&lt;&#x1F600;&apos;'><query xmlns='${AUTH}'><username>jül\u{1f600}</username>` +
          `<password> a&amp;b&lt;c <![CDATA[<&]]></password><resource>Ho me/@ &amp;x</resource></query></iq>`,
      );
      const query = packet.child('query')!;
      expect(packet.attribute('id')).to.equal(`<\u{1f600}'`);
      expect(query.childText('username')).to.equal('jül\u{1f600}');
      expect(query.childText('password')).to.equal(' a&b<c <&');
      expect(query.childText('resource')).to.equal('Ho me/@ &x');
    }),
  );

  const WITH_RESOURCE = (resource: string): string =>
    `<username>juliet</username><password>pass</password><resource>${resource}</resource>`;
  const unusable: Record<string, string> = {
    'no credentials at all': '<username>juliet</username><resource>Balcony</resource>',
    'an empty password': '<username>juliet</username><password/><resource>Balcony</resource>',
    'no resource': '<username>juliet</username><password>pass</password>',
    'an empty resource': '<username>juliet</username><password>pass</password><resource></resource>',
    'a line feed in the resource': WITH_RESOURCE('a\nb'),
    'a line feed by reference in the resource': WITH_RESOURCE('a&#10;b'),
    'a tab in the resource': WITH_RESOURCE('a\tb'),
    'a carriage return in the resource': WITH_RESOURCE('a&#13;b'),
    'a control character beyond ASCII in the resource': WITH_RESOURCE('a\u0085b'),
    'a line feed in the user name':
      '<username>jul\niet</username><password>pass</password><resource>Balcony</resource>',
    'no user': '<password>pass</password><resource>Balcony</resource>',
    nothing: '',
  };
  for (const [what, fields] of Object.entries(unusable)) {
    it(
      `with ${what} is answered with an error, never with a form, and does not reach the session manager`,
      told(async (story) => {
        const client = await story.client();
        client.send(`<iq type='set' id='a1'><query xmlns='${AUTH}'>${fields}</query></iq>`);
        const answer = await client.stanza();
        expect(answer.attribute('type')).to.equal('error');
        expect(answer.attribute('id')).to.equal('a1');
        expect(answer.toString()).to.not.contain('pass');
        const juliet = await story.user('juliet');
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'with a digest only goes on, although the form did not offer one',
    told(async (story) => {
      const client = await story.client();
      const packet = await ask(
        story,
        client,
        `<iq type='set' id='a1'><query xmlns='${AUTH}'><username>juliet</username><digest>d</digest><resource>R</resource></query></iq>`,
      );
      expect(packet.child('query')!.childText('digest')).to.equal('d');
    }),
  );

  it(
    'with a zero-knowledge hash goes on',
    told(async (story) => {
      const client = await story.client();
      const packet = await ask(
        story,
        client,
        `<iq type='set' id='a1'><query xmlns='${AUTH}'><hash>h</hash><resource>R</resource><username>juliet</username></query></iq>`,
      );
      expect(packet.child('query')!.childText('hash')).to.equal('h');
    }),
  );
});

describe('the answer to an auth set', () => {
  const lies: Record<string, (address: string, other: string) => string> = {
    'another id': (to) => `<iq type='result' id='auth2' sfrom='juliet@localhost/Balcony' sto='${to}'/>`,
    'no id': (to) => `<iq type='result' sfrom='juliet@localhost/Balcony' sto='${to}'/>`,
    'another element': (to) =>
      `<message type='result' id='auth1' sfrom='juliet@localhost/Balcony' sto='${to}'/>`,
    'the address of a socket that is not there': () =>
      `<iq type='result' id='auth1' sfrom='juliet@localhost/Balcony' sto='1@foo-sockets/x'/>`,
    "somebody else's address": (_to, other) =>
      `<iq type='result' id='auth1' sfrom='juliet@localhost/Balcony' sto='${other}'/>`,
  };
  for (const [what, lie] of Object.entries(lies)) {
    it(
      `is not believed with ${what}`,
      told(async (story) => {
        const other = await story.client('other');
        other.send(`<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>`);
        other.address = (await story.link.packet()).attribute('sfrom')!;
        const juliet = await story.asking('juliet');
        story.link.send(lie(juliet.address, other.address));
        story.link.send(story.refusal(juliet));
        await juliet.expect(REFUSED);
        const again = await ask(story, juliet, authSet('juliet'));
        // a packet for nobody goes back first
        const packet = again.attribute('type') === 'error' ? await story.link.packet() : again;
        expect(packet.attribute('sto'), 'still in the unknown state').to.equal('localhost');
      }),
    );
  }

  for (const sfrom of ['localhost', '@localhost/Balcony', 'localhost/juliet@x']) {
    it(
      `c.3 is not believed from "${sfrom}", which has no user`,
      told(async (story) => {
        const juliet = await story.asking('juliet');
        story.link.send(`<iq type='result' id='auth1' sfrom='${sfrom}' sto='${juliet.address}'/>`);
        const answer = await juliet.stanza();
        expect(answer.attribute('type')).to.equal('error');
        expect(answer.attribute('id')).to.equal('auth1');
        const again = await ask(story, juliet, authSet('juliet'));
        expect(again.attribute('sto')).to.equal('localhost');
      }),
    );
  }

  it(
    'is not what answers a registration of the same id, sent in the same breath',
    told(async (story) => {
      const client = await story.client();
      client.send(
        `<iq type='set' id='x'><query xmlns='jabber:iq:register'><username>juliet</username><password>pass</password></query></iq>` +
          authSet('juliet', 'Balcony', 'x'),
      );
      const registration = await story.link.packet();
      client.address = registration.attribute('sfrom')!;
      expect(registration.child('query')!.namespace).to.equal('jabber:iq:register');
      story.link.send(`<iq type='result' id='x' sfrom='localhost' sto='${client.address}'/>`);
      await client.expect(`<iq type='result' id='x'/>`);
      const login = await story.link.packet();
      expect(login.child('query')!.namespace).to.equal(AUTH);
      story.link.send(`<iq type='result' id='x' sfrom='juliet@localhost/Balcony' sto='${client.address}'/>`);
      await client.expect(`<iq type='result' id='x'/>`);
      client.session = 'juliet@localhost/Balcony';
      await story.expectQuiet(client);
    }),
  );

  it(
    'is not what answers a registration from a user, even one with a session address',
    told(async (story) => {
      const client = await story.client();
      await ask(story, client, `<iq type='set' id='x'><query xmlns='jabber:iq:register'/></iq>`);
      story.link.send(`<iq type='result' id='x' sfrom='juliet@localhost/Balcony' sto='${client.address}'/>`);
      await client.expect(`<iq type='result' id='x'/>`);
      const again = await ask(story, client, authSet('juliet'));
      expect(again.attribute('sto')).to.equal('localhost');
    }),
  );
});

describe('an auth get', () => {
  it(
    'b.4 never carries a password, digest or resource onward: 1.1.2 would log in',
    told(async (story) => {
      const client = await story.client();
      const packet = await ask(
        story,
        client,
        authSet('juliet', 'Balcony', 'g')
          .replace(`'set'`, `'get'`)
          .replace('</query>', '<digest>d</digest></query>'),
      );
      expect(packet.attribute('type')).to.equal('get');
      expect(packet.child('query')!.elements.map(({ name }) => name)).to.deep.equal(['username']);
    }),
  );

  it(
    'b.4 that is answered with an error gets the fields from us, without zero-knowledge ones',
    told(async (story) => {
      const client = await story.client();
      await ask(
        story,
        client,
        `<iq type='get' id='g' to='localhost'><query xmlns='${AUTH}'><username>juliet</username></query></iq>`,
      );
      story.link.send(
        `<iq type='error' id='g' sfrom='localhost' sto='${client.address}'><query xmlns='${AUTH}'><username>juliet</username></query><error code='401'>Unauthorized</error></iq>`,
      );
      await client.expect(
        `<iq type='result' id='g' from='localhost'><query xmlns='${AUTH}'><username>juliet</username><password/><digest/><resource/></query></iq>`,
      );
    }),
  );

  it(
    'without a user gets a form with an empty one',
    told(async (story) => {
      const client = await story.client();
      await ask(story, client, `<iq type='get' id='g'><query xmlns='${AUTH}'/></iq>`);
      story.link.send(
        `<iq type='error' id='g' sfrom='localhost' sto='${client.address}'><error code='406'/></iq>`,
      );
      await client.expect(
        `<iq type='result' id='g'><query xmlns='${AUTH}'><username/><password/><digest/><resource/></query></iq>`,
      );
    }),
  );

  it(
    "that is answered with a form gets the session manager's own, zero-knowledge fields and all",
    told(async (story) => {
      const client = await story.client();
      await ask(
        story,
        client,
        `<iq type='get' id='g'><query xmlns='${AUTH}'><username>juliet</username></query></iq>`,
      );
      const form = `<query xmlns='${AUTH}'><username>juliet</username><password/><sequence>497</sequence><token>3C7A6B0A</token><resource/></query></iq>`;
      story.link.send(`<iq type='result' id='g' sfrom='localhost' sto='${client.address}'>${form}`);
      await client.expectSource(`<iq type='result' id='g'>${form}`);
    }),
  );

  it(
    'is no login, even when it is answered with a result from a session',
    told(async (story) => {
      const client = await story.client();
      await ask(
        story,
        client,
        `<iq type='get' id='g'><query xmlns='${AUTH}'><username>juliet</username></query></iq>`,
      );
      story.link.send(`<iq type='result' id='g' sfrom='juliet@localhost/Balcony' sto='${client.address}'/>`);
      await client.expect(`<iq type='result' id='g'/>`);
      expect((await ask(story, client, authSet('juliet'))).attribute('sto')).to.equal('localhost');
    }),
  );
});

describe('a registration', () => {
  it(
    'goes to the session manager and its answer back (register.txt)',
    told(async (story) => {
      const client = await story.client();
      const get = await ask(story, client, `<iq type='get' id='r1'><query xmlns='jabber:iq:register'/></iq>`);
      expect(get.attribute('sto')).to.equal('localhost');
      const fields = `<query xmlns='jabber:iq:register'><username/><password/><key>7dd85446</key></query></iq>`;
      story.link.send(`<iq type='result' id='r1' sfrom='localhost' sto='${client.address}'>${fields}`);
      await client.expectSource(`<iq type='result' id='r1'>${fields}`);
    }),
  );

  it(
    'is refused, and not offered, where it is off',
    told(
      async (story) => {
        const client = await story.connected();
        client.send(header());
        await client.header();
        await client.expect(
          `<stream:features><auth xmlns='http://jabber.org/features/iq-auth'/></stream:features>`,
        );
        client.send(`<iq type='get' id='r1'><query xmlns='jabber:iq:register'/></iq>`);
        const answer = await client.stanza();
        expect(answer.attribute('type')).to.equal('error');
        expect(answer.attribute('id')).to.equal('r1');
        client.send(authSet('juliet'));
        expect((await story.link.packet()).child('query')!.namespace).to.equal(AUTH);
      },
      { registration: false },
    ),
  );
});

describe('before login', () => {
  for (const stanza of [
    `<message to='juliet@localhost'><body>x</body></message>`,
    `<presence/>`,
    `<iq type='get' id='ro'><query xmlns='jabber:iq:roster'/></iq>`,
    `<iq type='result' id='ro'><query xmlns='jabber:iq:auth'/></iq>`,
    `<iq id='a'><query xmlns='jabber:iq:auth'><username>j</username><password>p</password><resource>r</resource></query></iq>`,
    `<message type='set'><query xmlns='jabber:iq:auth'/></message>`,
    `<handshake>x</handshake>`,
    `<route/>`,
    `<xdb type='get' sto='a@b/c' sfrom='d@e/f'/>`,
  ]) {
    it(
      `b.3 ends the stream with not-authorized for ${stanza}`,
      told(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const client = await story.client();
        client.send(stanza + authSet('juliet'));
        await client.expectError('not-authorized');
        expect(await story.gone(client)).to.equal('a stanza before login');
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'says so in words on a stream without a version',
    told(async (story) => {
      const client = await story.client('client', `to='localhost'`);
      client.send('<presence/>');
      await client.expectLegacyError('Not authorized: log in first');
    }),
  );

  it(
    'a login that does not come in time ends the stream',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      story.clock.install();
      const silent = await story.connected('silent');
      const idle = await story.client('idle');
      const asking = await story.asking('juliet');
      story.clock.advance(59_000);
      await story.expectQuiet(romeo);
      story.clock.advance(1_000);
      await silent.header();
      await silent.expectError('connection-timeout');
      await idle.expectError('connection-timeout');
      await asking.expectError('connection-timeout');
      story.clock.advance(1_000_000);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'one failed login more than the limit ends the stream',
    told(
      async (story) => {
        const client = await story.client();
        for (const last of [false, false, true]) {
          await ask(story, client, authSet('juliet'));
          story.link.send(story.refusal(client));
          await client.expect(REFUSED);
          if (!last)
            expect((await story.log.line(/^login failed/)).details).to.include({ username: 'juliet' });
        }
        await client.expectError('policy-violation');
        expect(await story.gone(client)).to.equal('too many failed logins');
      },
      { limits: { loginAttempts: 3 } },
    ),
  );

  it(
    'logins that we refuse ourselves count as failed ones',
    told(
      async (story) => {
        const client = await story.client();
        client.send(`<iq type='set' id='a'><query xmlns='${AUTH}'/></iq>`.repeat(50));
        for (let count = 0; count < 3; count += 1) {
          expect((await client.stanza()).attribute('type')).to.equal('error');
        }
        await client.expectError('policy-violation');
      },
      { limits: { loginAttempts: 3 } },
    ),
  );

  it(
    'a stanza over the limit for that time ends the stream, however it is cut',
    told(
      async (story) => {
        const client = await story.client();
        client.send(`<iq type='set' id='a'><query xmlns='${AUTH}'><username>${'x'.repeat(1100)}`);
        await client.expectError('policy-violation');
      },
      { limits: { loginStanzaBytes: 1024 } },
    ),
  );
});

describe('what a client sends behind its login', () => {
  it(
    'c.13 is held, and sent in order once the session is open',
    told(async (story) => {
      const juliet = await story.client();
      juliet.send(`${authSet('juliet')}<presence id='1'/><iq id='2'/>`);
      juliet.address = (await story.link.packet()).attribute('sfrom')!;
      juliet.session = 'juliet@localhost/Balcony';
      const romeo = await story.user('romeo', 'Orchard');
      juliet.send(`<message id='3'/><presence id='4'/>`);
      await story.expectQuiet(romeo);
      await story.accept(juliet);
      for (const [name, id] of [
        ['presence', 1],
        ['iq', 2],
        ['message', 3],
        ['presence', 4],
      ]) {
        await story.link.expect(`<${name} id='${id}' sfrom='${juliet.address}' sto='${juliet.session}'/>`);
      }
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'is taken for what it is when the login fails: a stanza before login',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.client();
      juliet.send(`${authSet('juliet')}<presence/>`);
      juliet.address = (await story.link.packet()).attribute('sfrom')!;
      story.link.send(story.refusal(juliet));
      await juliet.expect(REFUSED);
      await juliet.expectError('not-authorized');
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is closed in its turn: stanzas first, then the end of the session, and the closing tag is answered',
    told(async (story) => {
      const juliet = await story.client();
      juliet.send(
        `${authSet('juliet')}<message to='romeo@localhost'><body>bye</body></message></stream:stream>`,
      );
      juliet.address = (await story.link.packet()).attribute('sfrom')!;
      juliet.session = 'juliet@localhost/Balcony';
      await story.accept(juliet);
      await story.link.expect(
        `<message to='romeo@localhost' sfrom='${juliet.address}' sto='${juliet.session}'><body>bye</body></message>`,
      );
      await story.link.expect(
        `<message type='error' sto='${juliet.session}' sfrom='${juliet.address}'><error code='510'>Disconnected</error></message>`,
      );
      await juliet.expectClosed();
    }),
  );

  const halves: readonly (readonly [what: string, words: string, end: (client: Client) => Promise<void>])[] =
    [
      ['behind it', '</stream:stream>', (client) => client.expectClosed()],
      ['and not its stream', '', (client) => client.expectEnd()],
    ];
  for (const [what, words, end] of halves) {
    it(
      `is served as well when the client closes its half of the connection ${what}`,
      told(async (story) => {
        const juliet = await story.client();
        juliet.socket.end(`${authSet('juliet')}<message to='romeo@localhost'/>${words}`);
        juliet.address = (await story.link.packet()).attribute('sfrom')!;
        juliet.session = 'juliet@localhost/Balcony';
        const romeo = await story.user('romeo', 'Orchard');
        await story.expectQuiet(romeo);
        await story.accept(juliet);
        await story.link.expect(
          `<message to='romeo@localhost' sfrom='${juliet.address}' sto='${juliet.session}'/>`,
        );
        await story.link.expect(
          `<message type='error' sto='${juliet.session}' sfrom='${juliet.address}'><error code='510'>Disconnected</error></message>`,
        );
        await end(juliet);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'is closed without a login when that fails',
    told(async (story) => {
      const juliet = await story.client();
      juliet.send(`${authSet('juliet')}</stream:stream>`);
      juliet.address = (await story.link.packet()).attribute('sfrom')!;
      story.link.send(story.refusal(juliet));
      await juliet.expect(REFUSED);
      await juliet.expectClosed();
    }),
  );

  it(
    'is one login at a time: the second goes when the first is answered',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.client();
      juliet.send(authSet('juliet', 'One', 'a') + authSet('juliet', 'Two', 'b'));
      juliet.address = (await story.link.packet()).attribute('sfrom')!;
      await story.expectQuiet(romeo);
      story.link.send(`<iq type='error' id='a' sfrom='localhost' sto='${juliet.address}'/>`);
      await juliet.expect(`<iq type='error' id='a'/>`);
      const second = await story.link.packet();
      expect(second.attribute('id')).to.equal('b');
      expect(second.attribute('sto')).to.equal('localhost');
      story.link.send(`<iq type='result' id='b' sfrom='juliet@localhost/Two' sto='${juliet.address}'/>`);
      await juliet.expect(`<iq type='result' id='b'/>`);
    }),
  );

  it(
    'is a stanza of the session if it is another login behind one that succeeds (intree-auth-in-unknown-result)',
    told(async (story) => {
      const juliet = await story.client();
      juliet.send(authSet('juliet', 'Balcony', 'auth1') + authSet('juliet', 'Balcony2', 'x2'));
      juliet.address = (await story.link.packet()).attribute('sfrom')!;
      juliet.session = 'juliet@localhost/Balcony';
      await story.accept(juliet);
      const second = await story.link.packet();
      expect(second.attribute('sto')).to.equal(juliet.session);
      expect(second.attribute('id')).to.equal('x2');
    }),
  );

  it(
    'over the limit waits at the client, and nothing of it is lost',
    told(
      async (story) => {
        const juliet = await story.client();
        const message = (id: number): string =>
          `<message id='${id}'><body>${'x'.repeat(500)}</body></message>`;
        juliet.send(authSet('juliet'));
        juliet.address = (await story.link.packet()).attribute('sfrom')!;
        juliet.session = 'juliet@localhost/Balcony';
        const count = 20_000;
        let text = '';
        for (let id = 0; id < count; id += 1) text += message(id);
        // more than all buffers on the way can take: it can only be taken once the session is open
        const sent = juliet.sent(text);
        let taken = false;
        void sent.then(() => (taken = true));
        const romeo = await story.user('romeo', 'Orchard');
        for (let turn = 0; turn < 50; turn += 1) await story.expectQuiet(romeo);
        expect(taken, 'all of it was read').to.equal(false);
        expect(process.memoryUsage().arrayBuffers).to.be.below(200e6);
        await story.accept(juliet);
        for (let id = 0; id < count; id += 1) {
          const source = await story.link.source();
          if (!source.startsWith(`<message id='${id}'`)) expect(source).to.equal(`message ${id}`);
        }
        await sent;
        await story.expectQuiet(juliet);
      },
      { limits: { heldBytes: 2_000 } },
    ),
  ).timeout(20_000);
});
