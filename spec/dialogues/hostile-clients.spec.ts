/** Whatever one client sends, the link and the other clients live on. */
import { expect } from 'chai';
import { parse } from '../../lib/xml/index.js';
import { authSet, header, type Client } from '../support/client.js';
import { ended, told, type Story } from '../support/story.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** mulberry32: the same numbers at every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const random = seeded(20000927);
const garbage = Buffer.from(Array.from({ length: 5000 }, () => Math.floor(random() * 256)));

/** Sends a piece again and again until the stream is ended; says how much was sent. */
async function flood(client: Client, piece: string): Promise<number> {
  let sent = 0;
  let over = false;
  client.socket.on('data', () => (over = true));
  void client.over.then(() => (over = true));
  while (!over && sent < 1e9) {
    await client.sent(piece);
    sent += piece.length;
    await turn();
  }
  return sent;
}

const attacks: Record<string, (client: Client) => Promise<unknown> | void> = {
  'a stanza of a gigabyte': async (client) => {
    client.send('<message><body>');
    expect(await flood(client, 'x'.repeat(65_536))).to.be.below(20e6);
  },
  'a tag that never ends': async (client) => {
    client.send('<message ');
    expect(await flood(client, `a${'b'.repeat(65_536)}`)).to.be.below(20e6);
  },
  'an attribute that never ends': async (client) => {
    client.send(`<message a='`);
    expect(await flood(client, 'x'.repeat(65_536))).to.be.below(20e6);
  },
  'ten thousand attributes': (client) => {
    let tag = '<message';
    for (let count = 0; count < 10_000; count += 1) tag += ` a${count}=''`;
    client.send(`${tag}/>`);
  },
  'ten thousand elements inside each other': (client) => client.send('<a>'.repeat(10_000)),
  'a closing tag of nothing': (client) => client.send('</message>'),
  'binary garbage': (client) => client.send(garbage),
  'NUL bytes': (client) => client.send(Buffer.alloc(1000)),
  'a NUL in a body': (client) => client.send('<message><body>\0</body></message>'),
  'half a character': (client) =>
    client.send(Buffer.from('<message><body>\xe2\x82</body></message>', 'latin1')),
  'a surrogate': (client) =>
    client.send(Buffer.from('<message><body>\xed\xa0\x80</body></message>', 'latin1')),
  'a billion laughs': (client) =>
    client.send(`<!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;&b;&b;">]><message>&c;</message>`),
  'an entity nobody declared': (client) => client.send('<message><body>&nbsp;</body></message>'),
  'a prefix nobody declared': (client) => client.send('<message><x:y/></message>'),
  'an attribute twice': (client) => client.send(`<message a='1' a='2'/>`),
  'a processing instruction': (client) => client.send('<?php exit ?>'),
  'a comment': (client) => client.send('<!-- x -->'),
  'a second header': (client) => client.send(header()),
  'text between stanzas': (client) => client.send('hello'),
  'the end of a CDATA section in text': (client) => client.send('<message><body>]]></body></message>'),
  'a hello of TLS': (client) => client.send(Buffer.from('16030100a5010000a10303'.padEnd(340, '5f'), 'hex')),
  HTTP: (client) => client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  'a reset in the middle of a stanza': async (client) => {
    await client.sent('<message to="a@b"><body>xx');
    await turn();
    await client.reset();
  },
  'a half-close in the middle of a stanza': async (client) => {
    client.socket.end('<message to="a@b"><body>xx');
    await client.over;
  },
};

describe('hostile clients before they have a stream', () => {
  for (const [what, attack] of Object.entries(attacks)) {
    if (what === 'a second header') continue;
    it(
      `harm nobody with ${what}`,
      told(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const client = await story.connected();
        await attack(client);
        await story.gone(client);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'harm nobody by leaving anywhere in the header, in each way there is',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const text = header();
      for (let cut = 0; cut < text.length; cut += 3) {
        const client = await story.connected();
        if (cut > 0) await client.sent(text.slice(0, cut));
        if (cut % 2 === 0) await turn();
        if (cut % 3 === 0) await client.reset();
        else if (cut % 3 === 1) await client.drop();
        else client.socket.end();
        await story.gone(client);
      }
      await story.expectQuiet(romeo);
    }),
  );
});

