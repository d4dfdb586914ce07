/**
 * Accounts in front of jabberd2: the credentials are ours, the user is the session manager's, and either both are there
 * or none. [jabberd2 2.7.0 c2s, sm] [XEP-0077]
 */
import { expect } from 'chai';
import { authSet } from '../support/client.js';
import { SESS } from '../support/namespaced.js';
import { action, RESULT, toldRouter, type Guest, type RouterStory } from '../support/router-story.js';
import {
  advert,
  NAME,
  NAMES,
  readAction,
  route,
  undelivered,
  withdrawal,
  type Action,
} from '../support/scripted-router.js';

const REGISTER = 'jabber:iq:register';
const PATIENCE = 10_000;

function registerGet(id = 'g0'): string {
  return `<iq type='get' id='${id}'><query xmlns='${REGISTER}'/></iq>`;
}

function registerSet(username: string, password = 'pw1', id = 'g1'): string {
  return `<iq type='set' id='${id}'><query xmlns='${REGISTER}'><username>${username}</username><password>${password}</password></query></iq>`;
}

const remove = (id = 'rm'): string =>
  `<iq type='set' id='${id}'><query xmlns='${REGISTER}'><remove/></query></iq>`;

const created = `<iq type='result' id='g1'/>`;

/** The session manager must be asked to make this user; what its answer must say is noted. */
async function expectCreate(story: RouterStory, guest: Guest, user: string): Promise<Action> {
  const create = await story.link.action('create');
  expect([create.target, create.sm, create.to], create.source).to.deep.equal([
    `${user}@localhost`,
    undefined,
    'localhost',
  ]);
  story.note(guest, create);
  return create;
}

/** A client that has asked for an account, which the session manager is asked to make. */
async function registering(story: RouterStory, user = 'new'): Promise<[guest: Guest, create: Action]> {
  const guest = await story.client(user);
  guest.send(registerSet(user));
  return [guest, await expectCreate(story, guest, user)];
}

/** What a session manager answers a create. */
function answer(story: RouterStory, guest: Guest, what: 'created' | 'create', more = ''): string {
  return route(NAME, 'localhost', story.answer(what, guest, more));
}

const failedCreate = (story: RouterStory, guest: Guest): string =>
  answer(story, guest, 'create', ` sc:failed='1'`);

/** A user without a session is removed while one is open that was started for the purpose. [26-missing-c2s-id-and-zombie-user] */
async function deletedWithin(story: RouterStory, user: string): Promise<Action> {
  const { target, id, c2s } = await story.link.action('start');
  expect(target).to.match(new RegExp(`^${user}/.`));
  story.link.send(
    route(NAME, 'sm', action('started', { c2s, sm: 'feed' }, ` target='${target}' id='${id}'`)),
  );
  const deletion = await story.link.action('delete');
  story.link.send(route(NAME, 'sm', action('ended', { c2s, sm: 'feed' })));
  return deletion;
}

