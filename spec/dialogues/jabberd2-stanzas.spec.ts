/** Stanzas through a session of jabberd2, both ways: what is written on them, and what a client never sees. [jabberd2 2.7.0 sm] */
import { expect } from 'chai';
import { parse } from '../../lib/xml/index.js';
import { CLIENT, COMP, SESS } from '../support/namespaced.js';
import { action, newId, RESULT, stamped, toldRouter } from '../support/router-story.js';
import { disco, NAME, route } from '../support/scripted-router.js';
import { authSet } from '../support/client.js';

const VERSION = `<query xmlns='jabber:iq:version'/>`;

function set(query: string): string {
  return `<iq id='f' type='set'>${query}</iq>`;
}

describe('a stanza of a client', () => {
  for (const stanza of [
    `<presence/>`,
    `<presence></presence>`,
    `<presence><priority>5</priority></presence>`,
    `<presence to='romeo@localhost' type='subscribe'/>`,
    `<message to='romeo@localhost/Orchard' type='chat' id='m1'><body>hello &lt;there&gt; &amp; you</body></message>`,
    `<message to='romeo@localhost' from='eve@localhost/x'><body>f</body></message>`,
    `<message id='m4'><body>self</body></message>`,
    `<iq to='romeo@localhost/Orchard' type='get' id='q1'>${VERSION}</iq>`,
    `<iq to='romeo@localhost/Orchard' type='result' id='q1'/>`,
    `<iq type='error' id='e' to='a@b'><error code='404'/></iq>`,
    `<iq type='set' id='s1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>`,
    `<iq type='get' to='sm' id='rr'><query xmlns='jabber:iq:register'/></iq>`,
    `<message xml:lang='de'><body xml:lang='en'>b</body><x:data xmlns:x='urn:x' x:a='1'><y xmlns='urn:y'/><x:z/></x:data></message>`,
    `<message xmlns:a='urn:a' a:b='1'><a:c/></message>`,
    `<message xmlns='jabber:client' to="a@b"><body>a &amp; b &#x1F600; \u{1f600} grüß € <![CDATA[<b>&]]>\r\n\t]]&gt;</body></message>`,
    `<message\n  to='a@b'\n  id="1"\n><x:y xmlns:x='urn:x' x:z="it's"/></message>`,
    `<message to='a@b/&apos;&quot;&lt;&gt;&amp; \u00e9'/>`,
    `<message error='1' type='x' action='end' target='romeo@localhost'/>`,
    `<message><x sm='a' c2s='b' failed='1'/><body>sc:c2s='c'</body></message>`,
  ]) {
    it(
      `goes out with the ids of its session, and means what it meant: ${JSON.stringify(stanza)}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(stanza);
        await story.expectFrom(juliet, stanza);
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'has what is in the namespaces between us, the router and the session manager put into others',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      for (const spelled of [SESS, SESS.replace('h', '&#104;')]) {
        juliet.send(
          `<message><route xmlns='${COMP}' to='sm'><session xmlns='${spelled}' action='end'/></route></message>` +
            `<message><q:x xmlns:q='${spelled}' q:sm='1'/></message>`,
        );
        for (let count = 0; count < 2; count += 1) {
          const { payload, source } = await story.link.routed();
          const inside = payload.elements[0].canonical();
          expect(inside, source).to.not.match(new RegExp(`[{](?:${SESS}|${COMP})[}]`));
        }
      }
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'keeps what is inside of it, byte for byte',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const content = `<body  >a<![CDATA[<b>&]]>"'&quot;</body ><x xmlns='urn:x'><y a = "1"/></x>`;
      juliet.send(`<message to='a@b'>${content}</message>`);
      const { source } = await story.link.routed();
      expect(source).to.contain(content);
    }),
  );

  it(
    'has prefixes that it uses and only the stream header declares declared where it uses them',
    toldRouter(async (story) => {
      const juliet = await story.starting(
        'juliet',
        'Balcony',
        `to='localhost' version='1.0' xmlns:a='urn:a' xmlns:sc='urn:sc' xmlns:sm='urn:sm' xmlns:q='${SESS}'`,
      );
      await story.open(juliet);
      juliet.send(
        `<message><a:x b='1'/></message><message a:y='1'/><message><a:x xmlns:a='urn:other'/></message>` +
          `<message><sc:x/><sm:y sm:z='1'/></message><message sc:v='1'/><message/><presence q:c2s='1' q:sm='2'/>`,
      );
      await story.expectFrom(juliet, `<message xmlns:a='urn:a'><a:x b='1'/></message>`);
      await story.expectFrom(juliet, `<message xmlns:a='urn:a' a:y='1'/>`);
      await story.expectFrom(juliet, `<message><a:x xmlns:a='urn:other'/></message>`);
      await story.expectFrom(juliet, `<message><x xmlns='urn:sc'/><a:y xmlns:a='urn:sm' a:z='1'/></message>`);
      await story.expectFrom(juliet, `<message xmlns:a='urn:sc' a:v='1'/>`);
      await story.expectFrom(juliet, `<message/>`);
      await story.expectFrom(juliet, `<presence/>`);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'goes out in order, with those of others in between',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      const message = (id: number): string => `<message id='${id}'/>`;
      const ids = Array.from({ length: 300 }, (_, id) => id);
      juliet.send(ids.map(message).join('  \n'));
      romeo.send(ids.map(message).join(''));
      const seen = { [juliet.c2s]: 0, [romeo.c2s]: 0 };
      for (let count = 0; count < 600; count += 1) {
        const { payload } = await story.link.routed();
        const c2s = payload.attribute('c2s', SESS)!;
        expect(payload.attribute('id')).to.equal(`${seen[c2s]}`);
        seen[c2s] += 1;
      }
    }),
  );

  it(
    'may be large',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const stanza = `<message to='romeo@localhost'><body>${'x'.repeat(200_000)}</body></message>`;
      juliet.send(stanza);
      await story.expectFrom(juliet, stanza);
      story.link.send(story.to(juliet, stanza));
      await juliet.expect(stanza);
    }),
  );

  for (const [what, iq] of Object.entries({
    'without a type': `<iq id='q4'><query xmlns='urn:nothing'/></iq>`,
    'with an empty type': `<iq id='q4' type=''><query xmlns='urn:nothing'/></iq>`,
    'of a type that there is not': `<iq id='q4' type='frobnicate' to='romeo@localhost'><query xmlns='urn:nothing'/></iq>`,
    'of a type in capitals': `<iq id='q4' type='GET'><query xmlns='urn:nothing'/></iq>`,
    'with the type of something else': `<iq id='q4' xmlns:x='urn:x' x:type='get'><query xmlns='urn:nothing'/></iq>`,
  })) {
    it(
      `is answered by us where the session manager would leave its client waiting (06-message): an iq ${what}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(iq);
        await juliet.expectRefusal('q4', '400', 'bad-request');
        await story.expectQuiet(juliet);
      }),
    );
  }

  for (const [stanza, condition] of [
    [`<message id='f' to='&#xAD;'/>`, 'jid-malformed'],
    [`<presence id='f' to='a@&#x200B;'/>`, 'jid-malformed'],
    [`<message id='f' to='&#xAD;@localhost'/>`, 'jid-malformed'],
    [`<message id='f' to='romeo@localhost/&#xAD;'/>`, 'jid-malformed'],
    [`<message id='f' to='@localhost'/>`, 'jid-malformed'],
    [`<message id='f' to='a b@localhost'/>`, 'jid-malformed'],
    [`<message id='f' from='&#xFEFF;/x' to='a@b'/>`, 'jid-malformed'],
    [set(`<block xmlns='urn:xmpp:blocking'><item jid='&#xAD;'/></block>`), 'jid-malformed'],
    [set(`<block xmlns='urn:xmpp:blocking'><item jid='a)(b@localhost'/></block>`), 'jid-malformed'],
    [
      set(`<block xmlns='urn:xmpp:blocking'><item jid='a@localhost/${'\ufdfa'.repeat(30)}'/></block>`),
      'jid-malformed',
    ],
    [set(`<query xmlns='jabber:iq:roster'><item jid='a@&#xAD;'/></query>`), 'jid-malformed'],
    [
      set(`<query xmlns='jabber:iq:privacy'><list name='p'><item type='jid' value='&#xAD;'/></list></query>`),
      'jid-malformed',
    ],
    [`<iq id='f' type='get'><query xmlns='jabber:iq:privacy'><list xmlns=''/></query></iq>`, 'bad-request'],
    [
      set(`<query xmlns='jabber:iq:privacy'><list name='p'><item type='group' value=''/></list></query>`),
      'bad-request',
    ],
    [set(`<query xmlns='jabber:iq:privacy'><default/></query>`), 'not-allowed'],
    [set(`<query xmlns='jabber:iq:privacy'><default name='p'/></query>`), 'not-allowed'],
    [set(`<query xmlns='jabber:iq:privacy'><list name='urn:xmpp:blocking'/></query>`), 'not-allowed'],
    [`<iq id='f' type='get'><x xmlns='jabber:iq:private'><y xmlns='urn:y'/></x></iq>`, 'bad-request'],
    [`<message id='f' to='a@b'><amp><rule/></amp></message>`, 'bad-request'],
    [`<message id='f' to='a@b'><x:amp xmlns:x='urn:x'><rule/></x:amp></message>`, 'bad-request'],
    [
      `<message id='f' to='a@b'><amp xmlns='http://jabber.org/protocol/amp'><rule xmlns=''/></amp></message>`,
      'bad-request',
    ],
    [
      `<message id='f' to='a@b'><amp xmlns='http://jabber.org/protocol/amp'><rule action='alert' condition='deliver' value='direct'/></amp></message>`,
      'bad-request',
    ],
  ]) {
    it(
      `is refused with ${condition}, and never reaches the router, where the sm cannot bear it: ${stanza}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(stanza);
        const refusal = parse(await juliet.source());
        expect([refusal.attribute('type'), refusal.attribute('id')]).to.deep.equal(['error', 'f']);
        expect(refusal.child('error')!.elements[0].name).to.equal(condition);
        await story.expectQuiet(juliet);
      }),
    );
  }

  for (const stanza of [
    set(`<query xmlns='jabber:iq:privacy'><list name='p'><item type='group' value='&#xAD;'/></list></query>`),
    set(`<query xmlns='jabber:iq:privacy'><active/></query>`),
    set(`<query xmlns='jabber:iq:privacy'><default name='urn:xmpp:blocking'/></query>`),
    set(`<block xmlns='urn:xmpp:blocking'><item jid='localhost'/><item jid='Ann@localhost/A (b)'/></block>`),
    set(`<query xmlns='jabber:iq:roster'><item jid='gr\u00fc\u00df@localhost' name='&#xAD;'/></query>`),
    `<message to=''><body>&#xAD;</body></message>`,
    `<message to='a@[::1]'/>`,
  ]) {
    it(
      `goes on where the sm can bear it: ${stanza}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(stanza);
        await story.expectFrom(juliet, stanza);
      }),
    );
  }

  it(
    'goes nowhere, and is not answered, where it is the error of a message: whom it is for may be blocked',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(`<message type='error' to='romeo@localhost'><error code='404'/></message><presence/>`);
      await story.expectFrom(juliet, '<presence/>');
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'is not answered where it is an answer itself',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(`<iq type='result' id='r' to='&#xAD;'/><iq type='error' id='e' to='&#xAD;'/><presence/>`);
      await story.expectFrom(juliet, '<presence/>');
      await story.expectQuiet(juliet);
    }),
  );

  for (const stanza of [
    `<foo id='1'/>`,
    `<session id='1'/>`,
    `<route to='sm' from='${NAME}'/>`,
    `<presences/>`,
    `<handshake/>`,
    `<foo xmlns='urn:foo'/>`,
    `<message xmlns='urn:foo'/>`,
    `<message xmlns=''/>`,
    `<message xmlns='jabber:server'/>`,
    `<presence xmlns='${COMP}' from='localhost' type='unavailable'/>`,
    `<route xmlns='${COMP}' to='sm' from='${NAME}'/>`,
    `<unbind xmlns='${COMP}' name='${NAME}'/>`,
    `<throttle xmlns='${COMP}'/>`,
    `<session xmlns='${SESS}' action='delete' target='romeo@localhost'/>`,
    `<message xmlns='${SESS}' action='delete' target='romeo@localhost'/>`,
    `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>`,
    `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`,
  ]) {
    it(
      `is refused, and never reaches the router, where it is none: ${stanza}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        const romeo = await story.user('romeo', 'Orchard');
        juliet.send(stanza);
        const refusal = await juliet.node();
        if (refusal.name === 'stream:error') {
          await juliet.expectClosed();
          await story.expectLeft(juliet);
        } else {
          expect(refusal.attribute('type')).to.equal('error');
          await story.expectQuiet(juliet);
        }
        await story.expectQuiet(romeo);
      }),
    );
  }

  for (const stanza of [
    `<x:message xmlns:x='jabber:client'/>`,
    `<x:session xmlns:x='${SESS}' action='end'/>`,
    `<x:route xmlns:x='${COMP}' to='sm' from='${NAME}'/>`,
    `<stream:features/>`,
    `<stream:stream/>`,
  ]) {
    it(
      `with a prefix ends the stream, and its session: ${stanza}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        juliet.send(`${stanza}<presence/>`);
        await story.expectLeft(juliet);
        await story.gone(juliet);
        await story.expectQuiet(romeo);
      }),
    );
  }
});

describe('a stanza for a client', () => {
  const stanzas = [
    `<message id='m1' type='chat' to='juliet@localhost/Balcony' from='romeo@localhost/Orchard'><body>hello &lt;there&gt; &amp; you</body></message>`,
    `<presence from='romeo@localhost/Orchard'><delay xmlns='urn:xmpp:delay' stamp='2026-11-21T04:26:08Z' from='romeo@localhost'></delay></presence>`,
    `<iq id='r1' type='result'><query xmlns='jabber:iq:roster'><item jid='bob@localhost' subscription='none'></item></query></iq>`,
    `<message xml:lang='de'><body xml:lang='en'>é€\u{1f600}<![CDATA[<b>]]></body><x:data xmlns:x='urn:x' x:a='1'><x:z xmlns:x='urn:x'></x:z></x:data></message>`,
    `<message xmlns:a='urn:a' a:b='1'><a:c/></message>`,
    `<message><x sm='a' c2s='b' failed='1'/><y xmlns='${SESS}'/></message>`,
    `<foo id='of the session manager'/>`,
  ];
  for (const stanza of stanzas) {
    for (const prefix of ['sm', 'sc', 'other']) {
      it(
        `is delivered without what it was addressed by, the prefix of that being ${prefix}: ${JSON.stringify(stanza)}`,
        toldRouter(async (story) => {
          const juliet = await story.user('juliet');
          story.link.send(story.to(juliet, stanza, prefix));
          const source = await juliet.source();
          expect(source).to.not.match(new RegExp(`${juliet.c2s}|${juliet.sm}`));
          const tag = source.slice(0, source.indexOf('>'));
          expect(tag)
            .to.not.contain(SESS)
            .and.to.not.match(/failed/);
          story.link.send(story.to(juliet, stanza, prefix));
          await juliet.expect(stanza);
          await story.expectQuiet(juliet);
        }),
      );
    }
  }

  it(
    'keeps what is inside of it, byte for byte',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const content = `<body  >a&#65;<![CDATA[<b>&]]>"'&quot;</body ><x xmlns='urn:x'><y a = "1"/></x>`;
      story.link.send(story.to(juliet, `<message to='a@b'>${content}</message>`));
      expect(await juliet.source()).to.contain(content);
    }),
  );

  const forms: Record<string, (ids: { c2s: string; sm: string }) => string> = {
    'ids first, as of an answer (04-start-session)': ({ c2s, sm }) =>
      `<message xmlns:sc='${SESS}' xmlns='${CLIENT}' sc:sm='${sm}' sc:c2s='${c2s}' id='1'/>`,
    'ids last, as of what is made or passed on (05-presence)': ({ c2s, sm }) =>
      `<message xmlns='${CLIENT}' xmlns:sm='${SESS}' id='1' sm:c2s='${c2s}' sm:sm='${sm}'/>`,
    'ids in the middle, other quotes, white space': ({ c2s, sm }) =>
      `<message\n xmlns="${CLIENT}"\tid="1" s:c2s = "${c2s}" xmlns:s="${SESS}" s:sm="${sm}"\n></message >`,
    'other attributes of those names': ({ c2s, sm }) =>
      `<message xmlns='${CLIENT}' xmlns:sm='${SESS}' id='1' sm:c2s='${c2s}' sm:sm='${sm}'/>`,
    'references in the ids': ({ c2s, sm }) =>
      `<message xmlns='${CLIENT}' xmlns:sm='${SESS}' id='1' sm:c2s='${c2s.replace(/^./, (at) => `&#${at.charCodeAt(0)};`)}' sm:sm='${sm}'/>`,
  };
  for (const [what, form] of Object.entries(forms)) {
    it(
      `is found by its namespaces: ${what}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        story.link.send(route(NAME, 'localhost', form(juliet)));
        await juliet.expect(`<message id='1'/>`);
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'may have its namespaces declared on the route',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const { c2s, sm } = juliet;
      story.link.send(
        `<route xmlns='${COMP}' xmlns:q='${SESS}' to='${NAME}' from='localhost'>` +
          `<message xmlns='${CLIENT}' id='1' q:sm='${sm}' q:c2s='${c2s}'/></route>` +
          `<c:route xmlns:c='${COMP}' xmlns:q='${SESS}' to='${NAME}' from='localhost'>` +
          `<message xmlns='${CLIENT}' id='2' q:sm='${sm}' q:c2s='${c2s}'/></c:route>`,
      );
      await juliet.expect(`<message id='1'/>`);
      await juliet.expect(`<message id='2'/>`);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'may come from its domain, from the session manager, or from anywhere: it goes by its ids alone (18-vhosts)',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      for (const from of ['localhost', 'sm', 'vhost.test', 'elsewhere.test', 'a@sm/x']) {
        story.link.send(route(NAME, from, stamped(`<message id='${from}'/>`, juliet)));
        await juliet.expect(`<message id='${from}'/>`);
      }
    }),
  );

  it(
    'may come with white space around it',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.link.send(route(NAME, 'sm', `\n  ${stamped(`<message id='1'/>`, juliet)}\n`));
      await juliet.expect(`<message id='1'/>`);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'is delivered in order, with those for others in between',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      const ids = Array.from({ length: 300 }, (_, id) => id);
      const both = (id: number): string =>
        story.to(juliet, `<message id='${id}'/>`) + story.to(romeo, `<message id='${id}'/>`);
      story.link.send(ids.map(both).join(''));
      for (const user of [juliet, romeo]) {
        for (const id of ids) await user.expect(`<message id='${id}'/>`);
      }
    }),
  );

  const strays: Record<string, (ids: { c2s: string; sm: string }) => string> = {
    'with our id and another of the session manager': ({ c2s }) =>
      stamped(`<message/>`, { c2s, sm: newId() }),
    'with our id and one that is like it': ({ c2s, sm }) =>
      stamped(`<message/>`, { c2s, sm: sm.slice(0, -1) }) + '',
    'with an id of the session manager and another of ours': ({ sm }) =>
      stamped(`<message/>`, { c2s: '0', sm }),
    'with our id alone': ({ c2s }) => `<message xmlns='${CLIENT}' xmlns:sm='${SESS}' sm:c2s='${c2s}'/>`,
    'with the id of the session manager alone': ({ sm }) =>
      `<message xmlns='${CLIENT}' xmlns:sm='${SESS}' sm:sm='${sm}'/>`,
    'with ids that have no namespace': ({ c2s, sm }) =>
      `<message xmlns='${CLIENT}' c2s='${c2s}' sm='${sm}'/>`,
    'with ids of another namespace': ({ c2s, sm }) =>
      `<message xmlns='${CLIENT}' xmlns:sm='urn:x' sm:c2s='${c2s}' sm:sm='${sm}'/>`,
    'with ids inside': (ids) => `<message xmlns='${CLIENT}'>${stamped('<x/>', ids)}</message>`,
    'with no ids': () => `<message xmlns='${CLIENT}'/>`,
    'with empty ids': () => stamped('<message/>', { c2s: '', sm: '' }),
  };
  for (const [what, stray] of Object.entries(strays)) {
    it(
      `is nobody's where it is not addressed to a session, as it was opened: ${what}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.user('juliet');
        story.link.send(route(NAME, 'localhost', stray(juliet)));
        await story.expectQuietButEnds(romeo, juliet);
        juliet.expectNothing();
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'is nobody else’s where one session has our id and another that of the session manager',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo', 'Orchard');
      const mixed = stamped(`<message><body>secret</body></message>`, { c2s: juliet.c2s, sm: romeo.sm });
      story.link.send(route(NAME, 'localhost', mixed));
      await story.expectQuietButEnds(romeo);
      await story.expectQuiet(juliet);
      expect(juliet.received + romeo.received).to.not.contain('secret');
    }),
  );

  it(
    'in a route of a type is not for us, whatever is in it (16-bind-unbind)',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const stanza = stamped(`<message/>`, juliet);
      for (const type of ['log', 'broadcast', 'x', 'error', '']) {
        story.link.send(
          route(NAME, 'sm', stanza, ` type='${type}'`) +
            route(NAME, 'sm', action('ended', juliet), ` type='${type}'`) +
            route(NAME, 'sm', action('replaced', juliet), ` type='${type}'`) +
            route('sm', NAME, stanza, ` type='${type}' error='404'`),
        );
      }
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'may be one of several in a route, or none, and what is no stanza is for nobody',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.link.send(
        route(NAME, 'sm', stamped(`<message/>`, juliet).replace(CLIENT, 'urn:foo')) +
          route(NAME, 'sm', stamped(`<message/>`, juliet).replace(` xmlns='${CLIENT}'`, '')) +
          route(NAME, 'sm', 'text') +
          route(NAME, 'sm', ''),
      );
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'may come while the login of somebody else is under way, with disco queries between',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      const romeo = await story.client('romeo');
      romeo.send(authSet('romeo', 'Orchard'));
      await story.expectStart(romeo, 'romeo@localhost/Orchard');
      story.link.send(disco() + story.to(juliet, `<message id='1'/>`) + disco() + story.started(romeo));
      await juliet.expect(`<message id='1'/>`);
      await romeo.expect(RESULT);
    }),
  );

  it(
    'may have bytes that are no UTF-8: only the client that it is for is concerned',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      const [before, behind] = story.to(juliet, '<message><body>a|b</body></message>').split('|');
      story.link.send(Buffer.concat([Buffer.from(before), Buffer.from([0xc3]), Buffer.from(behind)]));
      expect((await juliet.node()).child('body')!.text).to.equal('a\ufffdb');
      await story.expectQuiet(juliet);
      await story.expectQuiet(romeo);
      expect(story.router.connects).to.equal(1);
    }),
  );
});

describe('a router that does not read', () => {
  it(
    'has its clients stopped from saying more than is kept for it, and nothing of what they said lost',
    toldRouter(
      async (story) => {
        const juliet = await story.user('juliet');
        const romeo = await story.user('romeo', 'Orchard');
        story.link.socket.pause();
        const message = (id: number): string =>
          `<message id='${id}'><body>${'x'.repeat(10_000)}</body></message>`;
        const ids = Array.from({ length: 2000 }, (_, id) => id);
        for (const id of ids) juliet.send(message(id));
        for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        expect(juliet.socket.writableLength, 'what the client could not say yet').to.be.above(1_000_000);
        story.link.socket.resume();
        for (const id of ids) expect(await story.link.source()).to.contain(` id='${id}'>`);
        await story.expectQuiet(romeo);
      },
      { limits: { linkQueueBytes: 100_000 } },
    ),
  ).timeout(20_000);
});
