/** The authenticated state: stanzas out, packets in, and what of either the other side must not see. [README.SM] [jabberd 1.1.2] */
import { expect } from 'chai';
import { authSet } from '../support/client.js';
import { told } from '../support/story.js';

describe('a stanza of a client that is logged in', () => {
  for (const stanza of [
    `<message to='romeo@localhost/Orchard' type='chat' id='m1'><body>hi</body></message>`,
    `<message to="romeo@localhost" from='nurse@localhost/x'><body>spoof</body></message>`,
    `<presence/>`,
    `<presence></presence>`,
    `<iq type='get' id='v' ><query xmlns="jabber:iq:version"/></iq>`,
    `<message><body>a &amp; b &lt; &#x1F600; &#65; \u{1f600} grüß € <![CDATA[<b>&]]>\r\n\t</body></message>`,
    `<message\n  to='a@b'\n  xml:lang="de"\n><x:y xmlns:x='urn:x' x:z="it's"/></message>`,
  ]) {
    it(
      `b.6 goes out with sfrom and sto, and not a byte changed: ${JSON.stringify(stanza)}`,
      told(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(stanza);
        const source = await story.link.source();
        const stamp = ` sfrom='${juliet.address}' sto='juliet@localhost/Balcony'`;
        expect(source).to.contain(stamp);
        expect(source.replace(stamp, '')).to.equal(stanza);
      }),
    );
  }

  for (const [place, stanza] of Object.entries({
    first: `<message sto='evil@localhost/x' sfrom='evil' to='a@b'/>`,
    last: `<message to='a@b' sfrom="evil" sto="evil@localhost/x"/>`,
    'on lines of their own': `<message\n\tsto\n=\n'evil@localhost/x'\n\tto='a@b'\n\tsfrom = "evil"\n/>`,
    'before the end of an open tag': `<message to='a@b' sto='evil@localhost/x' sfrom='evil'></message>`,
    'as references': `<message sto='&#101;vil@localhost/x' to='a@b' sfrom='&#x65;vil'/>`,
    'beyond ASCII': `<message sto='ävil@localhost/x' to='a@b' sfrom='\u{1f600}'/>`,
  })) {
    it(
      `c.10 has its own sto and sfrom taken away: ${place}`,
      told(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(stanza);
        const source = await story.link.source();
        expect(source).to.not.match(/evil|ävil|\u{1f600}|&#/u);
        expect(source.match(/sto/g)).to.have.length(1);
        expect(source.match(/sfrom/g)).to.have.length(1);
        expect(source).to.contain(`to='a@b'`);
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'keeps sto and sfrom inside of it, where they are nobody else’s business',
    told(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(`<message><x sto='a' sfrom='b'/><body>sto='c'</body></message>`);
      expect(await story.link.source()).to.contain(`<x sto='a' sfrom='b'/><body>sto='c'</body>`);
    }),
  );

  it(
    'has prefixes declared where it uses them and only the stream header declares them',
    told(async (story) => {
      const juliet = await story.client(
        'juliet',
        `to='localhost' version='1.0' xmlns:a='urn:a' xmlns:c="urn:'c"`,
      );
      juliet.send(
        `<iq type='set' id='auth1'><query xmlns='jabber:iq:auth'><username>juliet</username><password>p</password><resource>Balcony</resource></query></iq>`,
      );
      juliet.address = (await story.link.packet()).attribute('sfrom')!;
      juliet.session = 'juliet@localhost/Balcony';
      await story.accept(juliet);
      juliet.send(
        `<message><a:x b='1'/></message><message c:y='1'/><message><a:x xmlns:a='urn:other'/></message>`,
      );
      const addressing = `sfrom='${juliet.address}' sto='${juliet.session}'`;
      await story.link.expect(`<message xmlns:a='urn:a' ${addressing}><a:x b='1'/></message>`);
      await story.link.expect(`<message xmlns:c="urn:'c" c:y='1' ${addressing}/>`);
      await story.link.expect(`<message ${addressing}><a:x xmlns:a='urn:other'/></message>`);
    }),
  );

  it(
    'is in the language of its stream where it names none of its own [RFC6120 8.1.5]',
    told(async (story) => {
      const juliet = await story.client('juliet', `to='localhost' xml:lang='it'`);
      juliet.send(authSet('juliet'));
      juliet.address = (await story.link.packet()).attribute('sfrom')!;
      juliet.session = 'juliet@localhost/Balcony';
      await story.accept(juliet);
      juliet.send(
        `<message to='a@b'><body>ciao</body></message><message xml:lang='de'/><message xml:lang=''/>`,
      );
      const addressing = `sfrom='${juliet.address}' sto='${juliet.session}'`;
      await story.link.expect(`<message to='a@b' xml:lang='it' ${addressing}><body>ciao</body></message>`);
      await story.link.expect(`<message xml:lang='de' ${addressing}/>`);
      await story.link.expect(`<message xml:lang='' ${addressing}/>`);
    }),
  );

  for (const [what, namespace] of Object.entries({
    'a blank, with which jabberd 1.6 ends namespaces': 'a b',
    'a bar, with which jabberd2 ends namespaces': 'a|b',
  })) {
    it(
      `stays here, and costs nobody anything, where it has a namespace with ${what}`,
      told(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        juliet.send(
          `<message to='romeo@localhost' id='m1'><x xmlns='${namespace}'/></message>` +
            `<message type='error'><p:x xmlns:p='${namespace}'/></message>` +
            `<iq type='result' id='i1'><x xmlns='${namespace}'/></iq>`,
        );
        const refusal = await juliet.stanza();
        expect(refusal.attribute('id')).to.equal('m1');
        expect(refusal.child('error')?.child('not-acceptable')).to.exist;
        await story.expectQuiet(juliet);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'that is the login may not have a namespace that is no URI either',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.client('juliet');
      juliet.send(authSet('juliet').replace('</query>', `<x xmlns='a b'/></query>`));
      expect((await juliet.stanza()).child('error')?.child('not-acceptable')).to.exist;
      await story.expectQuiet(romeo);
      juliet.send(authSet('juliet'));
      expect((await story.link.packet()).name).to.equal('iq');
    }),
  );

  for (const stanza of [
    `<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`,
    `<stream:features/>`,
    `<stream:stream/>`,
    `<j:message xmlns:j='jabber:client'/>`,
    `<x:handshake xmlns:x='jabber:component:accept'/>`,
  ]) {
    it(
      `never reaches the link with a prefix, and ends the stream: ${stanza}`,
      told(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        juliet.send(`${stanza}<presence/>`);
        await story.link.expect(
          `<message type='error' sto='${juliet.session}' sfrom='${juliet.address}'><error code='510'>Disconnected</error></message>`,
        );
        await story.gone(juliet);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'that says it is a 510, with addresses of its own choice, ends nothing: it goes on as another error',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      juliet.send(
        `<message type='error' sto='${romeo.session}' sfrom='${romeo.address}'><error code='510'>Disconnected</error></message>`,
      );
      await story.link.expect(
        `<message type='error' sto='${juliet.session}' sfrom='${juliet.address}'><error code='503'>Disconnected</error></message>`,
      );
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'leaves with all others of its turn in one write',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const before = story.link.reads;
      juliet.send(`<presence/>`.repeat(200));
      for (let count = 0; count < 200; count += 1) await story.link.source();
      expect(story.link.reads - before).to.be.at.most(2);
    }),
  );
});

describe('a packet for a client that is logged in', () => {
  for (const [what, tag] of Object.entries({
    'at the end': (to: string) => `<message from='a@b' type='chat' sto='${to}' sfrom='juliet@localhost'>`,
    'at the beginning': (to: string) =>
      `<message sfrom='juliet@localhost' sto='${to}' from='a@b' type='chat'>`,
    'in other quotes': (to: string) =>
      `<message from='a@b' sfrom="juliet@localhost" sto="${to}" type='chat'>`,
  })) {
    it(
      `b.5 b.7 is delivered without sto and sfrom, and not a byte of it changed: ${what}`,
      told(async (story) => {
        const juliet = await story.user('juliet');
        const content = `<body>a &amp; b \u{1f600} &#x41; grüß € <![CDATA[<b>]]></body><x xmlns='jabber:x:delay' sto='kept'/></message>`;
        story.link.send(tag(juliet.address) + content);
        await juliet.expectSource(`<message from='a@b' type='chat'>${content}`);
      }),
    );
  }

  it(
    'c.1 goes by sto alone: to and from mean nothing to us',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      story.link.send(
        `<message to='romeo@localhost/Orchard' sto='${juliet.address}' sfrom='juliet@localhost'/>`,
      );
      await juliet.expect(`<message to='romeo@localhost/Orchard'/>`);
      story.link.send(`<message to='${juliet.address}' from='romeo@localhost' id='lost'/>`);
      await story.expectQuiet(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'reaches the client in the order it was sent, and with all others of its turn in one write',
    told(async (story) => {
      const juliet = await story.user('juliet');
      let packets = '';
      for (let id = 0; id < 200; id += 1) {
        packets += `<message id='${id}' sto='${juliet.address}' sfrom='juliet@localhost'/>`;
      }
      const before = juliet.reads;
      story.link.send(packets);
      for (let id = 0; id < 200; id += 1) await juliet.expectSource(`<message id='${id}'/>`);
      expect(juliet.reads - before).to.be.at.most(2);
    }),
  );

  it(
    'may be large (component-big)',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const body = `<body>${'x'.repeat(300_000)}</body></message>`;
      story.link.send(`<message sto='${juliet.address}' sfrom='juliet@localhost'>${body}`);
      await juliet.expectSource(`<message>${body}`);
    }),
  );

  it(
    'may come cut in any place, with white space between (component-whitespace)',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const packet = `  \n\t <message sto='${juliet.address}' sfrom='juliet@localhost'><body>\u{1f600}é</body></message> \n`;
      await story.link.drip(packet);
      await juliet.expectSource(`<message><body>\u{1f600}é</body></message>`);
    }),
  );

  it(
    'with an attribute of a hundred kilobytes is nothing special, nor is its way back',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const long = 'y'.repeat(100_000);
      story.link.send(
        `<message type='error' a='${long}' sto='${juliet.address}' sfrom='juliet@localhost'><error code='404'/></message>`,
      );
      await juliet.expect(`<message type='error' a='${long}'><error code='404'/></message>`);
      story.link.send(
        `<message type='chat' a='${long}' sto='9@foo-sockets/x' sfrom='juliet@localhost'><body b='${long}'/></message>`,
      );
      expect(await story.link.source()).to.contain(long);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'gets a space now and then on a quiet stream, where that is wanted',
    told(
      async (story) => {
        const juliet = await story.user('juliet');
        await new Promise((resolve) => juliet.socket.once('data', resolve));
        expect(juliet.received.endsWith(' ')).to.equal(true);
        await story.expectQuiet(juliet);
      },
      { keepalive: { whitespace: 1 } },
    ),
  );
});