describe('registration before login', () => {
  it(
    'has a form (31-stock-c2s-register-iqauth)',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const client = await story.client();
      client.send(registerGet());
      const form = await client.node();
      expect([form.attribute('type'), form.attribute('id')]).to.deep.equal(['result', 'g0']);
      const fields = form.child('query', REGISTER)!.elements.map(({ local }) => local);
      expect(fields).to.include.members(['username', 'password', 'instructions']);
      expect(fields).to.not.include('registered');
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'makes the credentials first, then the user, then tells the client; and a login on the same stream works',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const [client] = await registering(story);
      expect(story.users.passwords('new')).to.deep.equal(['pw1']);
      await story.expectQuiet(romeo);
      client.expectNothing();
      story.link.send(answer(story, client, 'created'));
      await client.expect(created);
      client.send(authSet('new').replace('pass<', 'pw1<'));
      await story.expectStart(client, 'new@localhost/Balcony');
      await story.open(client);
      await story.expectQuiet(client);
      expect(story.users.passwords('new')).to.deep.equal(['pw1']);
    }),
  );

  it(
    'is made once, however often that is said: nothing is undone by an answer that comes twice, or to nobody',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const [client] = await registering(story);
      story.link.send(answer(story, client, 'created').repeat(3));
      await client.expect(created);
      const strays = [
        action('created', { c2s: client.c2s }, ` target='juliet@localhost' id='stray'`),
        action('created', {}, ` target='juliet@localhost'`),
        action('created', {}, ` target='juliet@localhost' id='${romeo.request}'`),
      ];
      for (const stray of strays) story.link.send(route(NAME, 'localhost', stray));
      await story.expectQuiet(romeo);
      expect(story.users.passwords('new')).to.deep.equal(['pw1']);
    }),
  );

  it(
    'of a user in capitals is one of the user that the session manager will know',
    toldRouter(async (story) => {
      const client = await story.client();
      client.send(registerSet('NeW'));
      await expectCreate(story, client, 'new');
      expect(story.users.passwords('new')).to.deep.equal(['pw1']);
      story.link.send(answer(story, client, 'created'));
      await client.expect(created);
    }),
  );

  it(
    'makes accounts one after the other on one stream, and each answer belongs to its own',
    toldRouter(async (story) => {
      const client = await story.client();
      client.send(registerSet('one') + registerSet('two', 'pw2', 'g2'));
      const first = await expectCreate(story, client, 'one');
      const request = client.request;
      story.link.send(answer(story, client, 'created'));
      await client.expect(created);
      await expectCreate(story, client, 'two');
      expect(client.request).to.not.equal(request);
      story.link.send(route(NAME, 'localhost', action('created', { c2s: first.c2s }, ` id='${first.id}'`)));
      story.link.send(failedCreate(story, client));
      await client.expectRefusal('g2', '500');
      expect(story.users.passwords('one')).to.deep.equal(['pw1']);
      expect(story.users.passwords('two')).to.deep.equal([]);
    }),
  );

  for (const user of ['juliet', 'Juliet']) {
    it(
      `of a user that there is, ${user}, is a conflict, and changes nothing`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const client = await story.client();
        client.send(registerSet(user));
        await client.expectRefusal('g1', '409', 'conflict');
        expect(story.users.passwords('juliet')).to.deep.equal(['pass']);
        await story.expectQuiet(romeo);
      }),
    );
  }

  it(
    'of one user by two clients at once makes one account',
    toldRouter(async (story) => {
      const [one, other] = [await story.client('one'), await story.client('other')];
      one.send(registerSet('new'));
      other.send(registerSet('new', 'theirs'));
      await expectCreate(story, one, 'new');
      const [winner, loser] = story.users.passwords('new')[0] === 'pw1' ? [one, other] : [other, one];
      await loser.expectRefusal('g1', '409', 'conflict');
      story.link.send(answer(story, one, 'created'));
      await winner.expect(created);
      expect(story.users.passwords('new')).to.have.length(1);
      await story.expectQuiet(await story.user('romeo', 'Orchard'));
    }),
  );

  for (const [what, content] of Object.entries({
    'no user': `<password>pw</password>`,
    'an empty user': `<username/><password>pw</password>`,
    'no password': `<username>new</username>`,
    'an empty password': `<username>new</username><password></password>`,
    'a user that is an address': `<username>new@vhost.test</username><password>pw</password>`,
    'a user with a resource': `<username>new/x</username><password>pw</password>`,
    'a user with a space': `<username>a b</username><password>pw</password>`,
    'a user that is too long': `<username>${'a'.repeat(1024)}</username><password>pw</password>`,
    'a user of markup': `<username>a&lt;b</username><password>pw</password>`,
    nothing: ``,
  })) {
    it(
      `with ${what} is refused by us`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const client = await story.client();
        client.send(`<iq type='set' id='g1'><query xmlns='${REGISTER}'>${content}</query></iq>`);
        const refusal = await client.node();
        expect(refusal.attribute('type')).to.equal('error');
        expect(refusal.child('error')!.attribute('code')).to.be.oneOf(['400', '406']);
        await story.expectQuiet(romeo);
        client.send(registerSet('new'));
        await expectCreate(story, client, 'new');
      }),
    );
  }

  it(
    'cannot remove anybody',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      for (const content of [
        '<remove/>',
        '<username>juliet</username><remove/>',
        '<remove/><username>juliet</username><password>pass</password>',
      ]) {
        const client = await story.client();
        client.send(`<iq type='set' id='g1'><query xmlns='${REGISTER}'>${content}</query></iq>`);
        expect((await client.node()).canonical()).to.match(/error/);
      }
      expect(story.users.passwords('juliet')).to.deep.equal(['pass']);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is not allowed where it is off',
    toldRouter(
      async (story) => {
        const client = await story.connected();
        client.send(
          `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>`,
        );
        await client.header();
        expect(await client.source()).to.not.contain('iq-register');
        client.send(registerGet());
        await client.expectRefusal('g0', '405', 'not-allowed');
        client.send(registerSet('new'));
        await client.expectRefusal('g1', '405', 'not-allowed');
        expect(story.users.passwords('new')).to.deep.equal([]);
        story.link.expectNothing();
      },
      { registration: false },
    ),
  );
});

