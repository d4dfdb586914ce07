/** How a client's stream begins and ends: headers, features, stream errors. [RFC6120 4] [XEP-0078] [jabberd 1.1.2] */
import { expect } from 'chai';
import { FEATURES, header } from '../support/client.js';
import { told } from '../support/story.js';

const STREAMS = 'http://etherx.jabber.org/streams';

describe("a client's stream header", () => {
  it(
    'without a version is answered without version and features, the host verbatim and an id',
    told(async (story) => {
      const client = await story.connected();
      client.send(header(`to='localhost'`));
      const answer = await client.header();
      expect([...answer.attributes().keys()]).to.have.members(['xmlns:stream', 'id', 'xmlns', 'from']);
      expect(answer.attribute('from')).to.equal('localhost');
      expect(answer.attribute('xmlns')).to.equal('jabber:client');
      expect(answer.attribute('xmlns:stream')).to.equal(STREAMS);
      client.send(`<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>`);
      const { attributes } = await story.link.packet();
      story.link.send(`<iq type='result' id='r' sfrom='localhost' sto='${attributes.get('sfrom')}'/>`);
      await client.expect(`<iq type='result' id='r'/>`);
    }),
  );

  it(
    'with version 1.0 is answered with version and features, in one read',
    told(async (story) => {
      const client = await story.connected();
      client.send(header());
      const answer = await client.header();
      await client.expect(FEATURES);
      expect(answer.attribute('version')).to.equal('1.0');
      expect(client.reads).to.equal(1);
    }),
  );

  it(
    'has an answer with an id that cannot be guessed, another for each stream, and short enough for old digests [jabberd 1.4.3 sha.c]',
    told(async (story) => {
      const ids = new Set<string>();
      for (let count = 0; count < 5; count += 1) {
        const client = await story.connected();
        const id = (await client.open()).attribute('id')!;
        expect(id).to.match(/^[\w-]{16}$/);
        ids.add(id);
      }
      expect(ids.size).to.equal(5);
    }),
  );

  for (const [version, answered] of [
    ['0.9', undefined],
    ['1.1', '1.0'],
    ['2.0', '1.0'],
  ] as const) {
    it(
      `with version ${version} is answered with ${answered ?? 'none'}`,
      told(async (story) => {
        const client = await story.connected();
        const answer = await client.open(`to='localhost' version='${version}'`);
        expect(answer.attribute('version')).to.equal(answered);
      }),
    );
  }

  it(
    'with a version that is none is refused',
    told(async (story) => {
      const client = await story.connected();
      client.send(header(`to='localhost' version='new'`));
      await client.header();
      await client.expectError('unsupported-version');
    }),
  );

  it(
    'with another prefix for the stream namespace is as good as any',
    told(async (story) => {
      const client = await story.connected();
      client.send(`<s:stream xmlns='jabber:client' xmlns:s='${STREAMS}' to='localhost' version='1.0'>`);
      await client.header();
      await client.expect(FEATURES);
      client.send('</s:stream>');
      await client.expectClosed();
    }),
  );

  it(
    'with a declaration, other quotes and white space is as good as any',
    told(async (story) => {
      const client = await story.connected();
      client.send(
        `<?xml version="1.0" encoding="UTF-8"?>\n<stream:stream\n\tto="localhost" xmlns="jabber:client"` +
          ` xmlns:stream="${STREAMS}" version="1.0" xml:lang="en" from="localhost" >`,
      );
      await client.header();
      await client.expect(FEATURES);
    }),
  );

  it(
    'takes the host in any case',
    told(async (story) => {
      const client = await story.client('client', `to='LOCALHOST' version='1.0'`);
      client.send(`<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>`);
      expect((await story.link.packet()).attribute('sto')).to.equal('localhost');
    }),
  );

  it(
    'without a host is for the first one',
    told(
      async (story) => {
        const client = await story.connected();
        const answer = await client.open(`version='1.0'`);
        expect(answer.attribute('from')).to.equal('first.example');
        client.send(`<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>`);
        expect((await story.link.packet()).attribute('sto')).to.equal('first.example');
      },
      { domains: ['first.example', 'second.example'] },
    ),
  );

  it(
    'may name any of the hosts',
    told(
      async (story) => {
        const client = await story.connected();
        expect((await client.open(`to='second.example'`)).attribute('from')).to.equal('second.example');
      },
      { domains: ['first.example', 'second.example'] },
    ),
  );

  it(
    'without a host is refused where none is known: packets would be lost without an answer (intree-no-to)',
    told(
      async (story) => {
        const client = await story.connected();
        client.send(header(`version='1.0'`));
        await client.header();
        const error = await client.stanza();
        expect(error.name).to.equal('stream:error');
        await client.expectClosingTag();
        await client.expectEnd();
      },
      { domains: [] },
    ),
  );

  it(
    'with any host is passed on where none is known',
    told(
      async (story) => {
        const client = await story.client('client', `to='any.example' version='1.0'`);
        client.send(`<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>`);
        expect((await story.link.packet()).attribute('sto')).to.equal('any.example');
      },
      { domains: [] },
    ),
  );

  for (const to of [
    'victim@localhost/home',
    'victim@localhost',
    'localhost/home',
    'a b',
    '',
    'x&apos;y',
    '@localhost',
  ]) {
    it(
      `with "${to}" for a host is refused: it would make requests somebody's own`,
      told(
        async (story) => {
          const client = await story.connected();
          client.send(header(`to='${to}' version='1.0'`));
          client.send(
            `<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>victim</username><password>n</password></query></iq>`,
          );
          await client.header();
          const error = await client.stanza();
          expect(error.name).to.equal('stream:error');
          await client.expectClosingTag();
          await client.expectEnd();
          await story.expectQuiet(await story.user('juliet'));
        },
        { domains: [] },
      ),
    );
  }

  it(
    'with a host that is not served is refused',
    told(async (story) => {
      const client = await story.connected();
      client.send(header(`to='elsewhere' version='1.0'`));
      await client.header();
      await client.expectError('host-unknown');
      expect((await story.log.line(/^client gone/)).details).to.deep.include({
        host: 'elsewhere',
        reason: 'host not served',
      });
    }),
  );

  it(
    'with a host that is not served is logged with as much of that as a host may have',
    told(async (story) => {
      const client = await story.connected();
      client.send(header(`to='${'x'.repeat(5_000)}' version='1.0'`));
      await client.header();
      await client.expectError('host-unknown');
      expect((await story.log.line(/^client gone/)).details['host']).to.equal('x'.repeat(100));
    }),
  );

  it(
    'with a host that is not served is refused with a text where the stream has no version',
    told(async (story) => {
      const client = await story.connected();
      client.send(header(`to='elsewhere'`));
      await client.header();
      await client.expectLegacyError('Unknown host');
    }),
  );

  const wrong: Record<string, [text: string, condition: string]> = {
    'another root': [
      `<flash:stream xmlns='jabber:client' xmlns:flash='${STREAMS}x' to='localhost' version='1.0'>`,
      'invalid-namespace',
    ],
    'another name': [
      `<stream:steam xmlns='jabber:client' xmlns:stream='${STREAMS}' to='localhost' version='1.0'>`,
      'invalid-xml',
    ],
    'another default namespace': [
      `<stream:stream xmlns='jabber:server' xmlns:stream='${STREAMS}' to='localhost' version='1.0'>`,
      'invalid-namespace',
    ],
    'no default namespace': [
      `<stream:stream xmlns:stream='${STREAMS}' to='localhost' version='1.0'>`,
      'invalid-namespace',
    ],
    'a prefix that is not declared': [
      `<stream:stream xmlns='jabber:client' to='localhost' version='1.0'>`,
      'not-well-formed',
    ],
    'a document type': [`<!DOCTYPE html>`, 'restricted-xml'],
    'a document type behind the declaration': [
      `<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]>`,
      'restricted-xml',
    ],
    'a processing instruction': [`<?php ?>`, 'restricted-xml'],
    'a comment': [`<!-- hello -->`, 'restricted-xml'],
    'text before it': [`hello`, 'not-well-formed'],
    'bytes that are no UTF-8': [`<stream:stream to='\xff'`, 'not-well-formed'],
  };
  for (const [what, [text, condition]] of Object.entries(wrong)) {
    it(
      `is answered with a header and ${condition} when there is ${what}`,
      told(async (story) => {
        const client = await story.connected();
        client.send(Buffer.from(text, 'latin1'));
        const answer = await client.header();
        expect(answer.attribute('id')).to.match(/./);
        const error = await client.stanza();
        expect(error.name).to.equal('stream:error');
        if (what.startsWith('bytes'))
          expect(error.elements[0]?.name).to.match(/unsupported-encoding|not-well/);
        else expect(error.elements[0]?.name).to.equal(condition);
        await client.expectClosingTag();
        await client.expectEnd();
      }),
    );
  }
});

