/** The 510 "Disconnected": when one is sent, what one is, and how a packet goes back. [README.SM 510] [jabberd 1.1.2] */
import { expect } from 'chai';
import type { Client } from '../support/client.js';
import { ended, told, type Story } from '../support/story.js';

async function leave(story: Story, client: Client): Promise<void> {
  await client.drop();
  await story.link.expect(ended(client.address, client.session));
  story.link.send(ended(client.session, client.address));
}

describe('a client that leaves', () => {
  const ways: Record<string, [(client: Client) => Promise<unknown> | void, string]> = {
    'closes its stream': [(client) => client.send('</stream:stream>'), 'closed by the client'],
    'closes the connection without a word': [
      (client) => client.drop(),
      'disconnected without closing the stream',
    ],
    'half-closes the connection': [
      (client) => void client.socket.end(),
      'disconnected without closing the stream',
    ],
    'breaks the connection': [(client) => client.reset(), 'connection lost: ECONNRESET'],
    'closes its stream and the connection at once': [
      (client) => void client.socket.end('</stream:stream>'),
      'closed by the client',
    ],
  };
  for (const [way, [go, reason]] of Object.entries(ways)) {
    it(
      `is reported by exactly one 510, and the echo of it is ignored, when it ${way}`,
      told(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        await go(juliet);
        await story.link.expectSource(
          `<message type='error' sto='juliet@localhost/Balcony' sfrom='${juliet.address}'>` +
            `<error code='510'>Disconnected</error></message>`,
        );
        story.link.send(ended(juliet.session, juliet.address));
        expect(await story.gone(juliet)).to.equal(reason);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'has its closing tag answered',
    told(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send('</stream:stream>');
      await juliet.expectClosed();
    }),
  );

  it(
    'has what it said before it left sent first, and the 510 last',
    told(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(`<presence type='unavailable'/></stream:stream>`);
      await story.link.expect(
        `<presence type='unavailable' sfrom='${juliet.address}' sto='${juliet.session}'/>`,
      );
      await story.link.expect(ended(juliet.address, juliet.session));
    }),
  );

  it(
    'is reported by one 510 when it is sent away for malformed XML, and told why',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      juliet.send('<iq><foo></iq>');
      await story.link.expect(ended(juliet.address, juliet.session));
      await juliet.expectError('not-well-formed');
      await story.gone(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is not reported before it has logged in',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const client = await story.client();
      await client.drop();
      await story.gone(client);
      await story.expectQuiet(romeo);
    }),
  );
});