describe('a registration that fails', () => {
  const failures: Record<string, (story: RouterStory, guest: Guest, create: Action) => void> = {
    'the session manager refuses it (03-create-user)': (story, guest) =>
      story.link.send(failedCreate(story, guest)),
    'with another prefix': (story, guest) =>
      story.link.send(route(NAME, 'sm', story.answer('create', guest, ` sm:failed='1'`, 'sm'))),
    'without a prefix (09-end-session)': (story, guest) =>
      story.link.send(answer(story, guest, 'create', ` failed='1'`)),
    'the router does not know the host (13-sm-killed)': (story, _, create) =>
      story.link.send(undelivered(create)),
    'the session manager goes': (story) => story.link.send(NAMES.map(withdrawal).join('')),
    'nobody answers in time': (story) => story.clock.advance(PATIENCE + 100),
  };
  for (const [how, fail] of Object.entries(failures)) {
    it(
      `leaves no credentials, and tells the client: ${how}`,
      toldRouter(async (story) => {
        story.clock.install();
        const [client, create] = await registering(story);
        expect(story.users.passwords('new')).to.deep.equal(['pw1']);
        fail(story, client, create);
        const refusal = await client.node();
        expect(refusal.canonical()).to.match(/error/);
        if (refusal.local === 'iq') expect(refusal.attribute('id')).to.equal('g1');
        expect(story.users.passwords('new')).to.deep.equal([]);
        expect(story.users.passwords('juliet')).to.deep.equal(['pass']);
      }),
    );
  }

  it(
    'may be tried again on the same stream',
    toldRouter(async (story) => {
      const [client] = await registering(story);
      story.link.send(failedCreate(story, client));
      await client.expectRefusal('g1', '500');
      client.send(registerSet('new', 'pw2'));
      await expectCreate(story, client, 'new');
      expect(story.users.passwords('new')).to.deep.equal(['pw2']);
      story.link.send(answer(story, client, 'created'));
      await client.expect(created);
      expect(story.users.passwords('new')).to.deep.equal(['pw2']);
    }),
  );

  it(
    'since the credentials cannot be written asks the session manager for nothing',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const client = await story.client();
      story.users.refuse('INSERT');
      client.send(registerSet('new'));
      await client.expectRefusal('g1', '503', 'service-unavailable');
      await story.expectQuiet(romeo);
      client.send(authSet('juliet'));
      await story.expectStart(client, 'juliet@localhost/Balcony');
    }),
  );

  it(
    'and whose credentials cannot be taken back is told all the same',
    toldRouter(async (story) => {
      const [client] = await registering(story);
      story.users.refuse('DELETE');
      story.link.send(failedCreate(story, client));
      await client.expectRefusal('g1', '503');
      expect(story.users.passwords('new')).to.deep.equal(['pw1']);
      await story.expectQuiet(await story.user('romeo', 'Orchard'));
    }),
  );

  it(
    'by time, and was made after all, is no account of half: the user is taken back, or the next registration makes it whole',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      story.clock.install();
      const [client] = await registering(story);
      story.clock.advance(PATIENCE + 100);
      await client.expectRefusal('g1', '503');
      story.link.send(answer(story, client, 'created'));
      const deletion = await deletedWithin(story, 'new@localhost');
      expect([deletion.target, deletion.to]).to.deep.equal(['new@localhost', 'localhost']);
      story.link.send(route(NAME, 'localhost', action('deleted', {}, ` target='new@localhost'`)));
      await story.expectQuiet(romeo);
      expect(story.users.passwords('new')).to.deep.equal([]);
    }),
  );
});