describe("the end of a client's stream", () => {
  it(
    'is answered before login as well',
    told(async (story) => {
      const client = await story.client();
      client.send('</stream:stream>');
      await client.expectClosed();
      expect(await story.gone(client)).to.equal('closed by the client');
    }),
  );

  it(
    'answers the closing tag that comes with the header',
    told(async (story) => {
      const client = await story.connected();
      client.send(`${header()}</stream:stream>`);
      await client.header();
      await client.expect(FEATURES);
      await client.expectClosed();
    }),
  );

  it(
    'is taken from a client that reports a stream error, and never passed on (aioxmpp)',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const client = await story.client();
      client.send(
        `<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`,
      );
      await client.expectClosed();
      expect(await story.gone(client)).to.equal('the client reported a stream error: policy-violation');
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'leaves one line in the log at the beginning and one at the end: who, how long, how much, and why',
    told(async (story) => {
      const connected = story.log.line(/^client connected/);
      const juliet = await story.user('juliet');
      expect((await connected).details).to.deep.include({ ip: '127.0.0.1', socket: juliet.address });
      juliet.send(`<presence/><presence/></stream:stream>`);
      await juliet.expectClosed();
      const { details } = await story.log.line(/^client gone/);
      expect(details).to.deep.include({
        socket: juliet.address,
        ip: '127.0.0.1',
        user: 'juliet@localhost/Balcony',
        reason: 'closed by the client',
        stanzasIn: 3,
      });
      expect(details['seconds']).to.be.a('number');
      expect(details['bytesIn']).to.be.above(100);
      expect(details['bytesOut']).to.be.above(100);
    }),
  );
});