describe('a 510 from the session manager', () => {
  it(
    'c.4 c.5 ends the session: the client is told, and nothing is sent back',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      story.link.send(ended(juliet.session, juliet.address));
      await juliet.expectError('undefined-condition');
      expect(await story.gone(juliet)).to.equal('ended by the session manager');
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is told as "Disconnected" on a stream without a version',
    told(async (story) => {
      const juliet = await story.client('juliet', `to='localhost'`);
      juliet.send(
        `<iq type='set' id='auth1'><query xmlns='jabber:iq:auth'><username>juliet</username><password>p</password>` +
          `<resource>Balcony</resource></query></iq>`,
      );
      juliet.address = (await story.link.packet()).attribute('sfrom')!;
      juliet.session = 'juliet@localhost/Balcony';
      await story.accept(juliet);
      story.link.send(ended(juliet.session, juliet.address));
      await juliet.expectLegacyError('Disconnected');
    }),
  );

  it(
    'c.4 leaves nothing that the client still says on the link',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      story.link.send(ended(juliet.session, juliet.address));
      juliet.send(`<presence/>`);
      await juliet.expectError('undefined-condition');
      juliet.send(`<presence/></stream:stream>`);
      await story.gone(juliet);
      const { link } = story;
      link.send(ended(juliet.session, juliet.address));
      // what it said before it could know may have been first
      romeo.send(`<presence/>`);
      const arrivals = [await link.source()];
      if (!arrivals[0].includes(romeo.address)) arrivals.push(await link.source());
      expect(arrivals.join('')).to.not.contain(`code='510'`);
      await story.expectQuiet(romeo);
    }),
  );

  for (const [form, packet] of Object.entries({
    'a presence': (from: string, to: string) =>
      `<presence type='error' sto='${to}' sfrom='${from}'><error code='510'>x</error></presence>`,
    'an iq with another text': (from: string, to: string) =>
      `<iq type='error' sto='${to}' sfrom='${from}'><query xmlns='q'/><error code='510' type='get'>whatever</error></iq>`,
    'a message with to and from': (from: string, to: string) =>
      `<message to='a@b' from='c@d' type="error" sfrom="${from}" sto="${to}"><body/><error code="510"/></message>`,
  })) {
    it(
      `is one whatever element it is on: ${form}`,
      told(async (story) => {
        const juliet = await story.user('juliet');
        story.link.send(packet(juliet.session, juliet.address));
        await juliet.expectError('undefined-condition');
      }),
    );
  }

  it(
    'c.1 is one with the host in other case than the auth result had it',
    told(async (story) => {
      const juliet = await story.asking('juliet');
      juliet.session = 'juliet@LOCALHOST/Balcony';
      await story.accept(juliet);
      story.link.send(ended('juliet@localhost/Balcony', juliet.address));
      await juliet.expectError('undefined-condition');
    }),
  );

  it(
    'b.8 c.6 is a message like others when a user planted it: it comes from the bare address',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const planted =
        `<message to='juliet@localhost/Balcony' type='error' from='mallory@localhost/x'>` +
        `<error code='510'>Disconnected</error></message>`;
      story.link.send(planted.replace(' type=', ` sto='${juliet.address}' sfrom='juliet@localhost' type=`));
      await juliet.expectSource(planted);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'c.6 is a message like others without the type "error", even from the full address',
    told(async (story) => {
      const juliet = await story.user('juliet');
      story.link.send(
        `<message sto='${juliet.address}' sfrom='${juliet.session}'><error code='510'>Disconnected</error></message>`,
      );
      await juliet.expect(`<message><error code='510'>Disconnected</error></message>`);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'c.6 is a message like others with another code, or deeper inside',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const inner = [`<error code='511'/>`, `<x><error code='510'/></x>`, `<error>510</error>`];
      for (const content of inner) {
        story.link.send(
          `<message type='error' sto='${juliet.address}' sfrom='${juliet.session}'>${content}</message>`,
        );
        await juliet.expect(`<message type='error'>${content}</message>`);
      }
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'c.5 is ignored for an address that nobody has',
    told(async (story) => {
      const juliet = await story.user('juliet');
      story.link.send(ended(juliet.session, '99@foo-sockets/none'));
      story.link.send(ended('juliet@localhost', '99@foo-sockets/none'));
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'c.14 in the unknown state says that the host is not served',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.asking('juliet');
      story.link.send(
        `<iq type='error' id='auth1' sfrom='localhost' sto='${juliet.address}'><query xmlns='jabber:iq:auth'/>` +
          `<error code='510' type='set'>Server Configuration Error</error></iq>`,
      );
      await juliet.expectError('host-unknown');
      await story.gone(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'c.6 in the unknown state is not believed from another name than the host asked for',
    told(async (story) => {
      const juliet = await story.asking('juliet');
      story.link.send(ended('elsewhere', juliet.address) + ended('juliet@elsewhere/x', juliet.address));
      await story.accept(juliet);
      await story.expectQuiet(juliet);
    }),
  );
});

describe('a packet for a client that is gone', () => {
  const forms: Record<string, [packet: string, bounce: string]> = {
    'a typed message': [
      `<message to='juliet@localhost/Balcony' type='chat' id='m1' from='romeo@localhost/Orchard' STO SFROM><body>typed</body></message>`,
      `<message to='juliet@localhost/Balcony' type='error' id='m1' from='romeo@localhost/Orchard' STO SFROM><body>typed</body><error code='510' type='chat'>Disconnected</error></message>`,
    ],
    'a message without a type, which would be lost without "normal"': [
      `<message to='juliet@localhost/Balcony' id='m3' from='romeo@localhost/Orchard' STO SFROM><body>untyped</body></message>`,
      `<message to='juliet@localhost/Balcony' type='error' id='m3' from='romeo@localhost/Orchard' STO SFROM><body>untyped</body><error code='510' type='normal'>Disconnected</error></message>`,
    ],
    'an iq': [
      `<iq to='juliet@localhost/Balcony' type='get' id='q1' from='romeo@localhost/Orchard' STO SFROM><query xmlns='jabber:iq:version'/></iq>`,
      `<iq to='juliet@localhost/Balcony' type='error' id='q1' from='romeo@localhost/Orchard' STO SFROM><query xmlns='jabber:iq:version'/><error code='510' type='get'>Disconnected</error></iq>`,
    ],
    'a presence': [
      `<presence type='unavailable' from='romeo@localhost/Orchard' to='juliet@localhost' STO SFROM><status>bye</status></presence>`,
      `<presence type='error' from='romeo@localhost/Orchard' to='juliet@localhost' STO SFROM><status>bye</status><error code='510' type='unavailable'>Disconnected</error></presence>`,
    ],
    'a roster push, which has neither to nor from': [
      `<iq type='set' STO SFROM><query xmlns='jabber:iq:roster'><item jid='a@b'/></query></iq>`,
      `<iq type='error' STO SFROM><query xmlns='jabber:iq:roster'><item jid='a@b'/></query><error code='510' type='set'>Disconnected</error></iq>`,
    ],
    'a message with all that XML can hold': [
      `<message type='chat' from='a&apos;b@c/&lt;d&gt;' STO SFROM xml:lang='de'> <body>a&amp;&lt;b&gt; \u{1f600} &#x1F600;<![CDATA[<raw/>]]>\n</body><x:y xmlns:x='urn:x' x:z="it's"/></message>`,
      `<message type='error' from='a&apos;b@c/&lt;d&gt;' STO SFROM xml:lang='de'> <body>a&amp;&lt;b&gt; \u{1f600} \u{1f600}&lt;raw/&gt;\n</body><x:y xmlns:x='urn:x' x:z='it&apos;s'/><error code='510' type='chat'>Disconnected</error></message>`,
    ],
  };
  for (const [form, [packet, bounce]] of Object.entries(forms)) {
    it(
      `b.12 c.7 c.9 goes back whole, to the address it came from: ${form}`,
      told(async (story) => {
        const juliet = await story.user('juliet');
        await leave(story, juliet);
        const write = (text: string, sto: string, sfrom: string): string =>
          text.replace('STO', `sto='${sto}'`).replace('SFROM', `sfrom='${sfrom}'`);
        story.link.send(write(packet, juliet.address, 'juliet@localhost'));
        await story.link.expect(write(bounce, 'juliet@localhost', juliet.address));
      }),
    );
  }

  it(
    'keeps references in attributes and text that only references can write',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await leave(story, juliet);
      story.link.send(
        `<message type='chat' sto='${juliet.address}' sfrom='juliet@localhost' a='1&#10;2&#9;3&#13;4'><body>5&#13;6</body></message>`,
      );
      const source = await story.link.source();
      expect(source).to.match(/a='1&#(10|xA);2&#(9|x9);3&#(13|xD);4'/i);
      expect(source).to.match(/<body>5&#(13|xD);6<\/body>/i);
    }),
  );

  it(
    'is never answered when it is an error itself: no error answers an error',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      await leave(story, juliet);
      for (const name of ['message', 'iq', 'presence']) {
        story.link.send(
          `<${name} type='error' sto='${juliet.address}' sfrom='juliet@localhost'><error code='404'>Not Found</error></${name}>`,
        );
      }
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'c.7 goes back behind the end of the session, in order, when it came with the close',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await juliet.reset();
      const message = (id: number): string =>
        `<message type='chat' id='${id}' sto='${juliet.address}' sfrom='juliet@localhost'><body>x</body></message>`;
      story.link.send([1, 2, 3, 4, 5].map(message).join(''));
      await story.link.expect(ended(juliet.address, juliet.session));
      for (const id of [1, 2, 3, 4, 5]) {
        await story.link.expect(
          `<message type='error' id='${id}' sto='juliet@localhost' sfrom='${juliet.address}'><body>x</body>` +
            `<error code='510' type='chat'>Disconnected</error></message>`,
        );
      }
    }),
  );

  it(
    'c.8 does not go back for ever when the session manager never heard of the end',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await juliet.drop();
      await story.link.packet();
      // the 510 is lost with the link; jabberd delivers what comes back to the same session again (bounce-loop)
      const again =
        `<message to='juliet@localhost/Balcony' from='romeo@localhost/Orchard' type='chat' sto='${juliet.address}'` +
        ` sfrom='juliet@localhost'><body>x</body></message>`;
      for (let round = 1; ; round += 1) {
        expect(round, 'rounds of the same message').to.be.below(1500);
        story.link.send(again);
        const packet = await story.link.source();
        if (packet.includes(`sto='juliet@localhost/Balcony'`)) return;
      }
    }),
  );
});