describe('a client that leaves while its account is made', () => {
  it(
    'has it, when it was made',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const [client] = await registering(story);
      await client.drop();
      await story.gone(client);
      story.link.send(answer(story, client, 'created'));
      await story.expectQuiet(romeo);
      expect(story.users.passwords('new')).to.deep.equal(['pw1']);
    }),
  );

  for (const [how, fail] of Object.entries({
    'is refused': (story: RouterStory, guest: Guest) => story.link.send(failedCreate(story, guest)),
    'cannot be delivered': (story: RouterStory, _: Guest, create: Action) =>
      story.link.send(undelivered(create)),
  })) {
    it(
      `has none, when that ${how}`,
      toldRouter(async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const [client, create] = await registering(story);
        await client.drop();
        await story.gone(client);
        fail(story, client, create);
        await story.expectQuiet(romeo);
        expect(story.users.passwords('new')).to.deep.equal([]);
      }),
    );
  }

  it(
    'has none, when that is not answered in time',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      story.clock.install();
      const [client] = await registering(story);
      await client.drop();
      await story.gone(client);
      story.clock.advance(PATIENCE + 100);
      await story.expectQuiet(romeo);
      expect(story.users.passwords('new')).to.deep.equal([]);
    }),
  );

  it(
    'leaves no login in between: an account that is not made yet is none',
    toldRouter(async (story) => {
      const [client] = await registering(story);
      const early = await story.client('early');
      early.send(authSet('new').replace('pass<', 'pw1<'));
      // a start for it would be refused by the session manager; both are right
      const next = await Promise.race([early.node(), story.link.action('start')]);
      if ('action' in next) expect(next.target).to.equal('new@localhost/Balcony');
      else expect(next.attribute('type')).to.equal('error');
      story.link.send(answer(story, client, 'created'));
      await client.expect(created);
    }),
  );
});

describe('a registration whose credentials take long to write', () => {
  it(
    'holds up nobody, and goes on when they are written',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const client = await story.client();
      story.users.lock();
      client.send(registerSet('new'));
      await story.expectQuiet(romeo);
      story.users.unlock();
      await expectCreate(story, client, 'new');
      expect(story.users.passwords('new')).to.deep.equal(['pw1']);
      story.link.send(answer(story, client, 'created'));
      await client.expect(created);
    }),
  );

  it(
    'is whole, or none, when its client leaves meanwhile',
    toldRouter(async (story) => {
      const client = await story.client();
      story.users.lock();
      client.send(registerSet('new'));
      await client.sent(' ');
      await new Promise((resolve) => setImmediate(resolve));
      await client.drop();
      await story.gone(client);
      story.users.unlock();
      await expectCreate(story, client, 'new');
      story.link.send(failedCreate(story, client));
      await story.expectQuiet(await story.user('romeo', 'Orchard'));
      expect(story.users.passwords('new')).to.deep.equal([]);
    }),
  );

  it(
    'finds its link away then: nothing is left of it, and the client is told',
    toldRouter(async (story) => {
      const client = await story.client();
      story.users.lock();
      client.send(registerSet('new'));
      await new Promise((resolve) => setImmediate(resolve));
      await story.loseLink();
      story.users.unlock();
      const refusal = await client.node();
      expect([refusal.attribute('type'), refusal.attribute('id')]).to.deep.equal(['error', 'g1']);
      expect(story.users.passwords('new')).to.deep.equal([]);
    }),
  );
});

