/** Logins in front of jabberd2: we check the password, the session manager opens the session. [jabberd2 2.7.0 c2s, sm] [XEP-0078] */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ClientInfo } from '../../lib/client/clients.js';
import { authSet, header } from '../support/client.js';
import { SESS } from '../support/namespaced.js';
import type { Guest } from '../support/router-story.js';
import { action, newId, RESULT, toldRouter, type RouterStory } from '../support/router-story.js';
import {
  advert,
  NAME,
  NAMES,
  route,
  undelivered,
  withdrawal,
  type Action,
} from '../support/scripted-router.js';

const AUTH = 'jabber:iq:auth';
const OLD = `to='localhost'`;

/** How long the session manager has to answer, in milliseconds. */
const PATIENCE = 10_000;

function authGet(username: string | undefined, id = 'get1'): string {
  const who = username === undefined ? '' : `<username>${username}</username>`;
  return `<iq type='get' id='${id}'><query xmlns='${AUTH}'>${who}</query></iq>`;
}

function authOf(parts: Record<string, string>, id = 'auth1'): string {
  const content = Object.entries(parts).map(([name, value]) => `<${name}>${value}</${name}>`);
  return `<iq type='set' id='${id}'><query xmlns='${AUTH}'>${content.join('')}</query></iq>`;
}

function digest(streamId: string, password: string): string {
  return createHash('sha1').update(`${streamId}${password}`).digest('hex');
}

/** Which fields a login form asks for. */
async function fields(guest: Guest): Promise<string[]> {
  const form = await guest.node();
  expect([form.attribute('type'), form.attribute('id')]).to.deep.equal(['result', 'get1']);
  return form
    .child('query', AUTH)!
    .elements.map(({ local }) => local)
    .sort();
}

describe('the login form of jabber:iq:auth', () => {
  it(
    'asks for what can be checked, and comes from us (31-stock-c2s-register-iqauth)',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.client('juliet');
      juliet.send(authGet('juliet'));
      expect(await fields(juliet)).to.deep.equal(['digest', 'password', 'resource', 'username']);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'does not tell who exists',
    toldRouter(async (story) => {
      const juliet = await story.client('juliet');
      const forms: string[] = [];
      for (const username of ['juliet', 'nobody', undefined]) {
        juliet.send(authGet(username));
        forms.push((await juliet.source()).replace(username ?? '', ''));
      }
      expect(forms[1].replace(/<username>/, '')).to.equal(forms[0].replace(/<username>/, ''));
      expect(forms[2]).to.contain(`type='result'`);
    }),
  );

  it(
    'may be asked for again and again, and in any order with logins',
    toldRouter(async (story) => {
      const juliet = await story.client('juliet');
      juliet.send(authGet('juliet') + authGet('romeo') + authSet('juliet'));
      await fields(juliet);
      await fields(juliet);
      await story.expectStart(juliet, 'juliet@localhost/Balcony');
      await story.open(juliet);
      await story.expectQuiet(juliet);
    }),
  );
});