describe('a packet for an address of an earlier life of the program', () => {
  const zombie = '12@foo-sockets/8A0001';
  const message =
    `<message to='juliet@localhost/Balcony' from='romeo@localhost/Orchard' type='chat' id='m' sto='${zombie}'` +
    ` sfrom='juliet@localhost'><body>x</body></message>`;
  const bounce =
    `<message to='juliet@localhost/Balcony' from='romeo@localhost/Orchard' type='error' id='m' sto='juliet@localhost'` +
    ` sfrom='${zombie}'><body>x</body><error code='510' type='chat'>Disconnected</error></message>`;

  it(
    'c.8 has its session ended first, once, and goes back then, with all that waits behind it',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const ids = Array.from({ length: 200 }, (_, id) => `id='m${id}'`);
      story.link.send(ids.map((id) => message.replace(`id='m'`, id)).join(''));
      await story.link.expect(ended(zombie, 'juliet@localhost/Balcony'));
      for (const id of ids) await story.link.expect(bounce.replace(`id='m'`, id));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'c.8 does not go round for ever where nothing tells its session (bounce-loop): its sender is told',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const bare = (text: string): string =>
        text.replace(`to='juliet@localhost/Balcony'`, `to='juliet@localhost'`);
      const round = ['1', '2', '3', '4', '5'].map((id) => bare(message).replace(`id='m'`, `id='${id}'`));
      for (let times = 0; times < 3; times += 1) {
        story.link.send(round.join(''));
        for (const id of ['1', '2', '3', '4', '5'])
          await story.link.expect(bare(bounce).replace(`id='m'`, `id='${id}'`));
      }
      story.link.send(round.join(''));
      for (const id of ['1', '2', '3', '4', '5']) {
        await story.link.expect(
          `<message to='romeo@localhost/Orchard' from='juliet@localhost' type='error' id='${id}'><body>x</body>` +
            `<error code='503'>Service Unavailable</error></message>`,
        );
      }
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'c.8 is refused where it comes on and on although its session was ended, and its sender is told',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      story.link.send(message.repeat(120));
      await story.link.expect(ended(zombie, 'juliet@localhost/Balcony'));
      for (let back = 0; back < 100; back += 1) await story.link.expect(bounce);
      for (let refused = 0; refused < 20; refused += 1) {
        await story.link.expect(
          `<message to='romeo@localhost/Orchard' from='juliet@localhost/Balcony' type='error' id='m'><body>x</body>` +
            `<error code='503'>Service Unavailable</error></message>`,
        );
      }
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'c.8 does not end the session of a client that has that address now',
    told(async (story) => {
      const juliet = await story.user('juliet');
      story.link.send(message);
      await story.link.expect(bounce);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'c.8 does not end the session that a login under way is about to have',
    told(async (story) => {
      const juliet = await story.asking('juliet');
      story.link.send(message);
      await story.link.expect(bounce);
      await story.accept(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'just goes back where it does not tell its session',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      story.link.send(
        `<presence from='romeo@localhost/Orchard' to='juliet@localhost' sto='${zombie}' sfrom='juliet@localhost'/>`,
      );
      await story.link.expect(
        `<presence type='error' from='romeo@localhost/Orchard' to='juliet@localhost' sto='juliet@localhost'` +
          ` sfrom='${zombie}'><error code='510' type='normal'>Disconnected</error></presence>`,
      );
      await story.expectQuiet(romeo);
    }),
  );
});