describe('an account of a client that is logged in', () => {
  it(
    'is shown by the form',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(registerGet());
      const form = await juliet.node();
      expect([form.attribute('type'), form.attribute('id')]).to.deep.equal(['result', 'g0']);
      const query = form.child('query', REGISTER)!;
      expect(query.child('registered')).to.not.equal(undefined);
      expect(query.child('username')?.text).to.equal('juliet');
      expect(form.canonical()).to.not.contain('pass<');
      await story.expectQuiet(juliet);
    }),
  );

  for (const [what, content] of Object.entries({
    'with its user': `<username>juliet</username><password>new pass</password>`,
    'with its user in capitals': `<username>JULIET</username><password>new pass</password>`,
  })) {
    it(
      `has its password changed by us (31-stock-c2s-register-iqauth): ${what}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(`<iq type='set' id='p1'><query xmlns='${REGISTER}'>${content}</query></iq>`);
        await juliet.expect(`<iq type='result' id='p1'/>`);
        expect(story.users.passwords('juliet')).to.deep.equal(['new pass']);
        expect(story.users.passwords('juliet', 'vhost.test')).to.deep.equal(['other']);
        await story.expectQuiet(juliet);
        const again = await story.client('again');
        again.send(authSet('juliet', 'Garden'));
        await again.expectRefusal('auth1', '401');
        again.send(authSet('juliet', 'Garden').replace('pass<', 'new pass<'));
        await story.expectStart(again, 'juliet@localhost/Garden');
      }),
    );
  }

  it(
    'whose name has letters beyond ASCII is shown as it is',
    toldRouter(async (story) => {
      story.users.add('jürgen');
      const client = await story.client();
      client.send(authSet('jürgen', 'Büro'));
      await story.expectStart(client, 'jürgen@localhost/Büro');
      await story.open(client);
      client.send(registerGet());
      expect((await client.node()).child('query', REGISTER)!.child('username')?.text).to.equal('jürgen');
      await story.expectQuiet(client);
    }),
  );

  for (const [what, content] of Object.entries({
    'of another': `<username>romeo</username><password>mine</password>`,
    'of another host': `<username>juliet@vhost.test</username><password>mine</password>`,
    'to none': `<username>juliet</username>`,
    'to an empty one': `<username>juliet</username><password/>`,
    'of whom it does not say': `<foo/>`,
  })) {
    it(
      `cannot have a password changed ${what}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(`<iq type='set' id='p1'><query xmlns='${REGISTER}'>${content}</query></iq>`);
        const refusal = await juliet.node();
        expect([refusal.attribute('type'), refusal.attribute('id')]).to.deep.equal(['error', 'p1']);
        for (const user of ['juliet', 'romeo']) expect(story.users.passwords(user)).to.deep.equal(['pass']);
        expect(story.users.passwords('juliet', 'vhost.test')).to.deep.equal(['other']);
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'keeps its password, and is told, where the change cannot be written',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.users.refuse('UPDATE');
      story.users.refuse('INSERT');
      juliet.send(registerSet('juliet', 'changed', 'p1'));
      await juliet.expectRefusal('p1', '503', 'service-unavailable');
      expect(story.users.passwords('juliet')).to.deep.equal(['pass']);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'is answered by us in the order of what it says otherwise',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(
        `<presence/>${registerGet()}<message id='2'/>${registerSet('juliet', 'a')}<message id='3'/>`,
      );
      await story.expectFrom(juliet, '<presence/>');
      await story.expectFrom(juliet, `<message id='2'/>`);
      await story.expectFrom(juliet, `<message id='3'/>`);
      expect((await juliet.node()).attribute('id')).to.equal('g0');
      expect((await juliet.node()).attribute('id')).to.equal('g1');
      await story.expectQuiet(juliet);
    }),
  );

  for (const iq of [
    `<iq type='get' to='sm' id='rr'><query xmlns='${REGISTER}'/></iq>`,
    `<iq type='set' to='icq.localhost' id='rr'><query xmlns='${REGISTER}'><remove/></query></iq>`,
    `<iq type='set' to='romeo@localhost' id='rr'><query xmlns='${REGISTER}'><username>juliet</username><password>x</password></query></iq>`,
    `<iq type='result' id='rr'><query xmlns='${REGISTER}'><remove/></query></iq>`,
    `<iq type='set' id='rr'><x><query xmlns='${REGISTER}'><remove/></query></x></iq>`,
    `<message><query xmlns='${REGISTER}'><remove/></query></message>`,
  ]) {
    it(
      `is not meant where others are spoken to (39-stock-c2s-misc): ${iq}`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(iq);
        await story.expectFrom(juliet, iq);
        expect(story.users.passwords('juliet')).to.deep.equal(['pass']);
      }),
    );
  }

  it(
    'is registered once: its own again on another connection is a conflict, and on its own a change',
    toldRouter(async (story) => {
      await story.user('juliet');
      const other = await story.client('other');
      other.send(registerSet('juliet', 'stolen'));
      await other.expectRefusal('g1', '409', 'conflict');
      expect(story.users.passwords('juliet')).to.deep.equal(['pass']);
    }),
  );
});