describe('hostile clients before login', () => {
  for (const [what, attack] of Object.entries(attacks)) {
    it(
      `harm nobody with ${what}`,
      told(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const client = await story.client();
        await attack(client);
        await story.gone(client);
        await story.expectQuiet(romeo);
      }),
    );
  }
});

describe('hostile clients after login', () => {
  for (const [what, attack] of Object.entries(attacks)) {
    it(
      `harm nobody with ${what}`,
      told(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const client = await story.user('mallory');
        await attack(client);
        await story.link.expect(ended(client.address, client.session));
        await story.gone(client);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'are told what was over the limit',
    told(async (story) => {
      for (const text of ['<a>'.repeat(100), `<message>${'x'.repeat(300_000)}`]) {
        const client = await story.user('mallory');
        client.send(text);
        await client.expectError('policy-violation');
        await story.link.expect(ended(client.address, client.session));
      }
    }),
  );
});

describe('internal error', () => {
  it(
    'costs nobody else anything, and is in the log',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      story.server.once('login', () => {
        throw new Error('a listener of somebody else');
      });
      const juliet = await story.asking('juliet');
      story.link.send(story.result(juliet));
      expect((await story.log.line(/^internal error/)).details['error']).to.contain('somebody else');
      await story.expectQuiet(romeo);
    }),
  );
});

describe('a login and a message', () => {
  const text =
    header() +
    authSet('juliet') +
    `<message to='romeo@localhost' xml:lang='de'><body>gr\u00fc\u00df &amp; \u{1f600}</body></message></stream:stream>`;

  async function play(story: Story, client: Client): Promise<void> {
    client.address = (await story.link.packet()).attribute('sfrom')!;
    client.session = 'juliet@localhost/Balcony';
    story.link.send(story.result(client));
    await story.link.expect(
      `<message to='romeo@localhost' xml:lang='de' sfrom='${client.address}' sto='${client.session}'>` +
        `<body>gr\u00fc\u00df &amp; \u{1f600}</body></message>`,
    );
    await story.link.expect(ended(client.address, client.session));
    await client.header();
    await client.source();
    await client.expect(`<iq type='result' id='auth1'/>`);
    await client.expectClosed();
  }

  it(
    'are the same wherever they are cut',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const bytes = Buffer.from(text);
      for (let cut = 1; cut < bytes.length; cut += 1) {
        const client = await story.connected();
        await client.sent(bytes.subarray(0, cut));
        await turn();
        await turn();
        client.send(bytes.subarray(cut));
        await play(story, client);
      }
      await story.expectQuiet(romeo);
    }),
  ).timeout(20_000);

  it(
    'are the same when each byte is a write of its own',
    told(async (story) => {
      const client = await story.connected();
      for (const byte of Buffer.from(text)) {
        await client.sent(Buffer.from([byte]));
        await turn();
      }
      await play(story, client);
    }),
  );

  it(
    'never break the link, whatever is changed in them',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const bytes = Buffer.from(text);
      const dice = seeded(1602);
      const { stanza } = { stanza: (id: string) => `<iq type='get' id='${id}'/>` };
      for (let round = 0; round < 300; round += 1) {
        const changed = Buffer.from(bytes);
        for (let changes = 0; changes < 1 + dice() * 3; changes += 1) {
          const at = Math.floor(dice() * changed.length);
          changed[at] =
            dice() < 0.5 ? Math.floor(dice() * 256) : `<>/='"&;: \0x`.charCodeAt(Math.floor(dice() * 13));
        }
        const client = await story.connected();
        client.socket.end(changed);
        await client.over;
        romeo.send(stanza(`round-${round}`));
        for (;;) {
          const packet = parse(await story.link.source());
          expect(packet.name).to.not.equal('unreadable');
          expect(packet.attribute('sfrom')).to.match(/^\d+@foo-sockets\/\w+$/);
          if (packet.attribute('id') === `round-${round}`) break;
        }
      }
      await story.expectQuiet(romeo);
    }),
  ).timeout(10_000);
});