describe('a login', () => {
  for (const [kind, more] of [
    ['of XMPP 1.0', undefined],
    ['without a version', OLD],
  ] as const) {
    it(
      `with a password has its session started, and its result shown when it is (04-start-session): a stream ${kind}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.client('juliet', more);
        juliet.send(authSet('juliet'));
        const start = await story.expectStart(juliet, 'juliet@localhost/Balcony');
        const names = start.payload.attributes.filter(({ namespace }) => namespace !== 'xmlns');
        expect(
          names.map(({ namespace, local }) => `${namespace === SESS ? 'sc:' : ''}${local}`),
        ).to.have.members(['sc:c2s', 'action', 'target', 'id']);
        await story.expectQuiet(romeo);
        juliet.expectNothing();
        await story.open(juliet);
        expect((await story.log.line(/^logged in/)).details['user']).to.equal('romeo@localhost/Orchard');
        const { details } = await story.log.line(/^logged in/);
        expect(details).to.include({ socket: juliet.address, user: 'juliet@localhost/Balcony' });
        await story.expectQuiet(juliet);
      }),
    );

    it(
      `with a digest works: a stream ${kind}`,
      toldRouter(async (story) => {
        const juliet = await story.connected('juliet');
        const id = (await juliet.open(more)).attribute('id')!;
        juliet.send(authOf({ username: 'juliet', digest: digest(id, 'pass'), resource: 'Balcony' }));
        await story.expectStart(juliet, 'juliet@localhost/Balcony');
        await story.open(juliet);
        await story.expectQuiet(juliet);
      }),
    );

    it(
      `that is wrong is refused, the same for users that there are and are not, and nothing is said of it: a stream ${kind}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const answers = new Set<string>();
        const id = (stream: Guest): string => /<stream:stream[^>]* id='([^']+)'/.exec(stream.received)![1];
        const wrong: Record<string, string>[] = [
          { username: 'juliet', password: 'wrong' },
          { username: 'nobody', password: 'pass' },
          { username: 'juliet', password: 'Pass' },
          { username: 'juliet', password: 'pass ' },
          { username: 'juliet', password: 'other' },
          { username: 'juliet', digest: '0'.repeat(40) },
          { username: 'nobody', digest: '0'.repeat(40) },
          { username: 'nobody', digest: 'ID' },
          { username: 'juliet', digest: digest('another stream', 'pass') },
        ];
        for (const parts of wrong) {
          const client = await story.client('client', more);
          const proved = parts['digest'] === 'ID' ? { ...parts, digest: digest(id(client), '') } : parts;
          client.send(authOf({ ...proved, resource: 'Balcony' }));
          const refusal = await client.expectRefusal('auth1', '401', more ? undefined : 'not-authorized');
          answers.add(refusal.child('error')!.canonical());
        }
        expect(answers.size).to.equal(1);
        await story.expectQuiet(romeo);
      }),
    );
  }

  const unusable: Record<string, Record<string, string>> = {
    'no resource': { username: 'juliet', password: 'pass' },
    'an empty resource': { username: 'juliet', password: 'pass', resource: '' },
    'no user': { password: 'pass', resource: 'Balcony' },
    'an empty user': { username: '', password: 'pass', resource: 'Balcony' },
    'nothing to prove it with': { username: 'juliet', resource: 'Balcony' },
    'a user that is a whole address': { username: 'juliet@vhost.test', password: 'pass', resource: 'x' },
    'a user with a resource in it': { username: 'juliet/x', password: 'pass', resource: 'x' },
    'a user twice': { username: 'juliet</username><username>romeo', password: 'pass', resource: 'x' },
    'a resource twice': { username: 'juliet', password: 'pass', resource: 'a</resource><resource>b' },
  };
  for (const [what, parts] of Object.entries(unusable)) {
    it(
      `with ${what} is refused as not acceptable, and may be tried again`,
      toldRouter(async (story) => {
        const juliet = await story.client('juliet');
        juliet.send(authOf(parts));
        await juliet.expectRefusal('auth1', '406', 'not-acceptable');
        juliet.send(authSet('juliet'));
        await story.expectStart(juliet, 'juliet@localhost/Balcony');
        await story.open(juliet);
        await story.expectQuiet(juliet);
      }),
    );
  }

  const prepared: Record<string, [typed: [user: string, host: string, resource: string], jid: string]> = {
    'in capitals: user and host do not know them, the resource does': [
      ['JULIET', 'LocalHost', 'Balcony'],
      'juliet@localhost/Balcony',
    ],
    'with a resource of many characters': [
      ['juliet', 'localhost', 'a b/c@d ü \u{1f600} &lt;&apos;&quot;&amp;'],
      `juliet@localhost/a b/c@d ü \u{1f600} <'"&`,
    ],
    'at another host': [['juliet', 'vhost.test', 'Balcony'], 'juliet@vhost.test/Balcony'],
  };
  for (const [what, [[user, host, resource], jid]] of Object.entries(prepared)) {
    it(
      `is asked for as the session manager will call it, which compares exactly: ${what}`,
      toldRouter(async (story) => {
        const password = host === 'vhost.test' ? 'other' : 'pass';
        const juliet = await story.client('juliet', `to='${host}' version='1.0'`);
        juliet.send(authOf({ username: user, password, resource }));
        const start = await story.link.action('start');
        expect(start.target).to.equal(jid);
        expect(start.to).to.equal(host.toLowerCase());
        story.note(juliet, start);
        juliet.sm = newId();
        const login = once(story.server, 'login');
        // as it was asked for, written another way
        juliet.jid = jid.replace(/[&<'"]/g, (character) => `&#${character.charCodeAt(0)};`);
        story.link.send(story.started(juliet));
        juliet.jid = jid;
        await juliet.expect(RESULT);
        expect(((await login) as [ClientInfo])[0].sessionAddress).to.equal(jid);
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'has an id for its session that was never used before, on the same stream or another',
    toldRouter(async (story) => {
      const ids = new Set<string>();
      const stubborn = await story.client('stubborn');
      for (let round = 0; round < 4; round += 1) {
        stubborn.send(authSet('romeo', 'Orchard'));
        await story.expectStart(stubborn, 'romeo@localhost/Orchard');
        ids.add(`${stubborn.c2s} ${stubborn.request}`);
        await story.refuse(stubborn);
        await stubborn.expectRefusal('auth1', '500', 'internal-server-error');
      }
      expect(ids.size, 'a start has an id of its own').to.equal(4);
      const clients = new Set<string>();
      for (let round = 0; round < 4; round += 1) {
        const juliet = await story.user('juliet');
        clients.add(juliet.c2s);
        await juliet.drop();
        await story.expectLeft(juliet);
        story.link.send(story.ended(juliet));
      }
      expect(clients.size, 'a client has an id of its own').to.equal(4);
    }),
  );

  it(
    'works in one write from the header on',
    toldRouter(async (story) => {
      const juliet = await story.connected('juliet');
      const roster = `<iq type='get' id='ro'><query xmlns='jabber:iq:roster'/></iq>`;
      juliet.send(header(OLD) + authGet('juliet') + authSet('juliet') + roster + '<presence/>');
      await juliet.header();
      await fields(juliet);
      await story.expectStart(juliet, 'juliet@localhost/Balcony');
      await story.open(juliet);
      await story.expectFrom(juliet, roster);
      await story.expectFrom(juliet, '<presence/>');
    }),
  );

  it(
    'holds no more than it may of what is said behind it, and goes on reading when it is decided',
    toldRouter(
      async (story) => {
        const juliet = await story.starting('juliet');
        const message = (id: number): string =>
          `<message id='${id}'><body>${'x'.repeat(400)}</body></message>`;
        const ids = Array.from({ length: 100 }, (_, id) => id);
        juliet.send(ids.map(message).join(''));
        await story.open(juliet);
        for (const id of ids) await story.expectFrom(juliet, message(id));
        await story.expectQuiet(juliet);
      },
      { limits: { heldBytes: 2000 } },
    ),
  );

  it(
    'is over when the client closes its stream behind it, with the result and what it said behind it',
    toldRouter(async (story) => {
      const juliet = await story.starting('juliet');
      juliet.send(`<presence/></stream:stream>`);
      await story.open(juliet);
      await story.expectFrom(juliet, '<presence/>');
      await story.expectLeft(juliet);
      await juliet.expectClosed();
    }),
  );

  it(
    'fails only so often on one connection',
    toldRouter(
      async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const client = await story.client();
        for (let round = 0; round < 3; round += 1) {
          client.send(authOf({ username: 'juliet', password: `${round}`, resource: 'Balcony' }));
          await client.expectRefusal('auth1', '401');
        }
        await client.expectError('policy-violation');
        await story.expectQuiet(romeo);
      },
      { limits: { loginAttempts: 3 } },
    ),
  );

  it(
    'is needed before anything else: a stanza without one ends the stream (39-stock-c2s-misc)',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      for (const stanza of [
        `<message to='romeo@localhost'/>`,
        '<presence/>',
        `<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`,
        `<iq type='get' id='v' to='romeo@localhost/Orchard'><query xmlns='jabber:iq:version'/></iq>`,
        `<session xmlns='${SESS}' action='start' target='juliet@localhost/x' id='1'/>`,
      ]) {
        const client = await story.client();
        client.send(stanza);
        await client.expectError('not-authorized');
        await story.gone(client);
      }
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'with a host of its own is checked for that host only',
    toldRouter(async (story) => {
      const client = await story.client('client', `to='vhost.test' version='1.0'`);
      client.send(authSet('romeo'));
      await client.expectRefusal('auth1', '401');
      client.send(authSet('juliet'));
      await client.expectRefusal('auth1', '401');
    }),
  );

  it(
    'that cannot be checked is answered by an error, and the stream stays open',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const client = await story.client();
      story.users.break();
      client.send(authSet('juliet'));
      await client.expectRefusal('auth1', '503', 'service-unavailable');
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'that cannot be checked is no failed one, however often it is tried',
    toldRouter(
      async (story) => {
        const client = await story.client();
        story.users.break();
        for (let round = 0; round < 4; round += 1) {
          client.send(authSet('juliet'));
          await client.expectRefusal('auth1', '503');
        }
        expect(story.log.lines.filter(({ message }) => message === 'login failed')).to.deep.equal([]);
      },
      { limits: { loginAttempts: 3 } },
    ),
  );
});

describe('the answer to a start', () => {
  for (const prefix of ['sc', 'sm', 'x', 'action']) {
    it(
      `is read by its namespaces: the prefix is ${prefix}`,
      toldRouter(async (story) => {
        const juliet = await story.starting('juliet');
        story.link.send(story.started(juliet, '', prefix));
        await juliet.expect(RESULT);
        await story.expectQuiet(juliet);
      }),
    );
  }

  const forms: Record<string, (story: RouterStory, guest: Guest) => string> = {
    'with the prefix declared on the route': (_, { c2s, sm, jid, request }) =>
      `<route xmlns='http://jabberd.jabberstudio.org/ns/component/1.0' xmlns:q='${SESS}' to='${NAME}' from='sm'>` +
      `<q:session q:sm='${sm}' q:c2s='${c2s}' action='started' target='${jid}' id='${request}'/></route>`,
    'with a prefix for the route, and none for the session': (_, { c2s, sm, jid, request }) =>
      `<c:route xmlns:c='http://jabberd.jabberstudio.org/ns/component/1.0' to='${NAME}' from='sm'>` +
      `<session xmlns='${SESS}' xmlns:q='${SESS}' q:sm='${sm}' q:c2s='${c2s}' action='started' target='${jid}' id='${request}'/></c:route>`,
    'in double quotes, with white space': (story, guest) =>
      story.started(guest).replaceAll("'", '"').replaceAll(' action', '\n\taction').replace('><', '> <'),
    'that belongs to somebody else is not in it': (story, guest) =>
      story.started(guest, ` sm='0' c2s='0' xmlns:y='urn:y' y:sm='1' y:c2s='1' y:failed='1'`),
    'with what it said it was for, as it was typed': (story, guest) => {
      const { jid } = guest;
      return story.started(Object.assign(guest, { jid: jid.toUpperCase() })).replace(guest.jid, jid);
    },
    'without what it was for': (story, guest) => story.started(guest).replace(/ target='[^']*'/, ''),
  };
  for (const [what, form] of Object.entries(forms)) {
    it(
      `is read ${what}`,
      toldRouter(async (story) => {
        const juliet = await story.starting('juliet');
        const { jid } = juliet;
        story.link.send(form(story, juliet));
        await juliet.expect(RESULT);
        await story.expectQuiet(Object.assign(juliet, { jid }));
      }),
    );
  }

  it(
    'says where packets go from then on: to the domain, where that is what the session manager is called (23)',
    toldRouter(async (story) => {
      const juliet = await story.starting('juliet');
      juliet.at = 'localhost';
      await story.open(juliet);
      await story.expectQuiet(juliet);
      await juliet.drop();
      await story.expectLeft(juliet);
    }),
  );

  it(
    'says so for one session: those of other session managers go to theirs (18-vhosts)',
    toldRouter(async (story) => {
      story.link.send(advert('sm2'));
      const juliet = await story.user('juliet');
      const other = await story.client('other', `to='vhost.test' version='1.0'`);
      other.send(authOf({ username: 'juliet', password: 'other', resource: 'Balcony' }));
      await story.expectStart(other, 'juliet@vhost.test/Balcony');
      other.at = 'sm2';
      await story.open(other);
      await story.expectQuiet(juliet);
      await story.expectQuiet(other);
    }),
  );

  it(
    'may have the same id of the session manager for two sessions: they are told apart by ours (08-resource-conflict)',
    toldRouter(async (story) => {
      const juliet = await story.starting('juliet', 'one');
      const again = await story.starting('juliet', 'two');
      again.sm = juliet.sm;
      await story.open(juliet);
      await story.open(again);
      story.link.send(story.to(again, '<message/>'));
      await again.expect('<message/>');
      await story.expectQuiet(juliet);
      await story.expectQuiet(again);
      await again.drop();
      await story.expectLeft(again);
      story.link.send(story.ended(again));
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'is no other action, nor one that answers something else',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.starting('juliet');
      const { c2s, jid } = juliet;
      story.link.send(
        story.control(juliet, action('created', { c2s }, ` target='juliet@localhost' id='another'`)) +
          story.control(juliet, action('deleted', { c2s }, ` target='juliet@localhost'`)) +
          story.control(juliet, action('start', { c2s }, ` target='${jid}' id='another' sc:failed='1'`)) +
          story.control(juliet, action('ended', { c2s, sm: juliet.sm })) +
          story.control(juliet, action('replaced', { c2s, sm: juliet.sm })),
      );
      await story.expectQuiet(romeo);
      juliet.expectNothing();
      await story.open(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'is not one that was given to something else on the same stream: there the stock c2s takes a leftover of a registration for it',
    toldRouter(async (story) => {
      const juliet = await story.starting('juliet');
      const stray = Object.assign(Object.create(juliet) as Guest, { request: 'leftover', sm: newId() });
      story.link.send(story.started(stray));
      const romeo = await story.starting('romeo', 'Orchard').catch(async () => {
        // that session may be ended: nobody has it
        return undefined;
      });
      juliet.expectNothing();
      await story.open(juliet);
      if (romeo) await story.open(romeo);
    }),
  );

  it(
    'may come twice',
    toldRouter(async (story) => {
      const juliet = await story.starting('juliet');
      story.link.send(story.started(juliet) + story.started(juliet));
      await juliet.expect(RESULT);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'may come with what is for the session in the same read',
    toldRouter(async (story) => {
      const juliet = await story.starting('juliet');
      story.link.send(story.started(juliet) + story.to(juliet, `<message id='1'/>`));
      await juliet.expect(RESULT);
      await juliet.expect(`<message id='1'/>`);
      await story.expectQuiet(juliet);
    }),
  );
});

describe('a start that fails', () => {
  const failures: Record<string, (story: RouterStory, guest: Guest) => string> = {
    'the session manager refuses it (10-start-nonexistent)': (story, guest) => story.refused(guest),
    'with another prefix': (story, guest) =>
      route(NAME, 'localhost', story.answer('start', guest, ` sm:failed='1'`, 'sm')),
    'from the session manager itself': (story, guest) =>
      route(NAME, 'sm', story.answer('start', guest, ` sc:failed='1'`)),
    'without a prefix (27-sloppy-action-matching)': (story, guest) =>
      route(NAME, 'localhost', story.answer('start', guest, ` failed='1'`)),
    'with an id of the session manager all the same': (story, guest) =>
      route(NAME, 'localhost', story.answer('start', guest, ` sc:sm='' sc:failed='1'`)),
  };
  for (const [how, failure] of Object.entries(failures)) {
    it(
      `is told when it fails again, the stream stays open, and another login may follow: ${how}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.starting('juliet');
        await story.refuse(juliet, () => failure(story, juliet));
        await expectAnotherLogin(story, juliet, romeo);
      }),
    );
  }

  const nonsense: typeof failures = {
    'what is said to be started has no id of the session manager': (story, guest) =>
      story.control(
        guest,
        action('started', { c2s: guest.c2s }, ` target='${guest.jid}' id='${guest.request}'`),
      ),
    'what is said to be started has an empty id of the session manager': (story, guest) =>
      story.started(Object.assign(guest, { sm: '' })),
  };
  for (const [how, failure] of Object.entries(nonsense)) {
    it(
      `is told, the stream stays open, and another login may follow: ${how}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.starting('juliet');
        story.link.send(failure(story, juliet));
        await expectAnotherLogin(story, juliet, romeo);
      }),
    );
  }

  it(
    'is told without a condition on a stream without a version',
    toldRouter(async (story) => {
      const juliet = await story.starting('juliet', 'Balcony', OLD);
      await story.refuse(juliet);
      const refusal = await juliet.expectRefusal('auth1', '500');
      expect(refusal.child('error')!.elements).to.deep.equal([]);
    }),
  );

  it(
    'has what was said behind it taken up: most of it is a stanza before login',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.starting('juliet');
      juliet.send(`<presence/>`);
      await story.refuse(juliet);
      await juliet.expectRefusal('auth1', '500');
      await juliet.expectError('not-authorized');
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is one that is not answered in time; what comes later is replaced by the next one, which may have the same ids',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      story.clock.install();
      const juliet = await story.starting('juliet');
      story.clock.advance(PATIENCE - 100);
      await story.expectQuiet(romeo);
      juliet.expectNothing();
      story.clock.advance(200);
      await juliet.expectRefusal('auth1', '500', 'internal-server-error');
      const late = story.started(juliet);
      juliet.send(authSet('juliet'));
      await story.expectStart(juliet, 'juliet@localhost/Balcony');
      story.link.send(late);
      await story.expectQuiet(romeo);
      juliet.expectNothing();
      await story.open(juliet);
      await story.expectQuiet(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is ended with its own ids, where it came from, when it was started late for a login that was not tried again',
    toldRouter(async (story) => {
      story.clock.install();
      const juliet = await story.starting('juliet');
      story.clock.advance(PATIENCE + 100);
      await juliet.expectRefusal('auth1', '500', 'internal-server-error');
      const { c2s, sm } = juliet;
      story.link.send(story.started(juliet));
      const end = await story.link.action('end');
      expect([end.to, end.c2s, end.sm]).to.deep.equal(['sm', c2s, sm]);
    }),
  );

  for (const error of ['404', '400', '503']) {
    it(
      `is one that comes back as undeliverable: the client is told at once (13-sm-killed): ${error}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.client('juliet');
        juliet.send(authSet('juliet'));
        story.link.send(undelivered(await story.expectStart(juliet, 'juliet@localhost/Balcony'), error));
        await expectTold(juliet);
        await story.expectQuiet(romeo);
      }),
    );
  }

  for (const [what, gone] of [
    ['the domain goes', ['localhost']],
    ['the session manager goes with its domains', ['sm', 'vhost.test', 'localhost']],
  ] as const) {
    it(
      `is one that waits while ${what}: the client is told at once`,
      toldRouter(async (story) => {
        const juliet = await story.starting('juliet');
        story.link.send(gone.map(withdrawal).join(''));
        await expectTold(juliet);
        story.link.send([...gone].reverse().map(advert).join(''));
        await story.expectQuiet(await story.user('romeo', 'Orchard'));
      }),
    );
  }
});

/** The login was refused; the next one works. */
async function expectAnotherLogin(story: RouterStory, juliet: Guest, romeo: Guest): Promise<void> {
  await juliet.expectRefusal('auth1', '500', 'internal-server-error');
  await story.expectQuiet(romeo);
  juliet.send(authSet('juliet'));
  await story.expectStart(juliet, 'juliet@localhost/Balcony');
  await story.open(juliet);
  await story.expectQuiet(juliet);
}

describe('a login of a user that the session manager does not know', () => {
  for (const answer of ['created', 'refused'] as const) {
    it(
      `has it told of the user, and goes on: ${answer === 'created' ? 'made now' : 'made by another login meanwhile'}`,
      toldRouter(async (story) => {
        const juliet = await story.starting('juliet');
        juliet.send('<presence/>');
        story.link.send(story.refused(juliet));
        await story.expectIntroduction(juliet, answer);
        juliet.expectNothing();
        await story.open(juliet);
        await story.expectFrom(juliet, '<presence/>');
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'makes nobody whose account was removed since the password was looked at',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.starting('juliet');
      story.users.remove('juliet');
      story.link.send(story.refused(juliet));
      await juliet.expectRefusal('auth1', '500', 'internal-server-error');
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is refused where the credentials cannot be asked once more',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.starting('juliet');
      story.users.break();
      story.link.send(story.refused(juliet));
      await juliet.expectRefusal('auth1', '500', 'internal-server-error');
      await story.expectQuiet(romeo);
    }),
  );

  const silences: Record<string, (story: RouterStory, create: Action) => void> = {
    'does not answer': (story) => story.clock.advance(PATIENCE + 100),
    'is not found by the router': (story, create) => story.link.send(undelivered(create)),
    goes: (story) => story.link.send(NAMES.map(withdrawal).join('')),
  };
  for (const [how, silence] of Object.entries(silences)) {
    it(
      `is refused where the session manager ${how} then; a user that is made late stays`,
      toldRouter(async (story) => {
        const juliet = await story.starting('juliet');
        story.clock.install();
        story.link.send(story.refused(juliet));
        const create = await story.link.action('create');
        silence(story, create);
        await expectTold(juliet);
        story.clock.uninstall();
        story.link.send(NAMES.map(advert).join(''));
        const late = action('created', {}, ` target='${create.target}' id='${create.id}'`);
        story.link.send(route(NAME, 'localhost', late));
        await story.expectQuiet(await story.user('romeo', 'Orchard'));
      }),
    );
  }

  it(
    'whose client leaves meanwhile has its session ended',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.starting('juliet');
      story.link.send(story.refused(juliet));
      await story.expectIntroduction(juliet);
      await juliet.drop();
      await story.gone(juliet);
      story.link.send(story.started(juliet));
      await story.expectLeft(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is asked for under the realm of its domain',
    toldRouter(
      async (story) => {
        story.users.add('tybalt', 'pass', 'verona');
        const tybalt = await story.starting('tybalt');
        story.link.send(story.refused(tybalt));
        await story.expectIntroduction(tybalt);
        await story.open(tybalt);
      },
      { realms: new Map([['localhost', 'verona']]) },
    ),
  );
});

/** The login fails, or the stream is over: either tells the client. */
async function expectTold(guest: Guest): Promise<void> {
  const answer = await guest.node();
  if (answer.local === 'iq') {
    expect([answer.attribute('type'), answer.attribute('id')]).to.deep.equal(['error', 'auth1']);
    return;
  }
  expect(answer.name).to.equal('stream:error');
  expect(answer.elements[0].local).to.be.oneOf([
    'internal-server-error',
    'remote-connection-failed',
    'host-gone',
  ]);
  await guest.expectClosed();
}

describe('a client that leaves while its session is started', () => {
  const ways: Record<string, (guest: Guest) => Promise<unknown> | void> = {
    'closes the connection': (guest) => guest.drop(),
    'breaks the connection': (guest) => guest.reset(),
    'sends what is no XML': (guest) => guest.send('<a></b>'),
  };
  for (const [how, leave] of Object.entries(ways)) {
    it(
      `has its session ended when that comes, with the ids it came with, where it came from (39-stock-c2s-misc): ${how}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        for (const at of ['sm', 'localhost']) {
          const juliet = await story.starting('juliet');
          juliet.at = at;
          await leave(juliet);
          await story.gone(juliet);
          await story.expectQuiet(romeo);
          story.link.send(story.started(juliet));
          await story.expectLeft(juliet);
          story.link.send(story.ended(juliet));
          await story.expectQuiet(romeo);
        }
      }),
    );
  }

  it(
    'has nothing ended that was not started',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.client('juliet');
      juliet.send(authSet('juliet'));
      const start = await story.expectStart(juliet, 'juliet@localhost/Balcony');
      await juliet.drop();
      await story.gone(juliet);
      story.link.send(undelivered(start));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has its session ended even when it logs in again before that comes: each session is another',
    toldRouter(async (story) => {
      const lost = await story.starting('juliet');
      await lost.drop();
      await story.gone(lost);
      const again = await story.starting('juliet');
      story.link.send(story.started(lost));
      await story.expectLeft(lost);
      story.link.send(story.ended(lost) + story.replaced(lost));
      await story.open(again);
      await story.expectQuiet(again);
    }),
  );

  it(
    'has its session ended also when it is the link that was lost in between',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.starting('juliet');
      await juliet.drop();
      await story.gone(juliet);
      await story.relink(romeo);
      story.link.send(story.started(juliet));
      await story.expectLeft(juliet);
      await story.expectQuiet(romeo);
    }),
  );
});

describe('a login while the link is away', () => {
  it(
    'is told at once that it cannot be, or waits: it is answered either way, and never twice',
    toldRouter(async (story) => {
      const juliet = await story.client('juliet');
      story.clock.install();
      await story.loseLink();
      juliet.send(authSet('juliet'));
      await new Promise((resolve) => setImmediate(resolve));
      await story.regainLink();
      const romeo = await story.user('romeo', 'Orchard').catch(() => undefined);
      if (romeo) return expectTold(juliet);
      await juliet.expect(RESULT);
    }),
  );

  it(
    'that was asked for before is over, and the session that it gets when the link is back is ended',
    toldRouter(async (story) => {
      const juliet = await story.starting('juliet');
      await story.relink();
      await expectTold(juliet);
      story.link.send(story.started(juliet));
      await story.expectLeft(juliet);
      await story.expectQuiet(await story.user('romeo', 'Orchard'));
    }),
  );
});

describe('a login whose password is looked up for long', () => {
  it(
    'holds up nobody but its client, and goes on when it is found',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.client('juliet');
      story.users.lock();
      juliet.send(`${authSet('juliet')}<presence/>`);
      await story.expectQuiet(romeo);
      juliet.expectNothing();
      story.users.unlock();
      await story.expectStart(juliet, 'juliet@localhost/Balcony');
      await story.open(juliet);
      await story.expectFrom(juliet, '<presence/>');
    }),
  );

  for (const [how, leave] of Object.entries({
    'closes the connection': (guest: Guest) => guest.drop(),
    'closes its stream': (guest: Guest) => Promise.resolve(guest.socket.end('</stream:stream>')),
  })) {
    it(
      `has no session started, or one that is ended, when its client ${how} meanwhile`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const juliet = await story.client('juliet');
        story.users.lock();
        juliet.send(authSet('juliet'));
        await story.expectQuiet(romeo);
        await leave(juliet);
        await story.expectQuiet(romeo);
        const nurse = await story.client('nurse');
        nurse.send(authSet('nurse', 'kitchen'));
        await story.expectQuiet(romeo);
        story.users.unlock();
        // in whatever order they are found
        const starts = [await story.link.action('start')];
        if (how.includes('stream')) starts.push(await story.link.action('start'));
        for (const start of starts) {
          const guest = start.target!.startsWith('juliet') ? juliet : nurse;
          story.note(guest, start);
          guest.sm = newId();
          story.link.send(story.started(guest));
        }
        await nurse.expect(RESULT);
        if (how.includes('stream')) await story.expectLeft(juliet);
        expect(nurse.c2s).to.not.equal('');
        await story.gone(juliet);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'is answered when the link was lost meanwhile, one way or the other, and once',
    toldRouter(async (story) => {
      const juliet = await story.client('juliet');
      story.users.lock();
      juliet.send(authSet('juliet'));
      await story.relink();
      story.users.unlock();
      story.clock.uninstall();
      await story.expectStart(juliet, 'juliet@localhost/Balcony');
      await story.open(juliet);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'does not keep the program from stopping',
    toldRouter(async (story) => {
      const juliet = await story.client('juliet');
      story.users.lock();
      juliet.send(authSet('juliet'));
      await new Promise((resolve) => setImmediate(resolve));
      const stopped = story.server.stop();
      await juliet.expectError('system-shutdown');
      await stopped;
      story.users.unlock();
    }),
  );
});

describe('a login where passwords can not be read', () => {
  const a1 = createHash('md5').update('tybalt:localhost:pass').digest('hex');
  it(
    'is offered without a digest, and a digest is no proof there',
    toldRouter(
      async (story) => {
        story.users.add('tybalt', a1);
        const client = await story.connected('tybalt');
        const id = (await client.open()).attribute('id')!;
        client.send(authGet('tybalt'));
        expect(await fields(client)).to.deep.equal(['password', 'resource', 'username']);
        for (const secret of ['pass', a1, '']) {
          client.send(authOf({ username: 'tybalt', digest: digest(id, secret), resource: 'Balcony' }));
          await client.expectRefusal('auth1', '401');
        }
        client.send(authOf({ username: 'tybalt', password: a1, resource: 'Balcony' }));
        await client.expectRefusal('auth1', '401');
        client.send(authSet('tybalt'));
        await story.expectStart(client, 'tybalt@localhost/Balcony');
      },
      { passwordType: 'a1hash' },
    ),
  );
});

describe('a login of an account that stands under another realm', () => {
  it(
    'is checked there, and is one of the domain that was asked for',
    toldRouter(
      async (story) => {
        story.users.add('tybalt', 'pass', 'verona');
        const client = await story.client();
        client.send(authSet('juliet'));
        await client.expectRefusal('auth1', '401');
        client.send(authSet('tybalt'));
        await story.expectStart(client, 'tybalt@localhost/Balcony');
      },
      { realms: new Map([['localhost', 'verona']]) },
    ),
  );
});

describe('the host that a client asks for', () => {
  it(
    'may be an old name of one: it sees that everywhere, and the session manager nowhere',
    toldRouter(
      async (story) => {
        const juliet = await story.client('juliet', `to='old.test' version='1.0'`);
        juliet.send(authSet('juliet'));
        await story.expectStart(juliet, 'juliet@localhost/Balcony');
        await story.open(juliet);
        juliet.send(
          `<message to='romeo@old.test' from='juliet@old.test/Balcony' sm='1'><body>old.test</body></message>`,
        );
        await story.expectFrom(
          juliet,
          `<message to='romeo@localhost' from='juliet@localhost/Balcony'><body>old.test</body></message>`,
        );
        story.link.send(story.to(juliet, `<message from='romeo@localhost' to='juliet@localhost'/>`));
        await juliet.expect(`<message from='romeo@old.test' to='juliet@old.test'/>`);
      },
      { aliases: new Map([['old.test', 'localhost']]) },
    ),
  );

  it(
    'is the first that is configured where it names none, and must be named where none is',
    toldRouter(async (story) => {
      const client = await story.connected();
      client.send(header(`version='1.0'`));
      await client.header();
      await client.expectError('improper-addressing');
    }),
  );

  it(
    'is unknown where no such name was ever bound, or where it is ours',
    toldRouter(async (story) => {
      for (const host of ['elsewhere.test', NAME, 'a@localhost', 'localhost/x']) {
        const modern = await story.connected();
        modern.send(header(`to='${host}' version='1.0'`));
        await modern.header();
        await modern.expectError('host-unknown');
        const old = await story.connected();
        old.send(header(`to='${host}'`));
        await old.header();
        await old.expectLegacyError('Unknown host');
      }
    }),
  );

  it(
    'is unknown where others are configured, and away where it is configured and not there yet',
    toldRouter(
      async (story) => {
        await story.expectQuiet(await story.user('romeo', 'Orchard'));
        const other = await story.connected();
        other.send(header(`to='vhost.test' version='1.0'`));
        await other.header();
        await other.expectError('host-unknown');
        const early = await story.connected();
        early.send(header(`to='foo.test' version='1.0'`));
        await early.header();
        await early.expectOver('remote-connection-failed', 'host-gone');
      },
      { domains: ['localhost', 'foo.test'] },
    ),
  );

  it(
    'is away while its name is, and there again with it (37-stock-c2s-sm-killed)',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      story.link.send(withdrawal('vhost.test'));
      await story.expectQuiet(romeo);
      const modern = await story.connected();
      modern.send(header(`to='vhost.test' version='1.0'`));
      await modern.header();
      await modern.expectOver('remote-connection-failed', 'host-gone');
      const old = await story.connected();
      old.send(header(`to='vhost.test'`));
      await old.header();
      expect((await old.node()).name).to.equal('stream:error');
      story.link.send(advert('vhost.test'));
      await story.expectQuiet(romeo);
      const juliet = await story.client('juliet', `to='vhost.test' version='1.0'`);
      juliet.send(authOf({ username: 'juliet', password: 'other', resource: 'x' }));
      await story.expectStart(juliet, 'juliet@vhost.test/x');
    }),
  );

  it(
    'may be one that came only later',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      story.users.add('juliet', 'pass', 'new.test');
      story.link.send(advert('new.test'));
      await story.expectQuiet(romeo);
      const juliet = await story.client('juliet', `to='new.test' version='1.0'`);
      juliet.send(authSet('juliet'));
      await story.expectStart(juliet, 'juliet@new.test/Balcony');
    }),
  );

  it(
    'is gone for a client that has not logged in yet as well: its login is answered',
    toldRouter(async (story) => {
      const juliet = await story.client('juliet');
      story.link.send(withdrawal('localhost') + withdrawal('sm'));
      juliet.send(authSet('juliet'));
      const next = await Promise.race([
        juliet.next(),
        story.link.routed().then((routed) => {
          story.link.send(undelivered(routed));
          return juliet.next();
        }),
      ]);
      expect(next.kind).to.equal('stanza');
      if (next.kind === 'stanza') expect(next.source).to.match(/error/);
    }),
  );
});