/** The session manager must be asked to forget a user, while a session of it is there. */
async function expectDelete(story: RouterStory, guest: Guest): Promise<Action> {
  const deletion = await story.link.action('delete');
  expect(deletion.target, deletion.source).to.equal(guest.bare);
  expect(deletion.to, deletion.source).to.be.oneOf([guest.at, guest.domain]);
  const own = [deletion.c2s ?? guest.c2s, deletion.sm ?? guest.sm];
  expect(own, 'ids are those of the session that asks, or none').to.deep.equal([guest.c2s, guest.sm]);
  return deletion;
}

function deleted(story: RouterStory, { c2s, sm, source }: Action, guest: Guest): string {
  const ids = source.includes(guest.sm) ? { c2s, sm } : {};
  return story.control(guest, action('deleted', ids, ` target='${guest.bare}'`));
}

/** The client sees that its account is gone, then that its stream is. */
async function expectRemoved(guest: Guest): Promise<void> {
  await guest.expect(`<iq type='result' id='rm'/>`);
  await guest.expectError('not-authorized');
}

describe('changes of one account without end', () => {
  it(
    'are refused while too many wait for the credentials: the logins of others would wait behind them',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.users.lock();
      for (let count = 0; count < 50; count += 1) juliet.send(registerSet('juliet', `${count}`, `${count}`));
      for (let count = 4; count < 50; count += 1) {
        await juliet.expectRefusal(`${count}`, '503', 'service-unavailable');
      }
      story.users.unlock();
      for (let count = 0; count < 4; count += 1) await juliet.expect(`<iq type='result' id='${count}'/>`);
      expect(story.users.passwords('juliet')).to.deep.equal(['3']);
      juliet.send(registerSet('juliet', 'last', 'last'));
      await juliet.expect(`<iq type='result' id='last'/>`);
    }),
  );
});

describe('the removal of an account', () => {
  it(
    'is told to the session manager while the session is there, and to the client before its stream is closed (36-stock-c2s-unregister)',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      juliet.send(remove());
      const deletion = await expectDelete(story, juliet);
      story.link.send(story.ended(juliet) + deleted(story, deletion, juliet));
      await expectRemoved(juliet);
      expect(story.users.passwords('juliet')).to.deep.equal([]);
      expect(story.users.passwords('juliet', 'vhost.test')).to.deep.equal(['other']);
      await story.expectQuietButEnds(romeo);
      const again = await story.client('again');
      again.send(authSet('juliet'));
      await again.expectRefusal('auth1', '401');
    }),
  );

  it(
    'ends all sessions of the user, as the session manager says so (12-delete-user)',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      const phone = await story.user('juliet', 'phone');
      juliet.send(remove());
      const deletion = await expectDelete(story, juliet);
      story.link.send(story.ended(phone) + story.ended(juliet) + deleted(story, deletion, juliet));
      await expectRemoved(juliet);
      await phone.expectError('not-authorized');
      await story.expectQuietButEnds(romeo);
    }),
  );

  it(
    'goes on when the client leaves behind it',
    toldRouter(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      juliet.socket.end(remove());
      await expectDelete(story, juliet);
      await story.expectQuietButEndsOf(romeo, juliet);
      expect(story.users.passwords('juliet')).to.deep.equal([]);
    }),
  );

  for (const content of ['<username>romeo</username><remove/>', '<remove/><username>juliet</username>']) {
    it(
      `is asked for by <remove/> alone: ${content} is a bad request [XEP-0077 3.2]`,
      toldRouter(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(`<iq type='set' id='rm'><query xmlns='${REGISTER}'>${content}</query></iq>`);
        await juliet.expectRefusal('rm', '400');
        await story.expectQuiet(juliet);
        expect(story.users.passwords('juliet')).to.deep.equal(['pass']);
        expect(story.users.passwords('romeo')).to.deep.equal(['pass']);
      }),
    );
  }

  it(
    'does not happen where the credentials cannot be removed: the client is told, and its session goes on',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      story.users.refuse('DELETE');
      juliet.send(remove());
      await juliet.expectRefusal('rm', '503', 'service-unavailable');
      expect(story.users.passwords('juliet')).to.deep.equal(['pass']);
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'may be answered by nothing: the client has its answer all the same',
    toldRouter(async (story) => {
      story.clock.install();
      const juliet = await story.user('juliet');
      juliet.send(remove());
      await expectDelete(story, juliet);
      story.clock.advance(PATIENCE + 100);
      const answered = await juliet.node();
      expect(answered.attribute('id')).to.equal('rm');
    }),
  );

  it(
    'is said once more to a session manager that did not answer, when that is back, and not to one that did, however late',
    toldRouter(async (story) => {
      story.clock.install();
      for (const [user, heard] of Object.entries({ juliet: 'never', nurse: 'at once', mercutio: 'late' })) {
        const guest = await story.user(user);
        guest.send(remove());
        const deletion = await expectDelete(story, guest);
        const answer = deleted(story, deletion, guest).replace(' target=', ` id='${deletion.id}' target=`);
        story.link.send(story.ended(guest) + (heard === 'at once' ? answer : ''));
        await expectRemoved(guest);
        await story.expectLeft(guest);
        story.clock.advance(PATIENCE + 100);
        const romeo = await story.user('romeo', user);
        if (heard === 'late') story.link.send(answer);
        story.link.send(NAMES.map(withdrawal).join(''));
        await romeo.expectError('remote-connection-failed');
        story.link.send(NAMES.map(advert).join(''));
        const told = [readAction(await story.link.routed())];
        if (heard === 'never') told.push(readAction(await story.link.routed()));
        const said = told.map(({ action: what, target }) => what + (target ?? ''));
        expect(said).to.have.members(heard === 'never' ? ['end', 'deletejuliet@localhost'] : ['end']);
        const again = told.find(({ action: what }) => what === 'delete');
        if (again)
          story.link.send(deleted(story, again, guest).replace(' target=', ` id='${again.id}' target=`));
        story.link.send(story.ended(romeo));
      }
      await story.expectQuiet(await story.user('romeo'));
    }),
  );

  it(
    'is followed by a new registration of the same name',
    toldRouter(async (story) => {
      const juliet = await story.user('juliet');
      juliet.send(remove());
      const deletion = await expectDelete(story, juliet);
      story.link.send(story.ended(juliet) + deleted(story, deletion, juliet));
      await expectRemoved(juliet);
      await story.gone(juliet);
      const again = await story.client('again');
      again.send(registerSet('juliet', 'anew'));
      for (;;) {
        const routed = await story.link.routed();
        if (routed.payload.attribute('action') === 'end') continue;
        expect(routed.payload.attribute('action')).to.equal('create');
        const [c2s, id] = [routed.payload.attribute('c2s', SESS)!, routed.payload.attribute('id')!];
        story.link.send(
          route(NAME, 'localhost', action('created', { c2s }, ` target='juliet@localhost' id='${id}'`)),
        );
        break;
      }
      await again.expect(created);
      expect(story.users.passwords('juliet')).to.deep.equal(['anew']);
    }),
  );
});

describe('an account in the store of our own', () => {
  it(
    'is made, logged in to, changed and removed like any other',
    toldRouter(
      async (story) => {
        const [client] = await registering(story);
        story.link.send(answer(story, client, 'created'));
        await client.expect(created);
        client.send(authSet('new').replace('pass<', 'pw1<'));
        await story.expectStart(client, 'new@localhost/Balcony');
        await story.open(client);
        client.send(registerSet('new', 'pw2', 'p1'));
        await client.expect(`<iq type='result' id='p1'/>`);
        const again = await story.client('again');
        again.send(authSet('new', 'phone').replace('pass<', 'pw1<'));
        await again.expectRefusal('auth1', '401');
        again.send(authSet('new', 'phone').replace('pass<', 'pw2<'));
        await story.expectStart(again, 'new@localhost/phone');
        story.link.send(story.started(again));
        await again.expect(RESULT);
        client.send(remove());
        await expectDelete(story, client);
        story.link.send(story.ended(again) + story.ended(client));
        await expectRemoved(client);
      },
      { credentials: { store: 'embedded' } },
    ),
  );
});
